"""Which process applies records now, where several share a database: a row with a holder and an epoch."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, func, select, update

from cid.kit.errors import Conflict
from cii import tables
from cii.ports import Turn

_t = tables.lease


def take(
    connection: Connection, name: str, holder: str, ttl: int, *, patient: bool, gone: Any
) -> Turn:
    """Renew the lease if it is ours, take it if it is free; else say who has it.

    Time is the database's, so that the clocks of several machines need not agree.
    """
    now = _now(connection)
    found = connection.execute(select(_t).where(_t.c.name == name).with_for_update()).mappings()
    row: dict[str, Any] = dict(found.first() or {})
    if not row:
        row = {"name": name, "holder": "", "epoch": 0, "until": 0, "wanted": 0}
        connection.execute(_t.insert(), [row])
    mine = row["holder"] == holder
    free = not row["holder"] or row["until"] <= now or gone(row["holder"])
    wanted = row["wanted"] > now
    if mine and not (patient and wanted):
        _set(connection, name, until=now + ttl)
        return Turn(True, row["epoch"], holder)
    if mine:
        # Somebody who shows pages wants to apply, too: let her.
        _set(connection, name, holder="", until=0)
        return Turn(False, row["epoch"], "")
    if free and not (patient and wanted):
        epoch = row["epoch"] + 1
        _set(connection, name, holder=holder, epoch=epoch, until=now + ttl, wanted=0)
        return Turn(True, epoch, holder)
    if not patient:
        _set(connection, name, wanted=now + ttl)
    return Turn(False, row["epoch"], row["holder"])


def give_back(connection: Connection, name: str, holder: str) -> None:
    """Let another take the lease at once."""
    ours = (_t.c.name == name) & (_t.c.holder == holder)
    connection.execute(update(_t).where(ours).values(holder="", until=0))


def hold(connection: Connection, name: str, epoch: int) -> None:
    """Make sure that nobody has taken the lease since the epoch, and that nobody can before our commit.

    Raises:
        Conflict: somebody has; whatever this transaction did must not be.
    """
    now = connection.execute(select(_t.c.epoch).where(_t.c.name == name).with_for_update()).scalar()
    if now != epoch:
        raise Conflict(
            f"Another process applies the records now (its turn is {now}, ours was {epoch}).",
            hint="This one waits for its next turn.",
        )


def _set(connection: Connection, name: str, **values: Any) -> None:
    connection.execute(update(_t).where(_t.c.name == name).values(**values))


def _now(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        seconds = connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar()
        return int(float(seconds or 0) * 1000)
    return int(time.time() * 1000)
