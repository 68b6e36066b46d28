"""The clients' own packages, a browser, and a company that listens."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.packages import installed
from tests.clients.serving import Shop, listening


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
    folder, trouble = installed()
    if trouble:
        absent(trouble)
    return folder


def absent(reason: str) -> None:
    """Skip a test whose tools are missing, or fail where they are required."""
    if os.environ.get("ICUSTOMER_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason} (and services are required)")
    pytest.skip(reason)
