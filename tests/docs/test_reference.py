"""The reference pages say what the program says."""

from pathlib import Path

import pytest

from icustomer.reference import pages
from icustomer.sockets import PORTS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture(scope="module")
def written():
    return pages()


def test_every_reference_page_is_up_to_date(written):
    for name, text in written.items():
        assert (REFERENCE / name).read_text(encoding="utf-8") == text, (
            f"{name} is out of date; run: python -m icustomer.reference docs/reference"
        )


def test_there_is_no_reference_page_that_nobody_writes(written):
    assert {path.name for path in REFERENCE.glob("*.md")} == {
        *written,
        *("index.md", "events.md", "feel.md", "traits.md"),
    }


def test_every_socket_is_described(written):
    for port in PORTS:
        assert f"## {port.group}\n" in written["plugins.md"]
