"""Patterns for ``matches``, ``replace`` and ``split``: which machine tries them, and on how much.

A pattern that repeats something which itself repeats or branches, as in ``(a+)+``, could take
Python's own machine longer than the universe lasts; the more a pattern repeats, the shorter is the
text on which it is safe. Whatever is not safe there is tried by a machine that counts its steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from cid.feel.regular.characters import LAST, Ranges, others
from cid.feel.regular.machine import Exhausted, Machine
from cid.feel.regular.reading import (
    MANY,
    Again,
    Choice,
    Edge,
    Group,
    One,
    Piece,
    Reader,
    Repeat,
    Row,
    Wrong,
)

MAX_PATTERN = 1_000
MAX_REPEATS = 4
_LONGEST = (1_000_000, 10_000, 1_000, 300, 300)
"""Longest text on which Python's machine is safe, by how many open repeats a pattern has."""


@dataclass(frozen=True, slots=True)
class Found:
    """A match: where each group begins and ends, the whole being group 0; -1 where it has none."""

    marks: tuple[int, ...]

    def group(self, text: str, number: int) -> str:
        """Give what a group has matched; nothing where it has not taken part."""
        begin, end = self.marks[2 * number : 2 * number + 2]
        return text[begin:end] if begin >= 0 and end >= 0 else ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that may be tried."""

    machine: Machine
    python: re.Pattern[str] | None
    longest: int
    """On how long a text Python's own machine is safe."""
    groups: int
    hollow: bool
    """It also matches nothing, or nobody knows: then it neither replaces nor cuts."""

    def safe(self, text: str) -> re.Pattern[str] | None:
        """Give Python's pattern where Python's machine is safe on a text."""
        return self.python if len(text) <= self.longest else None

    def within(self, text: str) -> bool | None:
        """Tell whether it is found somewhere in a text; nothing where that takes too long."""
        python = self.safe(text)
        if python is not None:
            return python.search(text) is not None
        self.machine.begin()
        try:
            return self.machine.search(text) is not None
        except Exhausted:
            return None

    def all_in(self, text: str) -> Iterator[Found]:
        """Give all matches, from left to right.

        Raises:
            Exhausted: it takes too long.
        """
        python = self.safe(text)
        if python is not None:
            for match in python.finditer(text):
                yield Found(tuple(mark for pair in match.regs for mark in pair))
            return
        self.machine.begin()
        at = 0
        while at <= len(text):
            marks = self.machine.search(text, at)
            if marks is None:
                return
            yield Found(tuple(marks))
            at = max(marks[1], at + 1)


def compiled(pattern: Any, flags: Any = "") -> Pattern | None:
    r"""Prepare a pattern; nothing where it is wrong.

    >>> compiled("(a+)+$").within("a" * 500 + "!")
    False
    >>> compiled("[z-a]") is None
    True
    """
    flags = "" if flags is None else flags
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        return None
    if not isinstance(flags, str) or set(flags) - set("smixq"):
        return None
    return _compiled(pattern, "".join(sorted(set(flags))))


@lru_cache(maxsize=2_048)
def _compiled(pattern: str, flags: str) -> Pattern | None:
    if "q" in flags:
        pattern = re.sub(r"[\\|.^?*+{}()\[\]$-]", r"\\\g<0>", pattern)
        flags = flags.replace("x", "")
    reader = Reader(pattern, flags)
    try:
        piece = reader.whole()
        machine = Machine(piece, reader.groups)
    except Wrong:
        return None
    repeats = _open_repeats(piece)
    python = None
    if repeats is not None and repeats <= MAX_REPEATS:
        try:
            python = re.compile(_in_python(piece), re.DOTALL)
        except (re.error, OverflowError, RecursionError):
            python = None
    longest = _LONGEST[repeats] if python is not None and repeats is not None else -1
    made = Pattern(machine, python, longest, reader.groups, True)
    return replace(made, hollow=made.within("") is not False)


def _open_repeats(piece: Piece, repeated: bool = False) -> int | None:
    """Count how often a pattern repeats; nothing where a repeat or branch is within a repeat."""
    match piece:
        case Again():
            return None
        case Choice(ways=parts) | Row(parts=parts):
            if repeated and isinstance(piece, Choice):
                return None
            found = [_open_repeats(part, repeated) for part in parts]
            counts = [each for each in found if each is not None]
            return sum(counts) if len(counts) == len(found) else None
        case Group(inner=inner):
            return _open_repeats(inner, repeated)
        case Repeat(inner=inner, fewest=fewest, most=most):
            if repeated and fewest != most:
                return None
            within = _open_repeats(inner, repeated or most > 1 or most == MANY)
            if within is None:
                return None
            return within + (fewest != most and (most == MANY or most > 10))
    return 0


def _in_python(piece: Piece) -> str:
    match piece:
        case One(ranges=ranges):
            return _set(ranges)
        case Edge(end=end, line=line):
            if line:
                return r"(?:(?=\n)|\Z)" if end else r"(?:\A|(?<=\n)(?!\Z))"
            return r"\Z" if end else r"\A"
        case Row(parts=parts):
            return "".join(map(_in_python, parts))
        case Choice(ways=ways):
            return f"(?:{'|'.join(map(_in_python, ways))})"
        case Group(inner=inner):
            return f"({_in_python(inner)})"
        case Repeat(inner=inner, fewest=fewest, most=most, greedy=greedy):
            count = f"{{{fewest},{'' if most == MANY else most}}}"
            return f"(?:{_in_python(inner)}){count}{'' if greedy else '?'}"
    raise Wrong("unknown")


def _set(ranges: Ranges) -> str:
    if not ranges:
        return r"(?!)"
    negated = ranges[0][0] == 0 and ranges[-1][1] == LAST
    if negated and len(ranges) == 1:
        return "."
    pairs = others(ranges) if negated else ranges
    text = "".join(
        _sign(low) if low == high else f"{_sign(low)}-{_sign(high)}" for low, high in pairs
    )
    return f"[{'^' * negated}{text}]"


def _sign(point: int) -> str:
    return f"\\U{point:08x}"


def split(text: str, pattern: Pattern) -> list[str] | None:
    """Cut a text wherever a pattern is found; nothing where it would also cut nothing."""
    if pattern.hollow:
        return None
    python = pattern.safe(text)
    if python is not None and not pattern.groups:
        return python.split(text)
    pieces, at = [], 0
    try:
        for found in pattern.all_in(text):
            pieces.append(text[at : found.marks[0]])
            at = found.marks[1]
    except Exhausted:
        return None
    return [*pieces, text[at:]]


_PUTTING = re.compile(r"[\\$]")
_PUT = re.compile(r"\\([\\$])|\$([0-9]+)|([\\$])|[^\\$]+", re.DOTALL)


def replaced(text: str, pattern: Pattern, instead: str, plain: bool, longest: int) -> str | None:
    """Put something else wherever a pattern is found: ``$1`` stands for its first group.

    Nothing where the pattern also matches nothing, where a ``$`` or a backslash stands alone, or
    where the text becomes too long.
    """
    put = _replacement(instead, pattern.groups, plain)
    if put is None or pattern.hollow:
        return None
    python = pattern.safe(text)
    if python is not None and (plain or not _PUTTING.search(instead)):
        if (len(text) + 1) * (len(instead) + 1) <= longest:
            return python.sub(lambda match: instead, text)
    pieces, at, length = [], 0, 0
    try:
        for found in pattern.all_in(text):
            pieces += [text[at : found.marks[0]], put(text, found)]
            length += len(pieces[-1])
            at = found.marks[1]
            if length > longest:
                return None
    except Exhausted:
        return None
    whole = "".join([*pieces, text[at:]])
    return whole if len(whole) <= longest else None


@lru_cache(maxsize=1_024)
def _replacement(instead: str, groups: int, plain: bool) -> Callable[[str, Found], str] | None:
    if plain:
        return lambda text, found: instead
    pieces: list[str | int] = []
    for match in _PUT.finditer(instead):
        escaped, number, wrong = match.groups()
        if wrong:
            return None
        if number is None:
            pieces.append(escaped or match[0])
            continue
        digits = len(number)
        while digits > 1 and int(number[:digits]) > groups:
            digits -= 1
        group = int(number[:digits])
        pieces += [group if group <= groups else "", number[digits:]]

    def put(text: str, found: Found) -> str:
        return "".join(
            each if isinstance(each, str) else found.group(text, each) for each in pieces
        )

    return put
