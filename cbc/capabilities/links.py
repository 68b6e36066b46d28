"""Links from capabilities down to measures and elements of the layers; none may be dead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cbc.model import CAPABILITIES, GOALS, MEASURES
from cbc.ports import HISTORY
from cfa.model import SECTIONS as CFA
from cic.model import SECTIONS as CIC
from cic.model import SEGMENTS
from cid.kit.definitions import Definitions, Entry, Section
from cid.kit.errors import InvalidDefinition, suggestion
from cid.model.definition import SECTIONS as CID
from cii.model import SECTIONS as CII
from context.model import SECTIONS as CONTEXT

LAYERS: dict[str, tuple[Section[Any], ...]] = {
    "cid": CID,
    "cii": CII,
    "cic": CIC,
    "cfa": CFA,
    "context": CONTEXT,
}


def elements(definitions: Definitions) -> list[str]:
    """List what a capability can stand on: tables of the history, definitions of the company."""
    tables = [f"{table.layer}.{name}" for name, table in HISTORY.items()]
    defined = [
        f"{layer}.{section.name}.{name}"
        for layer, sections in LAYERS.items()
        for section in sections
        for name in definitions.of(section)
    ]
    return tables + defined


def dead_links(definitions: Definitions) -> list[InvalidDefinition]:
    """Find the links of capabilities, measures and goals to things that do not exist."""
    return list(_dead(definitions))


def _dead(definitions: Definitions) -> Iterator[InvalidDefinition]:
    existing = dict.fromkeys(elements(definitions))
    measures = definitions.of(MEASURES)
    capabilities = definitions.of(CAPABILITIES)
    for measure in measures.values():
        yield from _missing(measure, "element", measure.value.needs, existing)
    for capability in capabilities.values():
        yield from _missing(capability, "measure", capability.value.measures, measures)
        yield from _missing(capability, "element", capability.value.elements, existing)
    for goal in definitions.of(GOALS).values():
        yield from _missing(goal, "measure", (goal.value.measure,), measures)
        yield from _missing(goal, "capability", (goal.value.capability,), capabilities)
        if goal.value.segment:
            segments = definitions.of(SEGMENTS)
            yield from _missing(goal, "segment", (goal.value.segment,), segments)


def _missing(
    entry: Entry[Any],
    kind: str,
    names: tuple[str, ...],
    existing: Mapping[str, object],
) -> Iterator[InvalidDefinition]:
    for name in names:
        if name not in existing:
            yield entry.error(
                f"links to the {kind} {name!r}, which does not exist.",
                hint=suggestion(name, existing),
            )
