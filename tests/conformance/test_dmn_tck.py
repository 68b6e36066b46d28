"""The compatibility kit of DMN, where its folder is given in ICUSTOMER_DMN_TCK."""

import os
from pathlib import Path

import pytest

from tests.conformance.tck import levels, run, summary

FOLDER = os.environ.get("ICUSTOMER_DMN_TCK", "")
GOALS = {"2": (1.0, 1.0), "3": (0.98, 0.95)}
"""By level: which part of all cases passes, and which part of those that expect more than null."""

pytestmark = pytest.mark.skipif(
    not FOLDER,
    reason="set ICUSTOMER_DMN_TCK to the TestCases of https://github.com/dmn-tck/tck to run them",
)


@pytest.mark.parametrize(
    "level", levels(Path(FOLDER)) if FOLDER else [], ids=lambda each: each.name
)
def test_the_cases_of_the_compatibility_kit_pass(level):
    found = summary(list(run(level)))
    of_all, of_spoken = GOALS.get(found["level"], (0.0, 0.0))
    assert found["passed"] >= of_all * found["total"], found
    assert found["non_null_passed"] >= of_spoken * found["non_null_total"], found
