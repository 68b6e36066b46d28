"""Where the compiled kernel keeps its state: the traits planned as tables, and the arrays that grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cic.adapters import numba_columns
from cic.adapters import numba_windows as run
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
from cid.model.fact import Fact

KINDS = ("count", "sum", "average", "min", "max", "first", "last", "distinct")
WIDTH = {"sum": 2, "average": 3}
FAR = 1 << 61
SIGNALS, WINDOWS, DISTINCTS = 64, 31, 31
Program = tuple[
    np.uint64,
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
        traits = sorted(self._place.values(), key=lambda plan: order.index(plan.window))
        self._lengths = lengths
        self._words = max(1, (self._count + 62) // 63)
        self._traits = np.zeros(len(traits), run.TRAIT)
        self._windows = np.zeros(len(order), run.WINDOW)
        self._windows["due"] = run.NEVER
        self._windows["length"] = [*lengths, run.NEVER]
        self._columns: dict[int, tuple[str, int, int]] = {}
        column = 0
        empty: list[int] = []
        distinct: dict[int, int] = {}
        for t, plan in enumerate(traits):
            signal, w = self._signal_of[plan.index], order.index(plan.window)
            trait = self._traits[t]
            trait["kind"], trait["signal"] = KINDS.index(plan.aggregate), signal
            trait["column"], trait["window"] = column, w
            trait["word"], trait["bit"] = plan.index // 63, 1 << (plan.index % 63)
            trait["edges"] = -1
            if plan.aggregate == "distinct":
                trait["distinct"] = distinct.setdefault(signal, len(distinct))
            self._columns[plan.index] = (plan.aggregate, column, t)
            width = WIDTH.get(plan.aggregate, 1)
            column += width
            nothing = plan.aggregate in ("min", "max", "first", "last")
            empty += [run.EMPTY if nothing else 0] * width
            window = self._windows[w]
            window["end"] = t + 1
            if not int(window["signals"]):
                window["start"] = t
            window["signals"] = int(window["signals"]) | 1 << signal
        self._distincts = list(distinct)
        self._empty = np.array(empty, np.int64)
        self._edges = np.zeros(1, np.int64)

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
        return np.uint64(plain), tuple(rest)

    def _begin(self, facts: int, customers: int, identities: int) -> None:
        facts, customers = max(facts, 1_000), max(customers, 1_000)
        self._e = np.zeros(facts + 1, run.FACT)
        self._v = np.zeros(2 * facts, np.int64)
        self._b = np.zeros(24 * facts, np.uint8)
        self._i = np.full(max(identities, 1_000), -1, run.IDENTITY)
        self._c = np.zeros((customers, 1 + self._words), np.int64)
        self._c[:, 0] = -1
        self._a = np.tile(self._empty, (customers, 1))
        self._q = np.zeros(customers, np.int32)
        self._h = _slots(4_096)
        self._l = np.zeros((max(1, len(self._lengths)), 1_024), run.ENTRY)
        self._s = np.zeros(run.SCALARS, np.int64)
        self._s[run.TRACK] = 1
        self._s[run.TAIL] = self._s[run.NEWEST] = -run.NEVER
        self._s[run.DISTINCTS] = len(self._distincts)
        self._s[run.ASKED : run.ASKED + len(self._distincts)] = self._distincts
        self._s[run.DUE] = run.NEVER
        self._s[run.VALUED] = np.uint64(self._valued_bits).astype(np.int64)
        self._s[run.WORDS] = self._words
        self._windows["position"] = 0
        self._windows["late"] = 0
        self._windows["due"] = run.NEVER
        self._bind()

    def _bind(self) -> None:
        """Keep the arrays in the order in which compiled code takes them."""
        e, v, b, i, c, a, q = self._e, self._v, self._b, self._i, self._c, self._a, self._q
        h, each, t, w, x, s = self._h, self._l, self._traits, self._windows, self._edges, self._s
        self._all = (e, v, b, i, c, a, q, h, each, t, w, x, s)
        self._passing = (e, v, i, c, a, q, each, t, w, x, s)
        self._again = (e, v, b, i, c, a, q, h, t, w, x, s)

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
        run.own(self._i, self._c, np.array(fresh, np.int64), np.array(theirs, np.int64))
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
        if len(self._identity_names) > len(self._i):
            size = max(len(self._identity_names), 2 * len(self._i))
            more = np.full(size - len(self._i), -1, run.IDENTITY)
            self._i = np.concatenate([self._i, more])
            self._bind()
        before = len(self._c)
        if len(self._customer_names) > before:
            size = max(len(self._customer_names), 2 * before)
            rows = np.zeros((size, self._c.shape[1]), np.int64)
            rows[:before] = self._c
            rows[before:, 0] = -1
            numbers = np.empty((size, self._a.shape[1]), np.int64)
            numbers[:before] = self._a
            numbers[before:] = self._empty
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
        run.clear(
            *(self._e, self._v, self._i, self._c, self._a, self._h),
            *(self._traits, self._s, self._empty, customer),
        )

    def _find(self, t: int, customer: int) -> int:
        e, v, b, i, c, a = self._all[:6]
        return int(numba_columns.find(e, v, b, i, c, a, self._traits, self._s, t, customer))

    def _room(self, facts: int, values: int, texts: int = 0) -> None:
        s = self._s
        self._e = _grown(self._e, int(s[run.FACTS]) + facts + 2)
        self._v = _grown(self._v, int(s[run.VALUES]) + values + 1)
        self._b = _grown(self._b, int(s[run.TEXT]) + texts + 1)
        self._bind()

    def _more_slots(self) -> None:
        s = self._s
        if s[run.HEAP] + 1 >= self._l.shape[1]:
            wider = np.zeros((len(self._l), 2 * self._l.shape[1]), run.ENTRY)
            # Only what is used: the rest of a short window's room then takes no memory.
            for w, late in enumerate(self._windows["late"][: len(self._lengths)].tolist()):
                wider[w, :late] = self._l[w, :late]
            self._l = wider
        if s[run.SLOTS] + 64 > len(self._h) // 2:
            fresh = _slots(2 * len(self._h))
            numba_columns.rehash(self._e, self._traits, self._h, fresh, s)
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
    slots = np.zeros(size, run.SLOT)
    slots["customer"] = -1
    return slots


def _grown(array: Any, size: int) -> Any:
    """Return an array with room for so many; room that nothing is in yet takes no memory."""
    if size <= len(array):
        return array
    times = 4 if array.nbytes < 1 << 30 else 2
    more = np.zeros(max(size, times * len(array)), array.dtype)
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
