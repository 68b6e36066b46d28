"""The one tree of FEEL: every target reads it, nobody changes it.

A node compares by meaning: where it stood in the text (line, column) does not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from typing import Literal as OneOf

ArithmeticOperator = OneOf["+", "-", "*", "/", "**"]
ComparisonOperator = OneOf["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A piece of an expression, and where it began."""

    line: int = field(default=1, compare=False, repr=False)
    column: int = field(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number, a text, true, false, null, or a temporal value written with ``@``."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Literal)
            and type(self.value) is type(other.value)
            and bool(self.value == other.value)
        )

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A value known by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Input(Node):
    """The tested value itself, written ``?``."""


@dataclass(frozen=True, slots=True)
class Path(Node):
    """A part of a value, ``customer.city``."""

    base: Node
    name: str


@dataclass(frozen=True, slots=True)
class Negation(Node):
    """A number with its sign turned."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """A calculation with two operands."""

    operator: ArithmeticOperator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """Two values held against each other."""

    operator: ComparisonOperator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Between(Node):
    """A value that lies between two others, both included."""

    value: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class Conjunction(Node):
    """All of these hold."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Disjunction(Node):
    """At least one of these holds."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    """This does not hold."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Membership(Node):
    """A value that meets at least one of the tests after ``in``."""

    value: Node
    tests: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class InputComparison(Node):
    """A comparison whose left side is the tested value: ``< 5`` in a cell."""

    operator: ComparisonOperator
    operand: Node


@dataclass(frozen=True, slots=True)
class UnaryTests(Node):
    """A cell of a decision table: any of its tests is met, or none where it is negated.

    No tests at all is the cell ``-``: anything will do.
    """

    tests: tuple[Node, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class If(Node):
    """One of two values, as a condition says."""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Iteration(Node):
    """A name that takes each value of a list, or of a run of whole numbers, in turn."""

    name: str
    source: Node
    until: Node | None = None


@dataclass(frozen=True, slots=True)
class For(Node):
    """A list with one value for each turn."""

    iterations: tuple[Iteration, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Quantified(Node):
    """A condition that holds for some, or for every, combination."""

    kind: OneOf["some", "every"]
    iterations: tuple[Iteration, ...]
    condition: Node


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """A list written out."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry(Node):
    """One named value of a context."""

    key: str
    value: Node


@dataclass(frozen=True, slots=True)
class Context(Node):
    """Named values written out; a later one may use an earlier one."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Interval(Node):
    """Everything between two ends, which belong to it or not."""

    low: Node | None
    high: Node | None
    low_closed: bool
    high_closed: bool
    operator: str = ""
    """``=`` or ``!=`` where it is written as such a test, ``(= 5)``."""


@dataclass(frozen=True, slots=True)
class Filter(Node):
    """The elements of a list that meet a condition, or the one at a position."""

    base: Node
    condition: Node


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """A value given to a function by the name of its parameter."""

    name: str
    value: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function at work, its arguments given by position or by name."""

    function: Node
    positional: tuple[Node, ...]
    named: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Function(Node):
    """A function written out; its parameters may have types."""

    parameters: tuple[str, ...]
    body: Node
    types: tuple[str, ...] = ()
    named: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class InstanceOf(Node):
    """Whether a value is of a type."""

    value: Node
    type: str
    named: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """Types that somebody named, by their names."""


def children(node: Node) -> Iterator[Node]:
    """Give the direct parts of a node, from left to right."""
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))


def operands(node: Node) -> Iterator[Node]:
    """Give the expressions directly within a node; entries, arguments and turns are looked into."""
    for child in children(node):
        if isinstance(child, Entry | Argument | Iteration):
            yield from children(child)
        else:
            yield child


def walk(node: Node) -> Iterator[Node]:
    """Give a node and everything below it."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(children(current))
