"""A company with nothing but the measures we ship, and a history made by hand."""

from decimal import Decimal

import pytest

from cbc.capabilities import Builtin
from cbc.facade import Capabilities
from cbc.measurement import number
from cbc.model import MEASURES
from cbc.testing import MemoryHistory, load_shipped
from cid.kit.clock import ManualClock, parse_time

AS_OF = "2026-06-30T23:59:59.999Z"
"""Thirty days back is 1 June, ninety days back 2 April, a hundred and eighty 2 January."""


@pytest.fixture
def history():
    return MemoryHistory()


@pytest.fixture(scope="session")
def definitions(tmp_path_factory):
    return load_shipped(Builtin(), tmp_path_factory.mktemp("company"))


@pytest.fixture
def cbc(definitions, history):
    return Capabilities(definitions, history, ManualClock(parse_time(AS_OF)))


@pytest.fixture
def measured(cbc, definitions, history):
    """Read a measure; see to it that the rows behind it give the very same number."""

    def read(name):
        found = cbc.measure(name)
        assert not found["problem"]
        drilled = cbc.drill(name)
        rows = [{**row, "time": None} for row in drilled["rows"]]
        again = number(definitions.get(MEASURES, name).value, rows)
        for figure in ("value", "n", "low", "high"):
            assert getattr(again, figure) == pytest.approx(found[figure], abs=1e-12), figure
        assert again.numerator == Decimal(str(found["numerator"]))
        assert again.denominator == Decimal(str(found["denominator"]))
        assert found["value"] == drilled["value"]
        return found

    return read
