"""Read a pattern, as XPath writes it, into a tree."""

from __future__ import annotations

from dataclasses import dataclass

from cid.feel.regular.characters import (
    LAST,
    Ranges,
    any_case,
    escaped,
    joined,
    named,
    others,
    without,
)

MAX_GROUPS = 100
MAX_REPEATED = 1_000
"""Most often a count in braces may repeat something."""
MAX_NESTED = 50
MANY = -1
"""Stands for "as often as you like"."""
_PLAIN = {"n": 10, "r": 13, "t": 9} | {sign: ord(sign) for sign in "\\|.-^?*+{}()[]$"}
_FREE = frozenset("?*+{}()|[]")


class Wrong(ValueError):
    """It is no pattern."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a pattern."""


@dataclass(frozen=True, slots=True)
class One(Piece):
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Edge(Piece):
    """The beginning or the end of the text, or of a line."""

    end: bool
    line: bool


@dataclass(frozen=True, slots=True)
class Again(Piece):
    """What a group has matched, once more."""

    group: int
    any_case: bool


@dataclass(frozen=True, slots=True)
class Row(Piece):
    """One after the other."""

    parts: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Choice(Piece):
    """One of these; the first that leads to a match."""

    ways: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Group(Piece):
    """What is remembered under a number."""

    number: int
    inner: Piece


@dataclass(frozen=True, slots=True)
class Repeat(Piece):
    """So many times; the greedy way tries more first."""

    inner: Piece
    fewest: int
    most: int
    greedy: bool


class Reader:
    """Goes through a pattern from left to right."""

    def __init__(self, text: str, flags: str) -> None:
        self._text = text if "x" not in flags else _squeezed(text)
        self._at = 0
        self._any_case = "i" in flags
        self._lines = "m" in flags
        self._dot: Ranges = ((0, LAST),) if "s" in flags else others(((10, 10), (13, 13)))
        self._closed: set[int] = set()
        self._depth = 0
        self.groups = 0

    def whole(self) -> Piece:
        """Read all of it.

        Raises:
            Wrong: it is no pattern.
        """
        found = self._choice()
        if self._at < len(self._text):
            raise Wrong(self._text)
        return found

    def _sees(self, signs: str) -> bool:
        return self._at < len(self._text) and self._text[self._at] in signs

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise Wrong(self._text)
        self._at += 1
        return self._text[self._at - 1]

    def _choice(self) -> Piece:
        self._depth += 1
        if self._depth > MAX_NESTED:
            raise Wrong(self._text)
        ways = [self._row()]
        while self._sees("|"):
            self._take()
            ways.append(self._row())
        self._depth -= 1
        return ways[0] if len(ways) == 1 else Choice(tuple(ways))

    def _row(self) -> Piece:
        parts: list[Piece] = []
        while self._at < len(self._text) and not self._sees("|)"):
            parts.append(self._repeated(self._piece()))
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _repeated(self, piece: Piece) -> Piece:
        if not self._sees("?*+{"):
            return piece
        fewest, most = {"?": (0, 1), "*": (0, MANY), "+": (1, MANY)}.get(self._take(), (0, 0))
        if self._text[self._at - 1] == "{":
            fewest, most = self._counts()
        greedy = not self._sees("?")
        if not greedy:
            self._take()
        if self._sees("?*+{"):
            raise Wrong(self._text)
        return Repeat(piece, fewest, most, greedy)

    def _counts(self) -> tuple[int, int]:
        end = self._text.find("}", self._at)
        low, comma, high = self._text[self._at : max(end, self._at)].partition(",")
        self._at = end + 1
        if end < 0 or not low.isascii() or not low.isdigit() or len(low + high) > 12:
            raise Wrong(self._text)
        if high and not (high.isascii() and high.isdigit()):
            raise Wrong(self._text)
        fewest = int(low)
        most = int(high) if high else MANY if comma else fewest
        if fewest > MAX_REPEATED or most > MAX_REPEATED or MANY < most < fewest:
            raise Wrong(self._text)
        return fewest, most

    def _piece(self) -> Piece:
        sign = self._take()
        if sign == "(":
            return self._group()
        if sign == "[":
            return One(self._set())
        if sign == ".":
            return One(self._dot)
        if sign in "^$":
            return Edge(sign == "$", self._lines)
        if sign == "\\":
            return self._escape()
        if sign in _FREE:
            raise Wrong(self._text)
        return self._plain(ord(sign))

    def _plain(self, point: int) -> Piece:
        ranges = ((point, point),)
        return One(any_case(ranges) if self._any_case else ranges)

    def _group(self) -> Piece:
        if self._sees("?"):
            self._take()
            if self._take() != ":":
                raise Wrong(self._text)
            inner = self._choice()
            if self._take() != ")":
                raise Wrong(self._text)
            return inner
        self.groups += 1
        number = self.groups
        if number > MAX_GROUPS:
            raise Wrong(self._text)
        inner = self._choice()
        if self._take() != ")":
            raise Wrong(self._text)
        self._closed.add(number)
        return Group(number, inner)

    def _escape(self) -> Piece:
        sign = self._take()
        if sign in "123456789":
            number = int(sign)
            while self._sees("0123456789"):
                longer = number * 10 + int(self._text[self._at])
                if longer not in self._closed:
                    break
                number = longer
                self._take()
            if number not in self._closed:
                raise Wrong(self._text)
            return Again(number, self._any_case)
        if sign in _PLAIN:
            return self._plain(_PLAIN[sign])
        return One(self._class(sign))

    def _class(self, sign: str) -> Ranges:
        if sign in "pP":
            end = self._text.find("}", self._at)
            if not self._sees("{") or end < 0:
                raise Wrong(self._text)
            found = named(self._text[self._at + 1 : end])
            self._at = end + 1
            found = others(found) if found is not None and sign == "P" else found
        else:
            found = escaped(sign) if sign.isalpha() else None
        if found is None:
            raise Wrong(self._text)
        return found

    def _set(self) -> Ranges:
        self._depth += 1
        negated = self._sees("^")
        self._at += negated
        single: list[tuple[int, int]] = []
        classes: list[tuple[int, int]] = []
        taken: Ranges = ()
        start = self._at
        if self._depth > MAX_NESTED or self._sees("]"):
            raise Wrong(self._text)
        while not self._sees("]"):
            if self._text.startswith("-[", self._at) and self._at > start:
                self._at += 2
                taken = self._set()
                if not self._sees("]"):
                    raise Wrong(self._text)
                break
            self._member(single, classes, start)
        self._take()
        self._depth -= 1
        ranges = joined([*(any_case(single) if self._any_case else single), *classes])
        ranges = others(ranges) if negated else ranges
        return without(ranges, taken) if taken else ranges

    def _member(
        self, single: list[tuple[int, int]], classes: list[tuple[int, int]], start: int
    ) -> None:
        first = self._at == start
        sign = self._take()
        if sign == "\\":
            escape = self._take()
            if escape not in _PLAIN:
                classes.extend(self._class(escape))
                return
            low = _PLAIN[escape]
        elif sign == "[" or (sign == "-" and not first and not self._sees("]")):
            raise Wrong(self._text)
        else:
            low = ord(sign)
        following = self._text[self._at + 1 : self._at + 2]
        if not self._sees("-") or following in ("]", "["):
            single.append((low, low))
            return
        self._take()
        high = self._take()
        point = _PLAIN.get(self._take(), -1) if high == "\\" else ord(high)
        if point < low or high in "[":
            raise Wrong(self._text)
        single.append((low, point))


def _squeezed(text: str) -> str:
    """Leave out white space, except within sets."""
    kept: list[str] = []
    depth, escaped_ = 0, False
    for sign in text:
        if sign in " \t\n\r" and not depth:
            continue
        if not escaped_:
            depth += (sign == "[") - (sign == "]" and depth > 0)
        escaped_ = sign == "\\" and not escaped_
        kept.append(sign)
    return "".join(kept)
