"""Periods of a measure: the one that ends now, the one before it, the last twelve.

A period ends at the moment one looks, not at a calendar's edge: every period is then equally
long and the last one can be compared with the one before it. What the history does not cover is
said, not hidden.
"""

from __future__ import annotations

from typing import NamedTuple

TREND = 12


class Period(NamedTuple):
    """A stretch of time, ``start`` included, ``end`` not; milliseconds."""

    start: int
    end: int

    @classmethod
    def until(cls, moment: int, length: int) -> Period:
        """Return the period that ends with a moment and includes it.

        >>> Period.until(moment=99, length=30)
        Period(start=70, end=100)
        """
        return cls(moment + 1 - length, moment + 1)

    def previous(self, back: int = 1) -> Period:
        """Return the period of the same length that many places earlier.

        >>> Period(70, 100).previous()
        Period(start=40, end=70)
        """
        shift = (self.end - self.start) * back
        return Period(self.start - shift, self.end - shift)


def trend(period: Period, count: int = TREND) -> list[Period]:
    """Return the last periods, the oldest first and the given one last.

    >>> trend(Period(70, 100), 3)
    [Period(start=10, end=40), Period(start=40, end=70), Period(start=70, end=100)]
    """
    return [period.previous(back) for back in range(count - 1, -1, -1)]


def partial(period: Period, first: int | None, now: int) -> str:
    """Say why the history covers a period only in part; empty where it covers all of it.

    >>> partial(Period(70, 100), first=75, now=99), partial(Period(70, 100), first=0, now=99)
    ('begins before the first record', '')
    """
    if period.end > now + 1:
        return "not over yet"
    if first is None:
        return "no records"
    return "begins before the first record" if first > period.start else ""
