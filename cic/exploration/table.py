"""Exploration: questions about many customers in the words of the business, answered from history.

A question is a small JSON document, for example::

    {"measures": ["revenue"], "dimensions": ["month", "country"], "last": "365 d"}

It is planned into SQL in which each measure is counted at its own grain before anything is joined,
and every row of the answer opens to the customers behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cic.columns import quoted, text_literal
from cic.ports import Engine, plain
from cic.semantics import BASES, TIMES, Vocabulary
from cid.feel import FeelError, Unsupported, names, parse, to_sql
from cid.kit.clock import format_time, parse_duration, parse_time, to_millis
from cid.kit.errors import InvalidInput, NotFound

MAX_NAMES = 12


class Period(BaseModel):
    """From a moment on, up to but not including another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begin: str = Field("", alias="from")
    end: str = Field("", alias="to")


class Query(BaseModel):
    """A question in the words of the business."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measures: tuple[str, ...] = Field(min_length=1, max_length=MAX_NAMES)
    dimensions: tuple[str, ...] = Field((), max_length=4)
    filter: str = ""
    """FEEL over dimensions, e.g. ``country = "FR" and channel in ("web", "app")``."""
    segment: str = ""
    """Only customers who are in this segment now."""
    period: Period | None = None
    last: str = ""
    """Length of time up to now, e.g. ``90 d``; instead of a period."""
    top: int | None = Field(None, ge=1, le=10_000)
    order: str = ""
    """Column to order by; with ``-`` in front, largest first."""
    compare: Literal["", "previous"] = ""
    """With ``previous``, also the numbers of the period of the same length just before."""


def read_query(document: Mapping[str, Any], vocabulary: Vocabulary) -> Query:
    """Check a question.

    Raises:
        InvalidInput: it is not a question; says which part is wrong.
        NotFound: a measure or dimension does not exist; offers the one that was probably meant.
    """
    try:
        query = Query.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the query"
        raise InvalidInput(
            f"{place}: {first['msg']}.",
            hint='Ask for example {"measures": ["revenue"], "dimensions": ["month"]}.',
        ) from None
    for name in query.measures:
        if name not in vocabulary.measures:
            raise NotFound("measure", name, vocabulary.measures)
    for name in query.dimensions:
        if name not in vocabulary.dimensions:
            raise NotFound("dimension", name, vocabulary.dimensions)
    columns = [*query.dimensions, *query.measures]
    if len(set(columns)) != len(columns):
        raise InvalidInput("A measure or dimension is asked for twice.")
    if query.order and query.order.removeprefix("-") not in columns:
        raise NotFound("column", query.order.removeprefix("-"), columns)
    if query.compare and set(query.dimensions) & set(TIMES):
        raise InvalidInput(
            "A question split by time already shows the periods before.",
            hint="Leave out 'compare', or the time dimension.",
        )
    return query


def explore(
    engine: Engine, document: Mapping[str, Any], vocabulary: Vocabulary, as_of: int
) -> dict[str, Any]:
    """Answer a question; the answer names its SQL and the place in history up to which it holds."""
    query = read_query(document, vocabulary)
    begin, end = _period(query, as_of)
    sql = plan(query, vocabulary, begin, end)
    result = engine.query(sql)
    rows = [list(row) for row in result.rows]
    columns = _describe(query, vocabulary)
    if query.compare:
        if begin is None or end is None:
            raise InvalidInput("'compare' needs a period.", hint='Add for example "last": "90 d".')
        before = engine.query(plan(query, vocabulary, begin - (end - begin), begin, whole=True))
        columns, rows = _compared(query, vocabulary, columns, rows, before.rows)
    return {
        "columns": columns,
        "rows": [[plain(value) for value in row] for row in rows],
        "cut": result.cut,
        "period": {
            "from": None if begin is None else format_time(begin),
            "to": None if end is None else format_time(end),
        },
        "partial": _partial(query, vocabulary, rows, begin, end, as_of),
        "additive": "segment" not in query.dimensions,
        "chart": _chart(query),
        "sql": sql,
        "position": engine.position(),
    }


def drill(
    engine: Engine,
    document: Mapping[str, Any],
    row: Mapping[str, Any],
    vocabulary: Vocabulary,
    as_of: int,
    limit: int = 1_000,
) -> dict[str, Any]:
    """Return the customers behind one row of an answer, those with most behind it first.

    ``row`` gives the row's dimensions by name; dimensions that are left out may have any value.
    """
    query = read_query(document, vocabulary)
    begin, end = _period(query, as_of)
    unknown = [name for name in row if name not in query.dimensions]
    if unknown:
        raise NotFound("dimension of this question", unknown[0], query.dimensions)
    parts = []
    for measure in query.measures:
        counted = vocabulary.measures[measure]
        conditions = [f"({counted.where})", *_conditions(query, vocabulary, measure, begin, end)]
        for name, value in row.items():
            expression = _dimension(vocabulary, measure, counted.base, name)
            conditions.append(f"{expression} IS NOT DISTINCT FROM {_literal(value)}")
        used = {*row, *_filtered(query, vocabulary)}
        parts.append(
            f"SELECT b.customer FROM {_joined(vocabulary, counted.base, used)} "
            f"WHERE b.customer IS NOT NULL AND {' AND '.join(conditions)}"
        )
    sql = (
        "SELECT h.customer, any_value(p.name) AS name, count(*) AS behind FROM (\n  "
        + "\n  UNION ALL ".join(parts)
        + "\n) h LEFT JOIN customers p ON p.customer = h.customer "
        "GROUP BY h.customer ORDER BY behind DESC, h.customer"
    )
    result = engine.query(sql, rows=limit)
    return {**result.to_dict(), "sql": sql, "position": engine.position()}


def plan(
    query: Query,
    vocabulary: Vocabulary,
    begin: int | None,
    end: int | None,
    *,
    whole: bool = False,
) -> str:
    """Write the SQL of a question: each measure at its own grain, then joined by the dimensions."""
    by_base: dict[str, list[str]] = {}
    for measure in query.measures:
        by_base.setdefault(vocabulary.measures[measure].base, []).append(measure)
    parts = [
        _aggregated(query, vocabulary, base, measures, begin, end)
        for base, measures in by_base.items()
    ]
    dimensions = [quoted(name) for name in query.dimensions]
    wanted = [*dimensions, *(_only(vocabulary, name) for name in query.measures)]
    sql = f"SELECT {', '.join(wanted)}\nFROM (\n  " + "\n  UNION ALL BY NAME ".join(parts) + "\n)"
    if dimensions:
        sql += f"\nGROUP BY {', '.join(dimensions)}\nORDER BY {_order(query)}"
        if query.top and not whole:
            sql += f"\nLIMIT {query.top}"
    return sql


def _aggregated(
    query: Query,
    vocabulary: Vocabulary,
    base: str,
    measures: list[str],
    begin: int | None,
    end: int | None,
) -> str:
    columns = [
        f"{_dimension(vocabulary, measures[0], base, name)} AS {quoted(name)}"
        for name in query.dimensions
    ]
    columns += [f"{vocabulary.measures[name].aggregate()} AS {quoted(name)}" for name in measures]
    asked = " OR ".join(f"({vocabulary.measures[name].where})" for name in measures)
    conditions = [f"({asked})", *_conditions(query, vocabulary, measures[0], begin, end)]
    used = {*query.dimensions, *_filtered(query, vocabulary)}
    sql = (
        f"SELECT {', '.join(columns)} FROM {_joined(vocabulary, base, used)} "
        f"WHERE {' AND '.join(conditions)}"
    )
    return sql + (" GROUP BY ALL" if query.dimensions else "")


def _only(vocabulary: Vocabulary, measure: str) -> str:
    # Each part has one row for a combination of dimensions: any_value takes the only value.
    value = f"any_value({quoted(measure)})"
    if vocabulary.measures[measure].zero:
        value = f"coalesce({value}, 0)"
    return f"{value} AS {quoted(measure)}"


def _joined(vocabulary: Vocabulary, base: str, used: set[str]) -> str:
    sql = f"{BASES[base].rows} b"
    if used & {"kind", *vocabulary.attributes}:
        # One row for each customer, so nothing is counted twice.
        sql += " LEFT JOIN customers c ON c.customer = b.customer"
    if "segment" in used:
        sql += " LEFT JOIN memberships m ON m.customer = b.customer"
    return sql


def _conditions(
    query: Query, vocabulary: Vocabulary, measure: str, begin: int | None, end: int | None
) -> list[str]:
    base = vocabulary.measures[measure].base
    time = BASES[base].time
    conditions = []
    if begin is not None:
        conditions.append(f"{time} >= make_timestamp({begin * 1000})")
    if end is not None:
        conditions.append(f"{time} < make_timestamp({end * 1000})")
    if query.segment:
        members = f"SELECT customer FROM memberships WHERE segment = {text_literal(query.segment)}"
        conditions.append(f"b.customer IN ({members})")
    if query.filter:
        columns = {
            name: _typed(vocabulary, name, _dimension(vocabulary, measure, base, name))
            for name in _filtered(query, vocabulary)
        }
        try:
            condition = to_sql(parse(query.filter, known=vocabulary.dimensions), columns)
        except Unsupported as error:
            raise InvalidInput(
                f"The filter cannot be asked of history: {error}.",
                hint="Use comparisons, 'in', 'between', 'and', 'or', 'not'.",
            ) from None
        conditions.append(f"({condition}) IS TRUE")
    return conditions


def _typed(vocabulary: Vocabulary, name: str, expression: str) -> str:
    if vocabulary.dimensions[name].type in ("number", "boolean", "date"):
        return expression
    return f"CAST({expression} AS VARCHAR)"


def _filtered(query: Query, vocabulary: Vocabulary) -> list[str]:
    if not query.filter:
        return []
    try:
        used = sorted(names(parse(query.filter, known=vocabulary.dimensions)))
    except FeelError as error:
        raise InvalidInput(f"The filter is not FEEL: {error}") from None
    for name in used:
        if name not in vocabulary.dimensions:
            raise NotFound("dimension", name, vocabulary.dimensions)
        if name == "segment" and "segment" not in query.dimensions:
            raise InvalidInput(
                "A customer is in many segments; a filter on one would count them several times.",
                hint='Say "segment": "name" in the query instead.',
            )
    return used


def _dimension(vocabulary: Vocabulary, measure: str, base: str, name: str) -> str:
    found = vocabulary.on(base, name)
    if found is None:
        able = ", ".join(vocabulary.split_by(name))
        raise InvalidInput(f"{measure!r} cannot be split by {name!r}.", hint=f"These can: {able}.")
    return found


def _period(query: Query, as_of: int) -> tuple[int | None, int | None]:
    if query.last and query.period:
        raise InvalidInput("Give either 'last' or 'period', not both.")
    if query.last:
        # The same half-open window (as_of − W, as_of] as a trait's.
        return as_of - parse_duration(query.last) + 1, as_of + 1
    if not query.period:
        return None, None
    begin = parse_time(query.period.begin) if query.period.begin else None
    end = parse_time(query.period.end) if query.period.end else None
    if begin is not None and end is not None and begin >= end:
        raise InvalidInput("The period ends before it begins.")
    return begin, end


def _order(query: Query) -> str:
    if query.order:
        name = query.order.removeprefix("-")
        first = f"{quoted(name)} {'DESC' if query.order.startswith('-') else 'ASC'} NULLS LAST"
    elif times := [name for name in query.dimensions if name in TIMES]:
        first = f"{quoted(times[0])} ASC NULLS LAST"
    else:
        first = f"{quoted(query.measures[0])} DESC NULLS LAST"
    return ", ".join([first, *(f"{quoted(name)} NULLS LAST" for name in query.dimensions)])


def _describe(query: Query, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    columns = [
        {
            "name": name,
            "kind": "dimension",
            "unit": vocabulary.dimensions[name].type,
            "title": vocabulary.dimensions[name].title.model_dump(),
        }
        for name in query.dimensions
    ]
    return columns + [
        {
            "name": name,
            "kind": "measure",
            "unit": vocabulary.measures[name].unit,
            "title": vocabulary.measures[name].title.model_dump(),
        }
        for name in query.measures
    ]


def _compared(
    query: Query,
    vocabulary: Vocabulary,
    columns: list[dict[str, Any]],
    rows: list[list[Any]],
    before: list[tuple[Any, ...]],
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """Put beside each measure what it was in the period before."""
    width = len(query.dimensions)
    by_key = {row[:width]: row[width:] for row in before}
    nothing = tuple(0 if vocabulary.measures[name].zero else None for name in query.measures)
    described = columns[:width]
    for column in columns[width:]:
        described += [column, {**column, "name": f"{column['name']} before", "kind": "before"}]
    compared = []
    for row in rows:
        earlier = by_key.get(tuple(row[:width]), nothing)
        pairs = zip(row[width:], earlier, strict=True)
        compared.append([*row[:width], *(value for pair in pairs for value in pair)])
    return described, compared


def _partial(
    query: Query,
    vocabulary: Vocabulary,
    rows: list[list[Any]],
    begin: int | None,
    end: int | None,
    as_of: int,
) -> list[str]:
    """Return the days, weeks or months that the period, or the present, cuts off."""
    unit = next((name for name in query.dimensions if name in TIMES), None)
    if unit is None:
        return []
    index = query.dimensions.index(unit)
    zone = ZoneInfo(vocabulary.zone)
    last = as_of + 1 if end is None else min(end, as_of + 1)
    found = []
    for bucket in sorted({row[index] for row in rows if row[index] is not None}):
        starts, ends = _midnight(bucket, zone), _midnight(_after(bucket, unit), zone)
        if (begin is not None and starts < begin < ends) or starts < last < ends:
            found.append(bucket.isoformat())
    return found


def _midnight(day: date, zone: ZoneInfo) -> int:
    return to_millis(datetime(day.year, day.month, day.day, tzinfo=zone))


def _after(day: date, unit: str) -> date:
    if unit == "month":
        return date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return day + timedelta(days=7 if unit == "week" else 1)


def _chart(query: Query) -> str:
    if not query.dimensions:
        return "number"
    if len(query.dimensions) > 2:
        return "table"
    if any(name in TIMES for name in query.dimensions):
        return "line"
    return "bar" if len(query.dimensions) == 1 else "heat"


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(Decimal(repr(value)) if isinstance(value, float) else value)
        case str():
            return text_literal(value)
        case _:
            raise InvalidInput(f"{value!r} is not the value of a dimension.")
