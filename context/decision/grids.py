"""Decision tables of a model: read once, then which rows match and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cid.feel.tree import Literal, Name
from cid.kit.errors import InvalidInput
from context.decision import hits
from context.decision.expressions import FeelError, Text, cell, expression
from context.decision.index import CellOf, Index, numbered
from context.decision.types import ANY, Type
from context.diagrams import Grid

Find = Callable[[str], Type]


class ReadyGrid:
    """A decision table that can be asked."""

    def __init__(self, grid: Grid, known: Iterable[str], type_of: Find) -> None:
        known = set(known)
        self.grid = grid
        self._names = [clause.name for clause in grid.outputs]
        self._inputs: list[tuple[Text, Type, Any]] = []
        self._outputs: list[Type] = []
        self._rows: list[list[Text]] = []
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
        columns: list[list[CellOf]] = [[] for _ in grid.inputs]
        for number, row in enumerate(grid.rows, start=1):
            if len(row) != wide + len(grid.outputs):
                raise InvalidInput(
                    f"Row {number} has {len(row)} cells, "
                    f"the table has {wide + len(grid.outputs)} columns."
                )
            for cells, text in zip(columns, row[:wide], strict=True):
                test = None if text.strip() in ("-", "") else tests(text, known, f"row {number}")
                cells.append(None if test is None else (test.node, test))
            self._rows.append([read(text or "null", known, f"row {number}") for text in row[wide:]])
        self._index = Index(columns, len(grid.rows))
        self._single = grid.hit in ("first", "unique")
        self._unique = grid.hit == "unique"
        self._constants = [self._constant(texts) for texts in self._rows]
        plain = [
            run.node.name
            for run, type_, allowed in self._inputs
            if isinstance(run.node, Name) and type_ is ANY and allowed is None
        ]
        self._bits: Callable[[dict[str, Any]], int | None] = self._read_bits
        if len(plain) == len(self._inputs):
            self._bits = self._index.by_name(plain)
        self._ranks = hits.Ranks(
            tuple(
                _listed(each.values, known) or _allowed(type_)
                for each, type_ in zip(grid.outputs, self._outputs, strict=True)
            )
        )

    def __call__(self, scope: dict[str, Any]) -> Any:
        """Give the table's value in a scope."""
        rows = self._bits(scope)
        if rows is None:
            return None
        if rows and self._single:
            if self._unique and rows & (rows - 1):
                return None
            at = (rows & -rows).bit_length() - 1
            constant = self._constants[at]
            if constant is not None:
                return constant if type(constant) is not dict else dict(constant)
            return hits.answer("first", [self._answer(self._rows[at], scope)], self._names)
        if not rows:
            if self._defaults is None:
                return None
            found = [self._answer(self._defaults, scope)]
            single = self.grid.hit in hits.SINGLE or self.grid.hit in hits.AGGREGATES
            return hits.answer("first" if single else self.grid.hit, found, self._names)
        found = [self._answer(self._rows[number - 1], scope) for number in numbered(rows)]
        chosen = hits.settle(self.grid.hit, found, self._ranks)
        return None if chosen is None else hits.answer(self.grid.hit, chosen, self._names)

    def quick(self) -> Callable[[dict[str, Any]], Any]:
        """Give the shortest way through the table: where rows answer constants, they are looked up."""
        bits, slow, unique = self._bits, self.__call__, self._unique
        if not self._single:
            return slow
        answers = {
            1 << at: constant
            for at, constant in enumerate(self._constants)
            if constant is not None and type(constant) is not dict
        }

        def decide(scope: dict[str, Any]) -> Any:
            rows = bits(scope)
            if rows:
                first = rows & -rows
                if first in answers and not (unique and rows != first):
                    return answers[first]
            return slow(scope)

        return decide

    def matches(self, scope: dict[str, Any]) -> list[int]:
        """Give the numbers of the rows that match, from 1."""
        return numbered(self._bits(scope) or 0)

    def _read_bits(self, scope: dict[str, Any]) -> int | None:
        """Give the rows that match as bits; None where an input is not allowed."""
        values = []
        for run, type_, allowed in self._inputs:
            value = type_.take(run(scope))
            if allowed is not None and value is not None and allowed(value, scope) is not True:
                return None
            values.append(value)
        return self._index.matches(values, scope)

    def _constant(self, texts: list[Text]) -> Any:
        """Give what a row always answers; None where that depends, or is null."""
        if not all(isinstance(text.node, Literal) for text in texts):
            return None
        return hits.answer("first", [self._answer(texts, {})], self._names)

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


def _allowed(type_: Type) -> tuple[Any, ...]:
    """Give the values that a type lists, the best one first, where a table does not list them."""
    listed = type_.listed()
    return tuple(each.value for each in listed if isinstance(each, Literal))
