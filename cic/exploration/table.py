"""Tables: measures split by dimensions, each measure counted at its own grain before anything is joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cic.exploration.answers import Column, Finished, Plan, Rows, told_apart
from cic.exploration.periods import Span
from cic.exploration.picking import literal
from cic.exploration.questions import Table
from cic.exploration.writing import Writing
from cic.ports import plain
from cic.semantics import STRETCHES, Vocabulary
from cid.kit.definitions import Title
from cid.kit.errors import InvalidInput, NotFound

OTHERS = "others"
"""In place of a row: all that the first ``top`` rows leave out."""
MOST_COLUMNS = 100
"""Values of a dimension that may become columns."""


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
    writing = Writing(question, vocabulary, span)
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
    ``measure`` names one of the measures, ``before`` the period that was compared with; ``others``
    are all that the first rows leave out.
    """
    check(question, vocabulary)
    given = dict(row)
    rest = given.pop(OTHERS, False)
    if rest and not question.others:
        raise InvalidInput("This question has no others.", hint='Ask with "others": true.')
    measures = [given.pop("measure")] if "measure" in given else list(question.measures)
    shift = None
    if given.pop("before", False):
        span, shift = span.before(question.compare or "previous")
    for name in given:
        if name not in question.dimensions:
            raise NotFound("dimension of this question", name, question.dimensions)
    writing = Writing(question, vocabulary, span)
    first = ""
    if rest:
        first = f"WITH first_rows AS (\n{writing.ordered()}\n)\n"
        writing.outside = question.dimensions
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
            f"SELECT b.customer FROM {writing.joined(found.base, set(given), span)} "
            f"WHERE {' AND '.join([*conditions, *writing.conditions(found.base, span)])}"
        )
    return (
        f"{first}SELECT customer, count(*) AS behind FROM (\n  "
        + "\n  UNION ALL ".join(parts)
        + "\n) GROUP BY customer"
    )


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
    if len(values) > MOST_COLUMNS:
        raise InvalidInput(
            f"{question.pivot!r} has {len(values)} values, too many to be columns.",
            hint=f"At most {MOST_COLUMNS} can be; use a filter, or leave out 'pivot'.",
        )
    kept = [index for index in range(width) if index != place]
    made = [columns[index] for index in kept]
    for value in values:
        for measure in columns[width:]:
            shown = "" if value is None else str(plain(value)) or '""'
            title = measure.title
            if len(columns) > width + 1:
                title = Title(en=f"{shown} · {title.en}", zh=f"{shown} · {title.zh or title.en}")
            else:
                title = Title(en=shown or "unknown", zh=shown or "未知")
            cell = ((question.pivot, plain(value)),)
            name = f"{measure.name} {plain(value) if value is not None else ''}".strip()
            made.append(
                Column(name, "measure", measure.type, title, cell=cell, measure=measure.measure)
            )
    nothing = [0 if vocabulary.measures[name].zero else None for name in question.measures]
    named = told_apart([column.name for column in made])
    made = [replace(column, name=name) for column, name in zip(made, named, strict=True)]
    lines: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        head = tuple(row[index] for index in kept)
        line = lines.setdefault(head, nothing * len(values))
        at = values.index(row[place]) * len(nothing)
        line[at : at + len(nothing)] = row[width:]
    return tuple(made), [[*head, *line] for head, line in lines.items()]


def _chart(question: Table) -> str:
    if not question.dimensions:
        return "number"
    if len(question.dimensions) > 2:
        return "table"
    if any(name in STRETCHES for name in question.dimensions):
        return "line"
    return "bar" if len(question.dimensions) == 1 else "heat"
