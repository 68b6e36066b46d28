"""The XML of OMG's Decision Model and Notation: read in versions 1.1 to 1.5, written in 1.5."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cid.kit.errors import InvalidInput
from context.adapters.dmn_reading import Reading, is_model
from context.adapters.dmn_writing import Writing, ids_of
from context.adapters.xml import MAX_BYTES, Element, read_xml
from context.diagrams import DecisionModel

if TYPE_CHECKING:
    from context.decision import Model

MOST_IMPORTS = 50
"""How many other models one may import, and those in turn, in all."""


class Dmn:
    """Reads and writes decision models as DMN XML."""

    name = "dmn"

    def load(
        self, make: type[Model], source: str | Path | bytes, others: Iterable[Model] = ()
    ) -> Model:
        """Read a model and those it imports, which lie beside it or are given.

        Raises:
            InvalidInput: it is not XML, too large, has entities, or is no decision model.
        """
        return _load(make, source, {each.definition.namespace: each for each in others}, set())

    def read(self, data: bytes) -> DecisionModel:
        """Read the definition of a model.

        Raises:
            InvalidInput: it is not XML, too large, has entities, or is no decision model.
        """
        return Reading(_root(data)).model()

    def write(self, model: DecisionModel, others: Iterable[DecisionModel] = ()) -> bytes:
        """Write a model; ``others`` are those it imports."""
        return Writing(model, {each.namespace: each for each in others}).document()


def _load(
    make: type[Model], source: str | Path | bytes, others: dict[str, Model], reading: set[Path]
) -> Model:
    root = _root(source if isinstance(source, bytes) else _bytes(Path(source)))
    if not isinstance(source, bytes):
        file = Path(source).resolve()
        reading.add(file)
        for place in _beside(file, root, others):
            if place not in reading and len(reading) < MOST_IMPORTS:
                found = _load(make, place, others, reading)
                others[found.definition.namespace] = found
    known = {
        namespace: {**ids_of(each.definition), **each.definition.ids}
        for namespace, each in others.items()
    }
    return make(Reading(root, known).model(), list(others.values()))


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from error


def _root(data: bytes) -> Element:
    root = read_xml(data, "decision model")
    if root.name != "definitions":
        raise InvalidInput(
            f"This is no decision model: it begins with <{root.name}>, not <definitions>."
        )
    return root


def _beside(file: Path, root: Element, others: dict[str, Model]) -> list[Path]:
    """Find the files of imported models in the same directory; nowhere else."""
    found = []
    for each in root.all("import"):
        namespace = each.get("namespace")
        if namespace in others or not is_model(each):
            continue
        place = file.parent / Path(each.get("locationURI") or "none").name
        if not place.is_file():
            near = sorted(file.parent.glob("*.dmn"))[:MOST_IMPORTS]
            place = next((near_ for near_ in near if _namespace(near_) == namespace), file)
        found.append(place)
    return found


def _namespace(file: Path) -> str:
    try:
        return _root(_bytes(file)).get("namespace")
    except InvalidInput:
        return ""
