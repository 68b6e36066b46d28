"""An engine: the one that ships, and a note of every question that took long."""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from cic.ports import ENGINES, Engine, HistorySource, Result, Sight, Ticket

SLOW = 1.0
"""Seconds from which a question is noted."""


class WatchedHistory:
    """Answers like DuckDB, and knows afterwards what was slow."""

    def __init__(self, path: Path, memory: str = "1GB") -> None:
        """Open the history kept at a path, or begin an empty one."""
        self._engine: Engine = ENGINES.load("duckdb")(path, memory=memory)
        self.slow: list[tuple[float, str]] = []

    def sync(self, source: HistorySource) -> int:
        """Bring history up to date; return how many facts were added."""
        return self._engine.sync(source)

    def position(self) -> int:
        """Return the position of the last fact taken in."""
        return self._engine.position()

    def query(
        self,
        sql: str,
        params: Mapping[str, Any] = {},
        *,
        rows: int | None = 10_000,
        seconds: float | None = 10.0,
        sight: Sight | None = None,
        ticket: Ticket | None = None,
    ) -> Result:
        """Answer one SELECT, and note it if it took long."""
        began = perf_counter()
        try:
            return self._engine.query(
                sql, params, rows=rows, seconds=seconds, sight=sight, ticket=ticket
            )
        finally:
            taken = perf_counter() - began
            if taken >= SLOW:
                self.slow.append((taken, sql))

    def close(self) -> None:
        """Let go of all files."""
        self._engine.close()
