"""A company to test with: the sample company at a small scale, and the command line."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cid.kit.clock import ManualClock, parse_time
from icustomer import ICustomer, Settings
from icustomer.cli import main

NOW = "2026-11-22T12:00:00Z"
SCALE = 0.01
NOT_ABOUT_IT = ("cic_verification", "cii_origin", "cii_lease")
"""Tables about a run, a log and a process, not about the company."""
TIMING = ("seconds", "records_per_second", "phases", "applied_per_second")


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def icustomer(*arguments: object) -> Answer:
    """Run a command in this process, as its own process would run it."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", ["icustomer", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return Answer(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Built:
    """The sample company as it was built; nobody changes it, but everybody may take a copy."""

    path: Path
    summary: dict[str, Any]

    def copy(self, to: Path) -> Path:
        return shutil.copytree(self.path, to)


@contextlib.contextmanager
def opened(path: Path, now: str = NOW, **settings: Any) -> Iterator[ICustomer]:
    clock = ManualClock(parse_time(now))
    chosen = Settings(**settings) if settings else None
    with ICustomer.open(path, clock=clock, settings=chosen) as company:
        yield company


def figures(summary: dict[str, Any]) -> dict[str, Any]:
    """Return a summary without what depends on the speed of the machine."""
    return {name: value for name, value in summary.items() if name not in TIMING}


def records(path: Path) -> dict[str, list[Any]]:
    """Return all records of all layers, by table.

    Left out is what is not about the company: when somebody verified, and the running number of a
    change (it tells changes of one instant apart, no more).
    """
    connection = sqlite3.connect(path / "data" / "records.sqlite")
    named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    tables = sorted(name for (name,) in named if name not in NOT_ABOUT_IT)
    found = {}
    for table in tables:
        rows = connection.execute(f'SELECT * FROM "{table}"')
        skip = 1 if table == "cic_change" else 0
        found[table] = sorted(repr([_plain(value) for value in row[skip:]]) for row in rows)
    connection.close()
    return found


def differences(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> dict[str, Any]:
    """Return by table what only the one and only the other has; empty where they are equal."""
    return {
        table: (sorted(set(one[table]) - set(other[table]))[:3],
                sorted(set(other[table]) - set(one[table]))[:3],
                len(one[table]), len(other[table]))
        for table in one
        if one[table] != other[table]
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """Bring texts whose order has no meaning into one order."""
    if not isinstance(value, str):
        return value
    if value[:1] in "{[":
        with contextlib.suppress(json.JSONDecodeError):
            return json.dumps(json.loads(value), sort_keys=True, ensure_ascii=False)
    return "\n".join(sorted(value.split("\n")))
