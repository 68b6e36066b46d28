"""The history of the tables of all layers, and how to bring a database to its newest state."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from sqlalchemy import inspect, text

from cid.kit.db import Database, metadata
from cid.kit.failpoints import reach
from cid.kit.postgres import order_by_bytes

HEAD = "0004"
"""The newest revision; a test holds it against the files."""
LAYERS = ("cid", "cii", "cic", "cfa", "context")


def tables() -> None:
    """Let every layer declare its tables."""
    for layer in LAYERS:
        import_module(f"{layer}.tables")


def current(database: Database) -> str:
    """Return the revision a database is at; empty where it has none."""
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
        )


def upgrade(database: Database) -> str:
    """Bring a database to the newest revision, where it is not there already; return it."""
    if current(database) == HEAD:
        return HEAD
    from alembic import command
    from alembic.config import Config

    tables()
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if database.postgres:
            order_by_bytes(connection)
        reach("before migration")
    reach("after migration")
    return HEAD


__all__ = ["HEAD", "current", "metadata", "tables", "upgrade"]
