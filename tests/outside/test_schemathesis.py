"""Schemathesis asks our API everything its description allows, and what it forbids.

The default is a short profile. A longer one: ``ICUSTOMER_API_EXAMPLES=200 pytest tests/outside``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.company import Built, opened
from tests.outside.serving import served

EXAMPLES = int(os.environ.get("ICUSTOMER_API_EXAMPLES", "0"))
SHORT = {
    "examples,coverage,fuzzing": (
        "--include-path-regex",
        r"^/(api/(cfa/tasks|cii/identity|cid/customers|context/tables)|v1/\{kind)",
    ),
    "stateful": ("--exclude-path-regex", "^/api/(cbc|cic/(verify|segments|sql|preview))"),
}
"""What the short profile asks, by phases: something of every kind, nothing that counts the whole
company. The long one asks everything."""
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture(scope="module")
def address(northlake: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = northlake.copy(tmp_path_factory.mktemp("outside") / "company")
    with opened(path) as company, served(company) as address:
        yield address


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("phases", list(SHORT))
def test_the_api_does_what_it_says_of_itself(address: str, phases: str, tmp_path: Path) -> None:
    done = asked(address, phases, tmp_path)
    assert done.returncode == 0, done.stdout[-6_000:]
    assert "passed" in done.stdout


def asked(address: str, phases: str, folder: Path) -> subprocess.CompletedProcess[Any]:
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(CONFIG), "run", f"{address}/openapi.json"),
        *("--phases", phases, "--max-examples", str(EXAMPLES or 1), "--seed", "1", "--no-color"),
        *("--generation-database", "none", "--suppress-health-check", "all"),
    ]
    if not EXAMPLES:
        command += SHORT[phases]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=3_000)
