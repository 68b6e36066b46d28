"""The sample company, built once for all tests that look at it."""

import fcntl
import json

import pytest
from hypothesis import settings

from icustomer.demo import build_demo
from tests.company import NOW, SCALE, Built, opened
from tests.services.kafka import broker  # noqa: F401 - a fixture for all
from tests.services.postgres import postgres  # noqa: F401 - a fixture for all

settings.register_profile("everyday", deadline=None)
# Machines that do many things at once are slow now and then; that is no fault.
settings.load_profile("everyday")
settings.register_profile("nightly", max_examples=2_000, deadline=None)
"""Asked for with ``--hypothesis-profile=nightly``; see `tests.examples`."""

LONG = [
    "tests/pages/test_browser",
    "tests/packaging",
    "tests/outside",
    "tests/clients",
    "tests/contract/test_kafka",
    "tests/crashes/test_with_servers",
    "tests/crashes/test_crashes",
    "tests/stories",
    "tests/crashes",
    "tests/docs/test_pages",
    "tests/cic",
    "tests/cfa",
    "tests/cbc",
]
"""What takes long begins first: a file stays with one worker, and the last one is waited for."""


def pytest_collection_modifyitems(items):
    items.sort(
        key=lambda item: next(
            (place for place, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG)
        )
    )


def pytest_addoption(parser):
    parser.addoption(
        "--crashes", type=int, default=12, help="How often tests/crashes kills its companies."
    )


def pytest_terminal_summary(terminalreporter):
    """Say what was measured on the way, such as how many crashes there were."""
    for report in terminalreporter.getreports("passed"):
        for name, said in report.user_properties:
            terminalreporter.line(f"{name}: {said}")


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
