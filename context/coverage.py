"""What a decision table leaves out, says twice, or can never say: with values that show it.

Each column is cut into regions in which no cell of it changes its mind; a row is a box of regions. What no box
covers is a gap, what two boxes cover is said twice, and a box that others hide is never reached. A cell that
cannot be cut so may be met or not: a gap counts it as met, a row that hides another as not met. So whatever is
reported can be seen with the values given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cid.feel import tree
from cid.feel.inference import Domain
from cid.feel.python import compile_unary
from cid.feel.regions import cut, representatives
from cid.feel.values import kind_of

STEPS = 50_000
"""How many boxes are looked at; a table that needs more is not judged."""
Cell = tree.UnaryTests | None
"""None is the cell ``-``: anything will do."""
Witness = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Region:
    """A part of a column: a value in it, and the rows that are met there, surely or perhaps."""

    value: Any
    surely: int
    perhaps: int
    plain: bool
    """Whether the value is one that the table itself speaks of."""
    known: bool = True
    """Whether the value can occur, as far as we know; that it cannot is never taken for granted."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """A table cut into regions, ready to be asked what is missing."""

    names: tuple[str, ...]
    columns: tuple[tuple[_Region, ...], ...]
    rows: int

    def gap(self, *, plain: bool) -> Witness | None:
        """Give values that no row fits; None where there are none, or where that is too much to say.

        Args:
            plain: only values between and beside those that the table speaks of.
        """
        searching = _Search(self.columns, plain)
        found = searching.uncovered(0, (1 << self.rows) - 1)
        return None if found is None else dict(zip(self.names, found, strict=True))

    def hidden(self) -> Iterator[int]:
        """Give the numbers of the rows, from 1, that earlier rows leave nothing for."""
        for row in range(1, self.rows):
            before = (1 << row) - 1
            inside = tuple(
                tuple(
                    replace(region, perhaps=region.surely & before, known=True)
                    for region in column
                    if region.perhaps >> row & 1
                )
                for column in self.columns
            )
            searching = _Search(inside, False)
            if searching.uncovered(0, before) is None and not searching.tired:
                yield row + 1

    def overlaps(self) -> Iterator[tuple[int, int, Witness]]:
        """Give pairs of rows, from 1, that fit the same values, with those values."""
        together = [0] * self.rows
        if self.rows * self.rows * len(self.columns) > STEPS * 40:
            return
        for row in range(self.rows):
            together[row] = (1 << self.rows) - 1
            for column in self.columns:
                met = 0
                for region in column:
                    if region.known and region.surely >> row & 1:
                        met |= region.surely
                together[row] &= met
        for row in range(self.rows):
            for other in range(row + 1, self.rows):
                if together[row] >> other & 1:
                    both = 1 << row | 1 << other
                    values = [
                        next(one.value for one in column if one.known and one.surely & both == both)
                        for column in self.columns
                    ]
                    yield row + 1, other + 1, dict(zip(self.names, values, strict=True))


class _Search:
    """Looks for a combination of regions that no row fits."""

    def __init__(self, columns: Sequence[Sequence[_Region]], plain: bool) -> None:
        self._columns = columns
        self._plain = plain
        self._seen: set[tuple[int, int]] = set()
        self._steps = 0

    @property
    def tired(self) -> bool:
        """Whether it gave up before everything was looked at."""
        return self._steps > STEPS

    def uncovered(self, column: int, rows: int) -> list[Any] | None:
        if column == len(self._columns):
            return None if rows else []
        if (column, rows) in self._seen or self.tired:
            return None
        self._steps += 1
        for region in self._columns[column]:
            if region.known and (region.plain or not self._plain):
                rest = self.uncovered(column + 1, rows & region.perhaps)
                if rest is not None:
                    return [region.value, *rest]
        self._seen.add((column, rows))
        return None


def coverage(
    names: Sequence[str], domains: Sequence[Domain], rows: Sequence[Sequence[Cell]]
) -> Coverage:
    """Cut a table into regions.

    >>> from cid.feel.parser import parse_unary
    >>> ages = [[parse_unary("< 18")], [parse_unary("> 18")]]
    >>> coverage(["age"], [Domain("number", null=False)], ages).gap(plain=True)
    {'age': 18}
    """
    columns = tuple(
        tuple(_regions(domain, [row[place] for row in rows]))
        for place, domain in enumerate(domains)
    )
    return Coverage(tuple(names), columns, len(rows))


def _regions(domain: Domain, cells: Sequence[Cell]) -> Iterator[_Region]:
    cuts = {cell: cut(cell) for cell in cells if cell is not None}
    constants = [
        value
        for each in cuts.values()
        for name, held in each.constants.items()
        if each.variables[name] == "?"
        for value in held
    ]
    spoken = {kind_of(value) for value in constants} - {"null", "boolean", "list"}
    if not domain.kind:
        # Of a value nobody has described we only know what the table itself says of it.
        if len(spoken) != 1 or any(each.opaque for each in cuts.values()):
            everything = (1 << len(cells)) - 1
            yield _Region(None, _rows(cells, None), everything, True)
            return
    seen: set[tuple[int, int, bool, bool]] = set()
    anything = _rows(cells, None)
    unsure = 0
    tests = []
    for cell, found in cuts.items():
        if _unsure(cell, found.opaque):
            unsure |= _rows(cells, cell)
        else:
            tests.append((_rows(cells, cell), compile_unary(cell)))
    for value in _nicest(domain, constants):
        surely = anything
        for rows, test in tests:
            if test(value, None) is True:
                surely |= rows
        perhaps = surely | unsure
        known = bool(domain.kind) or kind_of(value) in spoken
        other = isinstance(value, str) and not domain.values and value not in constants
        plain = value is not None and not other
        key = (surely, perhaps, plain, known)
        if key not in seen:
            seen.add(key)
            yield _Region(value, surely, perhaps, plain, known)


def _rows(cells: Sequence[Cell], wanted: Cell) -> int:
    """Give the rows that have this cell, as bits."""
    return sum(1 << row for row, cell in enumerate(cells) if cell == wanted)


def _unsure(cell: tree.UnaryTests, opaque: bool) -> bool:
    return opaque or any(isinstance(each, tree.Name | tree.Path) for each in tree.walk(cell))


def _nicest(domain: Domain, constants: Sequence[Any]) -> list[Any]:
    """Give values of all regions, those first that people would name."""
    found = representatives(domain, constants)
    named = [value for value in found if value in constants]
    return [*named, *(value for value in found if value not in named)]
