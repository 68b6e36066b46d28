"""The snapshot of the live traits: the file in which it lies, and when it is written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from cic.derived import Make
from cic.ports import KERNELS, Live
from cic.reliving import Reliving
from cic.segmentation import Segmentation
from cid.kit.db import Database
from cid.kit.definitions import Definitions
from cid.kit.errors import ICustomerError
from cid.kit.failpoints import reach
from cid.kit.ids import content_hash
from cid.model.definition import COMPANY, ENTITIES, SYSTEMS
from cid.model.fact import Fact
from cii.model import CONTRACTS, FLOWS, IDENTIFIERS
from cii.synchronization import TOPIC, Pipeline
from icustomer.settings import Settings

NAME = "traits.snapshot"
LARGE = 1_000_000
"""Records of a company for which the kernel is compiled where it can be."""
MEANING = {
    "cid": ("feel/**/*.py", "kit/clock.py", "model/*.py"),
    "cii": ("*.py", "model/*.py"),
    "cic": ("*.py", "model/*.py", "adapters/numba*.py"),
}
"""The code by which facts are read, asked and kept: what other code has made is doubtful."""
READ_BY_THE_MAPPER = tuple(
    section.name for section in (COMPANY, SYSTEMS, IDENTIFIERS, CONTRACTS, FLOWS, ENTITIES)
)


@lru_cache(maxsize=1)
def code() -> str:
    """Return a text that changes with the code that reads facts and asks them."""
    found = blake2b(digest_size=16)
    for package, parts in MEANING.items():
        root = Path(str(files(package)))
        for part in parts:
            for path in sorted(root.glob(part)):
                found.update(f"{package}/{path.relative_to(root)}\n".encode())
                found.update(path.read_bytes())
    return f"{version('icustomer')} {found.hexdigest()}"


class SnapshotFile:
    """A file that is whole or not there: written beside its place, made durable, then renamed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_suffix(".draft")

    def read(self) -> bytes | None:
        """Return the bytes written last, None where there are none."""
        try:
            return self._path.read_bytes()
        except OSError:
            return None

    def write(self, parts: Iterable[bytes | memoryview]) -> None:
        """Put these bytes in the place of the last ones; nothing removes the file."""
        empty = True
        with self._draft.open("wb") as out:
            for part in parts:
                out.write(part)
                empty = False
            out.flush()
            os.fsync(out.fileno())
        if empty:
            self._path.unlink(missing_ok=True)
            self._draft.unlink()
            return
        reach("before snapshot")
        os.replace(self._draft, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        reach("after snapshot")


def kernel_of(settings: Settings, records: Callable[[], int]) -> Make:
    """Return what makes the live traits.

    Args:
        settings: name the kernel; ``auto`` takes the compiled one where it is installed and the company is
            so large that this is worth the second that it takes to begin.
        records: tells how many records there are.

    Raises:
        NotFound: no plugin has the name in the settings.
        Unavailable: it needs a package that is missing; says which to install.
    """
    if settings.kernel != "auto":
        return KERNELS.load(settings.kernel)
    fast = find_spec("numba") is not None

    def make(plans: Any, count: int, read: Any) -> Live:
        name = "numba" if fast and records() >= LARGE else "pure"
        return KERNELS.load(name)(plans, count, read)

    return make


def read_by(definitions: Definitions) -> str:
    """Return a text that changes with the definitions by which records become facts."""
    return content_hash(
        "\n".join(
            f"{section}/{name}={entry.version}"
            for section in READ_BY_THE_MAPPER
            for name, entry in sorted(definitions.sections[section].items())
        )
    )


class AppliedPast:
    """What has been applied, as the pipeline and its records say."""

    def __init__(self, pipeline: Pipeline, definitions: Definitions, database: Database) -> None:
        self._pipeline = pipeline
        self._database = database
        self._definitions = read_by(definitions)

    def facts(self, after: int = 0, events: Collection[str] | None = None) -> Iterator[Fact]:
        """Yield applied facts after a position with the customers they belong to now."""
        return self._pipeline.facts(after, events)

    def position(self) -> int:
        """Return the position of the last record."""
        return self._pipeline.position

    def life(self, position: int) -> Mapping[str, Any]:
        """Return what tells these records, up to a position, from all others."""
        return {
            "definitions": self._definitions,
            "code": code(),
            "log": self._pipeline.transport.identity(TOPIC),
            "records": [
                self._database.identity(),
                *map(list, self._pipeline.store.order(position - 1, 1)),
            ],
        }

    def owner(self, identity: str) -> str:
        """Return whose an identity is now."""
        known = self._pipeline.graph.known.get(identity)
        return known.customer if known else ""


class Keeper:
    """Writes the snapshot when it is time: every few minutes, after many records, and at the end."""

    def __init__(
        self, reliving: Reliving, pipeline: Pipeline, segmentation: Segmentation, settings: Settings
    ) -> None:
        self.reliving = reliving
        self._pipeline = pipeline
        self._segmentation = segmentation
        self._seconds = settings.snapshot_minutes * 60
        self._records = settings.snapshot_records
        self._written = time.monotonic()

    def keep_if_due(self) -> bool:
        """Write a snapshot if the last one is old; return whether it was."""
        behind = self.reliving.behind
        old = time.monotonic() - self._written >= self._seconds > 0
        if not behind or not (old or 0 < self._records <= behind):
            return False
        return self.keep()

    def keep(self) -> bool:
        """Write a snapshot unless there is one of now; return whether that was done."""
        self._written = time.monotonic()
        with self._pipeline.lock:
            if not self._pipeline.in_step:
                return False
            try:
                write = self.reliving.keep(self._segmentation.kernel, self._pipeline.written)
            except (ICustomerError, SQLAlchemyError):
                # A shortcut is not worth an error; the next opening takes longer.
                return False
        if write is None:
            return False
        write()
        return True
