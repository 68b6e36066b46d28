"""Decision tables of a model: read once, then which rows match and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cid.feel.tree import Literal
from cid.kit.errors import InvalidInput
from context.decision import hits
from context.decision.expressions import FeelError, Run, Text, cell, expression
from context.decision.types import ANY, Type
from context.diagrams import Grid

Find = Callable[[str], Type]


class ReadyGrid:
    """A decision table that can be asked."""

    def __init__(self, grid: Grid, known: Iterable[str], type_of: Find) -> None:
        known = set(known)
        self.grid = grid
        self._names = [clause.name for clause in grid.outputs]
        self._inputs: list[tuple[Run, Type, Any]] = []
        self._outputs: list[Type] = []
        self._rows: list[tuple[list[Any], list[Text]]] = []
        self._defaults: list[Text] | None = None
        for column, clause in enumerate(grid.inputs, start=1):
            where = f"input {column}"
            run = read(clause.feel, known, where)
            values = tests(clause.values, known, where) if clause.values.strip() else None
            self._inputs.append((run, type_of(clause.type) if clause.type else ANY, values))
        for output in grid.outputs:
            self._outputs.append(type_of(output.type) if output.type else ANY)
        if any(clause.default.strip() for clause in grid.outputs):
            self._defaults = [
                read(clause.default.strip() or "null", known, "default") for clause in grid.outputs
            ]
        wide = len(grid.inputs)
        for number, row in enumerate(grid.rows, start=1):
            if len(row) != wide + len(grid.outputs):
                raise InvalidInput(
                    f"Row {number} has {len(row)} cells, "
                    f"the table has {wide + len(grid.outputs)} columns."
                )
            made = [
                None if text.strip() in ("-", "") else tests(text, known, f"row {number}")
                for text in row[:wide]
            ]
            answers = [read(text or "null", known, f"row {number}") for text in row[wide:]]
            self._rows.append((made, answers))
        self._ranks = hits.Ranks(tuple(_listed(each.values, known) for each in grid.outputs))

    def __call__(self, scope: dict[str, Any]) -> Any:
        """Give the table's value in a scope."""
        matched = self.matches(scope)
        if matched is None:
            return None
        if not matched:
            if self._defaults is None:
                return None
            found = [self._answer(self._defaults, scope)]
            single = self.grid.hit in hits.SINGLE or self.grid.hit in hits.AGGREGATES
            return hits.answer("first" if single else self.grid.hit, found, self._names)
        if self.grid.hit == "first":
            matched = matched[:1]
        found = [self._answer(self._rows[number - 1][1], scope) for number in matched]
        chosen = hits.settle(self.grid.hit, found, self._ranks)
        return None if chosen is None else hits.answer(self.grid.hit, chosen, self._names)

    def matches(self, scope: dict[str, Any]) -> list[int] | None:
        """Give the numbers of the rows that match, from 1; None where an input is not allowed."""
        values = []
        for run, type_, allowed in self._inputs:
            value = type_.take(run(scope))
            if allowed is not None and value is not None and allowed(value, scope) is not True:
                return None
            values.append(value)
        return [
            number
            for number, (tests_, _) in enumerate(self._rows, start=1)
            if all(
                test is None or test(value, scope) is True
                for test, value in zip(tests_, values, strict=True)
            )
        ]

    def _answer(self, texts: list[Text], scope: Mapping[str, Any]) -> list[Any]:
        return [
            type_.take(text(dict(scope))) if type_ is not ANY else text(dict(scope))
            for text, type_ in zip(texts, self._outputs, strict=True)
        ]


def read(text: str, known: Iterable[str], where: str) -> Text:
    """Read an expression of a table; an error names the place."""
    try:
        return expression(text, known)
    except FeelError as error:
        raise InvalidInput(f"{where}: {error}") from error


def tests(text: str, known: Iterable[str], where: str) -> Any:
    """Read the tests of a cell; an error names the place."""
    try:
        return cell(text, known)
    except FeelError as error:
        raise InvalidInput(f"{where}: {error}") from error


def _listed(text: str, known: Iterable[str]) -> tuple[Any, ...]:
    if not text.strip():
        return ()
    node = tests(text, known, "output values").node
    return tuple(each.value for each in node.tests if isinstance(each, Literal))
