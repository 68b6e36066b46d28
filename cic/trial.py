"""A condition tried out before anybody lives by it: who is in, who would move, how it would have been."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cic.conditions import Condition, Vocabulary
from cic.crowd import Crowd
from cic.distribution import buckets
from cic.meaning import Meaning
from cic.model import SEGMENTS, TRAITS, Segment
from cic.proof import Proof
from cic.segmentation import Segmentation
from cid.customers import Customers
from cid.facade import titles
from cid.kit.clock import DAY, format_time, parse_duration
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import InvalidInput
from cid.model.definition import ATTRIBUTES

SAMPLE = 20
TRIED = "(tried)"
"""The name of a condition that has none yet."""


class Trial:
    """Says what a condition would mean for the customers of now and of the last weeks."""

    def __init__(
        self,
        definitions: Definitions,
        segmentation: Segmentation,
        customers: Customers,
        proof: Proof,
    ) -> None:
        self._definitions = definitions
        self._live = segmentation
        self._customers = customers
        self._proof = proof

    def preview(self, when: str, segment: str = "", stay: str = "") -> dict[str, Any]:
        """Say how many customers meet a condition right now, with a sample and what they share with others.

        Args:
            when: the condition.
            segment: the segment that would have it; says then who would enter and who would leave.
            stay: the minimum stay it would have.

        Raises:
            InvalidInput: it is not a condition; says what is wrong.
            NotFound: there is no such segment.
        """
        began = time.perf_counter()
        condition = self._live.vocabulary.compile(when)
        length = parse_duration(stay) if stay else 0
        if segment:
            self._definitions.get(SEGMENTS, segment)
        people = list(self._customers.members)
        found = list(self._inside(condition, people, segment, length))
        now_in = Counter(self._live.bits.get(customer, 0) for customer in found)
        everybody = Counter(self._live.bits.copy().values())
        answer = {
            "when": when,
            "size": len(found),
            "of": len(people),
            "sample": self._people(found),
            "overlap": self._overlap(now_in, everybody, len(found)),
            "change": self._change(segment, found) if segment else None,
        }
        return {**answer, "ms": round((time.perf_counter() - began) * 1000, 1)}

    def preview_past(self, when: str, days: int = 90, seconds: float = 2.0) -> dict[str, Any]:
        """Say how many would have met a condition at the end of each of the last weeks.

        Each week is a question to history of its own, the newest first; what is not answered in the time
        given stays open. A minimum stay is left out of it.

        Raises:
            InvalidInput: it is not a condition, or these are not 1 to 3,660 days.
        """
        began = time.perf_counter()
        if not 1 <= days <= 3_660:
            raise InvalidInput(f"{days} days cannot be looked at.", hint="Give 1 to 3660.")
        meaning = self._with(when)
        self._proof.history.fresh()
        now = self._live.now
        # To bring history up to date is not what one has asked for; the newest week is always answered.
        until = time.perf_counter() + seconds
        weeks: list[dict[str, Any]] = []
        only = ((), (TRIED,))
        for moment in range(now, now - days * DAY - 1, -7 * DAY):
            size = None
            if not weeks or time.perf_counter() < until:
                batch = self._proof.batch(moment, only, meaning)
                size = sum(TRIED in batch.memberships(customer) for customer in batch.traits)
            weeks.append({"at": format_time(moment), "size": size})
        return {
            "when": when,
            "weeks": weeks[::-1],
            "complete": all(week["size"] is not None for week in weeks),
            "ms": round((time.perf_counter() - began) * 1000, 1),
        }

    def distribution(self, trait: str) -> dict[str, Any]:
        """Say how a trait is spread over all customers right now: few buckets, each with its condition.

        Raises:
            NotFound: there is no such trait.
        """
        began = time.perf_counter()
        self._definitions.get(TRAITS, trait)
        kernel, index = self._live.kernel, self._live.vocabulary.traits[trait]
        people = list(self._customers.members)
        found = buckets(trait, (kernel.value(customer, index) for customer in people))
        return {
            "trait": trait,
            "of": len(people),
            "buckets": [each.to_dict() for each in found],
            "ms": round((time.perf_counter() - began) * 1000, 1),
        }

    def _with(self, when: str) -> Meaning:
        """Return the present meaning with one more segment."""
        now = self._live.meaning
        self._live.vocabulary.compile(when)
        entry = Entry(TRIED, Segment(when=when), "", 1, "")
        segments = {**now.segments, TRIED: entry}
        words = Vocabulary(self._definitions.of(ATTRIBUTES), now.traits, segments)
        return Meaning.of(now.traits, segments, words)

    def _inside(
        self, condition: Condition, people: list[str], segment: str, stay: int
    ) -> Iterator[str]:
        live = self._live
        rivals = live.meaning.rivals[live.meaning.place(segment)] if segment else 0
        bits, now = live.bits, live.now
        crowd = Crowd(self._customers, live.kernel, live.vocabulary, now)
        inside = set(crowd.inside(condition, bits))
        for customer in people:
            if rivals and bits.get(customer, 0) & rivals:
                continue
            if customer in inside:
                yield customer
            elif stay:
                since = live.since.get((customer, segment))
                if since is not None and now < since + stay:
                    yield customer

    def _change(self, segment: str, found: list[str]) -> dict[str, Any]:
        before = set(self._live.members(segment))
        after = set(found)
        enter, leave = sorted(after - before), sorted(before - after)
        return {
            "segment": segment,
            "before": len(before),
            "enter": {"count": len(enter), "sample": self._people(enter)},
            "leave": {"count": len(leave), "sample": self._people(leave)},
        }

    def _overlap(
        self, found: Counter[int], everybody: Counter[int], size: int
    ) -> list[dict[str, Any]]:
        result = []
        for place, (name, entry) in enumerate(self._live.meaning.segments.items()):
            both = sum(number for bits, number in found.items() if bits >> place & 1)
            there = sum(number for bits, number in everybody.items() if bits >> place & 1)
            if both:
                result.append(
                    {
                        "segment": name,
                        "title": titles(entry),
                        "both": both,
                        "only_here": size - both,
                        "only_there": there - both,
                    }
                )
        return sorted(result, key=lambda each: -int(each["both"]))

    def _people(self, customers: list[str]) -> list[dict[str, str]]:
        return [
            {"customer": each, "name": self._customers.name(each)} for each in customers[:SAMPLE]
        ]
