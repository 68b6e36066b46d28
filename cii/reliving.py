"""Reliving: what was applied before is read from the log again, as it is understood now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from cid.model.fact import Fact
from cii.model import RecordFault
from cii.polling import fetch
from cii.ports import Store, Transport
from cii.preparation import Maps

AT_ONCE = 5_000
"""Rows of the ledger that are read at once."""


class Reliving:
    """Reads applied records again, in the order in which they were applied."""

    def __init__(
        self,
        transport: Transport,
        topic: str,
        store: Store,
        mapper: Maps,
        owner: Callable[[str], str],
    ) -> None:
        self._transport = transport
        self._topic = topic
        self._store = store
        self._mapper = mapper
        self._owner = owner

    def facts(self, after: int, events: Collection[str] | None) -> Iterator[Fact]:
        """Yield the facts applied after a position; with ``events`` hardly any others than theirs."""
        steady = getattr(self._mapper, "steady", frozenset[str]())
        while True:
            if events is None:
                rows = self._store.applied(after, AT_ONCE)
            else:
                rows = self._store.applied(after, AT_ONCE, events, steady)
            if not rows:
                return
            for position, fact in self.relive(rows):
                yield fact
                after = position
            after = rows[-1][0]

    def relive(self, rows: Sequence[tuple[int, int, int, str]]) -> Iterator[tuple[int, Fact]]:
        """Yield (position, fact) for ledger rows (position, partition, offset, identity)."""
        places = [(partition, offset) for _, partition, offset, _ in rows]
        found = fetch(self._transport, self._topic, places)
        for position, partition, offset, identity in rows:
            there = found.get((partition, offset))
            if there is None:
                continue
            try:
                fact = self._mapper.map(there)
            except RecordFault:
                # Definitions have changed since; what was applied then no longer maps, and stays as it was.
                continue
            fact.position = position
            fact.identity = identity
            fact.customer = self._owner(identity)
            yield position, fact
