"""The proof that traits and segments are right: both ways asked, the same answers, or whose differ.

While facts flow on, the two ways look at slightly different moments. So whoever seems to differ is looked at
once more, alone and with the writer held still: what differs then, differs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from cic.meaning import Meaning
from cic.model import SEGMENTS, TRAITS
from cic.oracle import exact
from cic.ports import Live, Store
from cic.running import Answering
from cic.segmentation import Segmentation
from cic.verification import Batch, Held, Only, Verification, compare, relive
from cid.customers import Customers
from cid.feel import evaluate
from cid.kit.clock import Clock, format_time, parse_time
from cid.kit.definitions import Definitions
from cid.model.definition import ATTRIBUTES
from cid.model.fact import Fact

STAYS = 1_000
"""Memberships by a minimum stay whose beginning is looked at."""


class History(Answering, Protocol):
    """The engine of history, which brings itself up to date before it answers."""

    def fresh(self) -> int:
        """Bring history up to date now; return how many facts came."""

    def moment(self) -> int:
        """Return the moment up to which it tells what happened."""


class Proof:
    """Recomputes traits and segments from history and reports what disagrees with the live path."""

    def __init__(
        self,
        definitions: Definitions,
        segmentation: Segmentation,
        customers: Customers,
        store: Store,
        history: History,
        clock: Clock,
        facts: Callable[[], Iterator[Fact]],
        facts_of: Callable[[str], list[Fact]],
        lock: AbstractContextManager[Any],
    ) -> None:
        self._definitions = definitions
        self._segmentation = segmentation
        self._customers = customers
        self._store = store
        self.history = history
        self._clock = clock
        self._facts = facts
        self._facts_of = facts_of
        self._lock = lock
        self.regrouped: Callable[[str], bool] = lambda customer: False
        """Says whether identities ever came to a customer from others, or went to others."""

    def verify(
        self,
        as_of: str = "",
        traits: Sequence[str] | None = None,
        segments: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Recompute traits and segments from history and report every mismatch (promise 2).

        Args:
            as_of: a moment at which the live path is run anew; the live state is compared where empty.
            traits: which traits; all where neither traits nor segments are named.
            segments: which segments.

        Raises:
            NotFound: there is no such trait or segment.
        """
        began = time.perf_counter()
        meaning = self._segmentation.meaning
        if traits is None and segments is None:
            traits, segments = list(meaning.traits), list(meaning.names)
        only = (list(traits or ()), list(segments or ()))
        for name in only[0]:
            self._definitions.get(TRAITS, name)
        for name in only[1]:
            self._definitions.get(SEGMENTS, name)
        result = self._past(parse_time(as_of), *only) if as_of else self._present(*only)
        self._entries_are_right(result)
        self._store.note(
            {
                "at": self._clock.now(),
                "as_of": result.as_of,
                "traits": len(only[0]),
                "segments": len(only[1]),
                "customers": result.customers,
                "mismatches": result.count,
            }
        )
        seconds = round(time.perf_counter() - began, 2)
        return {**result.report(self._customers.name), "seconds": seconds}

    def verifications(self, limit: int = 30) -> list[dict[str, Any]]:
        """List what the last verifications found, newest first."""
        return [
            {**row, "at": format_time(row["at"]), "as_of": format_time(row["as_of"])}
            for row in self._store.verifications(max(1, min(limit, 1_000)))
        ]

    def last(self) -> dict[str, Any] | None:
        """Return what the last verification of everything found; the last one where there was none."""
        found, meaning = self.verifications(100), self._segmentation.meaning
        everything = (len(meaning.traits), len(meaning.names))
        full = (row for row in found if (row["traits"], row["segments"]) == everything)
        return next(full, found[0] if found else None)

    def batch(self, as_of: int, only: Only | None = None, meaning: Meaning | None = None) -> Batch:
        """Compute traits and segments of all customers at a moment by a query over history.

        Args:
            as_of: the moment.
            only: the traits and segments that are asked for; all where None.
            meaning: what they mean; what is lived by now where None.
        """
        meaning = meaning or self._segmentation.meaning
        attributes = self._definitions.of(ATTRIBUTES)
        return Batch(self.history, meaning, attributes, as_of, self.held(as_of), only)

    def held(self, as_of: int) -> Held:
        """Return since when customers are in segments with a minimum stay that has not ended at a moment."""
        meaning = self._segmentation.meaning
        stays = {
            name: stay for name, stay in zip(meaning.names, meaning.stays, strict=True) if stay
        }
        if not stays:
            return {}
        if as_of >= self._segmentation.now:
            return {place: at for place, at in list(self._segmentation.since.items())}
        entered = self._store.entries(list(stays), as_of - max(stays.values()), as_of)
        return {(customer, segment): since for customer, segment, since in entered}

    def _present(self, traits: list[str], segments: list[str]) -> Verification:
        live = self._segmentation
        self.history.fresh()
        batch = self.batch(live.now, (traits, segments))
        result = compare(
            batch,
            sorted(list(self._customers.members)),
            live.kernel.value,
            lambda customer: set(live.segments_of(customer)),
            traits,
            segments,
        )
        doubtful = {each.customer for each in result.mismatches}
        if not doubtful:
            return result
        still = live.now == batch.as_of and live.meaning is batch.meaning
        if still and not self.history.fresh():
            # Nothing has happened meanwhile: both ways have looked at the same moment.
            return result
        return result.without({each for each in doubtful if self._agrees(each, traits, segments)})

    def _agrees(self, customer: str, traits: list[str], segments: list[str]) -> bool:
        """Look at one customer once more, at one moment for both ways."""
        live = self._segmentation
        with self._lock:
            if customer not in self._customers.members:
                return True
            meaning, attributes = live.meaning, self._definitions.of(ATTRIBUTES)
            facts, only = self._facts_of(customer), (traits, segments)
            held = {place: at for place, at in live.since.items() if place[0] == customer}
            batch = Batch.of_one(
                customer,
                facts,
                meaning,
                attributes,
                live.now,
                held,
                only,
                live.around(customer, self._facts_of),
            )
            inside = set(live.segments_of(customer))
            again = compare(
                batch, [customer], live.kernel.value, lambda _: inside, traits, segments
            )
        return not again.count

    def _past(self, as_of: int, traits: list[str], segments: list[str]) -> Verification:
        meaning = self._segmentation.meaning
        batch = self.batch(as_of, (traits, segments))
        kernel = relive(self._facts(), meaning.traits, as_of, batch.profiles)
        return compare(
            batch,
            sorted(batch.traits),
            kernel.value,
            lambda customer: _lived(customer, kernel, batch, meaning),
            traits,
            segments,
        )

    def _entries_are_right(self, result: Verification) -> None:
        """Look whether who is held by a minimum stay entered rightly: recorded, and the condition was true."""
        for (customer, segment), since in list(result.kept.items())[:STAYS]:
            if not self._entered_rightly(customer, segment, since):
                where = result.segments if segment in result.segments else {segment: 0}
                result.differ(where, segment, customer, True, False)

    def _entered_rightly(self, customer: str, segment: str, since: int) -> bool:
        entry = self._store.entry(customer, segment, since)
        if entry is None:
            return False
        meaning = self._segmentation.meaning
        if entry["version"] != meaning.segments[segment].version:
            # She came by another definition, which is not known any more.
            return True
        if _needs_others(meaning, segment):
            # Who was in her group then is not known any more.
            return True
        facts = self._facts_of(customer)
        attributes = self._definitions.of(ATTRIBUTES)
        entered = self._store.entries(list(meaning.names), 0, since)
        held = {(who, what): at for who, what, at in entered if who == customer and at < since}
        identities = {each.identity for each in facts}
        for known in _known_then(facts, entry):
            # Who has been joined since was somebody else then.
            for mine in (identities, *({each} for each in identities if len(identities) > 1)):
                some = [each for each in known if each.identity in mine]
                then = Batch.of_one(
                    customer, some, meaning, attributes, since, held, ((), (segment,))
                )
                if segment in then.memberships(customer):
                    return True
        # Who she was then is not known any more, only what was told.
        return self.regrouped(customer) and self._is_true_of(segment, entry["seen"])

    def _is_true_of(self, segment: str, seen: Mapping[str, Any]) -> bool:
        """Say whether a condition is true of the values that were told, as far as they tell it."""
        meaning = self._segmentation.meaning
        condition = meaning.conditions[meaning.place(segment)]
        if "consent" in condition.attributes:
            return True
        scope = {word: exact(value) for word, value in seen.items()}
        return evaluate(condition.tree, scope) is not False


def _needs_others(meaning: Meaning, segment: str) -> bool:
    """Say whether a segment looks at the facts of others in the customer's group."""
    places = meaning.beneath(meaning.place(segment))
    return any(
        entry.value.groups
        for number, entry in enumerate(meaning.traits.values())
        if any(meaning.conditions[place].traits >> number & 1 for place in places)
    )


def _known_then(facts: list[Fact], entry: dict[str, Any]) -> Iterator[list[Fact]]:
    """Yield the facts that were known when a change was told; within one moment the order counts."""
    cause = next((each for each in facts if each.message_id == entry["cause_id"]), None)
    if cause is not None:
        yield [each for each in facts if each.position <= cause.position]
    yield [each for each in facts if each.received <= entry["known_at"]]
    yield [each for each in facts if each.received < entry["known_at"]]


def _lived(customer: str, kernel: Live, batch: Batch, meaning: Meaning) -> set[str]:
    """Return the segments of a customer at a past moment by compiled conditions over relived traits."""
    view = _PastView(customer, kernel, batch)
    for place in batch.places:
        name, stay = meaning.names[place], meaning.stays[place]
        holds = meaning.conditions[place].run(view) is True  # type: ignore[arg-type]
        since = batch.held.get((customer, name))
        if not holds and stay and since is not None and since <= batch.as_of < since + stay:
            holds = True
        if holds and not view.members & meaning.rivals[place]:
            view.members |= 1 << place
    return {name for place, name in enumerate(meaning.names) if view.members >> place & 1}


class _PastView:
    """What a condition may read about a customer at a past moment."""

    def __init__(self, customer: str, kernel: Live, batch: Batch) -> None:
        self.customer = customer
        self.members = 0
        self.event = None
        self._kernel = kernel
        self._batch = batch

    def t(self, index: int) -> Any:
        return self._kernel.value(self.customer, index)

    def a(self, name: str) -> Any:
        return self._batch.profiles.get(self.customer, {}).get(name)

    def m(self, index: int) -> bool:
        return bool(self.members >> index & 1)

    def consent(self, purpose: Any, channel: Any) -> bool:
        said = self._batch.consents.get(self.customer, {})
        return said.get((str(purpose), str(channel)), False)
