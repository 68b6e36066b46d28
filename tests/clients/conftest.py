"""The clients' own packages, a browser, and a company that listens."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.serving import Shop, listening

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with listening(tmp_path_factory.mktemp("clients") / "company") as shop:
        yield shop


@pytest.fixture
def shop(house: Shop) -> Shop:
    """The company as it is at the beginning of a test."""
    return replace(house, name=uuid4().hex[:8])


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The clients complain loudly of what these tests do to them."""
    loggers = [logging.getLogger(name) for name in ("segment", "rudderstack", "backoff")]
    for logger in loggers:
        logger.disabled = True
    yield
    for logger in loggers:
        logger.disabled = False


@pytest.fixture(scope="session")
def packages() -> Path:
    """The clients for Node and browsers, at the versions of the lock, kept outside the repository."""
    missing = [name for name in ("node", "npm") if not shutil.which(name)]
    if missing:
        absent(f"{' and '.join(missing)} not found: apt-get install nodejs npm")
    lock = (NODE / "package-lock.json").read_bytes()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "icustomer-tests" / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(NODE / name, folder / name)
            # No package may run a script of its own here; none of those we use needs one.
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
            if done.returncode:
                absent(f"npm could not install the clients: {done.stderr.strip()[-300:]}")
            (folder / "installed").touch()
    return folder


def absent(reason: str) -> None:
    """Skip a test whose tools are missing, or fail where they are required."""
    if os.environ.get("ICUSTOMER_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason} (and services are required)")
    pytest.skip(reason)
