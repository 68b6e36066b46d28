"""Customer business capabilities: what the company is able to do, shown in numbers that open.

A capability stands on elements of the layers below and is measured; every number shows how it is
reckoned, compares itself with before and with its target, and opens down to the customers behind
it.
"""

from cbc.model import GOALS, MEASURES, Capability, Goal, Measure
from cbc.ports import CAPABILITIES, CapabilityPlugin, History

__all__ = [
    "CAPABILITIES",
    "GOALS",
    "MEASURES",
    "Capability",
    "CapabilityPlugin",
    "Goal",
    "History",
    "Measure",
]
