"""Hit policies: from the rows that match to the one value of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cid.feel.comparison import equal, less
from cid.feel.functions import BUILTINS
from context.diagrams import Hit

Outputs = Sequence[Any]
"""What one row answers, in the order of the table's outputs."""


@dataclass(frozen=True)
class Ranks:
    """For each output the values that were listed, the best one first."""

    values: tuple[tuple[Any, ...], ...]

    def of(self, outputs: Outputs) -> tuple[int, ...]:
        """Give the place of a row among others: the smallest comes first."""
        return tuple(
            next((at for at, each in enumerate(known) if equal(each, value) is True), len(known))
            for known, value in zip(self.values, outputs, strict=True)
        )


def settle(hit: Hit, found: Sequence[Outputs], ranks: Ranks) -> list[Outputs] | None:
    """Choose among the rows that match: those that count, in order; None where they contradict.

    >>> settle("any", [["yes"], ["yes"]], Ranks(((),)))
    [['yes']]
    >>> settle("unique", [["yes"], ["no"]], Ranks(((),))) is None
    True
    """
    if hit == "unique":
        return list(found) if len(found) == 1 else None
    if hit == "any":
        same = all(equal(list(each), list(found[0])) is True for each in found[1:])
        return [found[0]] if same else None
    if hit == "first":
        return [found[0]]
    if hit == "priority":
        return [min(found, key=ranks.of)]
    if hit == "output order":
        return sorted(found, key=ranks.of)
    return list(found)


SINGLE = frozenset({"unique", "any", "first", "priority"})
"""The hit policies that answer with one row."""


def _total(values: list[Any]) -> Any:
    return BUILTINS["sum"](values)


def _least(values: list[Any]) -> Any:
    least = values[0]
    for value in values[1:]:
        smaller = less(value, least)
        if smaller is None:
            return None
        least = value if smaller else least
    return least


def _most(values: list[Any]) -> Any:
    most = values[0]
    for value in values[1:]:
        smaller = less(most, value)
        if smaller is None:
            return None
        most = value if smaller else most
    return most


AGGREGATES: Mapping[str, Callable[[list[Any]], Any]] = {
    "collect sum": _total,
    "collect min": _least,
    "collect max": _most,
    "collect count": len,
}
"""How the outputs of all rows that match become one."""


def answer(hit: Hit, rows: Sequence[Outputs], names: Sequence[str]) -> Any:
    """Make the value of a table from the rows that count.

    One output is a plain value, several are a context by name; of many rows it is a list.

    >>> answer("collect sum", [[3], [4]], [""])
    7
    >>> answer("rule order", [[3, "a"], [4, "b"]], ["n", "t"])
    [{'n': 3, 't': 'a'}, {'n': 4, 't': 'b'}]
    """
    aggregate = AGGREGATES.get(hit)
    if aggregate is not None:
        columns = [aggregate([row[at] for row in rows]) for at in range(len(names))]
        return _one(columns, names)
    if hit in SINGLE:
        return _one(rows[0], names)
    return [_one(row, names) for row in rows]


def _one(outputs: Outputs, names: Sequence[str]) -> Any:
    return outputs[0] if len(names) == 1 else dict(zip(names, outputs, strict=True))
