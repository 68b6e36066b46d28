"""The table of one term: for each value it may have, the rules that agree, as the bits of a number.

Values of a kind are cut where any rule changes its mind: at place 2j + 1 stands the value of cut j
itself, at 2j the gap before it. What a rule says in a place is asked of the interpreter, with one
value from there; so the table says what the language says, whatever that is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any

from cid.feel import tree
from cid.feel.index.terms import VALUE, constants, in_utc
from cid.feel.interpreter import evaluate
from cid.feel.temporal import Months
from cid.feel.values import lift

_WIDE = Context(prec=200, Emax=MAX_EMAX, Emin=MIN_EMIN)
NUMBER, TEXT = "number", "string"
_KIND_OF: dict[type, str] = {
    **{int: NUMBER, Decimal: NUMBER, str: TEXT, date: "date", datetime: "date and time"},
    **{timedelta: "duration of days", Months: "duration of months"},
}
_FIRST: dict[str, Any] = {
    NUMBER: 0,
    TEXT: "",
    "date": date(2000, 1, 1),
    "date and time": datetime(2000, 1, 1, tzinfo=UTC),
    "duration of days": timedelta(0),
    "duration of months": Months(0),
}
"""A value of each kind, for where no rule makes a difference within it."""
_STEP: dict[str, Any] = {
    "date": timedelta(days=1),
    "date and time": timedelta(microseconds=1),
    "duration of days": timedelta(microseconds=1),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What one piece of a condition says of every value: true, or not."""

    none: bool
    true: bool
    false: bool
    ordered: tuple[tuple[str, tuple[Any, ...], tuple[bool, ...]], ...]
    """(kind, cuts in order, what is said at each place)."""

    def only_texts(self) -> tuple[str, ...] | None:
        """Give the texts for which alone the piece is true, or None where it is also elsewhere."""
        found: tuple[str, ...] = ()
        if self.none or self.true or self.false:
            return None
        for kind, cuts, said in self.ordered:
            if kind == TEXT and not any(said[::2]):
                found = tuple(cut for cut, met in zip(cuts, said[1::2], strict=True) if met)
            elif any(said):
                return None
        return found


@lru_cache(maxsize=20_000)
def answers(piece: tree.Node) -> Answers:
    """Ask the interpreter once for each place in which the answer can differ."""

    def said(value: Any) -> bool:
        return evaluate(piece, {VALUE.name: value}) is True

    found: dict[str, set[Any]] = {kind: set() for kind in _FIRST}
    for value in constants(piece):
        if type(value) in _KIND_OF:
            found[_KIND_OF[type(value)]].add(_key(value))
    ordered = []
    for kind, some in found.items():
        cuts = tuple(sorted(some))
        between = _between(kind, cuts)
        places = [said(between[0])]
        for cut, after in zip(cuts, between[1:], strict=True):
            places += [said(cut), said(after)]
        ordered.append((kind, cuts, tuple(places)))
    return Answers(said(None), said(True), said(False), tuple(ordered))


def _key(value: Any) -> Any:
    """Give what a value is ordered by: a moment by where it lies in time, whatever its zone."""
    return in_utc(value) if type(value) is datetime else value


def _between(kind: str, cuts: Sequence[Any]) -> list[Any]:
    """Give one value from each gap; null where a gap holds no value at all."""
    if not cuts:
        return [_FIRST[kind]]
    if kind == NUMBER:
        exact = [Decimal(cut) for cut in cuts]
        # Twice as far from zero is beyond; the sum of neighbours, halved, is between.
        low = _WIDE.subtract(exact[0], _WIDE.add(abs(exact[0]), 1))
        high = _WIDE.add(exact[-1], _WIDE.add(abs(exact[-1]), 1))
        inner = [_WIDE.divide(_WIDE.add(a, b), 2) for a, b in pairwise(exact)]
        return [low, *inner, high]
    after: list[Any]
    first: Any
    if kind == TEXT:
        after = [cut + "\0" for cut in cuts]
        first = "" if cuts[0] else None
    elif kind == "duration of months":
        after = [Months(cut.months + 1) for cut in cuts]
        first = Months(cuts[0].months - 1)
    else:
        after = [_moved(cut, _STEP[kind]) for cut in cuts]
        first = _moved(cuts[0], -_STEP[kind])
    kept = [
        value if value is not None and value < following else None
        for value, following in zip(after, cuts[1:], strict=False)
    ]
    return [first, *kept, after[-1]]


def _moved(value: Any, step: timedelta) -> Any:
    try:
        return value + step
    except OverflowError:
        return None


@dataclass(slots=True)
class Lane:
    """The values of one kind: the cuts, and the rules that agree at each place."""

    cuts: list[Any] = field(default_factory=list)
    masks: list[int] = field(default_factory=lambda: [0])

    @property
    def same(self) -> bool:
        """Whether it makes no difference which value of this kind it is."""
        return len(set(self.masks)) == 1

    @property
    def only_points(self) -> bool:
        """Whether all gaps are alike: only certain values make a difference."""
        return len(set(self.masks[::2])) == 1

    @property
    def floats(self) -> list[float] | None:
        """The cuts as floating point, where that tells them apart as exactly as they are."""
        try:
            found = [float(cut) for cut in self.cuts]
        except OverflowError:
            return None
        exact = all(Decimal(repr(near)) == cut for near, cut in zip(found, self.cuts, strict=True))
        return found if exact else None

    def mask(self, key: Any) -> int:
        """Give the rules that agree to a value."""
        place = bisect_left(self.cuts, key)
        met = place < len(self.cuts) and self.cuts[place] == key
        return self.masks[2 * place + met]


class Lanes:
    """One term: who asks for it, and who agrees to which value."""

    def __init__(self, asked: Iterable[tuple[int, tree.Node]], everybody: int) -> None:
        told = [(bit, answers(piece)) for bit, piece in asked]
        self.care = sum(bit for bit, _ in told)
        others = everybody & ~self.care
        self.none = others | sum(bit for bit, said in told if said.none)
        self.true = others | sum(bit for bit, said in told if said.true)
        self.false = others | sum(bit for bit, said in told if said.false)
        self.of: dict[str, Lane] = {}
        for number, kind in enumerate(_FIRST):
            rows = [(bit, *said.ordered[number][1:]) for bit, said in told]
            self.of[kind] = _swept(rows, others)

    def mask(self, value: Any) -> int | None:
        """Give the rules that agree to a value; None for a kind of value that no table knows."""
        value = lift(value)
        if value is None:
            return self.none
        if value is True or value is False:
            return self.true if value else self.false
        kind = _KIND_OF.get(type(value))
        try:
            return None if kind is None else self.of[kind].mask(_key(value))
        except OverflowError:
            return None


def _swept(rows: list[tuple[int, tuple[Any, ...], tuple[bool, ...]]], others: int) -> Lane:
    """Walk over all places once; at each some rules begin to agree and some cease to."""
    cuts = sorted({cut for _, own, _ in rows for cut in own})
    place_of = {cut: 2 * number + 1 for number, cut in enumerate(cuts)}
    width = 2 * len(cuts) + 1
    opens, closes = [0] * (width + 1), [0] * (width + 1)
    for bit, own, said in rows:
        before = False
        for number, met in enumerate(said):
            if met is before:
                continue
            # An odd number is a cut; an even one the gap that begins after the cut before it.
            if number % 2:
                at = place_of[own[number // 2]]
            else:
                at = place_of[own[number // 2 - 1]] + 1 if number else 0
            (opens if met else closes)[at] |= bit
            before = met
    current, masks = others, []
    for begin, end in zip(opens[:width], closes[:width], strict=True):
        current = current & ~end | begin
        masks.append(current)
    return Lane(cuts, masks)
