"""What kind of value a piece of an expression has, as far as that is certain, and what cannot fit.

Nothing is guessed: where a kind is not known, nothing is said. A remark that is made is true for every value
that the domains of the names allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cid.feel import tree
from cid.feel.values import kind_of

Kinds = frozenset[str] | None
"""The kinds a value may have besides null; None where anything is possible."""

SPOKEN = {
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "date": "a date",
    "date and time": "a date and time",
    "time": "a time",
    "days and time duration": "a duration",
    "years and months duration": "a duration in months",
    "list": "a list",
    "context": "a context",
    "range": "a range",
    "function": "a function",
}
"""How a kind is called in a sentence."""


@dataclass(frozen=True, slots=True)
class Domain:
    """What a name can stand for: its kind, and which values of that kind there are.

    An empty ``kind`` says that nothing is known. ``null`` says that the value may be missing.
    """

    kind: str = ""
    null: bool = True
    whole: bool = False
    low: Decimal | None = None
    high: Decimal | None = None
    values: tuple[Any, ...] = ()
    """All values there are, where they are known one by one."""


ANYTHING = Domain()
Domains = Mapping[str, Domain]
"""By name; a property is written as a path, such as ``event.total``."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about an expression that its author should know, with its place in the text.

    ``form`` is a sentence with places for ``words``, so that it can be said in any language.
    """

    form: str
    words: Mapping[str, str]
    line: int
    column: int
    level: str = "error"

    def __str__(self) -> str:
        return self.form.format(**self.words)


_TEXTS = ("string length", "upper case", "lower case", "trim")
_TWO_TEXTS = ("contains", "starts with", "ends with", "matches")
_NUMBERS = (
    "floor",
    "ceiling",
    "abs",
    "sqrt",
    "exp",
    "log",
    "odd",
    "even",
    "round up",
    "round down",
)
_WANTED: dict[str, tuple[str, ...]] = {
    **{name: ("string",) for name in _TEXTS},
    **{name: ("string", "string") for name in _TWO_TEXTS},
    **{name: ("number",) for name in _NUMBERS},
    "substring": ("string", "number", "number"),
    "modulo": ("number", "number"),
}
_GIVEN: dict[str, str] = {
    **dict.fromkeys(("string", "upper case", "lower case", "substring", "string join"), "string"),
    **dict.fromkeys(("substring before", "substring after", "replace", "trim"), "string"),
    **dict.fromkeys(_TWO_TEXTS, "boolean"),
    **dict.fromkeys(("odd", "even", "list contains", "is defined", "consent"), "boolean"),
    **dict.fromkeys(("floor", "ceiling", "sqrt", "exp", "log", "modulo"), "number"),
    **dict.fromkeys(("round up", "round down", "round half up", "round half down"), "number"),
    **dict.fromkeys(("string length", "number", "count", "decimal"), "number"),
    "split": "list",
    "date": "date",
    "date and time": "date and time",
    "time": "time",
}
"""What well-known functions ask for, and what they give unless it is null."""


def path_of(node: tree.Node) -> str:
    """Give the name under which a piece is looked up among the domains; empty where it is none.

    >>> path_of(tree.Path(tree.Name("event"), "total"))
    'event.total'
    """
    match node:
        case tree.Name(name=name):
            return name
        case tree.Input():
            return "?"
        case tree.Path(base=tree.Name(name=base), name=name):
            return f"{base}.{name}"
    return ""


def kinds(node: tree.Node, domains: Domains) -> Kinds:
    """Give the kinds a piece may have besides null; None where that is not certain.

    >>> from cid.feel.parser import parse
    >>> sorted(kinds(parse("spend * 2 > 5"), {"spend": Domain("number")}))
    ['boolean']
    """
    match node:
        case tree.Literal(value=None):
            return frozenset()
        case tree.Literal(value=value):
            return frozenset({kind_of(value)})
        case tree.Name() | tree.Input() | tree.Path():
            known = domains.get(path_of(node), ANYTHING).kind
            return frozenset({known}) if known else None
        case (
            tree.Comparison()
            | tree.Between()
            | tree.Membership()
            | tree.Conjunction()
            | tree.Disjunction()
            | tree.Not()
            | tree.Quantified()
            | tree.InstanceOf()
            | tree.UnaryTests()
            | tree.InputComparison()
        ):
            return frozenset({"boolean"})
        case tree.If(then=then, otherwise=otherwise):
            return _either(kinds(then, domains), kinds(otherwise, domains))
        case tree.Arithmetic():
            return _calculated(node, domains)
        case tree.Negation(operand=operand):
            return kinds(operand, domains)
        case tree.ListOf() | tree.For():
            return frozenset({"list"})
        case tree.Context():
            return frozenset({"context"})
        case tree.Interval():
            return frozenset({"range"})
        case tree.Call(function=tree.Name(name=name)) if name in _GIVEN and name not in domains:
            return frozenset({_GIVEN[name]})
    return None


def remarks(node: tree.Node, domains: Domains) -> Iterator[Remark]:
    """Yield everything in an expression that cannot fit together, whatever the values are.

    >>> from cid.feel.parser import parse
    >>> print(*remarks(parse('age > "old"'), {"age": Domain("number")}))
    age is a number, "old" is a text: that is never true.
    """
    from cid.feel.notation import write

    def said(piece: tree.Node, form: str, level: str = "error", **words: str) -> Remark:
        line, column = place(piece)
        return Remark(form, words, line, column, level)

    def shown(piece: tree.Node) -> str:
        return write(piece)

    def unlike(left: tree.Node, right: tree.Node, whole: tree.Node, form: str) -> Iterator[Remark]:
        one, other = kinds(left, domains), kinds(right, domains)
        if one and other and not one & other:
            yield said(
                whole,
                form,
                left=shown(left),
                one=spoken(one),
                right=shown(right),
                other=spoken(other),
            )

    for piece in _outside_of_scopes(node):
        match piece:
            case tree.Comparison(operator="!=", left=left, right=right):
                yield from unlike(left, right, piece, INCOMPARABLE)
            case tree.Comparison(operator=sign, left=left, right=right):
                # Two missing values are equal, whatever they would have been.
                certain = sign != "=" or _there(left, domains) or _there(right, domains)
                yield from unlike(left, right, piece, NEVER if certain else INCOMPARABLE)
            case tree.Between(value=value, low=low, high=high):
                yield from unlike(value, low, piece, NEVER)
                yield from unlike(value, high, piece, NEVER)
            case tree.Membership(value=value, tests=tests):
                for test in tests:
                    if not isinstance(test, tree.ListOf):
                        for part in _ends(test):
                            yield from unlike(value, part, part, NEVER)
            case tree.Arithmetic(operator=operator, left=left, right=right):
                one, other = kinds(left, domains), kinds(right, domains)
                if one and other and not _calculable(operator, one, other):
                    yield said(
                        piece,
                        "{left} is {one}, {right} is {other}: {operator} cannot join them.",
                        left=shown(left),
                        one=spoken(one),
                        right=shown(right),
                        other=spoken(other),
                        operator=operator,
                    )
            case tree.Conjunction(operands=operands) | tree.Disjunction(operands=operands):
                for operand in operands:
                    yield from _conditions(operand, domains)
            case tree.Not(operand=operand) | tree.If(condition=operand):
                yield from _conditions(operand, domains)
            case tree.Call(function=tree.Name(name=name), positional=given) if name not in domains:
                for wanted, value in zip(_WANTED.get(name, ()), given, strict=False):
                    found = kinds(value, domains)
                    if found and wanted not in found:
                        yield said(
                            value,
                            "{function} wants {wanted}; {value} is {kind}.",
                            function=name,
                            wanted=SPOKEN[wanted],
                            value=shown(value),
                            kind=spoken(found),
                        )


NEVER = "{left} is {one}, {right} is {other}: that is never true."
INCOMPARABLE = "{left} is {one}, {right} is {other}: they cannot be compared."


def condition_remarks(node: tree.Node, domains: Domains) -> Iterator[Remark]:
    """Yield the remarks on an expression that must be true or false."""
    yield from _conditions(node, domains)
    yield from remarks(node, domains)


def spoken(found: frozenset[str]) -> str:
    """Say what kind a value is; of several kinds the first by the alphabet."""
    return SPOKEN.get(min(found), min(found))


def place(node: tree.Node) -> tuple[int, int]:
    """Give the line and the column at which a piece begins; an operator begins with its left side."""
    return min(
        ((each.line, each.column) for each in tree.walk(node)), default=(node.line, node.column)
    )


def _conditions(operand: tree.Node, domains: Domains) -> Iterator[Remark]:
    from cid.feel.notation import write

    found = kinds(operand, domains)
    if found and "boolean" not in found:
        line, column = place(operand)
        words = {"value": write(operand), "kind": spoken(found)}
        yield Remark("{value} is {kind}, which is no condition.", words, line, column)


def _there(node: tree.Node, domains: Domains) -> bool:
    """Whether a value is certainly not missing."""
    if isinstance(node, tree.Literal):
        return node.value is not None
    return not domains.get(path_of(node), ANYTHING).null


def _ends(test: tree.Node) -> Iterator[tree.Node]:
    match test:
        case tree.Interval(low=low, high=high):
            yield from (end for end in (low, high) if end is not None)
        case tree.InputComparison(operand=operand):
            yield operand
        case tree.Literal(value=value) if value is not None:
            yield test


def _calculated(node: tree.Arithmetic, domains: Domains) -> Kinds:
    one, other = kinds(node.left, domains), kinds(node.right, domains)
    if one == other == frozenset({"number"}):
        return frozenset({"number"})
    if node.operator == "+" and one == other == frozenset({"string"}):
        return frozenset({"string"})
    return None


def _calculable(operator: str, one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two kinds can be joined; only what certainly cannot is refused."""
    plain = {"number", "string", "boolean"}
    if not (one <= plain and other <= plain):
        return True
    if one & other & {"number"}:
        return True
    return operator == "+" and bool(one & other & {"string"})


def _either(one: Kinds, other: Kinds) -> Kinds:
    return None if one is None or other is None else one | other


def _outside_of_scopes(node: tree.Node) -> Iterator[tree.Node]:
    """Give the pieces in which names mean what they mean outside: not within loops and filters."""
    waiting = [node]
    while waiting:
        piece = waiting.pop()
        yield piece
        match piece:
            case tree.For() | tree.Quantified() | tree.Function() | tree.Context():
                continue
            case tree.Filter(base=base):
                waiting.append(base)
            case tree.Call(function=tree.Name()):
                waiting.extend(piece.positional)
                waiting.extend(argument.value for argument in piece.named)
            case _:
                waiting.extend(tree.children(piece))
