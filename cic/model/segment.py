"""Segments: who belongs together right now."""

from __future__ import annotations

from pydantic import model_validator

from cid.kit.clock import DAY, parse_duration
from cid.kit.definitions import Definition, Duration, Feel, Section

LONGEST_STAY = 36_525 * DAY


class Segment(Definition):
    """Customers who meet a condition right now.

    The condition is FEEL over attributes, traits and other segments by name, and ``consent(purpose, channel)``.
    """

    when: Feel
    stay: Duration = ""
    """Once in, she stays at least that long, e.g. ``7 d``, also where the condition is false again."""
    group: str = ""
    """Of the segments of one group a customer is in one at most: the first, by priority, that is true."""
    priority: int | None = None
    """Her place in the group: 1 comes before 2."""

    @model_validator(mode="after")
    def _a_group_has_an_order(self) -> Segment:
        if bool(self.group) != (self.priority is not None):
            raise ValueError("a group needs a priority, and a priority a group")
        if self.stay and not 0 < parse_duration(self.stay) <= LONGEST_STAY:
            raise ValueError("a minimum stay is longer than 0 and at most 100 years")
        return self

    @property
    def stay_length(self) -> int:
        """The minimum stay in milliseconds; 0 where there is none."""
        return parse_duration(self.stay) if self.stay else 0


SEGMENTS = Section("segments", Segment)
