"""The sample company, built once for all tests that look at it."""

import fcntl
import json

import pytest

from icustomer.demo import build_demo
from tests.company import NOW, SCALE, Built, opened
from tests.services.postgres import postgres  # noqa: F401 - a fixture for all


@pytest.fixture(scope="session")
def northlake(tmp_path_factory, worker_id):
    """Northlake at a small scale; its eight people are complete at any scale."""
    root = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        # Workers that run tests in parallel share what the first of them built.
        root = root.parent
    path, told = root / "northlake", root / "northlake.json"
    with (root / "northlake.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(json.dumps(build_demo(path, scale=SCALE, now=NOW)))
    return Built(path, json.loads(told.read_text()))


@pytest.fixture(scope="session")
def acme(northlake, tmp_path_factory):
    """Northlake, opened to look at; nobody changes it."""
    with opened(northlake.copy(tmp_path_factory.mktemp("companies") / "looked-at")) as company:
        yield company
