"""What analysts count and what they split it by: the words of exploration and their meaning.

A measure is counted on one *base*, at the base's own grain; a dimension says what it is on each
base on which it exists. So no question can count an order once per order line, or a customer once
per case.
"""

from cic.semantics.bases import BASES, Base
from cic.semantics.measures import MEASURES, Counted
from cic.semantics.vocabulary import STRETCHES, Split, Vocabulary

__all__ = [
    "BASES",
    "MEASURES",
    "STRETCHES",
    "Base",
    "Counted",
    "Split",
    "Vocabulary",
]
