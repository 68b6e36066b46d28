"""Properties of facts as columns: which SQL reads a FEEL expression exactly, and where it cannot.

A property of a fact may be anything, in every fact something else. SQL wants one type. So the kind
is guessed from how the expression uses the name, and `odd` finds the facts for which the guess is
wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cic.model import Aggregate
from cid.feel import Unsupported, names, parse, to_sql
from cid.feel import tree as feel

Kind = Literal["number", "text", "boolean", "any"]
NUMBERS = "('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE')"
MOMENT = 'epoch_ms("time")'
_OWN = {"event": "CAST(event AS VARCHAR)", "source": "CAST(source AS VARCHAR)"}


class Unreadable(Exception):
    """SQL cannot say this exactly as FEEL means it."""


class Expression:
    """One expression over the properties of a fact, as text or as its tree."""

    def __init__(self, expression: str | feel.Node) -> None:
        self.tree = parse(expression) if isinstance(expression, str) else expression
        used = list(_kinds(self.tree))
        nulls = {name: kind for name, kind in used if kind == "any"}
        others = {name: kind for name, kind in used if kind != "any"}
        self.kinds = {name: "text" for name in names(self.tree)} | nulls | others

    def column(self, aggregate: Aggregate) -> str:
        """Return the SQL of a value that an aggregate takes; only plain properties can be read.

        Raises:
            Unreadable: it is a calculation, or reads what is not a property.
        """
        pointer = _pointer(self.tree)
        if pointer in ("/event", "/source", "/time"):
            if aggregate not in ("first", "last", "recent", "distinct"):
                raise Unreadable(pointer)
            if pointer == "/time":
                if aggregate == "distinct":
                    raise Unreadable(pointer)
                return MOMENT
            name = pointer[1:]
            return name if aggregate == "distinct" else f"to_json({name})::VARCHAR"
        place = text_literal(pointer)
        type_ = f"json_type(properties, {place})"
        amount = amount_of("properties", pointer)
        if aggregate in ("sum", "min", "max", "average"):
            return amount
        if aggregate == "distinct":
            return text_of("properties", pointer)
        raw = f"json_extract(properties, {place})::VARCHAR"
        fit = f"{type_} IN ('VARCHAR', 'BOOLEAN') OR ({amount}) IS NOT NULL"
        return f"CASE WHEN {fit} THEN {raw} END"

    def sql(self) -> str:
        """Return the SQL of a condition.

        Raises:
            Unreadable: SQL cannot say it exactly.
        """
        if "time" in self.kinds:
            raise Unreadable("time")
        try:
            return to_sql(self.tree, {name: self._read(name) for name in self.kinds})
        except Unsupported as error:
            raise Unreadable(str(error)) from error

    def odd(self) -> str:
        """Return SQL that is true for facts whose properties `sql` cannot read."""
        return " OR ".join(
            f"coalesce({self._odd(name)}, false)" for name in self.kinds if name not in _OWN
        )

    def _read(self, name: str) -> str:
        if name in _OWN:
            return _OWN[name]
        said = f"json_extract_string(properties, {text_literal('/' + _escaped(name))})"
        match self.kinds[name]:
            case "number":
                return f"TRY_CAST({said} AS DECIMAL(28,10))"
            case "boolean":
                return f"TRY_CAST({said} AS BOOLEAN)"
            case _:
                return f"CAST({said} AS VARCHAR)"

    def _odd(self, name: str) -> str:
        type_ = f"json_type(properties, {text_literal('/' + _escaped(name))})"
        match self.kinds[name]:
            case "number":
                said = f"json_extract_string(properties, {text_literal('/' + _escaped(name))})"
                exact = f"TRY_CAST({said} AS DECIMAL(28,10))::DOUBLE = TRY_CAST({said} AS DOUBLE)"
                large = f"abs(TRY_CAST({said} AS DOUBLE)) >= 1e15"
                return (
                    f"({type_} NOT IN {NUMBERS} AND {type_} <> 'NULL') "
                    f"OR ({type_} IN {NUMBERS} AND (NOT coalesce({exact}, false) OR {large}))"
                )
            case "boolean":
                return f"{type_} NOT IN ('BOOLEAN', 'NULL')"
            case "any":
                return "false"
            case _:
                return f"{type_} NOT IN ('VARCHAR', 'NULL')"


def amount_of(document: str, pointer: str) -> str:
    """Return SQL for a number in a JSON document as an amount; null where there is none."""
    place = text_literal(pointer)
    said = f"json_extract_string({document}, {place})"
    number = f"json_type({document}, {place}) IN {NUMBERS}"
    return f"CASE WHEN {number} THEN TRY_CAST({said} AS DECIMAL(18,4)) END"


def text_of(document: str, pointer: str) -> str:
    """Return SQL for the text by which values in a JSON document are told apart."""
    place = text_literal(pointer)
    plain = f"json_type({document}, {place}) IN ('VARCHAR', 'BOOLEAN')"
    shortest = f"regexp_replace(({amount_of(document, pointer)})::VARCHAR, '\\.?0+$', '')"
    return f"CASE WHEN {plain} THEN json_extract_string({document}, {place}) ELSE {shortest} END"


def at_most(column: str, moment: int) -> str:
    """Return SQL that is true up to a moment, included."""
    quoted = ".".join(f'"{part}"' for part in column.split("."))
    return f"({quoted} <= make_timestamp({moment * 1000}))"


def text_literal(text: str) -> str:
    """Write a text for SQL.

    >>> text_literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Write a name for SQL.

    >>> quoted("my name")
    '"my name"'
    """
    return '"' + name.replace('"', '""') + '"'


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _pointer(node: feel.Node) -> str:
    if isinstance(node, feel.Name):
        return "/" + _escaped(node.name)
    if isinstance(node, feel.Path):
        base = _pointer(node.base)
        if base not in ("/event", "/source", "/time"):
            return base + "/" + _escaped(node.name)
    raise Unreadable(type(node).__name__)


def _kinds(node: feel.Node) -> Iterator[tuple[str, Kind]]:
    for each in feel.walk(node):
        match each:
            case feel.Comparison(left=left, right=right):
                yield from _alike([left, right])
            case feel.Between(value=value, low=low, high=high):
                yield from _alike([value, low, high])
            case feel.Membership(value=value, tests=tests):
                inner = [part for test in tests for part in feel.walk(test)]
                yield from _alike([value, *inner])
            case feel.Arithmetic(operator=operator, left=left, right=right):
                texts = operator == "+" and "text" in map(_literal, (left, right))
                yield from _named([left, right], "text" if texts else "number")
            case feel.Negation(operand=operand):
                yield from _named([operand], "number")
            case feel.Conjunction(operands=operands) | feel.Disjunction(operands=operands):
                yield from _named(operands, "boolean")
            case feel.Not(operand=operand):
                yield from _named([operand], "boolean")
            case feel.If(condition=condition):
                yield from _named([condition], "boolean")
    yield from _named([node], "boolean")


def _alike(nodes: list[feel.Node]) -> Iterator[tuple[str, Kind]]:
    kinds = [kind for node in nodes if (kind := _literal(node))]
    yield from _named(
        nodes, min(kinds, key=["number", "text", "boolean", "any"].index, default="any")
    )


def _named(
    nodes: list[feel.Node] | tuple[feel.Node, ...], kind: Kind
) -> Iterator[tuple[str, Kind]]:
    for node in nodes:
        if isinstance(node, feel.Name):
            yield node.name, kind


def _literal(node: feel.Node) -> Kind | None:
    if isinstance(node, feel.Arithmetic | feel.Negation):
        return "number"
    if not isinstance(node, feel.Literal):
        return None
    match node.value:
        case None:
            return "any"
        case bool():
            return "boolean"
        case str():
            return "text"
        case _:
            return "number"
