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


def copied(cursor: duckdb.DuckDBPyConnection, name: str) -> tuple[str | None, str]:
    """Return version and mark of what was copied last of a table."""
    rows = cursor.execute(
        "SELECT version, mark FROM kept.mirror WHERE name = $1", [name]
    ).fetchall()
    return rows[0] if rows else (None, "")


def note(cursor: duckdb.DuckDBPyConnection, name: str, version: str, mark: str = "") -> None:
    """Note what was copied of a table."""
    cursor.execute("DELETE FROM kept.mirror WHERE name = $1", [name])
    cursor.execute("INSERT INTO kept.mirror VALUES ($1, $2, $3)", [name, version, mark])


def columns_of(cursor: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    """Return the columns of a small table with their types; none where there is no such table."""
    found = cursor.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name || '.' || table_name = $1 "
        "ORDER BY column_index",
        [name if "." in name else f"main.{name}"],
    ).fetchall()
    return dict(found)


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
