"""Patterns for ``matches``, ``replace`` and ``split``, without those that could run for ever.

A pattern that repeats something which itself repeats or branches, as in ``(a+)+``, may need longer
than the universe lasts on a text made for it; such a pattern is refused: the result is null, and
``check`` says so beforehand. The more a pattern repeats, the shorter a text may be.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_PATTERN = 1_000
MAX_REPEATS = 4
_LONGEST = (1_000_000, 10_000, 1_000, 300, 300)
"""Longest text a pattern is tried on, by how many open repeats it has."""

_PIECE = re.compile(
    r"""(?P<escape>\\(?P<escaped>.))
    |(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])
    |(?P<open>\((?:\?(?P<look><?[=!])|\?P?[:<>=#(a-zA-Z][^):]*:?)?)
    |(?P<close>\))
    |(?P<repeat>[*+?]|\{[0-9]*(?:,[0-9]*)?\})[?+]?
    |(?P<branch>\|)
    |(?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that may be tried, and on how long a text."""

    expression: re.Pattern[str]
    longest: int


def compiled(pattern: Any, flags: Any = "") -> Pattern | None:
    """Prepare a pattern; nothing where it is wrong or could run for ever.

    >>> compiled("(a+)+$") is None
    True
    """
    flags = "" if flags is None else flags
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        return None
    if not isinstance(flags, str) or set(flags) - set("smixq"):
        return None
    return _compiled(pattern, flags)


@lru_cache(maxsize=2_048)
def _compiled(pattern: str, flags: str) -> Pattern | None:
    if "q" in flags:
        pattern, flags = re.escape(pattern), "i" if "i" in flags else ""
    number = 0
    for flag in flags:
        number |= {"s": re.S, "m": re.M, "i": re.I, "x": re.X}[flag]
    repeats = _open_repeats(pattern)
    if repeats is None or repeats > MAX_REPEATS:
        return None
    try:
        return Pattern(re.compile(pattern, number), _LONGEST[repeats])
    except (re.error, OverflowError, RecursionError):
        return None


def _open_repeats(pattern: str) -> int | None:
    """Count how often a pattern repeats; nothing where a repeat is within a repeat."""
    repeats = 0
    groups = [False]  # For each open group: does it hold a repeat or a branch?
    closed = False  # Did the group that has just ended?
    for piece in _PIECE.finditer(pattern):
        kind = piece.lastgroup
        if piece["look"] or (piece["escaped"] or "").isdigit():
            return None
        if kind == "repeat":
            fewest, most = _bounds(piece["repeat"])
            if most > 1 and closed:
                return None
            if most > 1_000 or fewest > 1_000:
                most = 10**6
            if fewest != most:
                repeats += most > 10
                groups[-1] = True
            closed = False
        elif kind == "open":
            groups.append(False)
        elif kind == "close":
            closed = groups.pop() if len(groups) > 1 else False
            groups[-1] |= closed
            continue
        elif kind == "branch":
            groups[-1] = True
        closed = False
    return repeats


def _bounds(repeat: str) -> tuple[int, int]:
    match repeat[0]:
        case "*":
            return 0, 10**6
        case "+":
            return 1, 10**6
        case "?":
            return 0, 1
    fewest, comma, most = repeat[1:-1].partition(",")
    low = int(fewest[:6] or 0)
    if not comma:
        return low, low
    return low, int(most[:6]) if most else 10**6


_GROUP = re.compile(r"\\(.)|\$([0-9]{1,3})|\$", re.DOTALL)


def replacement(text: str, groups: int, flags: Any) -> Callable[[re.Match[str]], str]:
    """Prepare what is put in: ``$1`` stands for the first group."""
    if isinstance(flags, str) and "q" in flags:
        return lambda match: text

    def put(match: re.Match[str]) -> str:
        def piece(found: re.Match[str]) -> str:
            if found[1] is not None:
                return found[1]
            if found[2] is None:
                return "$"
            return (match[int(found[2])] or "") if int(found[2]) <= groups else ""

        return _GROUP.sub(piece, text)

    return put
