"""The capabilities we ship keep the contract that everybody else's keep."""

import pytest

from cbc.capabilities import Builtin
from cbc.ports import CAPABILITIES
from cbc.testing import CapabilityContract


class TestBuiltin(CapabilityContract):
    @pytest.fixture
    def plugin(self):
        return Builtin()


def test_our_own_capabilities_come_in_through_the_door_for_everybody():
    assert CAPABILITIES.load("builtin") is Builtin
