"""The sample company, built once for all tests that look at it."""

import pytest

from icustomer.demo import build_demo
from tests.company import NOW, SCALE, Built, opened


@pytest.fixture(scope="session")
def northlake(tmp_path_factory):
    """Northlake at a small scale; its eight people are complete at any scale."""
    path = tmp_path_factory.mktemp("companies") / "northlake"
    return Built(path, build_demo(path, scale=SCALE, now=NOW))


@pytest.fixture(scope="session")
def acme(northlake, tmp_path_factory):
    """Northlake, opened to look at; nobody changes it."""
    with opened(northlake.copy(tmp_path_factory.mktemp("companies") / "looked-at")) as company:
        yield company
