"""Who may see personal data, and what the others see instead: one rule for pages and API.

A role comes from the name under which somebody logged in (``ann/analyst``); where nobody logs in, from
the reader's own choice, and on one's own machine from trust.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

ROLES = ("agent", "analyst", "architect")
SEEING = frozenset({"agent"})
"""The roles that talk with customers; only they are shown personal data."""
SENSITIVE = frozenset({"personal", "sensitive"})
COLUMNS = frozenset(
    {
        *("name", "first_name", "last_name", "email", "phone"),
        *("street", "city", "postcode", "birth_date", "value", "properties", "identity"),
    }
)
"""Columns of the history that hold personal data whatever a company's attributes are called."""


def sees_personal(role: str) -> bool:
    """Say whether a role is shown personal data."""
    return role in SEEING


def mask(text: str) -> str:
    """Hide a text but for the first letter of each word.

    >>> mask("Ann Keller"), mask("王芳"), mask("ann@example.org")
    ('A•• K•••••', '王•', 'a••@•••••••••••')
    """
    words = []
    for word in text.split(" "):
        local, at, domain = word.partition("@")
        hidden = local[:1] + "•" * (len(local) - 1)
        words.append(hidden + at + "•" * len(domain))
    return " ".join(words)


def masked(answer: Any, paths: Sequence[str], attributes: Collection[str] = ()) -> Any:
    """Return an answer with its personal fields masked.

    Args:
        answer: what would be sent as JSON.
        paths: where personal data is, e.g. ``members.name``; lists do not count as a step. ``*`` is
            any one step, ``**`` all below, ``@`` the name of a personal attribute,
            ``steps.what?layer=cfa`` only where the same object says so, ``table`` the personal
            columns of ``columns`` and ``rows``.
        attributes: the names of the company's personal attributes.

    >>> masked([{"name": "Ann", "id": 7}], ["name"])
    [{'name': 'A••', 'id': 7}]
    >>> masked({"columns": ["email", "n"], "rows": [["a@b", 1]]}, ["table"])
    {'columns': ['email', 'n'], 'rows': [['a@•', 1]]}
    """
    steps = [tuple(path.split(".")) for path in paths if path != "table"]
    found = _masked(answer, steps, frozenset(attributes))
    return _table(found, COLUMNS | set(attributes)) if "table" in paths else found


def _masked(value: Any, paths: Sequence[tuple[str, ...]], attributes: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_masked(each, paths, attributes) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("sensitivity") in SENSITIVE and "value" in value:
        paths = [*paths, ("value",), ("others", "value")]
    return {key: _field(value, key, paths, attributes) for key in value}


def _field(
    parent: dict[str, Any], key: str, paths: Sequence[tuple[str, ...]], attributes: frozenset[str]
) -> Any:
    below = []
    for first, *rest in paths:
        step, _, condition = first.partition("?")
        if step == "**":
            return _hidden(parent[key])
        if step not in ("*", key) and not (step == "@" and key in attributes):
            continue
        name, _, wanted = condition.partition("=")
        if name and parent.get(name) != wanted:
            continue
        if rest:
            below.append(tuple(rest))
        elif not isinstance(parent[key], dict):
            return _hidden(parent[key])
    return _masked(parent[key], below, attributes)


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each) for each in value]
    return value if value is None or isinstance(value, bool) else mask(str(value))


def _table(answer: Any, hidden: Collection[str]) -> Any:
    if not isinstance(answer, dict) or "columns" not in answer:
        return answer
    names = [one["name"] if isinstance(one, dict) else one for one in answer["columns"]]
    rows = [
        [
            _hidden(value) if name in hidden else value
            for name, value in zip(names, row, strict=True)
        ]
        for row in answer["rows"]
    ]
    return {**answer, "rows": rows}
