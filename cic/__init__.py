"""Customer intelligence capability: what the records mean, right now and at any moment before.

Traits sum up what a customer did, segments say who belongs where, scores say what is likely; all
three are exact to the second, and every one of them can be checked against history.
"""

from cic.model import SCORES, SEGMENTS, TRAITS, Score, Segment, Trait
from cic.ports import (
    ENGINES,
    SCORERS,
    STORES,
    Engine,
    Example,
    Reason,
    Result,
    Scored,
    Scorer,
    Store,
)

__all__ = [
    "ENGINES",
    "SCORERS",
    "SCORES",
    "SEGMENTS",
    "STORES",
    "TRAITS",
    "Engine",
    "Example",
    "Reason",
    "Result",
    "Score",
    "Scored",
    "Scorer",
    "Segment",
    "Store",
    "Trait",
]
