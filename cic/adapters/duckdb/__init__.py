"""History in one DuckDB file: fast over many customers, needs no server, can be made again."""

from cic.adapters.duckdb.engine import DuckDbHistory

__all__ = ["DuckDbHistory"]
