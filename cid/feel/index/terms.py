"""Take a condition apart: what it asks of each value on its own, and what is left over.

A *term* is a value that is read: a name, or a part of one, ``event.total``. A piece of a condition
that reads a single term and holds it against written constants only changes its answer at those
constants: a table can answer it. Everything else is left over and is asked of the compiled tree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

from cid.feel import tree
from cid.feel.interpreter import evaluate
from cid.feel.temporal import Months

VALUE = tree.Name("")
"""Stands for the term in a piece of which it does not matter what the term is called."""
_CONSTANTS = (type(None), bool, int, Decimal, str, date, datetime, timedelta, Months)
_MAKERS = frozenset({"date", "date and time", "duration"})
"""Functions that only read what is written in them."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way in which a condition can be true: all of this holds."""

    tests: dict[tree.Node, tree.Node]
    """By term: what must be true of it; there the term is `VALUE`."""
    rest: tuple[tree.Node, ...]
    """What must be true besides, and needs more than one term."""


_Part = tuple[tree.Node | None, tree.Node]
"""A term and what is asked of it, or no term and a condition that is left over."""


def alternatives(node: tree.Node, limit: int, functions: Collection[str] = ()) -> list[Alternative]:
    """Give the ways in which a condition can be true; it is true exactly where one of them is.

    >>> from cid.feel.parser import parse
    >>> [len(way.tests) for way in alternatives(parse("a > 1 and (b = 2 or c = 3)"), 8)]
    [2, 2]
    """
    return [_grouped(way) for way in _Dissection(limit, functions).ways(node, True)]


def _grouped(way: Iterable[_Part]) -> Alternative:
    tests: dict[tree.Node, list[tree.Node]] = {}
    rest = []
    for term, piece in way:
        if term is None:
            rest.append(piece)
        else:
            tests.setdefault(term, []).append(piece)
    return Alternative(
        {
            term: pieces[0] if len(pieces) == 1 else tree.Conjunction(tuple(pieces))
            for term, pieces in tests.items()
        },
        tuple(rest),
    )


class _Mixed(Exception):
    """No table can answer this piece."""


class _Dissection:
    def __init__(self, limit: int, functions: Collection[str]) -> None:
        self._limit = limit
        self._functions = functions

    def ways(self, node: tree.Node, wanted: bool) -> list[tuple[_Part, ...]]:
        """Give the ways in which a node is true, or is false where that is wanted.

        Null is neither: of ``not(…)`` only the false counts, as three-valued logic has it.
        """
        terms: set[tree.Node] = set()
        try:
            piece = self._piece(node, terms)
        except _Mixed:
            pass
        else:
            if not terms:
                return [()] if evaluate(piece, {}) is wanted else []
            if len(terms) == 1:
                return [((terms.pop(), piece if wanted else tree.Not(piece)),)]
        whole: list[tuple[_Part, ...]] = [((None, node if wanted else tree.Not(node)),)]
        match node:
            case tree.Not(operand=operand):
                return self.ways(operand, not wanted)
            case tree.Conjunction(operands=operands) if wanted:
                return self._all(operands, wanted)
            case tree.Disjunction(operands=operands) if not wanted:
                return self._all(operands, wanted)
            case tree.Conjunction(operands=operands) | tree.Disjunction(operands=operands):
                found = [way for each in operands for way in self.ways(each, wanted)]
                return found if len(found) <= self._limit else whole
        return whole

    def _all(self, operands: Iterable[tree.Node], wanted: bool) -> list[tuple[_Part, ...]]:
        """Combine the ways of parts that must all hold; what would be too many is left over."""
        parts: list[list[tuple[_Part, ...]]] = []
        count = 1
        found = [(each, self.ways(each, wanted)) for each in operands]
        for each, ways in sorted(found, key=lambda pair: len(pair[1])):
            if count * len(ways) > self._limit:
                ways = [((None, each if wanted else tree.Not(each)),)]
            count *= len(ways)
            parts.append(ways)
        return [tuple(part for way in chosen for part in way) for chosen in product(*parts)]

    def _piece(self, node: tree.Node, terms: set[tree.Node]) -> tree.Node:
        """Write a condition with `VALUE` for the only term it reads."""
        match node:
            case tree.Literal(value=bool()):
                return node
            case tree.Conjunction(operands=operands):
                return tree.Conjunction(tuple(self._piece(each, terms) for each in operands))
            case tree.Disjunction(operands=operands):
                return tree.Disjunction(tuple(self._piece(each, terms) for each in operands))
            case tree.Not(operand=operand):
                return tree.Not(self._piece(operand, terms))
            case tree.Comparison(operator=operator, left=left, right=right):
                if is_term(left):
                    return tree.Comparison(operator, self._term(left, terms), constant(right))
                return tree.Comparison(operator, constant(left), self._term(right, terms))
            case tree.Between(value=value, low=low, high=high):
                return tree.Between(self._term(value, terms), constant(low), constant(high))
            case tree.Membership(value=value, tests=tests):
                term = self._term(value, terms)
                return tree.Membership(term, tuple(_test(test) for test in tests))
            case tree.InstanceOf(value=value, type=type_):
                return tree.InstanceOf(self._term(value, terms), type_)
            case tree.Call(
                function=tree.Name(name="starts with"), positional=(value, start), named=()
            ) if "starts with" not in self._functions:
                begin = constant(start)
                if not isinstance(begin.value, str):
                    raise _Mixed
                return tree.Call(tree.Name("starts with"), (self._term(value, terms), begin))
        return self._term(node, terms)

    def _term(self, node: tree.Node, terms: set[tree.Node]) -> tree.Node:
        if not is_term(node):
            raise _Mixed
        terms.add(node)
        if len(terms) > 1:
            raise _Mixed
        return VALUE


def is_term(node: tree.Node) -> bool:
    """Tell whether this is a value that is simply read."""
    while isinstance(node, tree.Path):
        node = node.base
    return isinstance(node, tree.Name)


def constant(node: tree.Node) -> tree.Literal:
    """Give the value that is written here, a number, a text or a date."""
    match node:
        case tree.Literal(value=value) if _fits(value):
            return node
        case tree.Negation(operand=tree.Literal(value=int() | Decimal())):
            return tree.Literal(evaluate(node, {}))
        case tree.Call(function=tree.Name(name=name), positional=given, named=()) if (
            name in _MAKERS and all(isinstance(each, tree.Literal) for each in given)
        ):
            value = evaluate(node, {})
            if _fits(value):
                return tree.Literal(value)
    raise _Mixed


def _fits(value: object) -> bool:
    if type(value) is datetime:
        try:
            in_utc(value)
        except OverflowError:
            return False
    return type(value) in _CONSTANTS


def in_utc(value: datetime) -> datetime:
    """Give a moment in UTC; without a zone it is taken as such."""
    if value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _test(node: tree.Node) -> tree.Node:
    match node:
        case tree.InputComparison(operator=operator, operand=operand):
            return tree.InputComparison(operator, constant(operand))
        case tree.Interval(low=low, high=high):
            return tree.Interval(
                None if low is None else constant(low),
                None if high is None else constant(high),
                node.low_closed,
                node.high_closed,
            )
        case tree.ListOf(items=items):
            return tree.ListOf(tuple(_test(item) for item in items))
    return constant(node)


def constants(piece: tree.Node) -> Iterator[object]:
    """Give the values at which a piece can change its answer."""
    for node in tree.walk(piece):
        if isinstance(node, tree.Literal):
            yield node.value
        elif isinstance(node, tree.Call):
            start = node.positional[1]
            if isinstance(start, tree.Literal) and (after := _after(str(start.value))):
                yield after


def _after(start: str) -> str:
    """Give the first text that does not begin so any more, where texts are in order."""
    kept = start.rstrip("\U0010ffff")
    return kept[:-1] + chr(ord(kept[-1]) + 1) if kept else ""
