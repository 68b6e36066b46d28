"""For those who write measures: a history made by hand, and the contract of a plugin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from cbc.capabilities import dead_links
from cbc.measurement import Period, drill_sql, rows_sql, totals_sql
from cbc.model import MEASURES, SECTIONS
from cbc.ports import HISTORY, CapabilityPlugin
from cic.history import SCHEMA
from cid.kit.clock import DAY, parse_time, to_datetime
from cid.kit.definitions import Definitions, load
from cid.kit.errors import InvalidInput

_MOMENT = "TIMESTAMP"
_STORED = {
    "facts": {
        "position": "BIGINT",
        **dict.fromkeys(
            ("identity", "customer", "message_id", "source", "type", "event"), "VARCHAR"
        ),
        "time": _MOMENT,
        "received": _MOMENT,
        "actor": "VARCHAR",
        "loop": "VARCHAR",
        "properties": "JSON",
    },
    "attributes": {
        "position": "BIGINT",
        **dict.fromkeys(("identity", "customer", "source", "attribute"), "VARCHAR"),
        "time": _MOMENT,
        "value": "VARCHAR",
    },
}


class Answer(NamedTuple):
    """Rows that answer a question."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class MemoryHistory:
    """A history in memory with the tables of a real one, filled row by row.

    >>> history = MemoryHistory()
    >>> history.fact("ann", "Order Completed", "2026-01-02", total=10)
    >>> history.query("SELECT customer, event, properties->>'total' FROM facts").rows
    [('ann', 'Order Completed', '10')]
    """

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": "1"})
        self._position = 0
        self._types = {**_STORED, **SCHEMA}
        for table, columns in self._types.items():
            declared = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
            self._connection.execute(f'CREATE TABLE "{table}" ({declared})')

    def add(self, table: str, **values: Any) -> None:
        """Add one row; moments are ISO text, columns left out are null."""
        types = self._types[table]
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" for _ in values)
        row = [
            to_datetime(parse_time(value)).replace(tzinfo=None)
            if types[name] == _MOMENT and isinstance(value, str)
            else value
            for name, value in values.items()
        ]
        self._connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', row)

    def fact(
        self,
        customer: str,
        event: str,
        time: str,
        *,
        source: str = "shop",
        loop: str = "",
        actor: str = "",
        **properties: Any,
    ) -> None:
        """Add a fact and its line in the ledger."""
        self._position += 1
        place = {"position": self._position, "source": source, "time": time, "received": time}
        self.add("ledger", state="applied", reason="", **place)
        self.add(
            "facts",
            **place,
            identity=f"user_id:{customer}",
            customer=customer,
            message_id=f"m{self._position}",
            type="track",
            event=event,
            actor=actor,
            loop=loop,
            properties=json.dumps(properties),
        )

    def query(self, sql: str, params: Mapping[str, Any] = {}) -> Answer:
        """Answer one SELECT."""
        cursor = self._connection.cursor()
        try:
            found = cursor.execute(sql, dict(params)).fetchall()
        except duckdb.Error as error:
            raise InvalidInput(f"The SQL cannot be answered: {error}") from error
        return Answer([column[0] for column in cursor.description or []], found)

    def sync(self) -> int:
        """Do nothing: what was added is there at once."""
        return 0

    def position(self) -> int:
        """Return the position of the last fact."""
        return self._position


def load_shipped(plugin: CapabilityPlugin, directory: Path) -> Definitions:
    """Read a plugin's definitions into an otherwise empty company.

    Raises:
        InvalidDefinition: the first thing that is wrong with them.
    """
    definitions, errors = load(directory, SECTIONS, plugin.definitions())
    if errors:
        raise errors[0]
    return definitions


class CapabilityContract:
    """What every plugin of capabilities must do. Provide a ``plugin`` fixture."""

    @pytest.fixture
    def plugin(self) -> CapabilityPlugin:
        """Return the plugin under test."""
        raise NotImplementedError("Provide a `plugin` fixture returning your plugin.")

    @pytest.fixture
    def shipped(self, plugin: CapabilityPlugin, tmp_path: Path) -> Definitions:
        """Return what the plugin ships, read."""
        return load_shipped(plugin, tmp_path)

    @pytest.fixture
    def history(self) -> MemoryHistory:
        """Return an empty history."""
        return MemoryHistory()

    def test_keeps_the_protocol(self, plugin: CapabilityPlugin) -> None:
        """It has a name and files that exist."""
        assert isinstance(plugin, CapabilityPlugin)
        assert plugin.definitions()
        assert all(path.is_file() for path in plugin.definitions())

    def test_has_no_dead_links(self, shipped: Definitions) -> None:
        """Everything it links to exists in every company."""
        assert [str(error) for error in dead_links(shipped)] == []

    def test_says_what_it_is_in_both_languages(self, shipped: Definitions) -> None:
        """Each definition has an English and a Chinese title."""
        untitled = [
            name
            for entries in shipped.sections.values()
            for name, entry in entries.items()
            if not (entry.value.title and entry.value.title.zh)
        ]
        assert untitled == []

    def test_every_measure_runs_on_an_empty_history(
        self, shipped: Definitions, history: MemoryHistory
    ) -> None:
        """No records are no rows, not an error; and the columns are the ones that are needed."""
        period = Period.until(parse_time("2026-01-31"), 30 * DAY)
        for name, entry in shipped.of(MEASURES).items():
            drilled = history.query(drill_sql(entry.value, period, 10))
            assert {"customer", "numerator", "denominator"} <= set(drilled.columns), name
            assert drilled.rows == [], name
            assert history.query(totals_sql(entry.value, [period])).rows == [], name

    def test_every_measure_counts_in_exact_numbers(
        self, shipped: Definitions, history: MemoryHistory
    ) -> None:
        """Numerators are whole numbers or decimals: their sum does not depend on their order."""
        period = Period.until(parse_time("2026-01-31"), 30 * DAY)
        for name, entry in shipped.of(MEASURES).items():
            types = history.query(
                f"SELECT column_name, column_type FROM (DESCRIBE {rows_sql(entry.value, period)})"
            )
            found = {str(column): str(type_) for column, type_ in types.rows}
            for column in ("numerator", "denominator"):
                assert found[column].startswith(("DECIMAL", "INTEGER", "BIGINT", "HUGEINT")), name


def check_schema() -> set[str]:
    """Return the tables that the history has and capabilities do not know, or the reverse."""
    return HISTORY.keys() ^ {*_STORED, *SCHEMA}
