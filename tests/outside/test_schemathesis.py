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

EXAMPLES = int(os.environ.get("ICUSTOMER_API_EXAMPLES", "2"))
CONFIG = Path(__file__).with_name("schemathesis.toml")
PHASES = ["examples,coverage", "fuzzing", "stateful"]


@pytest.fixture(scope="module")
def address(northlake: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = northlake.copy(tmp_path_factory.mktemp("outside") / "company")
    # Within seconds everything is asked; what takes long is asked on a day of its own.
    with opened(path) as company, served(company) as address:
        yield address


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("phases", PHASES)
def test_the_api_does_what_it_says_of_itself(address: str, phases: str, tmp_path: Path) -> None:
    done = asked(address, phases, tmp_path)
    assert done.returncode == 0, done.stdout[-6_000:]
    assert "passed" in done.stdout


def asked(address: str, phases: str, folder: Path) -> subprocess.CompletedProcess[Any]:
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(CONFIG), "run", f"{address}/openapi.json"),
        *("--phases", phases, "--max-examples", str(EXAMPLES), "--seed", "1", "--no-color"),
        *("--generation-database", "none", "--suppress-health-check", "all"),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=3_000)
