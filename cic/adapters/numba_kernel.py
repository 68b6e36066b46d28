"""The live traits in arrays, by compiled code: for millions of customers (extra ``fast``)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Any

import numpy as np

from cic.adapters import numba_columns, numba_owners
from cic.adapters import numba_layout as lay
from cic.adapters import numba_windows as run
from cic.adapters.numba_arrays import Arrays, _gathered, _ones, _room_for
from cic.adapters.numba_layout import FAR
from cic.aggregates import SCALE
from cic.crowd import Column
from cic.programs import Scope
from cic.snapshot import (
    CODED,
    NOTHING,
    SEPARATOR,
    Columns,
    merged,
    order_text,
    uncovered,
)
from cid.model.fact import Fact
from cid.model.relationship import Regrouped

BATCH = 8_192
"""How many facts become columns at once where many are taken in."""


class NumbaKernel(Arrays):
    """The same as `cic.kernel.Kernel`, with all state in arrays.

    Traits of kinds that are not compiled live in a pure kernel inside it.
    """

    # What a kernel is asked.

    @property
    def clock(self) -> int:
        """The moment up to which time has passed."""
        return int(self._s[lay.CLOCK])

    @clock.setter
    def clock(self, moment: int) -> None:
        self._s[lay.CLOCK] = moment
        if self._rest is not None:
            self._rest.clock = moment

    def watch(self, edges: Mapping[int, Collection[Decimal] | None]) -> None:
        """Say which traits anybody looks at, and which numbers matter to them."""
        numbers: list[int] = []
        for index, (kind, t, *_) in self._columns.items():
            trait = self._traits[t]
            trait["bit"] = 1 << (index % 63) if index in edges else 0
            said = edges.get(index)
            if said is None or kind not in ("count", "sum"):
                continue
            exact = [number * (SCALE if kind == "sum" else 1) for number in said]
            if all(number == int(number) for number in exact):
                trait["edges"] = len(numbers)
                numbers += sorted(max(-FAR, min(FAR, int(number))) for number in exact)
                trait["until"] = len(numbers)
        self._edges = np.array([*numbers, 0], np.int64)
        self._bind()
        if self._rest is not None:
            self._rest.watch(edges)

    def next_due(self) -> int | None:
        """Return the next moment at which a fact leaves a window or a future one arrives."""
        due = int(self._s[lay.DUE])
        if self._future and self._future[0][0] < due:
            due = self._future[0][0]
        if self._rest is not None:
            other = self._rest.next_due()
            due = due if other is None else min(due, other)
        return due if due < lay.NEVER else None

    def quiet_until(self, moment: int) -> bool:
        """Say whether nothing happens by itself up to a moment, and nobody was touched before."""
        due = self.next_due()
        return (due is None or due > moment) and not self.touched

    def advance(self, moment: int) -> None:
        """Move the clock to a moment; everything due by then happens, each at its own instant."""
        self._pass_time(moment, False)

    def advance_until_touched(self, moment: int) -> None:
        """Move the clock towards a moment; it stops at the first instant that touches somebody."""
        self._pass_time(moment, True)

    def _pass_time(self, moment: int, stop: bool) -> None:
        while not (stop and self.touched):
            until = moment
            if self._future and self._future[0][0] < until:
                until = self._future[0][0]
            other = self._rest.next_due() if self._rest is not None else None
            if other is not None and other < until:
                until = max(other, self.clock)
            run.advance(*self._passing, until, stop)
            if self._s[lay.TOUCHED]:
                self._drain()
                if stop and self.clock < until:
                    # What is due elsewhere is due later than this instant.
                    if self._rest is not None:
                        self._rest.advance(self.clock)
                    return
            while self._future and self._future[0][0] <= until:
                self._admit(heappop(self._future)[2])
            if self._rest is not None:
                self._rest.advance(until)
                self._merge()
            if until >= moment:
                return

    def apply(self, fact: Fact) -> None:
        """Take in a fact at the present clock."""
        if self._rest is not None:
            self._rest.apply(fact)
            if self._rest.touched:
                self._merge()
        if fact.event not in self._events:
            return
        if fact.identity not in self._identities:
            self._know(fact.identity, fact.customer)
        if fact.time > self._views[0][lay.CLOCK]:
            heappush(self._future, (fact.time, fact.order, fact))
            return
        self._admit(fact)

    def extend(self, facts: Iterable[Fact]) -> None:
        """Take in many facts at the present clock; nobody is touched."""
        track, touched = self._s[lay.TRACK], self.touched
        self._s[lay.TRACK], self.touched = 0, {}
        try:
            rest = iter(facts)
            while some := list(islice(rest, BATCH)):
                self._extend(some)
        finally:
            self._s[lay.TRACK], self.touched = track, touched

    def _extend(self, facts: Sequence[Fact]) -> None:
        """Take in some facts as columns: compiled code is called once for all of them."""
        ours: list[Fact] = []
        bits: list[int] = []
        values: list[Any] = []
        clock, events = self.clock, self._events
        for fact in facts:
            if self._rest is not None:
                self._rest.apply(fact)
            if fact.event not in events:
                continue
            if fact.time > clock:
                self._know(fact.identity, fact.customer)
                heappush(self._future, (fact.time, fact.order, fact))
                continue
            ours.append(fact)
        numbers = self.numbers([f.identity for f in ours], [f.customer for f in ours])
        if self._rest is not None:
            self._rest.drain()
        for fact in ours:
            said, held = self._said(fact)
            bits.append(said)
            values += held
        some = np.array(bits, np.uint64)
        keep = np.flatnonzero(some)
        texts = [order_text(ours[n].source, ours[n].message_id) for n in keep.tolist()]
        self._take(
            np.array([ours[n].time for n in keep.tolist()], np.int64),
            np.array([events[ours[n].event] for n in keep.tolist()], np.int32),
            numbers[keep],
            some[keep],
            np.array(values, np.int64),
            np.array([len(text) for text in texts], np.int64),
            np.frombuffer(b"".join(texts), np.uint8),
        )

    def regroup(self, event: Regrouped) -> None:
        """Let facts follow their identities to other customers; log and cursors stay as they are."""
        if self._rest is not None:
            self._rest.regroup(event)
            self._merge()
        moved = [
            (self._identities[identity], old, new)
            for identity, (old, new) in event.moved.items()
            if identity in self._identities
        ]
        stale = {name: self._customer(name) for _, old, new in moved for name in (old, new)}
        for number in stale.values():
            self._clear(number)
        for identity, _, new in moved:
            numba_owners.move(self._i, self._c, identity, stale[new])
        for name, number in stale.items():
            self._room(0, 0)
            numba_owners.again(*self._again, number)
            self.touched[name] = -1

    def profile_changed(self, customer: str, attributes: Collection[str]) -> None:
        """Hear that attributes of a customer have other values than before."""
        if self._rest is not None:
            self._rest.profile_changed(customer, attributes)
            self._merge()

    def retract(self, message_id: str) -> bool:
        """Take a fact back as if it had never been received; say whether it was here."""
        found = self._rest is not None and self._rest.retract(message_id)
        self._merge()
        waiting = [each for each in self._future if each[2].message_id != message_id]
        found = found or len(waiting) < len(self._future)
        heapify(waiting)
        self._future = waiting
        end = SEPARATOR.encode() + message_id.encode("utf-8", "surrogatepass")
        for fact in numba_columns.ending(
            self._e, self._b, self._s, np.frombuffer(end, np.uint8)
        ).tolist():
            customer = int(self._i[lay.OWNER, self._e[fact]["identity"]])
            self._clear(customer)
            numba_owners.unlink(self._e, self._i, self._s, fact)
            numba_owners.again(*self._again, customer)
            self.touched[self._customer_names[customer]] = -1
            found = True
        return found

    def forget(self, name: str) -> None:
        """Erase an identity with all its facts."""
        if self._rest is not None:
            self._rest.forget(name)
            self._merge()
        self._future = [each for each in self._future if each[2].identity != name]
        heapify(self._future)
        number = self._identities.pop(name, None)
        if number is None:
            return
        customer = int(self._i[lay.OWNER, number])
        self._clear(customer)
        numba_owners.drop(self._e, self._i, self._s, number)
        numba_owners.move(self._i, self._c, number, -1)
        numba_owners.again(*self._again, customer)
        self.touched[self._customer_names[customer]] = -1
        self._identity_names[number] = ""

    def values(self, customer: str) -> list[Any]:
        """Return the customer's traits, by index, as the outside knows them."""
        return [self.value(customer, index) for index in range(self._count)]

    def value(self, customer: str, index: int) -> Any:
        """Return one trait of a customer."""
        place = self._columns.get(index)
        if place is None:
            return self._rest.value(customer, index) if self._rest is not None else None
        kind, t, narrow, wide, stride = place
        number = self._customers.get(customer)
        if number is None:
            return Decimal(0) if kind == "sum" else 0 if kind in ("count", "distinct") else None
        if kind in ("count", "distinct"):
            return self._a.item(narrow + number * stride)
        if kind in ("min", "max"):
            at = wide + number * (stride >> 1)
            if self._n.item(at) == lay.STALE:
                numba_columns.find(*self._finding, t, number)
            held = self._n.item(at)
            return None if held == lay.EMPTY else Decimal(held).scaleb(-4)
        if kind == "sum":
            low = self._n.item(wide + number * (stride >> 1))
            return _sum(self._a.item(narrow + number * stride), low)
        if kind == "last":
            fact = self._a.item(narrow + number * stride)
            if fact < 0:
                return None
            signal = int(self._traits["signal"][t])
            told = numba_columns.value_of(self._e, self._p, self._v, self._s, fact, signal)
            return self._values[told]
        return self._read(index, number, number + 1)[0]

    def everybody(self, index: int) -> tuple[Sequence[str], list[Any]]:
        """Return all customers that ever had a fact here, and one trait of each."""
        names, place = self._customer_names, self._columns.get(index)
        if place is None:
            return names, [self.value(each, index) for each in names]
        return names, self._read(index, 0, len(names))

    def column(self, index: int) -> Column | None:
        """Return one trait of all customers, None where it cannot be had so."""
        if index not in self._columns or self._columns[index][0] == "average":
            return None
        customers, end = self._customers, len(self._customer_names)
        kind, t, narrow, wide, stride = self._columns[index]
        half = stride >> 1
        held = self._a[narrow : narrow + end * stride : stride][:end]
        if kind in ("count", "distinct"):
            return Column(customers, held.astype(np.int64), 1)
        if kind in ("min", "max", "first"):
            numba_columns.settle(*self._finding, t, 0, end)
        if kind in ("first", "last"):
            codes = np.full(end, -1, np.int64)
            rows = np.flatnonzero(held >= 0)
            e, p, v, s = self._e, self._p, self._v, self._s
            signal = int(self._traits["signal"][t])
            codes[rows] = numba_columns.values_of(e, p, v, s, held[rows], signal)
            return Column(customers, codes, 0)
        amounts = self._n[wide : wide + end * half : half][:end].copy()
        if kind == "sum" and (
            (held != amounts >> 63).any() or (amounts >= FAR).any() or (amounts <= -FAR).any()
        ):
            return None
        return Column(customers, amounts, SCALE)

    def facts(self) -> int:
        """Return how many facts the kernel holds."""
        rest = self._rest.facts() if self._rest is not None else 0
        held = int(self._s[lay.FACTS]) - int(self._s[lay.DEAD]) + len(self._future)
        return max(held, rest)

    def drain(self) -> dict[str, int]:
        """Return the touched customers with the bits of the traits that changed, and forget them."""
        touched, self.touched = self.touched, {}
        return touched

    def owner(self, identity: str) -> str:
        """Return the customer of an identity that has facts here."""
        number = self._identities.get(identity)
        if number is None and self._rest is not None:
            return self._rest.owner(identity)
        return self._customer_names[int(self._i[lay.OWNER, self._identities[identity]])]

    def _read(self, index: int, first: int, end: int) -> list[Any]:
        """Return a trait of some customers, by their numbers."""
        if end <= first:
            return []
        kind, t, narrow, wide, stride = self._columns[index]
        four = slice(narrow + first * stride, narrow + (end - 1) * stride + 1, stride)
        half = stride >> 1
        eight = slice(wide + first * half, wide + (end - 1) * half + 1, half)
        if kind in ("min", "max", "first"):
            numba_columns.settle(*self._finding, t, first, end)
        if kind in ("min", "max"):
            amounts = self._n[eight].tolist()
            return [None if n == lay.EMPTY else Decimal(n).scaleb(-4) for n in amounts]
        held = self._a[four].tolist()
        if kind in ("count", "distinct"):
            return list(held)
        if kind in ("first", "last"):
            facts = np.array([fact for fact in held if fact >= 0], np.int64)
            signal = int(self._traits["signal"][t])
            told = iter(
                numba_columns.values_of(self._e, self._p, self._v, self._s, facts, signal).tolist()
            )
            return [None if fact < 0 else self._values[next(told)] for fact in held]
        amounts = self._n[eight].tolist()
        sums: list[Any] = list(map(_sum, held, amounts))
        if kind == "sum":
            return sums
        counts = self._a[four.start + 1 : four.stop + 1 : stride].tolist()
        return [
            (n / count).quantize(Decimal("0.0001"), ROUND_HALF_UP) if count else None
            for n, count in zip(sums, counts, strict=True)
        ]

    # Columns in and out.

    def step(
        self,
        moment: int,
        time: Any,
        event: Any,
        identity: Any,
        said: Any,
        values: Any,
        lengths: Any,
        texts: Any,
    ) -> None:
        """Let time pass to a moment and take in facts that happened by then, all in columns.

        Args:
            moment: the clock of the batch.
            time: when each happened, at or before the moment.
            event: numbers of events, in the order in which they have plans.
            identity: numbers, from `numbers`.
            said: a bit for each signal that it says something to.
            values: what it says, fact by fact in order of the signals that have values.
            lengths: how long each one's text is.
            texts: source and message id of all, as `order_text` writes them.
        """
        run.jump(*self._passing, moment)
        self._take(time, event, identity, said, values, lengths, texts)
        if self._s[lay.TOUCHED]:
            self._drain()

    def restore(
        self, columns: Columns, owner: Callable[[str], str], without: Collection[str] = ()
    ) -> None:
        """Take in facts that were kept, at the present clock, without those of some events."""
        if self._rest is not None:
            self._rest.restore(replace(columns, future=[]), owner, without)
        asked = {name: n for n, name in enumerate(columns.questions)}
        wanted = np.zeros((max(1, len(columns.events)), len(asked) + 1), np.uint64)
        for signal, (name, events) in enumerate(self._signals):
            for number, event in enumerate(columns.events):
                if event in events and event not in without and (not name or name in asked):
                    wanted[number, asked[name] if name else -1] |= np.uint64(1 << signal)
        said, packed = np.zeros(len(columns), np.uint64), _room_for(columns, wanted)
        codes = np.array([self._code(value) for value in columns.values] or [0], np.int64)
        filled = numba_columns.unpack(
            *(columns.event, columns.counts, columns.question, columns.value),
            *(wanted, codes, self._valued, said, packed),
        )
        some = np.flatnonzero(said)
        numbers = self.numbers(columns.identities, [owner(each) for each in columns.identities])
        ours = np.array([self._events.get(event, -1) for event in columns.events] or [0], np.int32)
        lengths = columns.lengths[some]
        texts = columns.texts
        if len(some) < len(columns):
            ends = np.cumsum(columns.lengths, dtype=np.int64)
            texts = _gathered(texts, (ends - columns.lengths)[some], lengths)
        track, self._s[lay.TRACK] = int(self._s[lay.TRACK]), 0
        self._take(
            *(columns.time[some], ours[columns.event[some]], numbers[columns.identity[some]]),
            *(said[some], packed[:filled], lengths, texts),
        )
        self._s[lay.TRACK] = track
        self.extend(columns.waiting(owner, without))

    def events(self) -> set[str]:
        """Return the events that any trait counts."""
        return set(self._events) | (self._rest.events() if self._rest is not None else set())

    def missing(self, covers: Mapping[str, Mapping[str, list[Any]]]) -> set[str]:
        """Return the events of which more is needed than a snapshot has."""
        rest = self._rest.missing(covers) if self._rest is not None else set()
        return uncovered(self._covers, covers) | rest

    def columns(self) -> Columns:
        """Return the facts that still count, in columns, in the order in which they happened."""
        n = int(self._s[lay.FACTS])
        e = self._e[:n]
        keep = np.flatnonzero(e["live"])
        keep = keep[np.argsort(e["time"][keep], kind="stable")]
        starts = e["text"][keep]
        lengths = self._e["text"][keep + 1] - starts
        names = list(dict.fromkeys(name for name, _ in self._signals if name))
        kinds = [0] * len(names)
        answers = np.full(len(self._signals), -1, np.int64)
        for signal, (name, _) in enumerate(self._signals):
            if name:
                answers[signal] = names.index(name)
                kinds[names.index(name)] = self._kinds[signal]
        said = self._p["said"][e["kind"][keep]]
        room = int(_ones(said).sum())
        asked, values = np.zeros(room, np.uint16), np.zeros(room, np.int64)
        counts = np.zeros(len(keep), np.uint16)
        entries = numba_columns.pack(
            self._e, self._p, self._v, keep, self._valued, answers, counts, asked, values
        )
        identities, owners = np.unique(e["identity"][keep], return_inverse=True)
        mine = Columns(
            self.clock,
            self._covers,
            list(self._events),
            names,
            kinds,
            list(self._values),
            [self._identity_names[each] for each in identities.tolist()],
            [each[2] for each in sorted(self._future)],
            e["time"][keep],
            self._p["event"][e["kind"][keep]].astype(np.uint16),
            owners.astype(np.int32),
            counts,
            asked[:entries],
            values[:entries],
            lengths.astype(np.uint32),
            _gathered(self._b, starts, lengths),
        )
        return mine if self._rest is None else merged(mine, self._rest.columns())

    def _take(
        self,
        time: Any,
        event: Any,
        identity: Any,
        said: Any,
        values: Any,
        lengths: Any,
        texts: Any,
    ) -> None:
        count = len(time)
        self._room(count, len(values), len(texts))
        s = self._s
        first, value, text = int(s[lay.FACTS]), int(s[lay.VALUES]), int(s[lay.TEXT])
        self._v[value : value + len(values)] = values
        self._b[text : text + len(texts)] = texts
        event, said = event.astype(np.int32, copy=False), said.astype(np.uint64, copy=False)
        done = 0
        while done < count:
            done = run.written(
                self._e, self._p, self._m, s, done, time, event, identity, said, lengths
            )
            if done < count:
                self._kind(int(event[done]), int(said[done]))
        while s[lay.FACTS] < first + count:
            run.admit_all(*self._all, first + count)
            if s[lay.FACTS] < first + count:
                self._more_slots()

    # Inside.

    def _said(self, fact: Fact) -> tuple[int, list[Any]]:
        """Ask a fact all that is asked of it; return a bit for each signal, and the values."""
        plain, asked = self._programs[fact.event]
        said, values = plain, list[Any]()
        if asked:
            scope = Scope(fact.properties)
            scope.fact = fact
            for signal, kind, where, value, hold in asked:
                if where is not None and where(scope) is not True:
                    continue
                if kind == NOTHING:
                    said |= 1 << signal
                    continue
                held = hold(value(scope) if value is not None else 1)
                if held is None:
                    continue
                said |= 1 << signal
                values.append(self._code(held) if kind == CODED else held)
        return said, values

    def _admit(self, fact: Fact) -> None:
        said, values = self._said(fact)
        if not said:
            return
        text = order_text(fact.source, fact.message_id)
        s, v, b = self._views[:3]
        n, start, begin = len(values), s[lay.VALUES], s[lay.TEXT]
        facts, most, texts, slots, late = self._full
        if (
            s[lay.FACTS] >= facts
            or start + n >= most
            or begin + len(text) >= texts
            or s[lay.SLOTS] > slots
            or s[lay.HEAP] >= late
        ):
            self._room(1, n, len(text))
            self._more_slots()
            s, v, b = self._views[:3]
            start, begin = s[lay.VALUES], s[lay.TEXT]
        for place, held in enumerate(values, start):
            v[place] = held
        b[begin : begin + len(text)] = text
        identity = self._identities[fact.identity]
        event = self._events[fact.event]
        kind = self._kinds_known.get((event, said))
        if kind is None:
            kind = self._kind(event, said)
        run.admit(*self._all, fact.time, kind, identity, n, len(text))
        if s[lay.TOUCHED]:
            self._drain()

    def _drain(self) -> None:
        s, _, _, q, c = self._views
        words, touched = range(self._words), self.touched
        for place in range(s[lay.TOUCHED]):
            number, bits = q[place], 0
            for word in words:
                bits |= c[number, word + 1] << (63 * word)
                c[number, word + 1] = 0
            name = self._customer_names[number]
            touched[name] = touched.get(name, 0) | bits
        s[lay.TOUCHED] = 0

    def _merge(self) -> None:
        if self._rest is not None:
            for name, bits in self._rest.drain().items():
                self.touched[name] = self.touched.get(name, 0) | bits


def _sum(high: int, low: int) -> Decimal:
    """Return a sum that is kept in two words."""
    return Decimal((high << 64) + (low & 0xFFFFFFFFFFFFFFFF)).scaleb(-4)
