"""What a sight shows, as a schema of views: a reader's query finds these and no table beneath them.

The views lie in a database in memory beside the file. A query may name no schema or database, so its
names mean these views; see `asking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb

from cic.adapters.duckdb.laying import KEY, quoted
from cic.columns import text_literal
from cic.history import SHARED
from cic.ports import Sight

DATABASE = "seen"
Columns = Mapping[str, Mapping[str, str]]
"""Types of the columns of each view."""


def attach(connection: duckdb.DuckDBPyConnection) -> None:
    """Make room for views, beside the file."""
    connection.execute(f"ATTACH ':memory:' AS {DATABASE}")


def make(cursor: duckdb.DuckDBPyConnection, schema: str, sight: Sight) -> frozenset[str]:
    """Make the views of a sight; return their names."""
    file = quoted(cursor.execute("SELECT current_database()").fetchall()[0][0])
    columns = _columns(cursor)
    shown = {
        name: types for name, types in columns.items() if name in sight.views or not sight.views
    }
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {DATABASE}.{schema}")
    for name, sql in _views(shown, sight, file):
        cursor.execute(f"CREATE OR REPLACE VIEW {DATABASE}.{schema}.{quoted(name)} AS {sql}")
    return frozenset(shown)


def _columns(cursor: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for view, column, type_ in cursor.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal "
        "ORDER BY table_name, column_index"
    ).fetchall():
        found.setdefault(view, {})[column] = type_
    return found


def _views(columns: Columns, sight: Sight, file: str) -> Iterator[tuple[str, str]]:
    for name, types in columns.items():
        about = KEY in types
        wanted = {
            column: _shown(name, column, type_, sight) if about else f"b.{quoted(column)}"
            for column, type_ in types.items()
            if column not in sight.hidden
        }
        rows = f"{file}.main.{quoted(name)} b"
        if name == "facts" and sight.attributes:
            rows = f"{file}.{SHARED} b"
        if about and sight.partial:
            # Nothing of a row that is not seen reaches the query's own conditions: these may run
            # before the rows are left out, and tell by an error what they met.
            wanted = {column: f"CASE WHEN s.seen THEN {sql} END" for column, sql in wanted.items()}
            rows += f" JOIN ({_customers(sight, file)}) s ON s.{KEY} = b.{KEY}"
        selected = ", ".join(f"{sql} AS {quoted(column)}" for column, sql in wanted.items())
        only = " WHERE s.seen" if about and sight.partial else ""
        yield name, f"SELECT {selected} FROM {rows}{only}"


def _customers(sight: Sight, file: str) -> str:
    """Return the SQL of all customers, with whether each is seen."""
    conditions = [sight.customers] if sight.customers else []
    if sight.consent:
        conditions.append(
            f"coalesce({KEY} IN (SELECT {KEY} FROM {file}.main.consents "
            f"WHERE granted AND purpose = {text_literal(sight.consent)}), false)"
        )
    return f"SELECT {KEY}, {' AND '.join(conditions)} AS seen FROM {file}.main.customers"


def _shown(view: str, column: str, type_: str, sight: Sight) -> str:
    name = f"b.{quoted(column)}"
    if view == "attributes" and column == "value" and sight.attributes:
        listed = ", ".join(map(text_literal, sorted(sight.attributes)))
        return f"CASE WHEN b.attribute IN ({listed}) THEN {_masked(name)} ELSE {name} END"
    if column not in sight.masked:
        return name
    if column in ("identity", "identifier"):
        return f"split_part({name}, ':', 1) || ':•••'"
    return _masked(name) if type_ == "VARCHAR" else f"CAST(NULL AS {type_})"


def _masked(name: str) -> str:
    return f"CASE WHEN {name} = '' THEN '' ELSE left({name}, 1) || '•••' END"
