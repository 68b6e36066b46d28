"""Functions on points and ranges: which comes before which, which lies within which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cid.feel import tree
from cid.feel.comparison import both, either, equal, interval, less
from cid.feel.errors import FeelError
from cid.feel.functions.dates import duration, make_date, make_moment, make_time
from cid.feel.functions.signature import Builtin
from cid.feel.parser import parse
from cid.feel.values import NUMBERS, TEMPORAL, Range

Verdict = bool | None
Relation = Callable[[Any, Any], Verdict]


def _flag(value: bool) -> Verdict:
    return value


def _touch(left: Any, right: Any, closed: bool) -> Verdict:
    """Tell whether two ends are the same place, where it matters if that place belongs to them."""
    return both(equal(left, right), _flag(closed))


def _begins_before(one: Range, other: Range) -> Verdict:
    """Tell whether one range begins where another does, or earlier."""
    same = _touch(one.low, other.low, one.low_closed or not other.low_closed)
    return either(less(one.low, other.low), same)


def _ends_after(one: Range, other: Range) -> Verdict:
    """Tell whether one range ends where another does, or later."""
    same = _touch(one.high, other.high, one.high_closed or not other.high_closed)
    return either(less(other.high, one.high), same)


def _reaches(one: Range, other: Range) -> Verdict:
    """Tell whether one range ends where another begins, or later."""
    same = _touch(one.high, other.low, one.high_closed and other.low_closed)
    return either(less(other.low, one.high), same)


def _before_ranges(one: Range, other: Range) -> Verdict:
    apart = not (one.high_closed and other.low_closed)
    return either(less(one.high, other.low), _touch(one.high, other.low, apart))


def _point_before(point: Any, range_: Range) -> Verdict:
    return either(less(point, range_.low), _touch(point, range_.low, not range_.low_closed))


def _before_point(range_: Range, point: Any) -> Verdict:
    return either(less(range_.high, point), _touch(range_.high, point, not range_.high_closed))


def _meets(one: Range, other: Range) -> Verdict:
    return _touch(one.high, other.low, one.high_closed and other.low_closed)


def _overlaps(one: Range, other: Range) -> Verdict:
    return both(_reaches(one, other), _reaches(other, one))


def _overlaps_before(one: Range, other: Range) -> Verdict:
    first = either(
        less(one.low, other.low),
        _touch(one.low, other.low, one.low_closed and not other.low_closed),
    )
    return both(first, both(_reaches(one, other), _ends_after(other, one)))


def _finishes(one: Range, other: Range) -> Verdict:
    same = _touch(one.high, other.high, one.high_closed == other.high_closed)
    return both(same, _begins_before(other, one))


def _starts(one: Range, other: Range) -> Verdict:
    same = _touch(one.low, other.low, one.low_closed == other.low_closed)
    return both(same, _ends_after(other, one))


def _includes(one: Range, other: Range) -> Verdict:
    return both(_begins_before(one, other), _ends_after(one, other))


def _holds(range_: Range, point: Any) -> Verdict:
    inside = both(less(range_.low, point), less(point, range_.high))
    low = _touch(range_.low, point, range_.low_closed)
    return either(inside, either(low, _touch(range_.high, point, range_.high_closed)))


def _coincides(one: Range, other: Range) -> Verdict:
    return equal(one, other)


def _turned(relation: Relation) -> Relation:
    return lambda first, second: relation(second, first)


def _relation(
    ranges: Relation,
    points: Relation | None = None,
    point_first: Relation | None = None,
    range_first: Relation | None = None,
) -> Builtin:
    """Declare a relation by the kinds of its arguments; null for those it does not know."""
    ways = {
        (True, True): ranges,
        (False, False): points,
        (False, True): point_first,
        (True, False): range_first,
    }

    def related(first: Any, second: Any) -> Verdict:
        kinds = isinstance(first, Range), isinstance(second, Range)
        way = ways[kinds]
        if way is None or not all(map(_place, (first, second))):
            return None
        return way(first, second)

    return Builtin(
        related, ("range1", "range2"), ("point1", "point2"), ("point", "range"), ("range", "point")
    )


def _place(value: Any) -> bool:
    return type(value) in NUMBERS or isinstance(value, (str, Range, *TEMPORAL))


_MAKING: dict[str, Callable[[Any], Any]] = {
    "date": make_date,
    "date and time": make_moment,
    "time": make_time,
    "duration": duration,
}


def make_range(from_: Any) -> Range | None:
    """Read a range whose two ends are written out.

    >>> make_range("[1..3)")
    Range(low=1, high=3, low_closed=True, high_closed=False, operator='')
    """
    if not isinstance(from_, str):
        return None
    try:
        node = parse(from_)
    except FeelError:
        return None
    if not isinstance(node, tree.Interval) or node.operator:
        return None
    low, high = _end(node.low), _end(node.high)
    return interval(low, high, node.low_closed, node.high_closed, False, False)


def _end(node: tree.Node | None) -> Any:
    match node:
        case tree.Literal(value=value):
            return value
        case tree.Call(
            function=tree.Name(name=name), positional=(tree.Literal(value=str(text)),)
        ) if name in _MAKING:
            return _MAKING[name](text)
    return None


FUNCTIONS = {
    "before": _relation(_before_ranges, less, _point_before, _before_point),
    "after": _relation(
        _turned(_before_ranges), _turned(less), _turned(_before_point), _turned(_point_before)
    ),
    "meets": _relation(_meets),
    "met by": _relation(_turned(_meets)),
    "overlaps": _relation(_overlaps),
    "overlaps before": _relation(_overlaps_before),
    "overlaps after": _relation(_turned(_overlaps_before)),
    "finishes": _relation(
        _finishes, None, lambda point, range_: _touch(point, range_.high, range_.high_closed)
    ),
    "finished by": _relation(
        _turned(_finishes),
        range_first=lambda range_, point: _touch(range_.high, point, range_.high_closed),
    ),
    "includes": _relation(_includes, range_first=_holds),
    "during": _relation(_turned(_includes), point_first=_turned(_holds)),
    "starts": _relation(
        _starts, None, lambda point, range_: _touch(point, range_.low, range_.low_closed)
    ),
    "started by": _relation(
        _turned(_starts),
        range_first=lambda range_, point: _touch(range_.low, point, range_.low_closed),
    ),
    "coincides": _relation(_coincides, equal),
    "range": Builtin(make_range, ("from",)),
}
