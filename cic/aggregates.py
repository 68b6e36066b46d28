"""The aggregates of traits: each can take in and take out a contribution exactly.

Counts and sums are whole numbers that the kernel adds up itself. What stands here keeps of the
contributions only what can still matter: windows let go of facts in the order in which they happened,
so what a later fact outdoes is never needed again. What is taken out of turn (a retraction, a split)
is not removed here: the kernel makes the customer's state anew.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from cic.periods import Calendar

if TYPE_CHECKING:
    from cic.plans import TraitPlan

SCALE = 10_000
LIMIT = 10**14
"""A number this large or larger contributes nothing: it is no amount."""

FIRST, THEN = 1, 2
"""The steps of a sequence."""

Order = tuple[int, str, str]

# A union of types would be made anew at every question.
_AS_IT_IS = (str, bool, date, timedelta)
_NUMBERS = (int, float, Decimal)


class Aggregate:
    """What is kept of contributions, and the value read from it."""

    empty: Any = None
    moves = False
    """Whether the value changes by itself as time passes."""

    def __init__(self, plan: TraitPlan) -> None:
        self.plan = plan

    def start(self, calendar: Calendar | None) -> Any:
        """Return what is kept of nothing; the calendar is the customer's."""
        return None

    def add(self, state: Any, held: Any, order: Order) -> Any:
        """Take in a contribution."""
        raise NotImplementedError

    def remove(self, state: Any, held: Any, order: Order) -> Any:
        """Take out what was taken in; nothing older is left."""
        raise NotImplementedError

    def read(self, state: Any, clock: int) -> Any:
        """Return the value as the outside knows it."""
        return state

    def turns(self, state: Any, after: int, numbers: Sequence[int] | None) -> int | None:
        """Return the next moment at which the value becomes one of these numbers, or any where None."""
        return None


class _Count(Aggregate):
    """A whole number that the kernel adds up itself."""

    empty: Any = 0

    def start(self, calendar: Calendar | None) -> Any:
        return 0


class _Sum(_Count):
    """Whole ten-thousandths that the kernel adds up itself."""

    empty: Any = Decimal(0)

    def read(self, state: Any, clock: int) -> Any:
        return Decimal(state).scaleb(-4)


class _Average(Aggregate):
    def start(self, calendar: Calendar | None) -> Any:
        return (0, 0)

    def add(self, state: Any, held: Any, order: Order) -> Any:
        return (state[0] + held, state[1] + 1)

    def remove(self, state: Any, held: Any, order: Order) -> Any:
        return (state[0] - held, state[1] - 1)

    def read(self, state: Any, clock: int) -> Any:
        total, n = state
        if not n:
            return None
        return (Decimal(total).scaleb(-4) / n).quantize(Decimal("0.0001"), ROUND_HALF_UP)


class _Distinct(Aggregate):
    empty: Any = 0

    def start(self, calendar: Calendar | None) -> Any:
        return {}

    def add(self, state: Any, held: Any, order: Order) -> Any:
        state[held] = state.get(held, 0) + 1
        return state

    def remove(self, state: Any, held: Any, order: Order) -> Any:
        left = state[held] - 1
        if left:
            state[held] = left
        else:
            del state[held]
        return state

    def read(self, state: Any, clock: int) -> Any:
        return len(state)


class _Largest(Aggregate):
    """The numbers that no later one reaches, in order of time: they fall from the first to the last."""

    sign = 1

    def start(self, calendar: Calendar | None) -> Any:
        return []

    def add(self, state: Any, held: Any, order: Order) -> Any:
        held *= self.sign
        if not state or state[-1][0] < order:
            while state and state[-1][1] <= held:
                state.pop()
            state.append((order, held))
            return state
        place = bisect_left(state, order, key=_order_of)
        if state[place][1] >= held:
            return state
        first = place
        while first and state[first - 1][1] <= held:
            first -= 1
        state[first:place] = [(order, held)]
        return state

    def remove(self, state: Any, held: Any, order: Order) -> Any:
        return _without(state, order)

    def read(self, state: Any, clock: int) -> Any:
        return Decimal(self.sign * state[0][1]).scaleb(-4) if state else None


class _Smallest(_Largest):
    sign = -1


class _LargestEver(Aggregate):
    """Where nothing leaves, only the largest is kept."""

    sign = 1

    def add(self, state: Any, held: Any, order: Order) -> Any:
        held *= self.sign
        return held if state is None or held > state else state

    def read(self, state: Any, clock: int) -> Any:
        return None if state is None else Decimal(self.sign * state).scaleb(-4)


class _SmallestEver(_LargestEver):
    sign = -1


class _Newest(Aggregate):
    """The newest alone: when it leaves, all others have left."""

    def add(self, state: Any, held: Any, order: Order) -> Any:
        return (order, held) if state is None or state[0] < order else state

    def remove(self, state: Any, held: Any, order: Order) -> Any:
        return None if state is not None and state[0] == order else state

    def read(self, state: Any, clock: int) -> Any:
        return None if state is None else state[1]


class _Oldest(Aggregate):
    def start(self, calendar: Calendar | None) -> Any:
        return []

    def add(self, state: Any, held: Any, order: Order) -> Any:
        _insert(state, held, order)
        return state

    def remove(self, state: Any, held: Any, order: Order) -> Any:
        return _without(state, order)

    def read(self, state: Any, clock: int) -> Any:
        return state[0][1] if state else None


class _OldestEver(_Newest):
    def add(self, state: Any, held: Any, order: Order) -> Any:
        return (order, held) if state is None or order < state[0] else state


class _Recent(_Oldest):
    """The newest few, oldest first."""

    @property
    def empty(self) -> Any:
        return []

    def add(self, state: Any, held: Any, order: Order) -> Any:
        _insert(state, held, order)
        if len(state) > self.plan.items:
            del state[0]
        return state

    def read(self, state: Any, clock: int) -> Any:
        return [held for _, held in reversed(state)]


class _Since(_Newest):
    """How many whole units ago the newest happened."""

    moves = True

    def read(self, state: Any, clock: int) -> Any:
        return None if state is None else (clock - state[0][0]) // self.plan.unit

    def turns(self, state: Any, after: int, numbers: Sequence[int] | None) -> int | None:
        if state is None:
            return None
        last, unit = state[0][0], self.plan.unit
        units = (after - last) // unit + 1
        if numbers is not None:
            place = bisect_left(numbers, units)
            if place == len(numbers):
                return None
            units = numbers[place]
        return int(last + units * unit)


class _Streak(Aggregate):
    """How many facts each day, week or month had."""

    empty: Any = 0
    moves = True

    def start(self, calendar: Calendar | None) -> Any:
        return (calendar, {})

    def add(self, state: Any, held: Any, order: Order) -> Any:
        calendar, facts = state
        number = calendar.number(order[0])
        facts[number] = facts.get(number, 0) + 1
        return state

    def remove(self, state: Any, held: Any, order: Order) -> Any:
        calendar, facts = state
        number = calendar.number(order[0])
        facts[number] -= 1
        if not facts[number]:
            del facts[number]
        return state

    def read(self, state: Any, clock: int) -> Any:
        calendar, facts = state
        last = calendar.number(clock)
        if last not in facts:
            last -= 1
        first = last
        while first in facts:
            first -= 1
        return last - first

    def turns(self, state: Any, after: int, numbers: Sequence[int] | None) -> int | None:
        calendar, facts = state
        due = calendar.begin(max(facts) + 2) if facts else 0
        return due if due > after else None


class _Sequence(Aggregate):
    """The first and the then events in order, and which of the latter came soon enough after one."""

    @property
    def empty(self) -> Any:
        return 0 if self.plan.counted else False

    def start(self, calendar: Calendar | None) -> Any:
        return ([], [], set())

    def add(self, state: Any, held: Any, order: Order) -> Any:
        firsts, thens, followed = state
        if held == FIRST:
            insort(firsts, order)
            followed.update(self._after(thens, order))
        else:
            insort(thens, order)
            if self._follows(firsts, order):
                followed.add(order)
        return state

    def remove(self, state: Any, held: Any, order: Order) -> Any:
        firsts, thens, followed = state
        if held == FIRST:
            del firsts[bisect_left(firsts, order)]
            for then in self._after(thens, order):
                if not self._follows(firsts, then):
                    followed.discard(then)
        else:
            del thens[bisect_left(thens, order)]
            followed.discard(order)
        return state

    def read(self, state: Any, clock: int) -> Any:
        return len(state[2]) if self.plan.counted else bool(state[2])

    def _follows(self, firsts: list[Order], then: Order) -> bool:
        place = bisect_left(firsts, then)
        return place > 0 and firsts[place - 1][0] > then[0] - self.plan.within

    def _after(self, thens: list[Order], first: Order) -> list[Order]:
        begin = bisect_right(thens, first)
        return thens[begin : bisect_left(thens, (first[0] + self.plan.within,), begin)]


def _insert(state: list[tuple[Order, Any]], held: Any, order: Order) -> None:
    # Nearly every fact is the newest: look at the end first.
    if not state or state[-1][0] < order:
        state.append((order, held))
    else:
        state.insert(bisect_left(state, order, key=_order_of), (order, held))


def _without(state: list[tuple[Order, Any]], order: Order) -> list[tuple[Order, Any]]:
    if state and state[0][0] == order:
        del state[0]
        return state
    place = bisect_left(state, order, key=_order_of)
    if place < len(state) and state[place][0] == order:
        del state[place]
    return state


def _order_of(pair: tuple[Order, Any]) -> Order:
    return pair[0]


def aggregate_of(plan: TraitPlan) -> Aggregate:
    """Return the aggregate of a trait: of all time where nothing ever leaves, of a window else."""
    ever = not plan.window and not plan.period
    kinds = _EVER | _SPECIAL if ever else _SPECIAL
    return (kinds.get(plan.aggregate) or _WINDOWED[plan.aggregate])(plan)


_WINDOWED: dict[str, type[Aggregate]] = {
    "count": _Count,
    "sum": _Sum,
    "average": _Average,
    "distinct": _Distinct,
    "min": _Smallest,
    "max": _Largest,
    "last": _Newest,
    "first": _Oldest,
}
_EVER: dict[str, type[Aggregate]] = {
    "min": _SmallestEver,
    "max": _LargestEver,
    "first": _OldestEver,
}
_SPECIAL: dict[str, type[Aggregate]] = {
    "recent": _Recent,
    "since": _Since,
    "streak": _Streak,
    "sequence": _Sequence,
}


def scaled(value: Any) -> int | None:
    """Return a number as whole ten-thousandths, rounded half up, or None for anything else.

    >>> scaled(2.55), scaled("7"), scaled(1.00005)
    (25500, None, 10001)
    """
    if type(value) is int:
        return value * SCALE if -LIMIT < value < LIMIT else None
    if type(value) is float:
        if not -LIMIT <= value <= LIMIT:
            return None
        whole = round(value * SCALE)
        if abs(value * SCALE - whole) < 1e-6 and abs(whole) < 1 << 50:
            return whole
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        if not -LIMIT < value < LIMIT:
            return None
        try:
            number = value.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        except InvalidOperation:
            return None
        whole = int(number.scaleb(4))
        return whole if -LIMIT * SCALE < whole < LIMIT * SCALE else None
    return None


def raw(value: Any) -> Any:
    """Return a value as first and last keep it: numbers as decimals, nested values not at all."""
    if value is None or isinstance(value, _AS_IT_IS):
        return value
    if isinstance(value, _NUMBERS):
        if scaled(value) is None:
            return None
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return None


def distinct_key(value: Any) -> str | None:
    """Return the text by which values are told apart."""
    if type(value) is str:
        return value
    if value is None or isinstance(value, (list, dict)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _NUMBERS):
        whole = scaled(value)
        return None if whole is None else format(Decimal(whole).scaleb(-4).normalize(), "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def one(value: Any) -> int:
    """Return how much a fact is where only its being there counts."""
    return 1


def first_step(value: Any) -> int:
    """Return what tells the first event of a sequence."""
    return FIRST


def then_step(value: Any) -> int:
    """Return what tells the second event of a sequence."""
    return THEN


HOLD: dict[str, Callable[[Any], Any]] = {
    "count": one,
    "sum": scaled,
    "average": scaled,
    "min": scaled,
    "max": scaled,
    "first": raw,
    "last": raw,
    "distinct": distinct_key,
    "recent": raw,
    "since": one,
    "streak": one,
}
STEPS = {FIRST: first_step, THEN: then_step}


def hold_of(plan: TraitPlan) -> Callable[[Any], Any]:
    """Return what makes a value into what is held of it; None means that it does not contribute."""
    return STEPS[plan.step] if plan.step else HOLD[plan.aggregate]
