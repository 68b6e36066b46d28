"""How capabilities and goals are shown: what moves, what is met, in both languages."""

from __future__ import annotations

from typing import Any

from cbc.measurement import Period, Reading
from cbc.model import Capability
from cic.ports import plain
from cid.kit.clock import format_time
from cid.kit.definitions import Definition, Entry, Title


def title(value: Definition) -> dict[str, str] | None:
    """Return what a thing is called, by language."""
    return text(value.title)


def text(words: Title | None) -> dict[str, str] | None:
    """Return a text by language."""
    return {"en": words.en, "zh": words.zh} if words is not None else None


def span(period: Period) -> dict[str, str]:
    """Show when a period begins and ends."""
    return {"start": format_time(period.start), "end": format_time(period.end)}


def figures(reading: Reading) -> dict[str, Any]:
    """Show a number, what it is made of and its interval."""
    return {
        "value": reading.value,
        "numerator": plain(reading.numerator),
        "denominator": plain(reading.denominator),
        "n": reading.n,
        "low": reading.low,
        "high": reading.high,
    }


def board(entry: Entry[Capability], measures: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Sum up a capability: which of its measures move, which meet their target."""
    own = [measures[name] for name in entry.value.measures if name in measures]
    better = sum(each["comparison"] == "better" for each in own)
    worse = sum(each["comparison"] == "worse" for each in own)
    return {
        "name": entry.name,
        "title": title(entry.value),
        "description": text(entry.value.description),
        "owner": entry.value.owner,
        "version": entry.version,
        "file": entry.file,
        "line": entry.line,
        "builtin": entry.builtin,
        "seeds": list(entry.value.seeds),
        "state": "up" if better > worse else "down" if worse > better else "flat",
        "better": better,
        "worse": worse,
        "met": sum(each["verdict"] == "met" for each in own),
        "missed": sum(each["verdict"] == "not met" for each in own),
        "with_target": sum(each["target"] is not None for each in own),
        "measured": sum(each["value"] is not None for each in own),
        "measures": own,
    }
