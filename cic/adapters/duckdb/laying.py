"""How rows are laid down in tables of the file: columns of one type each, names quoted, what was copied noted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np

KEY = "customer_key"
ADD_CUSTOMERS = """
INSERT INTO kept.customer
SELECT (SELECT coalesce(max(customer_key), -1) FROM kept.customer)
       + row_number() OVER (ORDER BY customer), customer
FROM (SELECT DISTINCT customer FROM incoming WHERE customer IS NOT NULL) i
WHERE NOT EXISTS (SELECT 1 FROM kept.customer c WHERE c.customer = i.customer)
"""
_NOTHING = type(None)


def columns_of_rows(names: Iterable[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Turn rows into columns of whole numbers or of text: the engine need not guess types."""
    return {
        name: _column(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }


class Notes:
    """What was copied of which table, and of which columns it is: read at once, written at once.

    One statement takes the engine as long for one small table as for all of them.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        rows = cursor.execute("SELECT name, version, mark FROM kept.mirror").fetchall()
        self._copied: dict[str, tuple[str | None, str]] = {
            name: (version, mark) for name, version, mark in rows
        }
        self._new: set[str] = set()
        self._columns: dict[str, dict[str, str]] | None = None

    def copied(self, name: str) -> tuple[str | None, str]:
        """Return version and mark of what was copied last of a table."""
        return self._copied.get(name, (None, ""))

    def note(self, name: str, version: str, mark: str = "") -> None:
        """Note what was copied of a table; `write` keeps it."""
        self._copied[name] = (version, mark)
        self._new.add(name)

    def write(self) -> None:
        """Keep what was noted."""
        names = sorted(self._new)
        if names:
            versions, marks = zip(*(self._copied[name] for name in names), strict=True)
            given = [names, list(versions), list(marks)]
            self._cursor.execute("DELETE FROM kept.mirror WHERE list_contains($1, name)", [names])
            self._cursor.execute(
                "INSERT INTO kept.mirror SELECT unnest($1), unnest($2), unnest($3)", given
            )
        self._new.clear()

    def columns_of(self, name: str) -> dict[str, str]:
        """Return the columns of a small table with their types as they were at first; none if it was not there."""
        if self._columns is None:
            self._columns = {}
            found = self._cursor.execute(
                "SELECT table_name, column_name, data_type FROM duckdb_columns() "
                "WHERE database_name = current_database() AND schema_name = 'main' "
                "ORDER BY table_name, column_index"
            ).fetchall()
            for table_name, column, type_ in found:
                self._columns.setdefault(table_name, {})[column] = type_
        return self._columns.get(name, {})


def cast(column: str, type_: str) -> str:
    """Return SQL for a column of what comes in, as a type."""
    name = f"i.{quoted(column)}"
    if type_ == "TIMESTAMP":
        return f"make_timestamp(CAST({name} AS BIGINT) * 1000)"
    return f"CAST({name} AS {type_})"


def declared(name: str, types: Mapping[str, str]) -> str:
    """Return a table's name with its columns, for SQL."""
    columns = ", ".join(f"{quoted(column)} {type_}" for column, type_ in types.items())
    return f"{table(name)} ({columns})"


def table(name: str) -> str:
    """Write the name of a table, perhaps with its schema, for SQL."""
    return ".".join(quoted(part) for part in name.split("."))


def quoted(name: str) -> str:
    """Write a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _column(values: tuple[Any, ...]) -> Any:
    kinds = set(map(type, values))
    try:
        if kinds == {int}:
            return np.array(values, dtype=np.int64)
        if kinds == {int, _NOTHING}:
            missing = [value is None for value in values]
            whole = [0 if value is None else value for value in values]
            return np.ma.masked_array(np.array(whole, dtype=np.int64), mask=missing)
    except OverflowError:
        pass
    if not kinds <= {str, _NOTHING}:
        values = tuple(None if value is None else _text(value) for value in values)
    return np.array(values, dtype=object)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
