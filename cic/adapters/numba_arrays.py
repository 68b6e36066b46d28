"""Where the compiled kernel keeps its state: the traits planned as tables, and the arrays that grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cic.adapters import numba_columns, numba_compaction, numba_owners
from cic.adapters import numba_layout as lay
from cic.adapters import numba_windows as run
from cic.adapters.numba_layout import KINDS
from cic.aggregates import HOLD
from cic.kernel import Kernel
from cic.plans import TraitPlan
from cic.snapshot import (
    NOTHING,
    Columns,
    answered,
    code_key,
    covered,
    question,
)
from cid.kit.errors import Refused
from cid.model.fact import Fact

SIGNALS, WINDOWS, DISTINCTS = 64, 31, 31
MOST_FACTS, MOST_VALUES = (1 << 31) - 2, (1 << 32) - 1
"""What numbers of four bytes can point to."""
Program = tuple[
    int,
    tuple[tuple[int, int, Callable[[Any], Any] | None, Callable[[Any], Any] | None, Any], ...],
]


class Arrays:
    """The traits as tables, and all state in arrays."""

    def __init__(
        self,
        plans: Mapping[str, Sequence[TraitPlan]],
        count: int,
        read: Callable[[str, str], Any] | None = None,
    ) -> None:
        self._count = count
        every = {plan.index: plan for some in plans.values() for plan in some}
        ours = _taken(every)
        self._rest = _kernel_of_others(plans, ours, count, read)
        self._place: dict[int, TraitPlan] = ours
        mine = {event: [p for p in some if p.index in ours] for event, some in plans.items()}
        mine = {event: some for event, some in mine.items() if some}
        self._covers = covered(mine)
        self._events = {event: number for number, event in enumerate(mine)}
        self._plan_signals(mine)
        self._plan_traits()
        self._programs = {event: self._program(mine[event]) for event in mine}
        self._future: list[tuple[int, tuple[int, str, str], Fact]] = []
        self._codes: dict[Any, int] = {}
        self._values: list[Any] = []
        self._identities: dict[str, int] = {}
        self._identity_names: list[str] = []
        self._customers: dict[str, int] = {}
        self._customer_names: list[str] = []
        self.touched: dict[str, int] = {}
        self._begin(0, 0, 0)

    def _plan_signals(self, plans: Mapping[str, Sequence[TraitPlan]]) -> None:
        """Give each distinct question to the same events a number."""
        events: dict[int, list[str]] = {}
        for event, some in plans.items():
            for plan in some:
                events.setdefault(plan.index, []).append(event)
        signals: dict[tuple[str, tuple[str, ...]], int] = {}
        self._signal_of: dict[int, int] = {}
        kinds: list[int] = []
        for plan in self._place.values():
            key = (question(plan), tuple(events[plan.index]))
            if key not in signals:
                signals[key] = len(kinds)
                kinds.append(answered(plan))
            self._signal_of[plan.index] = signals[key]
        self._signals = list(signals)
        self._valued = np.array(kinds, np.int64)
        self._kinds = kinds
        self._valued_bits = sum(1 << n for n, kind in enumerate(kinds) if kind != NOTHING)

    def _plan_traits(self) -> None:
        lengths = sorted({plan.window for plan in self._place.values() if plan.window})
        order = [*lengths, 0]
        signal_of = self._signal_of
        traits = sorted(
            self._place.values(), key=lambda p: (order.index(p.window), signal_of[p.index])
        )
        self._lengths = lengths
        self._words = max(1, (self._count + 62) // 63)
        self._traits = np.zeros(len(traits), lay.TRAIT)
        self._windows = np.zeros(len(order), lay.WINDOW)
        self._windows["due"] = lay.NEVER
        self._windows["length"] = [*lengths, lay.NEVER]
        self._columns: dict[int, tuple[str, int, int, int, int]] = {}
        distinct: dict[int, int] = {}
        begins = np.zeros((len(order), len(self._signals) + 1), np.int32)
        for t, plan in enumerate(traits):
            signal, w = signal_of[plan.index], order.index(plan.window)
            trait = self._traits[t]
            trait["kind"], trait["signal"] = KINDS.index(plan.aggregate), signal
            trait["window"] = w
            trait["word"], trait["bit"] = plan.index // 63, 1 << (plan.index % 63)
            trait["edges"] = -1
            if plan.aggregate == "distinct":
                trait["distinct"] = distinct.setdefault(signal, len(distinct))
            self._columns[plan.index] = (plan.aggregate, t, 0, 0, 0)
            begins[w, signal + 1] += 1
            window = self._windows[w]
            window["signals"] = int(window["signals"]) | 1 << signal
        flat = begins.ravel()
        # Where a window's last signal ends, the next window's first one begins.
        flat[:] = np.cumsum(flat)
        self._begins = begins
        self._distincts = list(distinct)
        self._plan_columns()
        self._edges = np.zeros(1, np.int64)

    def _plan_columns(self) -> None:
        """Give each trait its columns: those that the same events change in one block."""
        traits = self._traits
        blocks: dict[tuple[str, ...], list[int]] = {}
        for signal, (_, events) in enumerate(self._signals):
            blocks.setdefault(events, []).append(signal)
        self._blocks: list[Any] = []
        """Of each block what a customer without facts has."""
        self._block_of = np.zeros(len(self._signals), np.int32)
        self._narrow_in = np.zeros(len(traits), np.int64)
        self._wide_in = np.zeros(len(traits), np.int64)
        self._within = np.zeros(len(self._signals), lay.SIGNAL)
        for number, signals in enumerate(blocks.values()):
            empty: list[int] = []
            for signal in signals:
                ours = np.flatnonzero(traits["signal"] == signal).tolist()
                kinds = [int(traits[t]["kind"]) for t in ours]
                if any(lay.WIDE[kind] for kind in kinds) and len(empty) % 2:
                    empty.append(0)
                first = len(empty)
                for t, kind in zip(ours, kinds, strict=True):
                    if lay.WIDE[kind]:
                        self._wide_in[t] = len(empty) // 2
                        nothing = lay.EMPTY if kind in (lay.MIN, lay.MAX) else 0
                        empty += np.array([nothing], np.int64).view(np.int32).tolist()
                for t, kind in zip(ours, kinds, strict=True):
                    self._narrow_in[t] = len(empty)
                    nothing = lay.NO_FACT if kind in (lay.FIRST, lay.LAST) else 0
                    empty += [nothing] * lay.NARROW[kind]
                self._block_of[signal] = number
                self._within[signal] = (4 * first, 0, 4 * (len(empty) - first))
            empty += [0] * (len(empty) % 2)
            self._blocks.append(np.array(empty, np.int32))

    def _numbers(self, customers: int) -> Any:
        """Return the numbers of so many customers without facts; say where each trait's are."""
        array = np.empty(customers * sum(len(block) for block in self._blocks), np.int32)
        bases, strides, start = [], [], 0
        for block in self._blocks:
            size = customers * len(block)
            array[start : start + size].reshape(customers, len(block))[:] = block
            bases.append(start)
            strides.append(len(block))
            start += size
        base, stride = np.array(bases or [0], np.int64), np.array(strides or [0], np.int64)
        mine = self._block_of[self._traits["signal"]]
        self._traits["narrow"] = base[mine] + self._narrow_in
        self._traits["wide"] = base[mine] // 2 + self._wide_in
        self._traits["stride"] = stride[mine]
        self._where = self._within.copy()
        self._where["base"] += 4 * base[self._block_of]
        self._where["stride"] = 4 * stride[self._block_of]
        narrow, wide, step = (self._traits[each].tolist() for each in ("narrow", "wide", "stride"))
        for index, (kind, t, *_) in self._columns.items():
            self._columns[index] = (kind, t, narrow[t], wide[t], step[t])
        return array

    def _program(self, plans: Sequence[TraitPlan]) -> Program:
        """Return what is to be asked of a fact, each question once."""
        asked: dict[int, Any] = {}
        for plan in plans:
            if plan.index in self._place:
                signal = self._signal_of[plan.index]
                asked[signal] = (
                    signal,
                    self._kinds[signal],
                    plan.where,
                    plan.value,
                    HOLD[plan.aggregate],
                )
        plain = sum(
            1 << signal
            for signal, kind, where, _, _ in asked.values()
            if kind == NOTHING and where is None
        )
        rest = (
            asked[signal]
            for signal in sorted(asked)
            if not (asked[signal][1] == NOTHING and asked[signal][2] is None)
        )
        return plain, tuple(rest)

    def _begin(self, facts: int, customers: int, identities: int) -> None:
        facts, customers = max(facts, 1_000), max(customers, 1_000)
        self._e = np.zeros(facts + 1, lay.FACT)
        self._p = np.zeros(64, lay.KIND)
        self._m = np.full(256, -1, np.int32)
        self._kinds_known: dict[tuple[int, int], int] = {}
        self._v = np.zeros(2 * facts, np.int64)
        self._b = np.zeros(24 * facts, np.uint8)
        self._i = np.full((3, max(identities, 1_000)), -1, np.int32)
        self._c = np.zeros((customers, 1 + self._words), np.int64)
        self._c[:, 0] = -1
        self._a = self._numbers(customers)
        self._q = np.zeros(customers, np.int32)
        self._h = _slots(4_096)
        self._l = np.zeros((max(1, len(self._lengths)), 1_024), lay.ENTRY)
        self._s = np.zeros(lay.SCALARS, np.int64)
        self._s[lay.TRACK] = 1
        self._s[lay.TAIL] = self._s[lay.NEWEST] = -lay.NEVER
        self._s[lay.DISTINCTS] = len(self._distincts)
        self._s[lay.ASKED : lay.ASKED + len(self._distincts)] = self._distincts
        self._s[lay.DUE] = lay.NEVER
        self._s[lay.VALUED] = np.uint64(self._valued_bits).astype(np.int64)
        self._s[lay.WORDS] = self._words
        self._windows["position"] = 0
        self._windows["late"] = 0
        self._windows["due"] = lay.NEVER
        # The first kind is that of a fact of which nothing is left.
        self._kind(0, 0)
        self._bind()

    def _kind(self, event: int, said: int) -> int:
        """Return the number of a kind of facts; make it known."""
        kind = self._kinds_known.get((event, said))
        if kind is not None:
            return kind
        kind = self._kinds_known[event, said] = len(self._kinds_known)
        first = kind
        if kind >= len(self._p):
            first = 0
            more = np.zeros(4 * len(self._p), lay.KIND)
            more[: len(self._p)] = self._p
            self._p, self._m = more, np.full(4 * len(self._m), -1, np.int32)
            self._bind()
        self._p[kind] = (said, event)
        run.seated(self._p, self._m, first, kind + 1)
        return kind

    def _bind(self) -> None:
        """Keep the arrays in the order in which compiled code takes them."""
        e, p, v, b, i, c, a, q = (
            *(self._e, self._p, self._v, self._b),
            *(self._i, self._c, self._a, self._q),
        )
        h, each, t, r, w, x, s = (
            *(self._h, self._l, self._traits, self._begins),
            *(self._windows, self._edges, self._s),
        )
        n, d = a.view(np.int64), self._where
        self._n = n
        self._all = (e, p, v, b, i, c, a, n, d, q, h, each, t, r, w, x, s)
        self._passing = (e, p, v, i, c, a, n, d, q, each, t, r, w, x, s)
        self._again = (e, p, v, b, i, c, a, n, q, h, t, r, w, x, s)
        self._finding = (e, p, v, b, i, c, a, n, t, s)
        # One number is read and written much faster in a view than in an array.
        self._views = tuple(each.data for each in (s, v, b, q, c))
        self._full = (len(e) - 2, len(v), len(b), len(self._h) // 2 - 64, each.shape[1] - 1)

    @property
    def signals(self) -> list[tuple[str, tuple[str, ...]]]:
        """What is asked of which events: the bits of ``said`` in `step`, in their order."""
        return self._signals

    def numbers(self, identities: Sequence[str], customers: Sequence[str]) -> Any:
        """Make identities and their customers known; return a number for each, for `step`."""
        known, names = self._identities, self._identity_names
        owners, owner_names = self._customers, self._customer_names
        found: list[int] = []
        fresh: list[int] = []
        theirs: list[int] = []
        for identity, customer in zip(identities, customers, strict=True):
            number = known.get(identity)
            if number is None:
                number = known[identity] = len(names)
                names.append(identity)
                owner = owners.get(customer)
                if owner is None:
                    # Most often both counts are the same: then keep one number, not two.
                    owner = len(owner_names)
                    owner = owners[customer] = number if owner == number else owner
                    owner_names.append(customer)
                fresh.append(number)
                theirs.append(owner)
            found.append(number)
        self._rows()
        numba_owners.own(self._i, self._c, np.array(fresh, np.int64), np.array(theirs, np.int64))
        return np.array(found, np.int32)

    def _know(self, identity: str, customer: str) -> int:
        return int(self.numbers((identity,), (customer,))[0])

    def _customer(self, name: str) -> int:
        number = self._customers.get(name)
        if number is None:
            number = self._customers[name] = len(self._customer_names)
            self._customer_names.append(name)
            self._rows()
        return number

    def _rows(self) -> None:
        """Have a row for each identity and each customer that has a number."""
        known = self._i.shape[1]
        if len(self._identity_names) > known:
            more = np.full((3, max(len(self._identity_names), 2 * known)), -1, np.int32)
            more[:, :known] = self._i
            self._i = more
            self._bind()
        before = len(self._c)
        if len(self._customer_names) > before:
            size = max(len(self._customer_names), 2 * before)
            rows = np.zeros((size, self._c.shape[1]), np.int64)
            rows[:before] = self._c
            rows[before:, 0] = -1
            numbers, start, there = self._numbers(size), 0, 0
            for width in map(len, self._blocks):
                used = before * width
                numbers[there : there + used] = self._a[start : start + used]
                start, there = start + used, there + size * width
            self._c, self._a = rows, numbers
            self._q = np.concatenate([self._q, np.zeros(size - before, np.int32)])
            self._bind()

    def _code(self, value: Any) -> int:
        key = code_key(value)
        code = self._codes.get(key)
        if code is None:
            code = self._codes[key] = len(self._values)
            self._values.append(value)
        return code

    def _clear(self, customer: int) -> None:
        numba_owners.clear(
            *(self._e, self._p, self._v, self._i, self._c, self._a, self._n, self._h),
            *(self._traits, self._s, customer),
        )

    def _room(self, facts: int, values: int, texts: int = 0) -> None:
        s = self._s
        if int(s[lay.FACTS]) + facts + 2 > len(self._e) and 2 * s[lay.DEAD] > s[lay.FACTS]:
            self.compact()
        if int(s[lay.FACTS]) + facts >= MOST_FACTS or int(s[lay.VALUES]) + values >= MOST_VALUES:
            raise Refused(
                f"The compiled kernel has room for {MOST_FACTS:,} facts and {MOST_VALUES:,} values.",
                hint="Shorten the windows, or share the customers among several servers.",
            )
        self._e = _grown(self._e, int(s[lay.FACTS]) + facts + 2, MOST_FACTS + 2)
        self._v = _grown(self._v, int(s[lay.VALUES]) + values + 1, MOST_VALUES)
        self._b = _grown(self._b, int(s[lay.TEXT]) + texts + 1)
        self._bind()

    def compact(self) -> None:
        """Give back the room of facts that have left all windows; what counts stays as it is."""
        s, e = self._s, self._e
        fresh = _slots(len(self._h))
        numba_columns.rehash(e, self._h, fresh, s)
        self._h = fresh
        late = self._windows["late"].tolist()
        waiting = []
        for w in range(len(self._lengths)):
            entries = self._l[w, : late[w]].copy()
            entries = entries[(e["live"][entries["fact"]] >> w & 1).astype(bool)]
            waiting.append(entries[np.argsort(entries["time"], kind="stable")])
        near = np.empty(int(s[lay.FACTS]), np.int64)
        numba_compaction.close_up(e, self._p, self._v, self._b, self._windows, s, near)
        numba_compaction.point_again(
            self._i, self._a, fresh, self._traits, near, len(self._customer_names)
        )
        for w, entries in enumerate(waiting):
            # In the order of time a row is a heap.
            entries["fact"] = near[entries["fact"]]
            self._l[w, : len(entries)] = entries
            self._windows["late"][w] = len(entries)
        s[lay.HEAP] = max(map(len, waiting), default=0)
        self._bind()

    def _more_slots(self) -> None:
        s = self._s
        if s[lay.HEAP] + 1 >= self._l.shape[1]:
            wider = np.zeros((len(self._l), 2 * self._l.shape[1]), lay.ENTRY)
            # Only what is used: the rest of a short window's room then takes no memory.
            for w, late in enumerate(self._windows["late"][: len(self._lengths)].tolist()):
                wider[w, :late] = self._l[w, :late]
            self._l = wider
        if s[lay.SLOTS] + 64 > len(self._h) // 2:
            fresh = _slots(2 * len(self._h))
            numba_columns.rehash(self._e, self._h, fresh, s)
            self._h = fresh
        self._bind()


def _taken(plans: Mapping[int, TraitPlan]) -> dict[int, TraitPlan]:
    """Return the plans that are compiled: those that arrays have room for."""
    taken: dict[int, TraitPlan] = {}
    windows: set[int] = set()
    distincts = 0
    for index, plan in plans.items():
        if plan.aggregate not in KINDS or not plan.plain:
            continue
        lengths = windows | ({plan.window} if plan.window else set())
        distinct = plan.aggregate == "distinct"
        if len(taken) < SIGNALS and len(lengths) <= WINDOWS and distincts + distinct <= DISTINCTS:
            taken[index] = plan
            windows, distincts = lengths, distincts + distinct
    return taken


def _kernel_of_others(
    plans: Mapping[str, Sequence[TraitPlan]],
    taken: Mapping[int, TraitPlan],
    count: int,
    read: Callable[[str, str], Any] | None,
) -> Kernel | None:
    others = {
        event: [plan for plan in some if plan.index not in taken] for event, some in plans.items()
    }
    others = {event: some for event, some in others.items() if some}
    if not others:
        return None
    return Kernel(others, count, read) if read is not None else Kernel(others, count)


def _room_for(columns: Columns, wanted: Any) -> Any:
    """Return an array with room for the values of all signals that the facts answer."""
    widest = max((int(cell).bit_count() for cell in wanted.ravel()), default=0)
    return np.zeros(max(1, widest) * len(columns.value), np.int64)


def _slots(size: int) -> Any:
    slots = np.zeros(size, lay.SLOT)
    slots["customer"] = -1
    return slots


def _grown(array: Any, size: int, most: int = 1 << 62) -> Any:
    """Return an array with room for so many; room that nothing is in yet takes no memory."""
    if size <= len(array):
        return array
    times = 4 if array.nbytes < 1 << 30 else 2
    more = np.zeros(max(size, min(most, times * len(array))), array.dtype)
    # As bytes: many times as fast as field by field.
    more.view(np.uint8)[: array.nbytes] = array.view(np.uint8)
    return more


def _ones(bits: Any) -> Any:
    return np.bitwise_count(bits).astype(np.int64)


def _gathered(blob: Any, starts: Any, lengths: Any) -> Any:
    """Return some stretches of a row of bytes, one behind the other."""
    ends = np.cumsum(lengths, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    if not total:
        return np.zeros(0, np.uint8)
    shifts = np.repeat(starts - (ends - lengths), lengths)
    return blob[shifts + np.arange(total)]
