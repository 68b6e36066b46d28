"""Tables: measures split by dimensions, each measure counted at its own grain before anything is joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cic.columns import quoted, text_literal
from cic.exploration.answers import Column, Finished, Plan, Rows
from cic.exploration.periods import Shift, Span
from cic.exploration.picking import members, typed
from cic.exploration.questions import Table
from cic.ports import plain
from cic.semantics import BASES, STRETCHES, Vocabulary
from cic.semantics.reading import condition, expression
from cid.feel import names
from cid.kit.definitions import Title
from cid.kit.errors import InvalidInput, NotFound

OTHERS = "others"
"""In place of a row: all that the first ``top`` rows leave out."""


def check(question: Table, vocabulary: Vocabulary) -> None:
    """Check the words of a question.

    Raises:
        InvalidInput: its parts do not go together.
        NotFound: a measure or dimension does not exist; offers the one that was probably meant.
    """
    for name in question.measures:
        if name not in vocabulary.measures:
            raise NotFound("measure", name, vocabulary.measures)
    for name in question.dimensions:
        if name not in vocabulary.dimensions:
            raise NotFound("dimension", name, vocabulary.dimensions)
    columns = [*question.dimensions, *question.measures]
    if len(set(columns)) != len(columns):
        raise InvalidInput("A measure or dimension is asked for twice.")
    if question.order and question.order.removeprefix("-") not in columns:
        raise NotFound("column", question.order.removeprefix("-"), columns)
    if question.others and not (question.top and question.dimensions):
        raise InvalidInput("'others' are what 'top' leaves out.", hint='Add for example "top": 10.')
    if question.pivot and question.pivot not in question.dimensions:
        raise InvalidInput(
            f"'pivot' is {question.pivot!r}, which is none of the dimensions.",
            hint=f"Choose one of: {', '.join(question.dimensions) or 'no dimension is asked for'}.",
        )
    if question.pivot and (question.top or question.compare):
        raise InvalidInput("'pivot' does not go together with 'top' or 'compare'.")


def plan(question: Table, vocabulary: Vocabulary, span: Span) -> Plan:
    """Plan a table."""
    check(question, vocabulary)
    writing = _Writing(question, vocabulary, span)
    sql = writing.sql()
    finishing = _Finishing(question, span)
    return Plan(
        "table",
        sql,
        writing.columns(),
        _chart(question),
        additive="segment" not in question.dimensions
        and all(vocabulary.measures[name].additive for name in question.measures),
        finish=finishing.finish,
    )


def drill(question: Table, vocabulary: Vocabulary, span: Span, row: Mapping[str, Any]) -> str:
    """Write the SQL of the customers behind a row: (customer, how many things are behind it).

    ``row`` gives the row's dimensions by name; dimensions that are left out may have any value.
    ``measure`` names one of the measures, ``before`` the period that was compared with.
    """
    check(question, vocabulary)
    given = dict(row)
    measures = [given.pop("measure")] if "measure" in given else list(question.measures)
    shift = None
    if given.pop("before", False):
        span, shift = span.before(question.compare or "previous")
    for name in given:
        if name not in question.dimensions:
            raise NotFound("dimension of this question", name, question.dimensions)
    writing = _Writing(question, vocabulary, span)
    parts = []
    for measure in measures:
        if measure not in question.measures:
            raise NotFound("measure of this question", str(measure), question.measures)
        found = vocabulary.measures[measure]
        conditions = [
            f"{writing.dimension(found.base, name, shift)} IS NOT DISTINCT FROM {literal(value)}"
            for name, value in given.items()
        ]
        conditions += [f"({found.where})"] if found.where else []
        parts.append(
            f"SELECT b.customer FROM {writing.joined(found.base, set(given))} "
            f"WHERE {' AND '.join([*conditions, *writing.conditions(found.base, span)])}"
        )
    return (
        "SELECT customer, count(*) AS behind FROM (\n  "
        + "\n  UNION ALL ".join(parts)
        + "\n) GROUP BY customer"
    )


class _Writing:
    """Writes the SQL of one table."""

    def __init__(self, question: Table, vocabulary: Vocabulary, span: Span) -> None:
        self.question = question
        self.vocabulary = vocabulary
        self.span = span
        self.outside: tuple[str, ...] = ()
        """Dimensions whose values must not be those of the first rows."""
        self.by_base: dict[str, list[str]] = {}
        for name in question.measures:
            self.by_base.setdefault(vocabulary.measures[name].base, []).append(name)
        self.filter = None
        self.filtered: list[str] = []
        if question.filter:
            self.filter = expression(question.filter, "filter", vocabulary.dimensions)
            self.filtered = sorted(names(self.filter))
            for name in self.filtered:
                if name not in vocabulary.dimensions:
                    raise NotFound("dimension", name, vocabulary.dimensions)
                if name == "segment" and "segment" not in question.dimensions:
                    raise InvalidInput(
                        "A customer is in many segments; a filter on one would count them several"
                        " times.",
                        hint='Say "segment": "name" in the query instead.',
                    )

    def sql(self) -> str:
        question = self.question
        before = self.span.before(question.compare) if question.compare else None
        if before is None and len(self.by_base) == 1:
            ((base, measures),) = self.by_base.items()
            whole = self.part(base, measures, self.span, plainly=True)
        else:
            parts = [self.part(base, each, self.span) for base, each in self.by_base.items()]
            if before:
                parts += [
                    self.part(base, each, before[0], before[1])
                    for base, each in self.by_base.items()
                ]
            wanted = [quoted(name) for name in question.dimensions]
            wanted += [self.only(name, suffix) for name, suffix in self.numbers()]
            whole = f"SELECT {', '.join(wanted)}\nFROM (\n  " + "\n  UNION ALL ".join(parts) + "\n)"
            if question.dimensions:
                whole += f"\nGROUP BY {', '.join(map(quoted, question.dimensions))}"
        if not question.dimensions:
            return whole
        ordered = f"{whole}\nORDER BY {self.order()}"
        if question.top:
            ordered += f"\nLIMIT {question.top}"
        return self.with_others(ordered) if question.others else ordered

    def with_others(self, ordered: str) -> str:
        """Add one row for all that the first rows leave out, counted anew and not added up."""
        nothing = ", ".join(f"NULL AS {quoted(name)}" for name in self.question.dimensions)
        alone = _Writing(
            self.question.model_copy(update={"dimensions": (), "top": None, "others": False}),
            self.vocabulary,
            self.span,
        )
        alone.outside = self.question.dimensions
        rest = alone.sql()
        numbers = ", ".join(quoted(name + suffix) for name, suffix in self.numbers())
        dims = ", ".join(map(quoted, self.question.dimensions))
        return (
            f"WITH first_rows AS (\n{ordered}\n)\n"
            f"SELECT {dims}, {numbers} FROM (\n"
            f"SELECT 0 AS place, {dims}, {numbers} FROM first_rows\nUNION ALL\n"
            f"SELECT 1 AS place, {nothing}, {numbers} FROM (\n{rest}\n))\n"
            f"ORDER BY place, {self.order()}"
        )

    def numbers(self) -> list[tuple[str, str]]:
        suffixes = ("", " before") if self.question.compare else ("",)
        return [(name, suffix) for name in self.question.measures for suffix in suffixes]

    def part(
        self,
        base: str,
        measures: Sequence[str],
        span: Span,
        shift: Shift | None = None,
        plainly: bool = False,
    ) -> str:
        """Write the numbers of one base in one period; all other numbers are null."""
        question = self.question
        wanted = [
            f"{self.dimension(base, name, shift)} AS {quoted(name)}" for name in question.dimensions
        ]
        wheres = {self.vocabulary.measures[name].where for name in measures}
        alone = len(wheres) == 1
        for name, suffix in self.numbers():
            if name in measures and bool(suffix) == (shift is not None):
                counted = self.vocabulary.measures[name]
                sql = counted.aggregate(alone=alone)
                if plainly and counted.zero:
                    sql = f"coalesce({sql}, 0)" if counted.how == "sum" else sql
            elif plainly:
                continue
            else:
                sql = "NULL"
            wanted.append(f"{sql} AS {quoted(name + suffix)}")
        asked = [f"({' OR '.join(f'({each})' for each in sorted(wheres))})"] if all(wheres) else []
        conditions = [*asked, *self.conditions(base, span, shift)]
        sql = (
            f"SELECT {', '.join(wanted)} FROM {self.joined(base, set(question.dimensions))} "
            f"WHERE {' AND '.join(conditions)}"
        )
        if question.dimensions:
            sql += f" GROUP BY {', '.join(str(n + 1) for n in range(len(question.dimensions)))}"
        return sql

    def only(self, name: str, suffix: str) -> str:
        # Each part has one row for a combination of dimensions: the largest is the only value.
        value = f"max({quoted(name + suffix)})"
        if self.vocabulary.measures[name].zero:
            value = f"coalesce({value}, 0)"
        return f"{value} AS {quoted(name + suffix)}"

    def joined(self, base: str, more: set[str]) -> str:
        """Return the rows of a base with what is known of their customers, as far as it is used."""
        used = {*more, *self.filtered, *self.outside}
        sql = f"{BASES[base].rows} b"
        if any(self.vocabulary.of_customer(name) for name in used - {*BASES[base].dimensions}):
            # One row for each customer, so nothing is counted twice.
            sql += " LEFT JOIN customers c ON c.customer_key = b.customer_key"
        if "segment" in used and self.dimension(base, "segment") == "m.segment":
            sql += " LEFT JOIN memberships m ON m.customer_key = b.customer_key"
        return sql

    def conditions(self, base: str, span: Span, shift: Shift | None = None) -> list[str]:
        found = span.conditions(BASES[base].time)
        if self.question.segment:
            found.append(members(self.question.segment))
        if self.filter is not None:
            columns = {
                name: typed(self.vocabulary, name, self.dimension(base, name))
                for name in self.filtered
            }
            found.append(condition(self.filter, columns, "filter"))
        if self.outside:
            same = " AND ".join(
                f"f.{quoted(name)} IS NOT DISTINCT FROM {self.dimension(base, name, shift)}"
                for name in self.outside
            )
            found.append(f"NOT EXISTS (SELECT 1 FROM first_rows f WHERE {same})")
        return found

    def dimension(self, base: str, name: str, shift: Shift | None = None) -> str:
        later = local = ""
        if shift is not None and (shift.months or shift.days):
            number, unit = (shift.months, "MONTH") if shift.months else (shift.days, "DAY")
            later = f" + INTERVAL '{number}' {unit}"
        elif shift is not None and shift.millis:
            local = f" + INTERVAL '{shift.millis}' MILLISECOND"
        found = self.vocabulary.on(base, name, later, local)
        if found is None:
            able = ", ".join(self.vocabulary.split_by(name))
            measure = self.by_base[base][0]
            raise InvalidInput(
                f"{measure!r} cannot be split by {name!r}.", hint=f"These can: {able}."
            )
        return found

    def order(self) -> str:
        question = self.question
        if question.order:
            name = question.order.removeprefix("-")
            way = "DESC" if question.order.startswith("-") else "ASC"
            first = f"{quoted(name)} {way} NULLS LAST"
        elif times := [name for name in question.dimensions if name in (*STRETCHES, "weekday")]:
            first = f"{quoted(times[0])} ASC NULLS LAST"
        else:
            first = f"{quoted(question.measures[0])} DESC NULLS LAST"
        rest = [f"{quoted(name)} ASC NULLS LAST" for name in question.dimensions]
        return ", ".join(dict.fromkeys([first, *rest]))

    def columns(self) -> tuple[Column, ...]:
        found = []
        for name in self.question.dimensions:
            split = self.vocabulary.dimensions[name]
            kind = split.type if split.type in ("number", "boolean", "date") else "text"
            found.append(Column(name, "dimension", kind, split.title, key=True))  # type: ignore[arg-type]
        for name, suffix in self.numbers():
            counted = self.vocabulary.measures[name]
            unit: Any = counted.unit
            role: Any = "before" if suffix else "measure"
            title = counted.title
            if suffix:
                title = Title(en=f"{title.en}, before", zh=f"{title.zh}（之前）")
            found.append(Column(name + suffix, role, unit, title, measure=name))
        return tuple(found)


class _Finishing:
    """What remains to be done with the rows of a table."""

    def __init__(self, question: Table, span: Span) -> None:
        self.question = question
        self.span = span

    def finish(self, rows: Rows) -> Finished:
        more: dict[str, Any] = {"partial": self.partial(rows)}
        width = len(self.question.dimensions)
        if self.question.others and rows:
            *rows, rest = rows
            more["others"] = [plain(value) for value in rest[width:]]
        return Finished(rows, more)

    def partial(self, rows: Rows) -> list[str]:
        unit = next((name for name in self.question.dimensions if name in STRETCHES), None)
        if unit is None:
            return []
        place = self.question.dimensions.index(unit)
        return self.span.partial(unit, {row[place] for row in rows if row[place] is not None})


def pivoted(
    question: Table, columns: Sequence[Column], rows: Rows, vocabulary: Vocabulary
) -> tuple[tuple[Column, ...], Rows]:
    """Turn the values of one dimension into columns, one for each value and measure."""
    place = question.dimensions.index(question.pivot)
    width = len(question.dimensions)
    values = sorted({row[place] for row in rows}, key=lambda each: (each is None, str(each)))
    kept = [index for index in range(width) if index != place]
    made = [columns[index] for index in kept]
    for value in values:
        for measure in columns[width:]:
            shown = "" if value is None else str(plain(value))
            title = measure.title
            if len(columns) > width + 1:
                title = Title(en=f"{shown} · {title.en}", zh=f"{shown} · {title.zh or title.en}")
            else:
                title = Title(en=shown or "unknown", zh=shown or "未知")
            cell = ((question.pivot, plain(value)),)
            name = f"{measure.name} {shown}".strip()
            made.append(
                Column(name, "measure", measure.type, title, cell=cell, measure=measure.measure)
            )
    nothing = [0 if vocabulary.measures[name].zero else None for name in question.measures]
    lines: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        head = tuple(row[index] for index in kept)
        line = lines.setdefault(head, nothing * len(values))
        at = values.index(row[place]) * len(nothing)
        line[at : at + len(nothing)] = row[width:]
    return tuple(made), [[*head, *line] for head, line in lines.items()]


def literal(value: Any) -> str:
    """Write a value of a dimension for SQL.

    >>> literal("it's"), literal(None), literal(1.5)
    ("'it''s'", 'NULL', '1.5')
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(Decimal(repr(value)) if isinstance(value, float) else value)
        case datetime():
            return f"TIMESTAMP '{value.isoformat(' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case str():
            return text_literal(value)
        case _:
            raise InvalidInput(f"{value!r} is not the value of a dimension.")


def _chart(question: Table) -> str:
    if not question.dimensions:
        return "number"
    if len(question.dimensions) > 2:
        return "table"
    if any(name in STRETCHES for name in question.dimensions):
        return "line"
    return "bar" if len(question.dimensions) == 1 else "heat"
