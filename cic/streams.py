"""The stream of changes, for anybody outside: every entry and exit, in order, at least once.

A stream is a place in the list of changes, kept beside it. It moves on when what was before it has been told; so
after a stop, or while the other side cannot be reached, nothing is left out, and what may come twice carries the
same id both times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from cic.model import STREAMS, Stream
from cid.facade import titles
from cid.kit.clock import format_time
from cid.kit.definitions import Definitions, Entry
from cid.kit.failpoints import reach

AT_ONCE = 500
"""Changes that are told before the place is noted."""

Told = dict[str, Any]
Tell = Callable[[Entry[Stream], Sequence[Told]], None]
"""Tells changes to the other side; raises Unavailable or Refused where that is not possible now."""


class Changes(Protocol):
    """Keeps the changes in the order in which they were told, and how far each stream has come."""

    def changes_after(self, place: int, limit: int) -> list[dict[str, Any]]:
        """Return changes after a place, in order; each has its place as ``id``."""

    def last_change(self) -> int:
        """Return the place of the last change; 0 where there is none."""

    def behind(self, place: int) -> int:
        """Return how many changes there are after a place."""

    def place(self, stream: str) -> int | None:
        """Return how far a stream has come; None where it has not begun."""

    def reached(self, stream: str, place: int) -> None:
        """Note how far a stream has come."""


class Streams:
    """Tells the changes of segments to those who asked for them."""

    def __init__(
        self,
        definitions: Definitions,
        store: Changes,
        topic: Tell,
        webhook: Tell,
    ) -> None:
        self._definitions = definitions
        self._store = store
        self._topic = topic
        self._webhook = webhook
        self.troubles: dict[str, str] = {}
        """By stream: why it does not move on."""

    def streams(self) -> list[dict[str, Any]]:
        """List the streams: to whom, how many changes wait, and why where they do."""
        result = []
        for name, entry in self._definitions.of(STREAMS).items():
            place = self._store.place(name)
            result.append(
                {
                    "name": name,
                    "title": titles(entry),
                    "to": entry.value.topic or entry.value.webhook,
                    "kind": "topic" if entry.value.topic else "webhook",
                    "segments": list(entry.value.segments),
                    "place": place,
                    "behind": 0 if place is None else self._store.behind(place),
                    "trouble": self.troubles.get(name, ""),
                }
            )
        return result

    def names(self) -> list[str]:
        """List the streams by name."""
        return list(self._definitions.of(STREAMS))

    def begin(self) -> None:
        """Let streams that are new begin here, or where everything began."""
        for name, entry in self._definitions.of(STREAMS).items():
            if self._store.place(name) is None:
                self._store.reached(name, 0 if entry.value.past else self._store.last_change())

    def waiting(self, name: str) -> bool:
        """Say whether a stream has anything to tell."""
        return (self._store.place(name) or 0) < self._store.last_change()

    def run(self, name: str) -> int:
        """Tell everything that waits in a stream; return how many changes were told.

        Raises:
            Unavailable: the other side cannot be reached; what was told until then is noted.
            Refused: the other side does not want it; nothing is left out, it is tried again.
        """
        entry = self._definitions.get(STREAMS, name)
        told = 0
        place = self._store.place(name) or 0
        while rows := self._store.changes_after(place, AT_ONCE):
            wanted = [row for row in rows if _wanted(entry.value, row)]
            tell = self._topic if entry.value.topic else self._webhook
            size = AT_ONCE if entry.value.topic else 1
            for start in range(0, len(wanted), size):
                some = wanted[start : start + size]
                reach("before telling")
                tell(entry, [_told(entry.value, row) for row in some])
                reach("after telling")
                told += len(some)
                if start + size < len(wanted):
                    self._store.reached(name, some[-1]["id"])
            place = rows[-1]["id"]
            self._store.reached(name, place)
        return told


def _wanted(stream: Stream, row: Mapping[str, Any]) -> bool:
    return not stream.segments or row["segment"] in stream.segments


def _told(stream: Stream, row: Mapping[str, Any]) -> Told:
    told = {
        "id": row["loop"],
        "customer": row["customer"],
        "segment": row["segment"],
        "version": row["version"],
        "kind": row["kind"],
        "at": format_time(row["effective_at"]),
        "known_at": format_time(row["known_at"]),
        "cause": row["cause"],
        "cause_id": row["cause_id"],
    }
    return {**told, "values": row["seen"]} if stream.values else told
