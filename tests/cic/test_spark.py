"""The same questions on Spark have the same answers. Starts one session: takes half a minute."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(
    not (os.environ.get("CI") or os.environ.get("ICUSTOMER_TEST_SPARK")),
    reason="Spark takes half a minute to begin: set ICUSTOMER_TEST_SPARK=1",
)
@pytest.mark.skipif(
    not (find_spec("pyspark") and find_spec("ibis")), reason="the extra spark is not installed"
)
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
@pytest.mark.timeout(400)
def test_spark_answers_as_duckdb_does_and_keeps_the_policies():
    # Spark leaves threads and sockets behind, which would be held against the tests that follow.
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "no:unraisableexception", "-p", "no:threadexception"]
    ran = subprocess.run(
        [*command, "tests/cic/spark_answers.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    assert " passed" in ran.stdout
