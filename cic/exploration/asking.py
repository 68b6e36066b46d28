"""Asking: any question about many customers, answered from history as it is now."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from cic.exploration.answers import Column, Plan, Rows
from cic.exploration.code import in_python
from cic.exploration.currencies import Currencies
from cic.exploration.drilling import listed
from cic.exploration.periods import Span, span_of
from cic.exploration.picking import words_of
from cic.exploration.planning import drill, plan
from cic.exploration.questions import (
    KINDS,
    Asked,
    Paths,
    Question,
    Select,
    Table,
    events_of,
    read_question,
)
from cic.exploration.saying import said
from cic.exploration.table import pivoted
from cic.model import DIMENSIONS, FIGURES, SEGMENTS, TRAITS
from cic.ports import plain
from cic.running import Queries
from cic.semantics import Vocabulary
from cid.kit.clock import format_time
from cid.kit.definitions import Definitions
from cid.kit.errors import InvalidInput, NotFound, suggestion
from cid.model.definition import ATTRIBUTES, COMPANY

ROWS = 10_000
"""Rows of an answer."""
WHOLE = 200_000
"""Rows of which an answer is worked out where all of them are needed."""

_EVENTS = """
    SELECT event FROM facts WHERE event <> '' GROUP BY event ORDER BY count(*) DESC, event
"""


class Exploration:
    """What analysts and applications may ask of history."""

    def __init__(
        self, definitions: Definitions, history: Queries, moment: Callable[[], int]
    ) -> None:
        self.definitions = definitions
        self._history = history
        self._moment = moment
        company = definitions.of(COMPANY).get("company")
        zone = company.value.time_zone if company else "UTC"
        self.vocabulary = Vocabulary(
            definitions.of(ATTRIBUTES), zone, definitions.of(FIGURES), definitions.of(DIMENSIONS)
        )
        self._currencies = Currencies(history, self.vocabulary)

    def plan(self, question: Mapping[str, Any]) -> Plan:
        """Plan the answer to a question, without asking.

        Raises:
            InvalidInput: it is no question, or its parts do not go together.
            NotFound: it uses a word that does not exist; offers the one that was probably meant.
        """
        read = self._read(question)
        if isinstance(read, Select):
            return Plan("sql", read.sql, (), "table")
        return plan(read, self.vocabulary, self._span(read))

    def query(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a question put as JSON: a table, funnel, retention, paths, RFM, basket or SQL.

        The answer carries its columns with titles and units, its rows, which of them are not
        complete yet, its code in SQL and Python, and the place in history up to which it holds.

        Raises:
            InvalidInput: it is no question, or its parts do not go together.
            NotFound: it uses a word that does not exist; offers the one that was probably meant.
        """
        began = time.perf_counter()

        def worked_out() -> dict[str, Any]:
            question = self._read(query)
            if isinstance(question, Select):
                return self._selected(question)
            return self._answered(question)

        try:
            written = orjson.dumps(query, option=orjson.OPT_SORT_KEYS).decode()
        except TypeError:
            # No JSON: what is wrong with it is told by who reads it.
            answer = worked_out()
        else:
            answer = self._history.remembered(f"{written}@{self._moment()}", worked_out)
        return {**answer, "ms": round((time.perf_counter() - began) * 1000, 1)}

    def open(
        self, query: Mapping[str, Any], row: Mapping[str, Any], limit: int = 1000
    ) -> dict[str, Any]:
        """Return the customers behind one row of an answer.

        ``row`` has the values of the columns that tell rows apart; those that are left out may
        be any. Asked with the ``question`` of an answer, the same customers are counted. Where
        they can be said as the condition of a segment, ``feel`` says it and ``traits`` holds the
        traits that must be defined for it.

        Raises:
            InvalidInput: the answer to such a question has no customers behind it.
            NotFound: its answers have no such row.
        """
        question = self._read(query)
        if isinstance(question, Select):
            raise InvalidInput(
                "The rows of an SQL query do not say which customers are behind them.",
                hint="Select the column customer.",
            )
        portable = self._history.portable
        span = self._span(question)
        sql = listed(drill(question, self.vocabulary, span, row, portable=portable))
        condition = None
        if self._sees_as_it_is(question):
            condition = said(question, row, self.vocabulary, self.definitions.of(TRAITS))
        result = self._history.query(sql, rows=max(1, min(limit, 100_000)))
        return {
            "columns": ["customer", "name", "behind"],
            "rows": [[plain(value) for value in row[:3]] for row in result.rows],
            "cut": result.cut,
            "size": result.rows[0][3] if result.rows else 0,
            "feel": condition.when if condition else None,
            "traits": condition.traits if condition else {},
            "sql": sql,
            "position": result.position,
            "cached": result.cached,
        }

    def sql(self, text: str, limit: int = ROWS) -> dict[str, Any]:
        """Answer one SELECT over the history: read-only, with limits on rows, time and memory.

        Raises:
            InvalidInput: it is not one SELECT, or took too long.
            Refused: it tries to change something or to reach outside.
        """
        if len(text) > 100_000:
            raise InvalidInput("The query is longer than 100,000 characters.")
        began = time.perf_counter()
        result = self._history.query(text, rows=max(1, min(limit, 100_000)))
        return {**result.to_dict(), "ms": round((time.perf_counter() - began) * 1000, 1)}

    def explorable(self) -> dict[str, Any]:
        """List what can be asked: kinds of questions, measures, dimensions, events, views with columns."""
        views = self._history.views()
        return {
            **self.vocabulary.describe(self._history.sight().hidden),
            "kinds": list(KINDS),
            "events": self._events(),
            "views": [{"name": name, "columns": columns} for name, columns in views.items()],
        }

    def _answered(self, question: Question) -> dict[str, Any]:
        span = self._span(question)
        planned = plan(question, self.vocabulary, span)
        sql = (planned.portable if self._history.portable else "") or planned.sql
        whole = not isinstance(question, Table | Paths)
        result = self._history.query(sql, rows=WHOLE if whole else ROWS + 1)
        if result.cut and whole:
            # Worked out from a part, the answer would be wrong and not only short.
            raise InvalidInput(
                f"The answer is made of more than {len(result.rows):,} rows.",
                hint="Ask for a shorter period, longer steps of time, or fewer values.",
            )
        about, rows = planned.answer(result.rows)
        if isinstance(question, Table) and question.pivot:
            columns, rows = pivoted(question, planned.columns, rows, self.vocabulary)
            about["columns"] = [column.to_dict() for column in columns]
        counts = [n for n, each in enumerate(about["columns"]) if each["kind"] == "measure"]
        # No time at all is no sign that something never happened: a first step takes none.
        counts = [n for n in counts if about["columns"][n]["type"] != "duration"]
        nothing = not rows or any(row[n] == 0 for row in rows for n in counts)
        asked = question.model_dump(by_alias=True, exclude_defaults=True, mode="json")
        asked = {"kind": question.kind, **asked, "as_of": format_time(span.as_of)}
        return {
            **about,
            "hints": [
                *self._currencies.mixed(question),
                *self._masked(question),
                *(self._hints(question) if nothing else []),
            ],
            "question": asked,
            "rows": [[plain(value) for value in row] for row in rows[:ROWS]],
            "cut": result.cut or len(rows) > ROWS,
            "period": span.to_dict(),
            "zone": span.zone,
            "sql": sql,
            "python": in_python(asked),
            "position": result.position,
            "cached": result.cached,
        }

    def _selected(self, question: Select) -> dict[str, Any]:
        result = self._history.query(question.sql, rows=ROWS)
        asked = question.model_dump(exclude_defaults=True)
        asked = {"kind": "sql", **asked}
        return {
            **result.to_dict(),
            "columns": _typed(result.columns, [list(row) for row in result.rows]),
            "kind": "sql",
            "question": asked,
            "chart": "table",
            "additive": False,
            "partial": [],
            "sql": question.sql,
            "python": in_python(asked),
            "position": result.position,
            "cached": result.cached,
        }

    def _events(self) -> list[str]:
        """List the events that happened, the commonest first."""
        found = self._history.query(_EVENTS, rows=1_000)
        return [event for (event,) in found.rows]

    def _hints(self, question: Question) -> list[str]:
        """Say of events that never happened which were probably meant."""
        asked = events_of(question)
        if not asked:
            return []
        known = self._events()
        return [
            f"No event {event!r} has happened. {suggestion(event, known) or ''}".strip()
            for event in dict.fromkeys(asked)
            if event not in known
        ]

    def _masked(self, question: Question) -> list[str]:
        """Say of what the reader sees masked that its values cannot be told apart."""
        seen = words_of(question, self.vocabulary) & self._history.sight().masked
        return [
            f"{name!r} is masked for you: of its values only the first letter is seen."
            for name in sorted(seen)
        ]

    def _sees_as_it_is(self, question: Question) -> bool:
        """Say whether the reader is shown the customers as a segment would see them."""
        sight = self._history.sight()
        return not sight.partial and not words_of(question, self.vocabulary) & sight.masked

    def _read(self, document: Mapping[str, Any]) -> Question | Select:
        question = read_question(document)
        if isinstance(question, Select):
            return question
        if question.segment:
            self.definitions.get(SEGMENTS, question.segment)
        hidden = self._history.sight().hidden
        for name in sorted(words_of(question, self.vocabulary) & hidden):
            raise NotFound("dimension", name, self.vocabulary.dimensions.keys() - hidden)
        return question

    def _span(self, question: Asked) -> Span:
        return span_of(question, self._moment(), self.vocabulary.zone)


def _typed(names: list[str], rows: Rows) -> list[dict[str, Any]]:
    """Say of columns that nobody described what their values are."""
    described = []
    for place, name in enumerate(names):
        value = next((row[place] for row in rows if row[place] is not None), None)
        described.append(Column.guessed(name, value).to_dict())
    return described
