"""Asking: any question about many customers, answered from history as it is now."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from cic.exploration.table import drill, explore
from cic.model import SEGMENTS
from cic.ports import Engine
from cic.semantics import Vocabulary
from cid.kit.definitions import Definitions
from cid.kit.errors import InvalidInput
from cid.model.definition import ATTRIBUTES, COMPANY


class Exploration:
    """What analysts and applications may ask of history."""

    def __init__(
        self, definitions: Definitions, history: Engine, moment: Callable[[], int]
    ) -> None:
        self.definitions = definitions
        self._history = history
        self._moment = moment
        company = definitions.of(COMPANY).get("company")
        zone = company.value.time_zone if company else "UTC"
        self._vocabulary = Vocabulary(definitions.of(ATTRIBUTES), zone)

    def query(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a question put as JSON: measures, dimensions, filter, period."""
        began = time.perf_counter()
        segment = query.get("segment")
        if segment and isinstance(segment, str):
            self.definitions.get(SEGMENTS, segment)
        answer = explore(self._history, query, self._vocabulary, self._moment())
        return {**answer, "ms": round((time.perf_counter() - began) * 1000, 1)}

    def open(
        self, query: Mapping[str, Any], row: Mapping[str, Any], limit: int = 1000
    ) -> dict[str, Any]:
        """Return the customers behind one row of an answer."""
        return drill(self._history, query, row, self._vocabulary, self._moment(), limit)

    def sql(self, text: str, limit: int = 10_000) -> dict[str, Any]:
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
        """List what can be asked: measures, dimensions, views with their columns."""
        views: dict[str, list[str]] = {}
        found = self._history.query(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'main' ORDER BY table_name, ordinal_position",
            rows=None,
        )
        for view, column in found.rows:
            views.setdefault(str(view), []).append(str(column))
        shown = [{"name": name, "columns": columns} for name, columns in views.items()]
        return {**self._vocabulary.describe(), "views": shown}
