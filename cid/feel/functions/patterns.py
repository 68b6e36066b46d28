"""Patterns for ``matches``, ``replace`` and ``split``, without those that could run for ever.

A pattern that repeats something which itself repeats (``(a+)+``) or can match in two ways
(``(a|a)*``) may need longer than the universe lasts; such a pattern is refused: the result is null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

MAX_PATTERN = 1_000

try:
    from re import _constants as _codes  # type: ignore[attr-defined]
    from re import _parser
except ImportError:  # pragma: no cover
    raise

_REPEATS = {_codes.MAX_REPEAT, _codes.MIN_REPEAT}


def compiled(pattern: Any, flags: Any) -> re.Pattern[str] | None:
    """Prepare a pattern; nothing where it is wrong or could run for ever."""
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        return None
    if flags is None:
        flags = ""
    if not isinstance(flags, str) or set(flags) - set("smixq"):
        return None
    return _compiled(pattern, flags)


@lru_cache(maxsize=2_048)
def _compiled(pattern: str, flags: str) -> re.Pattern[str] | None:
    if "q" in flags:
        pattern = re.escape(pattern)
        flags = "".join(flag for flag in flags if flag == "i")
    number = 0
    for flag in flags:
        number |= {"s": re.S, "m": re.M, "i": re.I, "x": re.X}.get(flag, 0)
    try:
        parsed = _parser.parse(pattern, number)
        if _endless(list(parsed)):
            return None
        return re.compile(pattern, number)
    except (re.error, OverflowError, RecursionError):
        return None


def _endless(items: list[Any], repeated: bool = False) -> bool:
    loops = 0
    for code, argument in items:
        if code in _REPEATS:
            fewest, most, inner = argument
            many = most == _codes.MAXREPEAT or most - fewest > 100
            if many and repeated:
                return True
            loops += many
            if loops > 4 or _endless(list(inner), repeated or most > 1):
                return True
        elif code is _codes.BRANCH:
            if repeated or any(_endless(list(branch), repeated) for branch in argument[1]):
                return True
        elif code is _codes.SUBPATTERN:
            if _endless(list(argument[-1]), repeated):
                return True
        elif code in (_codes.GROUPREF, _codes.GROUPREF_EXISTS):
            return True
        elif code in (_codes.ASSERT, _codes.ASSERT_NOT):
            return True
    return False


_GROUP = re.compile(r"\\(.)|\$([0-9]+)|\$", re.DOTALL)


def replacement(
    text: str, groups: int, flags: Any
) -> Callable[[re.Match[str]], str] | None:
    """Prepare what is put in: ``$1`` stands for the first group."""
    if isinstance(flags, str) and "q" in flags:
        return lambda match: text

    def put(match: re.Match[str]) -> str:
        def piece(found: re.Match[str]) -> str:
            if found[1] is not None:
                return found[1]
            if found[2] is None:
                return "$"
            group = int(found[2][:3])
            return (match[group] or "") if group <= groups else ""

        return _GROUP.sub(piece, text)

    return put
