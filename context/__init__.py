"""Customer context: the logic over all applications and channels, in the hands of analysts.

A rule says: when this happens to a customer of whom that is true, do these things. What was
decided, for whom, by which version and why is kept; what follows from it happens exactly once.
"""

from context.model import RULES, TABLES, ActionCall, DecisionTable, Rule, Trigger, TriggerKind
from context.ports import ACTIONS, STORES, Action, ActionRow, DecisionRow, Effects, Store

__all__ = [
    "ACTIONS",
    "RULES",
    "STORES",
    "TABLES",
    "Action",
    "ActionCall",
    "ActionRow",
    "DecisionRow",
    "DecisionTable",
    "Effects",
    "Rule",
    "Store",
    "Trigger",
    "TriggerKind",
]
