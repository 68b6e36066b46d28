"""A number with its numerator, denominator, size and interval; its verdict against a target.

Intervals are two-sided 90 %: a verdict is then wrong at most one time in twenty. Shares have
Wilson's interval (where rows are unequal, with the size that has the same linearised error, each
row being a cluster); other ratios have the normal one; differences combine the intervals of their
arms (Newcombe; Zou and Donner for strata). Sums and counts are what happened: they have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil, sqrt
from typing import Any, Literal, NamedTuple

from cbc.model import Measure
from cid.kit.clock import to_millis

Z = 1.6448536269514722

Verdict = Literal["met", "not met", "inconclusive", "no target", "no data"]
Comparison = Literal["better", "worse", "no clear change", "no data"]


@dataclass(frozen=True, slots=True)
class Totals:
    """What the rows of one arm and stratum add up to: all that a number and its interval need."""

    rows: int = 0
    numerator: Decimal = Decimal(0)
    denominator: Decimal = Decimal(0)
    squares: float = 0.0
    """Σ numerator²"""
    products: float = 0.0
    """Σ numerator · denominator"""
    weights: float = 0.0
    """Σ denominator²"""
    uneven: int = 0
    """Rows that do not count as 0 or 1 out of 1."""
    outside: int = 0
    """Rows whose numerator is not between 0 and the denominator."""
    latest: int | None = None
    """When the newest of them happened."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Totals:
        """Return the totals of a single row."""
        numerator, denominator = exact(row["numerator"]), exact(row["denominator"])
        over, under = float(numerator), float(denominator)
        moment = row.get("time")
        return cls(
            rows=1,
            numerator=numerator,
            denominator=denominator,
            squares=over * over,
            products=over * under,
            weights=under * under,
            uneven=int(denominator != 1 or numerator not in (0, 1)),
            outside=int(not 0 <= numerator <= denominator),
            latest=to_millis(moment) if moment is not None else None,
        )

    def __add__(self, other: Totals) -> Totals:
        moments = [each for each in (self.latest, other.latest) if each is not None]
        return Totals(
            self.rows + other.rows,
            self.numerator + other.numerator,
            self.denominator + other.denominator,
            self.squares + other.squares,
            self.products + other.products,
            self.weights + other.weights,
            self.uneven + other.uneven,
            self.outside + other.outside,
            max(moments, default=None),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """A number, what it is made of, and between which bounds it is likely to lie."""

    value: float | None
    numerator: Decimal = Decimal(0)
    denominator: Decimal = Decimal(0)
    n: int = 0
    low: float | None = None
    high: float | None = None
    latest: int | None = None
    noise: float = 0.0
    """How much a sum or count varies by chance, were each row an event of its own."""


class Estimate(NamedTuple):
    """A value with its bounds."""

    value: float
    low: float
    high: float


def number(measure: Measure, rows: Iterable[Mapping[str, Any]]) -> Reading:
    """Compute a measure from the very rows it counts.

    >>> share = Measure(rows="…", formula="customers who came back / customers")
    >>> came, stayed = {"numerator": 1, "denominator": 1}, {"numerator": 0, "denominator": 1}
    >>> number(share, [came, stayed]).value
    0.5
    >>> number(share, []).value is None
    True
    """
    groups: dict[tuple[str, str], Totals] = {}
    for row in rows:
        key = (str(row.get("arm") or ""), str(row.get("stratum") or ""))
        groups[key] = groups.get(key, Totals()) + Totals.of(row)
    return read(measure, groups)


def read(measure: Measure, groups: Mapping[tuple[str, str], Totals]) -> Reading:
    """Compute a measure from the totals of each (arm, stratum)."""
    whole = sum(groups.values(), Totals())
    reading = Reading(None, whole.numerator, whole.denominator, whole.rows, latest=whole.latest)
    if not whole.rows:
        return reading
    if measure.kind in ("sum", "count"):
        return replace(reading, value=float(whole.numerator), noise=sqrt(whole.squares))
    found = _difference(groups) if measure.kind == "difference" else _ratio(whole)
    if found is None:
        return reading
    # One row says nothing about how much rows vary, unless each is a yes or no.
    certain = whole.rows > 1 or not whole.uneven
    low, high = found[1:] if certain else (None, None)
    return replace(reading, value=found.value, low=low, high=high)


def verdict(measure: Measure, reading: Reading, target: float | None) -> tuple[Verdict, int | None]:
    """Judge a reading against a target by its interval.

    Where that is inconclusive, also say how many rows would be needed, were the number to stay.

    >>> share = Measure(rows="…", formula="customers who came back / customers")
    >>> verdict(share, Reading(0.9, n=20, low=0.74, high=0.97), target=0.8)
    ('inconclusive', 27)
    """
    value = reading.value
    if target is None:
        return "no target", None
    if value is None:
        return "no data", None
    low, high = reading.low, reading.high
    if low is None or high is None:
        if measure.kind not in ("sum", "count"):
            return "inconclusive", None
        low = high = value
    if measure.better == "lower":
        low, high, target, value = -high, -low, -target, -value
    if low >= target:
        return "met", None
    if high < target:
        return "not met", None
    gap, half = abs(value - target), (high - low) / 2
    return "inconclusive", ceil(reading.n * (half / gap) ** 2) if gap else None


def compare(measure: Measure, now: Reading, before: Reading) -> Comparison:
    """Say whether a number moved for the better, or not clearly at all."""
    if now.value is None or before.value is None:
        return "no data"
    change = now.value - before.value
    if measure.kind in ("sum", "count"):
        noise = Z * sqrt(now.noise**2 + before.noise**2)
    elif None in (now.low, now.high, before.low, before.high):
        return "no clear change"
    else:
        noise = sqrt(_half(now) ** 2 + _half(before) ** 2)
    if change == 0 or abs(change) < noise:
        return "no clear change"
    return "better" if (change > 0) == (measure.better == "higher") else "worse"


def exact(value: Any) -> Decimal:
    """Take a number as it is written: 0.1 is a tenth; nothing counts as 0."""
    if value is None:
        return Decimal(0)
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _half(reading: Reading) -> float:
    return ((reading.high or 0.0) - (reading.low or 0.0)) / 2


def _ratio(totals: Totals) -> Estimate | None:
    if not totals.denominator:
        return None
    value = float(totals.numerator / totals.denominator)
    n, under = totals.rows, float(totals.denominator)
    if not totals.uneven:
        return _wilson(value, n)
    if n < 2:
        return Estimate(value, value, value)
    spread = totals.squares - 2 * value * totals.products + value * value * totals.weights
    error = sqrt(max(spread, 0.0) * n / (n - 1)) / abs(under)
    if totals.outside:
        return Estimate(value, value - Z * error, value + Z * error)
    # A share of unequal rows is worth as many equal ones as have the same error.
    return _wilson(value, value * (1 - value) / error**2 if error else n)


def _wilson(share: float, n: float) -> Estimate:
    z2 = Z * Z
    middle = share + z2 / (2 * n)
    half = Z * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    scale = 1 + z2 / n
    low, high = (middle - half) / scale, (middle + half) / scale
    # Rounding must not push the bounds beyond what a share can be, nor past the share itself.
    return Estimate(share, max(min(low, share), 0.0), min(max(high, share), 1.0))


def _difference(groups: Mapping[tuple[str, str], Totals]) -> Estimate | None:
    pairs: list[tuple[float, Estimate, Estimate]] = []
    for (arm, stratum), treated in groups.items():
        other = groups.get(("holdout", stratum))
        if arm == "treated" and other is not None:
            ours, theirs = _ratio(treated), _ratio(other)
            if ours is not None and theirs is not None:
                pairs.append((float(treated.denominator), ours, theirs))
    size = sum(weight for weight, _, _ in pairs)
    if not size:
        return None
    value = down = up = 0.0
    for weight, ours, theirs in pairs:
        part = weight / size
        value += part * (ours.value - theirs.value)
        down += part**2 * ((ours.value - ours.low) ** 2 + (theirs.high - theirs.value) ** 2)
        up += part**2 * ((ours.high - ours.value) ** 2 + (theirs.value - theirs.low) ** 2)
    return Estimate(value, value - sqrt(down), value + sqrt(up))
