"""Which rows of a table match: one look into each column instead of one into each cell.

A column keeps, for each number that its cells speak of and for each gap between two of them, the rows whose
cells are met there, as the bits of one whole number; likewise for each text, for true, false and null. What
the cells say is not told anew here: each place is tried once with FEEL itself, so the two agree. A cell
that speaks of anything else is tried on the rows that are left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from typing import Any

from cid.feel import evaluate_unary
from cid.feel.tree import InputComparison, Interval, Literal, UnaryTests, walk
from cid.feel.values import lift

Meets = Callable[[Any, Any], Any]
"""A cell at work: a value and its surroundings → whether it is met."""
CellOf = tuple[UnaryTests, Meets] | None
"""A cell that was read, with its way to work; None where anything will do."""

MANY = 10_000
"""How many values a column remembers."""
LONG = 100
"""Longest text it remembers."""
MOST_TRIES = 200_000
"""How often cells are tried while a column is made ready: about half a second."""
_ENDLESS = float("inf")
_FINE = Context(prec=50)
_PLAIN = (UnaryTests, InputComparison, Interval, Literal)


class Column:
    """The cells of one input, one for each row."""

    __slots__ = (
        "_cells",
        "_cuts",
        "_false",
        "_large",
        "_null",
        "_numbers",
        "_true",
        "residue",
        "seen",
    )

    def __init__(self, cells: Sequence[CellOf]) -> None:
        self._cells = [
            (1 << at, *cell) for at, cell in enumerate(cells) if cell and _plain(cell[0])
        ]
        self.residue = [
            (1 << at, cell[1]) for at, cell in enumerate(cells) if cell and not _plain(cell[0])
        ]
        free = (1 << len(cells)) - 1
        for bit, _, _ in self._cells:
            free &= ~bit
        constants = [
            each.value
            for _, node, _ in self._cells
            for each in walk(node)
            if isinstance(each, Literal)
        ]
        cuts: list[Any] = sorted({each for each in constants if type(each) in (int, Decimal)})
        texts = {each for each in constants if type(each) is str}
        # A table of very many rows is not tried at all its places, but where it is asked.
        self._large = len(self._cells) * (2 * len(cuts) + len(texts)) > MOST_TRIES
        self._numbers = [] if self._large else [self._met(each, free) for each in _places(cuts)]
        self._cuts = [*cuts, _ENDLESS]
        self._true = self._met(True, free)
        self._false = self._met(False, free)
        self._null = self._met(None, free)
        self.seen: dict[int | str, int] = {}
        if not self._large:
            self.seen = {each: self._met(each, free) for each in texts}
        """What was found for whole numbers and texts; these are the values that come again."""

    def _met(self, value: Any, rows: int) -> int:
        for bit, node, _ in self._cells:
            if evaluate_unary(node, value) is True:
                rows |= bit
        return rows

    def find(self, value: int | str) -> int:
        """Give the rows whose cells a whole number or a text meets, and remember them."""
        found = self._number(value) if type(value) is int else self._tried(value, {}, -1)
        if len(self.seen) < MANY and not (isinstance(value, str) and len(value) > LONG):
            self.seen[value] = found
        return found

    def _number(self, value: Any) -> int:
        if self._large:
            return self._tried(value, {}, -1)
        at = bisect_left(self._cuts, value)
        rows: int = self._numbers[at + at + (self._cuts[at] == value)]
        return rows

    def _tried(self, value: Any, around: Any, rows: int) -> int:
        for bit, _, meets in self._cells:
            if rows & bit and meets(value, around) is not True:
                rows &= ~bit
        return rows

    def rare(self, value: Any, around: Any, rows: int) -> int:
        """Give the rows left for a value of another kind."""
        value = lift(value)
        kind = type(value)
        if kind is Decimal and not value.is_finite():
            value = None  # As it is where it comes as a float.
        if value is None:
            return rows & self._null
        if kind is int or kind is Decimal:
            return rows & self._number(value)
        if kind is bool:
            return rows & (self._true if value else self._false)
        return self._tried(value, around, rows)

    def left(self, value: Any, around: Any, rows: int) -> int:
        """Give the rows left after the cells that no index can hold."""
        for bit, meets in self.residue:
            if rows & bit and meets(value, around) is not True:
                rows &= ~bit
        return rows


class Index:
    """All columns of a table."""

    def __init__(self, columns: Sequence[Sequence[CellOf]], rows: int) -> None:
        self._every = (1 << rows) - 1
        made = [Column(cells) for cells in columns]
        self._columns = [(each.seen, each.find, each.rare) for each in made]
        self._residue = [(at, each.left) for at, each in enumerate(made) if each.residue]

    def matches(self, values: Sequence[Any], around: Any) -> int:
        """Give the rows that match, as bits; the lowest is the first row.

        >>> from cid.feel import compile_unary, parse_unary
        >>> cells = [(parse_unary(text), compile_unary(text)) for text in ("< 5", "[3..9]")]
        >>> [bin(Index([cells], 2).matches([value], {})) for value in (1, 4, 7, "x")]
        ['0b1', '0b11', '0b10', '0b0']
        """
        rows = self._every
        for value, (seen, find, rare) in zip(values, self._columns, strict=True):
            kind = type(value)
            if kind is int or kind is str:
                found = seen.get(value)
                rows &= find(value) if found is None else found
            else:
                rows = rare(value, around, rows)
            if not rows:
                return 0
        for at, left in self._residue:
            rows = left(values[at], around, rows)
        return rows

    def by_name(self, names: Sequence[str]) -> Callable[[Any], int]:
        """Give the same for values that are found by name: the way of tables asked very often."""
        if self._residue:
            return lambda scope: self.matches([scope.get(name) for name in names], scope)
        every = self._every
        columns = [(name, *each) for name, each in zip(names, self._columns, strict=True)]

        def matches(scope: Any) -> int:
            rows = every
            get = scope.get
            for name, seen, find, rare in columns:
                value = get(name)
                kind = type(value)
                if kind is int or kind is str:
                    found = seen.get(value)
                    rows &= find(value) if found is None else found
                else:
                    rows = rare(value, scope, rows)
            return rows

        return matches


def numbered(rows: int) -> list[int]:
    """Give the numbers of rows, from 1, whose bits are set.

    >>> numbered(0b101)
    [1, 3]
    """
    found = []
    while rows:
        lowest = rows & -rows
        found.append(lowest.bit_length())
        rows ^= lowest
    return found


def _plain(node: UnaryTests) -> bool:
    """Tell whether the cell compares with constants only, so that places can stand for values."""
    return all(isinstance(each, _PLAIN) for each in walk(node)) and all(
        isinstance(each.value, int | Decimal | str | bool | None)
        for each in walk(node)
        if isinstance(each, Literal)
    )


def _places(cuts: Sequence[Any]) -> list[Any]:
    """Give a number below all, each number, one right after each, which is before the next.

    Numbers of FEEL have 34 digits; with a few more there is always one between two of them.
    """
    if not cuts:
        return [0]
    places: list[Any] = [_FINE.next_minus(Decimal(cuts[0]))]
    for cut in cuts:
        places += [cut, _FINE.next_plus(Decimal(cut))]
    return places
