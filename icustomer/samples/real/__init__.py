"""Real data sets: public files that a company of its own loads as they are."""

from icustomer.samples.real.relived import relive
from icustomer.samples.real.sets import DEFINITIONS, find

__all__ = ["DEFINITIONS", "find", "relive"]
