"""Who is this? Identifiers are linked by evidence; a customer is what hangs together.

Every record that names two identifiers is evidence that they belong to one customer: an *edge*. A customer
is a connected component of edges that nobody has vetoed. Nothing is overwritten, so a merge can always be
undone: a veto takes one edge out and stays, also when the same evidence arrives again.

An identifier that is shared by more unique identifiers of one kind than its limit (a club's mailbox, a shop
kiosk) proves nothing: its edges are kept but do not conduct. This depends only on the set of edges, never on
their order, and so do the customers' ids: a customer is named after the identifier that was seen first
*by the records' own times*. Any order of arrival ends in the same customers (promise 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cid.kit.ids import stable_id
from cid.model.relationship import Regrouped
from cii.model import IdentifierKind


@dataclass(slots=True)
class Edge:
    """Evidence that two identifiers belong to one customer, and whether somebody vetoed it."""

    a: str
    b: str
    source: str
    message_id: str
    time: int
    vetoed: bool = False
    decided_at: int = 0
    decided_by: str = ""
    reason: str = ""


@dataclass(slots=True)
class Known:
    """What the graph knows of one identifier."""

    customer: str
    first_seen: int
    blocked: bool = False


@dataclass(slots=True)
class GraphChanges:
    """What changed since the last flush."""

    identifiers: set[str] = field(default_factory=set)
    edges: set[tuple[str, str]] = field(default_factory=set)
    regroupings: list[tuple[int, str, str, str, str]] = field(default_factory=list)
    """(time, kind merge or split, kept customer, other customer, because of which identifier)"""


class IdentityGraph:
    """All identifiers of all customers and the evidence between them, in memory."""

    def __init__(self, kinds: Mapping[str, IdentifierKind]) -> None:
        self._kinds = kinds
        self.known: dict[str, Known] = {}
        self.edges: dict[str, dict[str, Edge]] = {}
        self.members: dict[str, set[str]] = {}
        self.aliases: dict[str, str] = {}
        self.changes = GraphChanges()
        self._fresh: set[str] = set()

    def resolve(
        self, identifiers: Sequence[str], source: str, message_id: str, time: int
    ) -> tuple[str, Regrouped | None]:
        """Decide which customer a record with these identifiers is about, and say who was regrouped.

        The first identifier is the strongest; the record belongs to its customer.
        """
        first = identifiers[0]
        if len(identifiers) == 1:
            # Alone it is no evidence: unless it turns out to be older, nobody is regrouped.
            known = self.known.get(first)
            if known is None:
                known = self._meet(first, time)
            if time >= known.first_seen:
                return known.customer, None
        self._fresh.clear()
        changed = self._see(first, time)
        for other in identifiers[1:]:
            changed |= self._see(other, time)
            if self._link(first, other, source, message_id, time):
                changed.add(first)
                changed.add(other)
        if not changed:
            return self.known[first].customer, None
        regrouped = self._regroup(changed, time)
        return self.known[first].customer, regrouped

    def decide(
        self, a: str, b: str, *, same: bool, at: int, by: str, reason: str, message_id: str
    ) -> Regrouped | None:
        """Record a person's decision that two identifiers are, or are not, the same customer.

        The newest decision on a pair stands. Unknown identifiers become known by it.
        """
        self._fresh.clear()
        changed = self._see(a, at) | self._see(b, at)
        self._link(a, b, "staff", message_id, at)
        edge = self.edges[a][b]
        if (at, message_id) < (edge.decided_at, edge.message_id):
            return None
        edge.vetoed = not same
        edge.decided_at, edge.decided_by, edge.reason = at, by, reason
        edge.message_id = message_id
        self.changes.edges.add(_pair(a, b))
        return self._regroup(changed | {a, b}, at)

    def customer(self, name: str) -> str | None:
        """Return the present customer behind a customer id, a former id or an identifier."""
        if name in self.members:
            return name
        if name in self.known:
            return self.known[name].customer
        seen = set()
        while name in self.aliases and name not in seen:
            seen.add(name)
            name = self.aliases[name]
            if name in self.members:
                return name
        return None

    def strongest(self, customer: str) -> str:
        """Return the strongest identifier of a customer."""
        rank = {kind: place for place, kind in enumerate(self._kinds)}
        return min(
            self.members[customer],
            key=lambda each: (rank.get(each.partition(":")[0], len(rank)), each),
        )

    def id_of(self, group: Iterable[str]) -> str:
        """Return the customer id that a group of identifiers has: its oldest one gives the name."""
        oldest = min(group, key=lambda each: (self.known[each].first_seen, each))
        return stable_id("c", oldest)

    def bridges(self, a: str, b: str) -> tuple[list[str], list[str]]:
        """Preview a veto: the identifiers that would stay with a, and those that would go with b."""
        edge = self.edges.get(a, {}).get(b)
        if edge is None:
            return sorted(self.members.get(self.known[a].customer, ())), []
        before, edge.vetoed = edge.vetoed, True
        try:
            stay = self._component(a)
            return sorted(stay), sorted(self.members[self.known[a].customer] - stay)
        finally:
            edge.vetoed = before

    def _meet(self, identifier: str, time: int) -> Known:
        """Know of an identifier from now on; by itself it is a customer."""
        customer = stable_id("c", identifier)
        known = self.known[identifier] = Known(customer, time)
        self.edges[identifier] = {}
        members = self.members.get(customer)
        if members is None:
            self.members[customer] = {identifier}
        else:
            members.add(identifier)
        self.changes.identifiers.add(identifier)
        return known

    def _see(self, identifier: str, time: int) -> set[str]:
        known = self.known.get(identifier)
        if known is None:
            self._meet(identifier, time)
            self._fresh.add(identifier)
            return set()
        if time < known.first_seen:
            known.first_seen = time
            self.changes.identifiers.add(identifier)
            return {identifier}
        return set()

    def _link(self, a: str, b: str, source: str, message_id: str, time: int) -> bool:
        if a == b:
            return False
        edge = self.edges[a].get(b)
        if edge is not None:
            if (time, message_id) < (edge.time, edge.message_id) and not edge.decided_at:
                edge.time, edge.source, edge.message_id = time, source, message_id
                self.changes.edges.add(_pair(a, b))
            return False
        edge = Edge(*_pair(a, b), source, message_id, time)
        self.edges[a][b] = self.edges[b][a] = edge
        self.changes.edges.add(_pair(a, b))
        return True

    def _blocked(self, identifier: str) -> bool:
        kind = self._kinds.get(identifier.partition(":")[0])
        if kind is None or not kind.limit:
            return False
        counts: dict[str, int] = {}
        for other, edge in self.edges[identifier].items():
            other_kind = other.partition(":")[0]
            unique = self._kinds.get(other_kind)
            if unique is not None and unique.unique and not edge.vetoed:
                counts[other_kind] = counts.get(other_kind, 0) + 1
                if counts[other_kind] > kind.limit:
                    return True
        return False

    def _component(self, start: str) -> set[str]:
        if self.known[start].blocked:
            return {start}
        found = {start}
        waiting = [start]
        while waiting:
            for other, edge in self.edges[waiting.pop()].items():
                if other not in found and not edge.vetoed and not self.known[other].blocked:
                    found.add(other)
                    waiting.append(other)
        return found

    def _regroup(self, changed: Iterable[str], time: int) -> Regrouped | None:
        affected: set[str] = set()
        for identifier in changed:
            affected |= self.members[self.known[identifier].customer]
            known = self.known[identifier]
            blocked = self._blocked(identifier)
            if blocked != known.blocked:
                known.blocked = blocked
                self.changes.identifiers.add(identifier)
                for other in self.edges[identifier]:
                    affected |= self.members[self.known[other].customer]
        groups: list[set[str]] = []
        left = set(affected)
        while left:
            group = self._component(next(iter(left)))
            left -= group
            groups.append(group)
        before = {identifier: self.known[identifier].customer for identifier in affected}
        moved: dict[str, tuple[str, str]] = {}
        for customer in set(before.values()):
            del self.members[customer]
        for group in groups:
            customer = self.id_of(group)
            self.members[customer] = group
            self.aliases.pop(customer, None)
            for identifier in group:
                if before[identifier] != customer:
                    if identifier not in self._fresh:
                        moved[identifier] = (before[identifier], customer)
                    self.known[identifier].customer = customer
                    self.changes.identifiers.add(identifier)
        if not moved:
            return None
        self._note(moved, time)
        return Regrouped(moved, time)

    def _note(self, moved: Mapping[str, tuple[str, str]], time: int) -> None:
        seen: set[tuple[str, str]] = set()
        for identifier, (old, new) in sorted(moved.items()):
            if (old, new) in seen:
                continue
            seen.add((old, new))
            kind = "split" if old in self.members else "merge"
            if kind == "merge":
                self.aliases[old] = new
            self.changes.regroupings.append((time, kind, new, old, identifier))


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)
