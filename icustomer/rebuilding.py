"""The log is the truth: make all records anew from it, and send nothing twice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import text

from cid.kit.db import Database
from cid.kit.errors import Refused
from icustomer.company import ICustomer
from icustomer.settings import Settings

CHUNK = 5_000
FILES = ("records.sqlite", "records.sqlite-wal", "records.sqlite-shm")


def rebuild_company(directory: Path) -> dict[str, Any]:
    """Fold the whole log again into fresh records; the old ones stay until the new ones are complete.

    What was sent to other systems stays sent: those actions are carried over by their ids.

    Raises:
        Refused: the records are not in the company's own directory.
    """
    settings = Settings()
    if settings.database_url:
        raise Refused(
            "Rebuilding works on records in the company's directory.",
            hint="Point ICUSTOMER_DATABASE_URL at an empty database and run: icustomer serve",
        )
    path = directory.resolve()
    with ICustomer.open(path) as company:
        before = company.summary()
        moment = company.pipeline.moment
        aside = path / "data" / "rebuilding"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        fresh = _fold(company, aside, moment)
        company.history.close()
        for name in ("history.duckdb", "history.duckdb.wal"):
            (path / "data" / name).unlink(missing_ok=True)
        # Whatever happens from here on: either the old records are complete, or the new ones are.
        _settle(company.database)
        for name in FILES[1:]:
            (path / "data" / name).unlink(missing_ok=True)
        os.replace(aside / FILES[0], path / "data" / FILES[0])
        shutil.rmtree(aside)
    names = (
        *("applied", "duplicates", "rejected", "quarantined", "customers", "merges"),
        *("segment_changes", "firings", "tasks", "cases"),
    )
    return {
        "records": fresh["records_received"],
        **{name: fresh[name] for name in names},
        "same": all(before[name] == fresh[name] for name in names),
    }


def _fold(company: ICustomer, aside: Path, moment: int) -> dict[str, Any]:
    from icustomer import migrations

    database = Database(f"sqlite:///{aside / FILES[0]}")
    migrations.upgrade(database)
    with company.database.read() as old, database.write() as new:
        rows = old.execute(
            text("SELECT * FROM context_action WHERE state IN ('done', 'dead')")
        ).mappings()
        remote = company.delivery.remote()
        sent = [dict(row) for row in rows if row["action"] in remote]
        columns = list(sent[0]) if sent else []
        wanted = ", ".join(f":{name}" for name in columns)
        if sent:
            new.execute(
                text(f"INSERT INTO context_action ({', '.join(columns)}) VALUES ({wanted})"), sent
            )
    database.close()
    from icustomer.build import build

    parts = (company.directory, company.definitions, company.settings, company.clock)
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
    """Bring everything into the one file, and let go of it."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
