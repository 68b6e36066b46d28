"""Scores: how likely a customer is to do something soon."""

from __future__ import annotations

from pydantic import Field

from cid.kit.definitions import Definition, Duration, Section


class Score(Definition):
    """A model that says how likely a customer is to do something soon; its result is a trait."""

    event: str
    """What we ask: will this happen?"""
    within: Duration = "60 d"
    features: tuple[str, ...]
    """Traits it may look at."""
    moments: int = Field(6, ge=2, le=60)
    """How many past moments, ``within`` apart, it learns from."""


SCORES = Section("scores", Score)
