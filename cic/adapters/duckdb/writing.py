"""Answers as Parquet files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import orjson

from cic.adapters.duckdb.laying import quoted
from cic.columns import text_literal
from cic.ports import plain

_PLAIN = {
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "DATE", "TIMESTAMP", "VARCHAR"),
}


def write(
    columns: Sequence[tuple[str, str]], parts: Iterable[Sequence[tuple[Any, ...]]], path: Path
) -> None:
    """Write rows as a Parquet file; what is neither number, text, day nor moment is JSON in it."""
    types = {name: type_ if _held(type_) else "VARCHAR" for name, type_ in columns}
    settings: dict[str, Any] = {
        "memory_limit": "256MB",
        "threads": "1",
        "temp_directory": str(path.parent),
    }
    connection = duckdb.connect(config=settings)
    try:
        declared = ", ".join(f"{quoted(name)} {type_}" for name, type_ in types.items())
        connection.execute(f"CREATE TABLE answer ({declared})")
        wanted = ", ".join(
            f"CAST(c{place} AS {type_})" for place, type_ in enumerate(types.values())
        )
        for part in parts:
            if not part:
                continue
            given = {
                f"c{place}": np.array([_text(value) for value in values], dtype=object)
                for place, values in enumerate(zip(*part, strict=True))
            }
            connection.register("part", given)
            connection.execute(f"INSERT INTO answer SELECT {wanted} FROM part")
            connection.unregister("part")
        connection.execute(f"COPY answer TO {text_literal(str(path))} (FORMAT parquet)")
    finally:
        connection.close()


def _held(type_: str) -> bool:
    return type_ in _PLAIN or (type_.startswith("DECIMAL(") and type_.endswith(")"))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | dict):
        try:
            return orjson.dumps(plain(value), option=orjson.OPT_NON_STR_KEYS).decode()
        except orjson.JSONEncodeError:
            # A whole number in it has more than 64 bits.
            return json.dumps(plain(value), ensure_ascii=False)
    return str(value)
