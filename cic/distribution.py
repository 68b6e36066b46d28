"""How a trait is spread over the customers of now: few buckets, each with the condition that says who is in it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from cid.feel.writing import quoted

MOST = 8
"""Buckets at most, besides the one of those about whom nothing is known."""
WIDE = 12
"""From here on, as largest value over middle value, steps grow with the numbers."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Some customers with like values: from ``low`` up to but without ``high``, or one ``value``.

    ``when`` is the condition that exactly they meet; empty where no condition says it.
    """

    count: int
    when: str = ""
    value: Any = None
    low: Decimal | None = None
    high: Decimal | None = None
    kind: str = "value"
    """value, range, unknown, others"""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can carry it."""
        return {
            "kind": self.kind,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "count": self.count,
            "when": self.when,
        }


def buckets(trait: str, values: Iterable[Any]) -> list[Bucket]:
    """Put values into a few buckets that leave nobody out; nothing where the values are lists.

    >>> [(each.when, each.count) for each in buckets("orders", [0, 0, 3, None])]
    [('orders = 0', 2), ('orders = 3', 1), ('orders = null', 1)]
    >>> [each.when for each in buckets("spend", range(0, 100, 3))][:2]
    ['spend >= 0 and spend < 20', 'spend >= 20 and spend < 40']
    """
    counts: Counter[Any] = Counter()
    truths: Counter[bool] = Counter()
    unknown = 0
    for value in values:
        if value is None:
            unknown += 1
        elif isinstance(value, list):
            return []
        elif isinstance(value, bool):
            # Truth is a number to Python, but not to anybody who asks.
            truths[value] += 1
        else:
            counts[value] += 1
    if truths or not all(isinstance(value, int | Decimal) for value in counts):
        found = list(_words(trait, [*truths.items(), *counts.items()]))
    else:
        found = list(_numbers(trait, counts))
    if unknown:
        found.append(Bucket(unknown, f"{trait} = null", kind="unknown"))
    return found


def _numbers(trait: str, counts: Counter[Any]) -> Iterator[Bucket]:
    values = sorted(counts)
    if len(values) <= MOST:
        for value in values:
            yield Bucket(counts[value], f"{trait} = {_plain(Decimal(value))}", value)
        return
    lowest, highest = Decimal(values[0]), Decimal(values[-1])
    above = {value: count for value, count in counts.items() if value > 0}
    middle = _share(above, 0.5)
    floor = "" if lowest else f"{trait} > 0"
    if lowest >= 0 and highest > WIDE * middle:
        if not lowest:
            yield Bucket(counts[values[0]], f"{trait} = 0", 0)
            del counts[values[0]]
        edges = _growing(_share(above, 0.05), highest)
    else:
        floor = ""
        edges = _even(lowest, highest)
    sizes = Counter[int]()
    for value, count in counts.items():
        sizes[bisect_right(edges, value)] += count
    for place in range(len(edges) + 1):
        # A gap between others is told, too.
        if sizes[place] or (place and place < len(edges) and any(sizes[n] for n in range(place))):
            low = edges[place - 1] if place else None
            high = edges[place] if place < len(edges) else None
            parts = [f"{trait} >= {_plain(low)}" if low is not None else floor]
            parts += [f"{trait} < {_plain(high)}"] if high is not None else []
            when = " and ".join(part for part in parts if part)
            yield Bucket(sizes[place], when, low=low, high=high, kind="range")


def _growing(least: Decimal, highest: Decimal) -> list[Decimal]:
    """Return round numbers that grow with the values, as 1, 2, 5, 10, 20 do."""
    edges: list[Decimal] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        powers = range(least.adjusted(), highest.adjusted() + 1)
        edges = [Decimal(step).scaleb(power) for power in powers for step in steps]
        edges = [edge for edge in edges if least < edge <= highest]
        if len(edges) < MOST:
            break
    return edges[1 - MOST :]


def _even(lowest: Decimal, highest: Decimal) -> list[Decimal]:
    """Return round numbers at even distances."""
    least = (highest - lowest) / (MOST - 2)
    power = Decimal(1).scaleb(least.adjusted())
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= least)
    first = (lowest / step).to_integral_value(ROUND_FLOOR) * step
    count = int((highest - first) / step) + 1
    return [first + step * place for place in range(count)]


def _share(counts: Mapping[Any, int], share: float) -> Decimal:
    """Return the value below which about so large a share of them lies."""
    left = sum(counts.values()) * share
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return Decimal(value)
    return Decimal(0)


def _words(trait: str, counts: list[tuple[Any, int]]) -> Iterator[Bucket]:
    ranked = sorted(counts, key=lambda each: (-each[1], str(each[0])))
    for value, count in ranked[:MOST]:
        literal = _literal(value)
        yield Bucket(count, f"{trait} = {literal}" if literal else "", value)
    rest = sum(count for _, count in ranked[MOST:])
    if rest:
        yield Bucket(rest, kind="others")


def _literal(value: Any) -> str:
    """Write a value as FEEL; empty where it cannot be written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return _plain(Decimal(value))
    return quoted(value) if isinstance(value, str) else ""


def _plain(number: Decimal | None) -> str:
    return "" if number is None else format(number.normalize(), "f")
