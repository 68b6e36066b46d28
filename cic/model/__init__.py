"""The nouns of intelligence: traits, segments, scores, streams of changes, policies, figures, boards."""

from cic.model.board import BOARDS, Board
from cic.model.figure import DIMENSIONS, FIGURES, Dimension, Figure
from cic.model.policy import POLICIES, Policy
from cic.model.score import SCORES, Score
from cic.model.segment import SEGMENTS, Segment
from cic.model.settling import settled
from cic.model.stream import STREAMS, Stream
from cic.model.trait import AGGREGATES, TRAITS, Aggregate, Trait

SECTIONS = (TRAITS, SEGMENTS, SCORES, STREAMS, POLICIES, FIGURES, DIMENSIONS, BOARDS)

__all__ = [
    "AGGREGATES",
    "BOARDS",
    "DIMENSIONS",
    "FIGURES",
    "POLICIES",
    "SCORES",
    "SECTIONS",
    "SEGMENTS",
    "STREAMS",
    "TRAITS",
    "Aggregate",
    "Board",
    "Dimension",
    "Figure",
    "Policy",
    "Score",
    "Segment",
    "Stream",
    "Trait",
    "settled",
]
