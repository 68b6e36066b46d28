"""Say a condition in SQL, for DuckDB or Postgres, exactly or not at all.

Three-valued logic is the same in both languages; equality is not: in FEEL ``x = "a"`` is false
where ``x`` is null, so it becomes ``IS NOT DISTINCT FROM``. What SQL would answer differently (text
compared with numbers, divisions, long decimals against floating point) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

from cid.feel import tree
from cid.feel.errors import Unsupported
from cid.feel.interpreter import evaluate
from cid.feel.notation import write
from cid.feel.parser import parse
from cid.feel.temporal import instant
from cid.feel.writing import text_of

Kind = Literal["number", "string", "boolean", "date", "date and time", "list", "null", "unknown"]
Columns = Mapping[str, str] | Callable[[str], str]
Dialect = Literal["duckdb", "postgres"]

_CAST = re.compile(
    r"(?:\bAS\s+|::\s*)([A-Z]+(?: PRECISION| WITH TIME ZONE)?(?:\([\d, ]*\))?(?:\[\])?)\)?\s*\Z",
    re.IGNORECASE,
)
_EXACT_DIGITS = 15
"""Decimals of so many digits survive a DOUBLE unchanged, so comparing them there is exact."""


@dataclass(frozen=True, slots=True)
class _Sql:
    text: str
    kind: Kind
    double: bool = False
    literal: bool = False


def to_sql(expression: tree.Node | str, columns: Columns, dialect: Dialect = "duckdb") -> str:
    """Write a condition in SQL; ``columns`` gives, for a name, SQL that is cast to its type.

    Raises:
        Unsupported: SQL would not answer exactly as FEEL does.

    >>> to_sql('tier = "gold"', {"tier": "CAST(tier AS VARCHAR)"})
    "(CAST(tier AS VARCHAR) IS NOT DISTINCT FROM 'gold')"
    """
    if isinstance(expression, str):
        expression = parse(expression, columns if isinstance(columns, Mapping) else ())
    return _Translator(columns, dialect).sql(expression).text


class _Translator:
    def __init__(self, columns: Columns, dialect: Dialect) -> None:
        self._columns = columns
        self._functions = _FUNCTIONS | (_OF_POSTGRES if dialect == "postgres" else {})
        # Postgres sorts texts by the customs of a country; FEEL by their code points.
        self._order = ' COLLATE "C"' if dialect == "postgres" else ""
        self._assumed: dict[str, Kind] = {}

    def sql(self, node: tree.Node) -> _Sql:
        """Translate one node."""
        translate = getattr(self, f"_{type(node).__name__.lower()}", None)
        if translate is None:
            raise Unsupported(f"'{write(node)}'")
        found: _Sql = translate(node)
        return found

    def _truth(self, node: tree.Node) -> str:
        found = self._as(self.sql(node), "boolean", node)
        return found.text

    def _as(self, sql: _Sql, kind: Kind, node: tree.Node) -> _Sql:
        """Use a value as one of a kind; a column of unknown type takes the kind of its use."""
        if sql.kind == kind:
            return sql
        if sql.kind == "null":
            return _Sql("NULL", kind, literal=True)
        if sql.kind == "unknown" and self._assumed.setdefault(sql.text, kind) == kind:
            return _Sql(sql.text, kind, double=kind == "number")
        raise Unsupported(f"'{write(node)}', a {sql.kind} used as a {kind},")

    def _literal(self, node: tree.Literal) -> _Sql:
        value = node.value
        if value is None:
            return _Sql("NULL", "null", literal=True)
        if isinstance(value, bool):
            return _Sql("TRUE" if value else "FALSE", "boolean", literal=True)
        if isinstance(value, int | Decimal):
            text = text_of(value)
            return _Sql(text if value >= 0 else f"({text})", "number", literal=True)
        if isinstance(value, str):
            if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
                raise Unsupported("A text with such characters")
            escaped = value.replace("'", "''")
            return _Sql(f"'{escaped}'", "string", literal=True)
        if isinstance(value, datetime):
            moment = instant(value).astimezone(UTC).replace(tzinfo=None)
            return _Sql(f"TIMESTAMP '{moment.isoformat(' ')}'", "date and time", literal=True)
        if isinstance(value, date):
            return _Sql(f"DATE '{value.isoformat()}'", "date", literal=True)
        raise Unsupported(f"'{write(node)}'")

    def _name(self, node: tree.Name) -> _Sql:
        columns = self._columns
        text = columns.get(node.name) if isinstance(columns, Mapping) else columns(node.name)
        if text is None:
            raise Unsupported(f"The name '{node.name}'")
        kind, double = _kind_of(text)
        if kind == "unknown":
            kind = self._assumed.get(text, "unknown")
            double = kind == "number"
        return _Sql(text, kind, double)

    def _conjunction(self, node: tree.Conjunction) -> _Sql:
        return _Sql(f"({' AND '.join(map(self._truth, node.operands))})", "boolean")

    def _disjunction(self, node: tree.Disjunction) -> _Sql:
        return _Sql(f"({' OR '.join(map(self._truth, node.operands))})", "boolean")

    def _not(self, node: tree.Not) -> _Sql:
        return _Sql(f"(NOT {self._truth(node.operand)})", "boolean")

    def _if(self, node: tree.If) -> _Sql:
        then, otherwise = self._pair(node.then, node.otherwise, node)
        if then.kind == "number" and then.double != otherwise.double:
            raise Unsupported(f"'{write(node)}', which mixes decimals and floating point,")
        text = (
            f"(CASE WHEN {self._truth(node.condition)} THEN {then.text} ELSE {otherwise.text} END)"
        )
        return _Sql(text, then.kind, then.double)

    def _pair(self, left: tree.Node, right: tree.Node, whole: tree.Node) -> tuple[_Sql, _Sql]:
        """Translate two values that must be of one kind."""
        first, second = self.sql(left), self.sql(right)
        for one, other in ((first, second), (second, first)):
            if one.kind not in ("unknown", "null"):
                return self._as(first, one.kind, left), self._as(second, one.kind, right)
            if one.kind == "null" and other.kind == "unknown":
                return first, second
        if first.kind == second.kind == "null":
            return first, second
        raise Unsupported(f"'{write(whole)}', whose columns have no known type,")

    def _comparison(self, node: tree.Comparison) -> _Sql:
        return self._compared(node.operator, *self._pair(node.left, node.right, node), node)

    def _compared(self, operator: str, left: _Sql, right: _Sql, node: tree.Node) -> _Sql:
        if operator in ("=", "!="):
            if "list" in (left.kind, right.kind) and "null" not in (left.kind, right.kind):
                raise Unsupported(f"'{write(node)}'")
            self._check_digits(left, right, node)
            word = "IS NOT DISTINCT FROM" if operator == "=" else "IS DISTINCT FROM"
            return _Sql(f"({left.text} {word} {right.text})", "boolean")
        if left.kind not in ("number", "string", "date", "date and time"):
            raise Unsupported(f"'{write(node)}'")
        self._check_digits(left, right, node)
        order = self._order if left.kind == "string" else ""
        return _Sql(f"({left.text}{order} {operator} {right.text})", "boolean")

    def _check_digits(self, left: _Sql, right: _Sql, node: tree.Node) -> None:
        """Refuse comparisons of numbers that floating point would round."""
        if left.kind != "number" or left.double == right.double:
            return
        exact = right if left.double else left
        if not exact.literal or _digits(exact.text) > _EXACT_DIGITS:
            raise Unsupported(f"'{write(node)}', which mixes decimals and floating point,")

    def _between(self, node: tree.Between) -> _Sql:
        low = tree.Comparison(">=", node.value, node.low)
        high = tree.Comparison("<=", node.value, node.high)
        return self._conjunction(tree.Conjunction((low, high)))

    def _membership(self, node: tree.Membership) -> _Sql:
        tests = [self._test(node.value, test) for test in node.tests]
        return _Sql(f"({' OR '.join(tests)})", "boolean")

    def _test(self, value: tree.Node, test: tree.Node) -> str:
        match test:
            case tree.InputComparison(operator=operator, operand=operand):
                return self.sql(tree.Comparison(operator, value, operand)).text
            case tree.Interval():
                return self._inside(value, test)
            case tree.ListOf(items=items) if items:
                # Within a list a comparison that is null counts as not met.
                tests = [f"COALESCE({self._test(value, item)}, FALSE)" for item in items]
                return f"({' OR '.join(tests)})"
            case tree.Literal():
                return self.sql(tree.Comparison("=", value, test)).text
        raise Unsupported(f"'{write(test)}' as a test")

    def _inside(self, value: tree.Node, test: tree.Interval) -> str:
        ends = [end for end in (test.low, test.high) if end is not None]
        if not all(isinstance(end, tree.Literal) and end.value is not None for end in ends):
            raise Unsupported(f"'{write(test)}', a range with ends that are not written out,")
        if len(ends) == 2 and evaluate(test, {}) is None:
            raise Unsupported(f"The empty range '{write(test)}'")
        parts = []
        if test.low is not None:
            parts.append(tree.Comparison(">=" if test.low_closed else ">", value, test.low))
        if test.high is not None:
            parts.append(tree.Comparison("<=" if test.high_closed else "<", value, test.high))
        return self._conjunction(tree.Conjunction(tuple(parts))).text

    def _call(self, node: tree.Call) -> _Sql:
        name = node.function.name if isinstance(node.function, tree.Name) else ""
        if name in self._functions and not node.named:
            kinds, result, sql = self._functions[name]
            if len(kinds) == len(node.positional):
                texts = [
                    self._as(self.sql(each), kind, each).text
                    for each, kind in zip(node.positional, kinds, strict=True)
                ]
                return _Sql(sql.format(*texts), result)
        raise Unsupported(f"'{write(node)}'")


_Functions = dict[str, tuple[tuple[Kind, ...], Kind, str]]
_FUNCTIONS: _Functions = {
    "contains": (("string", "string"), "boolean", "contains({0}, {1})"),
    "starts with": (("string", "string"), "boolean", "starts_with({0}, {1})"),
    "ends with": (("string", "string"), "boolean", "ends_with({0}, {1})"),
    "list contains": (
        ("list", "string"),
        "boolean",
        "(CASE WHEN {0} IS NULL THEN NULL WHEN {1} IS NULL THEN len(list_filter({0}, "
        "lambda e: e IS NULL)) > 0 ELSE COALESCE(list_contains({0}, {1}), FALSE) END)",
    ),
    "string length": (("string",), "number", "length({0})"),
    "count": (("list",), "number", "len({0})"),
}
_OF_POSTGRES: _Functions = {
    "contains": (("string", "string"), "boolean", "(strpos({0}, {1}) > 0)"),
    "ends with": (("string", "string"), "boolean", "(right({0}, length({1})) = {1})"),
    "list contains": (
        ("list", "string"),
        "boolean",
        "(CASE WHEN {0} IS NULL THEN NULL ELSE array_position({0}, {1}) IS NOT NULL END)",
    ),
    "count": (("list",), "number", "cardinality({0})"),
}


def _digits(text: str) -> int:
    return len(text.strip("(-)").replace(".", "").strip("0"))


def _kind_of(text: str) -> tuple[Kind, bool]:
    """Tell which kind of value an SQL expression has, by the type it is cast to."""
    match = _CAST.search(text)
    if match is None:
        return "unknown", False
    type_ = match[1].upper().partition("(")[0]
    if match[1].endswith("[]"):
        return "list", False
    if type_ in ("DOUBLE", "DOUBLE PRECISION", "FLOAT", "REAL"):
        return "number", True
    return _TYPES.get(type_, "unknown"), False


_TYPES: dict[str, Kind] = {
    **dict.fromkeys(
        ("DECIMAL", "NUMERIC", "BIGINT", "INTEGER", "INT", "SMALLINT", "TINYINT", "HUGEINT"),
        "number",
    ),
    **dict.fromkeys(("VARCHAR", "TEXT", "STRING"), "string"),
    **dict.fromkeys(("BOOLEAN", "BOOL"), "boolean"),
    "DATE": "date",
    "TIMESTAMP": "date and time",
}
