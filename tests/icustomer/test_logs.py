"""Remarks of the program and answers of the program do not mix."""

import subprocess
import sys

import pytest

REMARK = """
import sys
from icustomer import cli
import structlog
cli.app = lambda **given: structlog.get_logger().warning("disk.nearly_full", left=3)
cli.main()
print("{}")
"""


@pytest.mark.parametrize(("level", "told"), [("WARNING", True), ("ERROR", False)])
def test_remarks_go_to_standard_error_from_the_chosen_level_on(level, told, monkeypatch):
    monkeypatch.setenv("ICUSTOMER_LOG_LEVEL", level)
    done = subprocess.run(
        [sys.executable, "-c", REMARK], capture_output=True, text=True, check=True
    )
    assert done.stdout == "{}\n"
    assert ("level='warning' event='disk.nearly_full' left=3" in done.stderr) is told
