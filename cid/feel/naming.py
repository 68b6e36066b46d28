"""Names with spaces and odd signs: which run of tokens is one name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cid.feel.lexer import Pattern, Token, pattern

KEYWORDS = frozenset(
    {
        *("and", "between", "else", "every", "external", "false", "for", "function", "if", "in"),
        *("instance", "not", "null", "of", "or", "return", "satisfies", "some", "then", "true"),
    }
)
"""Words that are no names on their own; within a longer name they may stand."""
TYPES = (
    "date and time",
    "days and time duration",
    "years and months duration",
    "day time duration",
    "year month duration",
)
CALLABLE = (
    "date and time",
    "years and months duration",
    "string length",
    "upper case",
    "lower case",
    "substring before",
    "substring after",
    "starts with",
    "ends with",
    "string join",
    "list contains",
    "insert before",
    "index of",
    "distinct values",
    "duplicate values",
    "list replace",
    "round up",
    "round down",
    "round half up",
    "round half down",
    "day of year",
    "day of week",
    "month of year",
    "week of year",
    "get value",
    "get entries",
    "context put",
    "context merge",
    "met by",
    "overlaps before",
    "overlaps after",
    "finished by",
    "started by",
)
PROPERTIES = ("time offset", "start included", "end included")


class Vocabulary:
    """The names that may be met in one expression; the longest one wins."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known: set[str] = set()
        self._starts: dict[str, list[tuple[Pattern, str]]] = {}
        self._types = _TYPES
        for name in known:
            self.add(name)

    def add(self, name: str) -> None:
        """Make a name known from here on."""
        if name in self.known:
            return
        self.known.add(name)
        tokens = pattern(name)
        if len(tokens) > 1:
            self._starts.setdefault(tokens[0][0], []).append((tokens, name))

    def add_types(self, names: Iterable[str]) -> None:
        """Make types known by their names."""
        named = [name for name in names if pattern(name)]
        if named:
            self._types = _index([*TYPES, *named])

    def match(self, tokens: Sequence[Token], at: int) -> tuple[int, str]:
        """Give the longest name that begins here, and how many tokens it takes."""
        first = tokens[at].text
        length, found = 1, first
        for candidate, name in self._starts.get(first, ()):
            if len(candidate) > length and _begins(tokens, at, candidate):
                length, found = len(candidate), name
        for candidate, name in _CALLABLE.get(first, ()):
            end = at + len(candidate)
            if len(candidate) > length and _begins(tokens, at, candidate):
                # Only where it is called: `date` and `time` may be names of somebody's values.
                length, found = (end - at, name) if tokens[end].text == "(" else (length, found)
        if at and tokens[at - 1].text == ".":
            for candidate, name in _PROPERTIES.get(first, ()):
                if len(candidate) > length and _begins(tokens, at, candidate):
                    length, found = len(candidate), name
        return length, found

    def match_type(self, tokens: Sequence[Token], at: int) -> tuple[int, str]:
        """Give the name of the type that begins here."""
        if tokens[at].kind != "word":
            return 0, ""
        for candidate, name in self._types.get(tokens[at].text, ()):
            if _begins(tokens, at, candidate):
                return len(candidate), name
        return 1, tokens[at].text

    def until(self, tokens: Sequence[Token], at: int, *stops: str) -> tuple[int, str]:
        """Give the new name that stands before one of the stops; no tokens where there is none."""
        end = at
        while tokens[end].text not in stops:
            if tokens[end].kind not in ("word", "number") and tokens[end].text not in "'-+*/.":
                return 0, ""
            if tokens[end].kind == "end":
                return 0, ""
            end += 1
        return end - at, _written(tokens[at:end])

    def before_colon(self, tokens: Sequence[Token], at: int) -> tuple[int, str] | None:
        """Give the name of an argument, if one stands here, with the tokens up to its colon."""
        end = at
        while tokens[end].kind in ("word", "number"):
            end += 1
        if end > at and tokens[end].text == ":":
            return end - at + 1, _written(tokens[at:end])
        return None

    def run(self, tokens: Sequence[Token], at: int) -> str:
        """Give the words around a place as they were written: what somebody took for one name."""
        start = end = at
        while start > 0 and tokens[start - 1].kind in ("word", "number"):
            start -= 1
        while tokens[end].kind in ("word", "number"):
            end += 1
        words = [token for token in tokens[start:end] if token.text not in KEYWORDS]
        return _written(words)


def _begins(tokens: Sequence[Token], at: int, candidate: Pattern) -> bool:
    if at + len(candidate) >= len(tokens):
        return False
    return all(
        tokens[at + index].text == text and (not index or tokens[at + index].spaced == spaced)
        for index, (text, spaced) in enumerate(candidate)
    )


def _written(tokens: Sequence[Token]) -> str:
    return "".join(
        (" " if token.spaced and index else "") + token.text for index, token in enumerate(tokens)
    )


def _index(names: Iterable[str]) -> dict[str, list[tuple[Pattern, str]]]:
    starts: dict[str, list[tuple[Pattern, str]]] = {}
    for name in sorted(names, key=len, reverse=True):
        tokens = pattern(name)
        starts.setdefault(tokens[0][0], []).append((tokens, name))
    return starts


_CALLABLE = _index(CALLABLE)
_PROPERTIES = _index(PROPERTIES)
_TYPES = _index(TYPES)
