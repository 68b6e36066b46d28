"""How many examples a property is tried on: few in everyday work, many at night."""

from hypothesis import settings

FEW = 100
"""What hypothesis tries where nobody says how many."""


def examples(few):
    """Return a number of examples: this many, or those of the nightly profile.

    >>> examples(20)
    20
    """
    asked = settings.default.max_examples
    return asked if asked > FEW else few
