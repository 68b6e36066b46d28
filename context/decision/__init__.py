"""Decide: tables of an analyst, models of decisions, and rules that say when they matter.

Pure: takes what is known, returns what follows and why.
"""

from context.decision.model import Model, ready_models
from context.decision.rules import (
    EXTRA_WORDS,
    Decided,
    ReadyCall,
    ReadyRule,
    Supposed,
    Table,
    ready_rules,
)

__all__ = [
    "EXTRA_WORDS",
    "Decided",
    "Model",
    "ReadyCall",
    "ReadyRule",
    "Supposed",
    "Table",
    "ready_models",
    "ready_rules",
]
