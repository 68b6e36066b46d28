"""The nouns of intelligence: traits, segments, scores."""

from cic.model.score import SCORES, Score
from cic.model.segment import SEGMENTS, Segment
from cic.model.trait import AGGREGATES, TRAITS, Aggregate, Trait

SECTIONS = (TRAITS, SEGMENTS, SCORES)

__all__ = [
    "AGGREGATES",
    "SCORES",
    "SECTIONS",
    "SEGMENTS",
    "TRAITS",
    "Aggregate",
    "Score",
    "Segment",
    "Trait",
]
