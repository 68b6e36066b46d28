"""The log is the truth: make all records anew from it, and send nothing twice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import select

from cid.kit import postgres
from cid.kit.db import Database, insert, metadata
from cid.kit.errors import Conflict, Refused
from cid.kit.failpoints import reach
from icustomer import migrations
from icustomer.company import ICustomer
from icustomer.settings import Settings, records_url

CHUNK = 5_000
FILES = ("records.sqlite", "records.sqlite-wal", "records.sqlite-shm")
SENT = ("done", "dead")


def rebuild_company(directory: Path) -> dict[str, Any]:
    """Fold the whole log again into fresh records; the old ones stay until the new ones are complete.

    What was sent to other systems stays sent: those actions are carried over by their ids.

    Raises:
        Refused: the records are in a file outside the company's directory.
    """
    settings = Settings()
    in_postgres = postgres.is_postgres(settings.database_url)
    if settings.database_url and not in_postgres:
        raise Refused(
            "Rebuilding works on records in the company's directory, or in Postgres.",
            hint="Point ICUSTOMER_DATABASE_URL at an empty database and run: icustomer serve",
        )
    path = directory.resolve()
    with ICustomer.open(path, settings=settings) as company:
        before = company.summary()
        moment = company.pipeline.moment
        aside = path / "data" / "rebuilding"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        place = InSchema(company.database, settings) if in_postgres else InFile(company, aside)
        fresh = _fold(company, aside, place.settings, moment)
        company.history.close()
        # Its positions are those of the old records.
        company.keeper.reliving.stop()
        for name in ("history.duckdb", "history.duckdb.wal"):
            (path / "data" / name).unlink(missing_ok=True)
        # Whatever happens from here on: either the old records are complete, or the new ones are.
        reach("before exchange")
        place.take_over()
        reach("after exchange")
        shutil.rmtree(aside)
    return _compared(before, fresh)


def move_company(directory: Path) -> dict[str, Any]:
    """Make the records anew in Postgres, from those in the company's directory, which stay as they are.

    What was sent to other systems stays sent.

    Raises:
        Refused: the settings name no Postgres database, or there are no records in the directory.
        Conflict: there are records in that database already.
    """
    settings = Settings()
    path = directory.resolve()
    if not postgres.is_postgres(settings.database_url):
        raise Refused(
            "The settings do not say where to.",
            hint="Set ICUSTOMER_DATABASE_URL=postgresql://name@host/database",
        )
    if not (path / "data" / FILES[0]).exists():
        raise Refused(f"There are no records in {path / 'data'} to be moved.")
    here = settings.model_copy(update={"database_url": ""})
    target = Database(settings.database_url)
    try:
        migrations.upgrade(target)
        with target.read() as connection:
            if connection.execute(select(metadata.tables["cii_progress"])).first():
                raise Conflict("There are records in that database already.")
        with ICustomer.open(path, settings=here) as company:
            company.catch_up()
            before = company.summary()
            aside = path / "data" / "rebuilding"
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            place = InSchema(target, settings)
            fresh = _fold(company, aside, place.settings, company.pipeline.moment)
            place.take_over()
            shutil.rmtree(aside)
    finally:
        target.close()
    return _compared(before, fresh)


def _compared(before: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    names = (
        *("applied", "duplicates", "rejected", "quarantined", "customers", "merges"),
        *("segment_changes", "firings", "tasks", "cases"),
    )
    return {
        "records": fresh["records_received"],
        **{name: fresh[name] for name in names},
        "same": all(before[name] == fresh[name] for name in names),
    }


class InFile:
    """Fresh records in a file beside the old ones, whose place it takes in one step."""

    def __init__(self, company: ICustomer, aside: Path) -> None:
        self.settings = company.settings
        self._company = company
        self._data = company.directory / "data"
        self._aside = aside

    def take_over(self) -> None:
        """Put the fresh records in the place of the old ones."""
        _settle(self._company.database)
        for name in FILES[1:]:
            (self._data / name).unlink(missing_ok=True)
        os.replace(self._aside / FILES[0], self._data / FILES[0])


class InSchema:
    """Fresh records in a schema beside the old ones, whose place its tables take in one transaction."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        with database.write() as connection:
            self._schema = postgres.begin_aside(connection)
        url = postgres.in_schema(settings.database_url, self._schema)
        self.settings = settings.model_copy(update={"database_url": url})

    def take_over(self) -> None:
        """Put the fresh records in the place of the old ones."""
        tables = [*metadata.tables, "alembic_version"]
        with self._database.write() as connection:
            # What others have sent while we were folding stays sent, too.
            connection.exec_driver_sql(
                f'UPDATE "{self._schema}".context_action AS new'
                " SET state = old.state, attempts = old.attempts, error = old.error"
                " FROM context_action AS old WHERE old.id = new.id AND new.state = 'pending'"
                f" AND old.state IN {SENT!r}"
            )
            postgres.take_over(connection, self._schema, tables)


def _fold(company: ICustomer, aside: Path, settings: Settings, moment: int) -> dict[str, Any]:
    database = Database(records_url(settings, aside))
    migrations.upgrade(database)
    actions = metadata.tables["context_action"]
    sent = actions.c.state.in_(SENT) & actions.c.action.in_(company.delivery.remote())
    with company.database.read() as old, database.write() as new:
        insert(
            new, actions, [dict(row) for row in old.execute(select(actions).where(sent)).mappings()]
        )
        state = metadata.tables["cic_state"]
        streams = select(state).where(state.c.name.like("stream:%"))
        insert(new, state, [dict(row) for row in old.execute(streams).mappings()])
    database.close()
    from icustomer.build import build

    parts = (company.directory, company.definitions, settings, company.clock)
    again = ICustomer(*parts, build(*parts, data=aside, log=company.cii.transport))
    again.pipeline.load()
    after = 0
    while taken := company.cii.store.order(after, CHUNK):
        # In the order in which they were taken, so that also what happened in between is the same.
        again.pipeline.follow([(partition, offset) for _, partition, offset in taken])
        after = taken[-1][0]
    with company.database.read() as connection:
        again.pipeline.reached(company.cii.store.progress(connection, again.cii.topic))
    again.pipeline.run(CHUNK)
    again.pipeline.tick(moment)
    summary = again.summary()
    again.history.close()
    _settle(again.database)
    return summary


def _settle(database: Database) -> None:
    """Bring everything into the one file, where it is one, and let go of it."""
    if not database.postgres:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
