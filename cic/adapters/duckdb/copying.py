"""How small tables come into the file, in one transaction of whoever calls: as little as has changed.

A table that can tell what is new is asked for that alone. Any other is read, and copied only if what it holds
is not what was copied last: reading costs little beside laying down.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import chain, islice
from typing import Any

import duckdb
import numpy as np

from cic.adapters.duckdb.laying import (
    ADD_CUSTOMERS,
    KEY,
    Notes,
    cast,
    columns_of_rows,
    declared,
    quoted,
    table,
)
from cic.history import column_types, said_type
from cic.ports import Mirror, News

CHUNK = 20_000
Rows = Sequence[Sequence[Any]]


def refresh(cursor: duckdb.DuckDBPyConnection, notes: Notes, name: str, mirror: Mirror) -> bool:
    """Copy what changed of a small table; return whether its columns are others now."""
    version, mark = notes.copied(name)
    if mirror.version and version == mirror.version:
        return False
    if mirror.news is None:
        rows = list(map(tuple, mirror.rows()))
        now = _digest(mirror.columns, rows)
        if now and now == mark:
            notes.note(name, mirror.version, mark)
            return False
        news = News(now, rows)
        there = notes.columns_of(name)
    else:
        news = mirror.news(mark)
        there = notes.columns_of(name)
        if news.gone is not None and not _fits(name, mirror, there):
            news = mirror.news("")
    anew = False
    parts: Iterable[Rows]
    if news.gone is None:
        parts, types = _typed(name, mirror, news.rows)
        anew = list(there.items()) != list(types.items())
        if anew:
            cursor.execute(f"CREATE OR REPLACE TABLE {declared(name, types)}")
        else:
            cursor.execute(f"DELETE FROM {table(name)}")
    else:
        parts, types = _parts(news.rows), there
        if news.gone:
            cursor.register("gone", {"one": np.array(list(news.gone), dtype=object)})
            only = f"{quoted(mirror.key)} IN (SELECT one FROM gone)"
            cursor.execute(f"DELETE FROM {table(name)} WHERE {only}")
            cursor.unregister("gone")
    _add(cursor, name, mirror.columns, types, parts)
    notes.note(name, mirror.version, news.mark)
    return anew


def begin(cursor: duckdb.DuckDBPyConnection, name: str, types: Mapping[str, str]) -> None:
    """Make a small table before anything happened."""
    more = {KEY: "INTEGER"} if "customer" in types else {}
    cursor.execute(f"CREATE TABLE {declared(name, {**types, **more})}")


def _add(
    cursor: duckdb.DuckDBPyConnection,
    name: str,
    columns: Sequence[str],
    types: Mapping[str, str],
    parts: Iterable[Rows],
) -> None:
    wanted = [cast(column, types[column]) for column in columns]
    into = [quoted(column) for column in columns]
    joined = ""
    if "customer" in columns:
        wanted.append(f"k.{KEY}")
        into.append(KEY)
        joined = " LEFT JOIN kept.customer k ON k.customer = i.customer"
    for part in parts:
        cursor.register("incoming", columns_of_rows(columns, part))
        if joined:
            cursor.execute(ADD_CUSTOMERS)
        cursor.execute(
            f"INSERT INTO {table(name)} ({', '.join(into)}) "
            f"SELECT {', '.join(wanted)} FROM incoming i{joined}"
        )
        cursor.unregister("incoming")


def _fits(name: str, mirror: Mirror, there: Mapping[str, str]) -> bool:
    """Say whether rows can be added to what is there; where values decide on types, text takes all."""
    return all(
        there.get(column) == (said_type(name, mirror, column) or "VARCHAR")
        for column in mirror.columns
    )


def _typed(
    name: str, mirror: Mirror, rows: Iterable[Sequence[Any]]
) -> tuple[Iterable[Rows], dict[str, str]]:
    """Return the rows in parts, and the type of each column; held all at once if values decide on it."""
    parts: Iterable[Rows] = _parts(rows)
    if not all(said_type(name, mirror, column) for column in mirror.columns):
        parts = list(parts)
        types = column_types(name, mirror, list(chain.from_iterable(parts)))
    else:
        types = column_types(name, mirror, ())
    if "customer" in types:
        types[KEY] = "INTEGER"
    return parts, types


def _parts(rows: Iterable[Sequence[Any]]) -> Iterator[Rows]:
    waiting = iter(rows)
    while part := list(islice(waiting, CHUNK)):
        yield part


def _digest(columns: Sequence[str], rows: list[tuple[Any, ...]]) -> str:
    """Return a text that is the same for the same rows; empty where they hold something unusual."""
    try:
        # Format 2 knows no references, so equal values are equal bytes.
        return blake2b(marshal.dumps((tuple(columns), rows), 2), digest_size=16).hexdigest()
    except ValueError:
        return ""
