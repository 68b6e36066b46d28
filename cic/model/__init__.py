"""The nouns of intelligence: traits, segments, scores."""

from cic.model.policy import POLICIES, Policy
from cic.model.score import SCORES, Score
from cic.model.segment import SEGMENTS, Segment
from cic.model.settling import settled
from cic.model.trait import AGGREGATES, TRAITS, Aggregate, Trait

SECTIONS = (TRAITS, SEGMENTS, SCORES, POLICIES)

__all__ = [
    "AGGREGATES",
    "POLICIES",
    "SCORES",
    "SECTIONS",
    "SEGMENTS",
    "TRAITS",
    "Aggregate",
    "Policy",
    "Score",
    "Segment",
    "Trait",
    "settled",
]
