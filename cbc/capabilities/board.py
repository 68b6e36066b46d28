"""How capabilities and goals are shown: what moves, what is met, in both languages."""

from __future__ import annotations

from typing import Any

from cbc.model import Capability, Goal
from cid.kit.definitions import Definition, Entry, Title


def title(value: Definition) -> dict[str, str] | None:
    """Return what a thing is called, by language."""
    return text(value.title)


def text(words: Title | None) -> dict[str, str] | None:
    """Return a text by language."""
    return {"en": words.en, "zh": words.zh} if words is not None else None


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


def goal_of(entry: Entry[Goal], measures: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Show a goal of the strategy beside the number it is about."""
    goal = entry.value
    measure = measures.get(goal.measure, {})
    return {
        "name": entry.name,
        "title": title(goal),
        "segment": goal.segment,
        "capability": goal.capability,
        "measure": goal.measure,
        "target": goal.target,
        "until": goal.until,
        "value": measure.get("value"),
        "unit": measure.get("unit", ""),
    }
