"""How the live traits come back after a stop: from their snapshot, and what happened since is lived again.

A snapshot is a shortcut, never a truth. Whatever is doubtful about it, everything is lived again from the log;
the result is the same and only takes longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

import structlog

from cic.ports import Live
from cic.snapshot import Columns, Doubtful, head_of, read, written
from cid.model.fact import Fact

log = structlog.get_logger(__name__)


class SnapshotFile(Protocol):
    """Where the snapshot of the live traits lies."""

    def read(self) -> bytes | memoryview | None:
        """Return what was written last, whole or torn; None where there is nothing."""

    def write(self, parts: Iterable[bytes | memoryview]) -> None:
        """Put these bytes in the place of what was written last, in one step; nothing removes it."""


class Past(Protocol):
    """What has been applied, as the records say."""

    def facts(self, after: int = 0, events: Collection[str] | None = None) -> Iterator[Fact]:
        """Yield applied facts after a position with the customers they belong to now."""

    def position(self) -> int:
        """Return the position of the last record."""

    def life(self, position: int) -> Mapping[str, Any]:
        """Return what tells these records, up to a position, from all others.

        It differs where facts would be read otherwise: other definitions, another log, other code.
        """

    def owner(self, identity: str) -> str:
        """Return whose an identity is now; empty where nobody's."""


class Reliving:
    """Fills the live traits when a company is opened, and keeps what makes that fast."""

    def __init__(self, past: Past, file: SnapshotFile | None) -> None:
        self._past = past
        self._file = file
        self._kept = -1
        """Position of the last snapshot."""

    def fill(self, kernel: Live) -> int:
        """Fill an empty kernel whose clock is right; return how many facts were lived again."""
        self._kept = -1
        lived = 0

        def facts(after: int, events: Collection[str]) -> Iterator[Fact]:
            nonlocal lived
            for fact in self._past.facts(after, events) if events else ():
                # Of systems whose records are read by definitions others come along.
                if fact.customer and fact.event in events:
                    lived += 1
                    yield fact

        events = kernel.events()
        try:
            columns, position = self._read(kernel.clock)
        except Doubtful as doubt:
            if str(doubt):
                log.warning("snapshot.not_used", why=str(doubt))
            kernel.extend(facts(0, events))
            return lived
        anew = kernel.missing(columns.covers)
        kernel.restore(columns, self._past.owner, anew)
        if anew:
            log.info("snapshot.in_part", relived=sorted(anew))
            kernel.extend(facts(0, anew))
        kernel.extend(facts(position, events - anew))
        self._kept = position
        return lived

    def keep(self, kernel: Live, moment: int) -> Callable[[], None] | None:
        """Take a picture of the traits as they are; return what writes it, None where there is no need.

        Args:
            kernel: in step with the records.
            moment: up to when the records say that time has passed.
        """
        position = self._past.position()
        if self._file is None or not position or position == self._kept:
            return None
        file, columns = self._file, kernel.columns()
        # In memory time may have gone on for a while in which nothing happened.
        columns.clock = min(columns.clock, moment)
        meta = {"position": position, "life": dict(self._past.life(position))}

        def write() -> None:
            try:
                file.write(written(columns, meta))
            except (Doubtful, OSError) as error:
                log.warning("snapshot.not_written", why=str(error)[:300])
                return
            self._kept = position

        return write

    @property
    def behind(self) -> int:
        """How many records the snapshot is behind."""
        return self._past.position() - max(self._kept, 0)

    def forget(self) -> None:
        """Throw the snapshot away: what it says of somebody must not stay, or is not true any more."""
        if self._file is not None:
            self._file.write(())
        self._kept = -1

    def stop(self) -> None:
        """Throw the snapshot away and write none any more."""
        self.forget()
        self._file = None

    def _read(self, clock: int) -> tuple[Columns, int]:
        data = self._file.read() if self._file is not None else None
        if not data:
            raise Doubtful
        head, _ = head_of(data)
        position = head["meta"]["position"]
        if position > self._past.position() or head["clock"] > clock:
            raise Doubtful("the records are older than it is")
        life = dict(self._past.life(position))
        other = sorted(name for name in life if head["meta"]["life"].get(name) != life[name])
        if other:
            raise Doubtful(f"it was made of other {' and '.join(other)}")
        return read(data), position
