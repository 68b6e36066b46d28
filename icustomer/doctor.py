"""Is this installation well? Each finding says what was looked at, what was found, what to do."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from cid.kit.db import Database
from cid.kit.errors import ICustomerError, Unavailable
from cid.kit.postgres import described
from icustomer import migrations
from icustomer.ownership import listening
from icustomer.settings import Settings, records_url
from icustomer.sockets import PORTS

PACKAGES = ("cid", "cii", "cic", "cfa", "context", "cbc", "icustomer")
OPTIONAL = {
    "kafka": "Kafka as the log",
    "crc32c": "fast Kafka",
    "psycopg": "Postgres for the records",
}


def examine(directory: Path | None = None) -> dict[str, Any]:
    """Look at installation, names, plugins, settings, database and the company's directory."""
    findings = [_python(), *_names(), *_plugins(), _settings(), *_optional()]
    if directory is not None:
        findings += _company(directory)
    return {
        "healthy": all(finding["state"] != "bad" for finding in findings),
        "version": version("icustomer"),
        "findings": findings,
    }


def _finding(what: str, state: str, found: str, advice: str = "") -> dict[str, Any]:
    return {"what": what, "state": state, "found": found, "advice": advice}


def _python() -> dict[str, Any]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info >= (3, 11)
    return _finding(
        "Python", "good" if good else "bad", found, "" if good else "Use 3.11 or newer."
    )


def _names() -> list[dict[str, Any]]:
    """The six short package names must be ours."""
    found = packages_distributions()
    findings = []
    for name in PACKAGES:
        owners = sorted(set(found.get(name, [])) - {"icustomer"})
        if owners:
            findings.append(
                _finding(
                    f"package {name}",
                    "bad",
                    f"also provided by {', '.join(owners)}",
                    f"Uninstall it: pip uninstall {' '.join(owners)}",
                )
            )
    return findings or [_finding("package names", "good", "all seven are ours")]


def _plugins() -> list[dict[str, Any]]:
    findings = []
    count = 0
    for port in PORTS:
        try:
            for name in port.names():
                try:
                    port.load(name)
                    count += 1
                except Unavailable as error:
                    # Its package is an extra that nobody has asked for.
                    findings.append(
                        _finding(f"plugin {name}", "absent", error.message, error.hint or "")
                    )
        except ICustomerError as error:
            findings.append(_finding(port.group, "bad", error.message, error.hint or ""))
    return [_finding("plugins", "good", f"{count} load in {len(PORTS)} sockets"), *findings]


def _settings() -> dict[str, Any]:
    settings = Settings()
    try:
        settings.refuse_unsafe()
    except ICustomerError as error:
        return _finding("settings", "bad", error.message, error.hint or "")
    return _finding("settings", "good", f"listens on {settings.host}")


def _optional() -> list[dict[str, Any]]:
    return [
        _finding(
            name,
            "good" if find_spec(name) else "absent",
            f"{use}: {'installed' if find_spec(name) else 'not installed, not needed to start'}",
        )
        for name, use in OPTIONAL.items()
    ]


def _company(directory: Path) -> list[dict[str, Any]]:
    from icustomer.starting import check_company

    problems = check_company(directory)
    text = problems[0]["text"] if problems else "in order"
    findings = [_finding("definitions", "bad" if problems else "good", text)]
    data = directory / "data"
    if not data.is_dir():
        return [*findings, _finding("data", "good", "none yet")]
    findings += _database(data)
    server = listening(data)
    where = f"listening on {server['host']}:{server['port']}" if server else "not running"
    return [*findings, _finding("server", "good", where)]


def _database(data: Path) -> list[dict[str, Any]]:
    findings = []
    try:
        database = Database(records_url(Settings(), data))
    except ICustomerError as error:
        return [_finding("database", "bad", error.message, error.hint or "")]
    try:
        at = migrations.current(database)
        state = "good" if at == migrations.HEAD else "bad"
        advice = "" if state == "good" else "Run: icustomer db upgrade"
        findings.append(_finding("database", state, f"revision {at or 'none'}", advice))
        if database.postgres:
            server, unsafe = described(database.engine)
            findings.append(_finding("database server", "good", server))
            findings += [
                _finding("database server", "bad", f"{name} is off", f"Set {name} = on.")
                for name in unsafe
            ]
    except ICustomerError as error:
        findings.append(_finding("database", "bad", error.message, error.hint or ""))
    except SQLAlchemyError as error:
        findings.append(_finding("database", "bad", str(error).splitlines()[0]))
    finally:
        database.close()
    return findings
