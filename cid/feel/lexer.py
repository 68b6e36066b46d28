"""Cut an expression into words, numbers, texts and signs.

Names with spaces are put together later, by the parser, which knows the names in scope.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from cid.feel.errors import FeelError

MAX_LENGTH = 65_536
"""Longest expression we read, in characters; enough for any decision, too little for mischief."""

TokenKind = Literal["word", "number", "text", "at", "sign", "end"]

_SPACE = r"[\s\u180e\u200b\u200c\u200d\ufeff]"
_TOKEN = re.compile(
    rf"""(?P<space>(?:{_SPACE}|//[^\n]*|/\*.*?\*/)+)
    |(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>(?:[^\W\d]|[\U00010000-\U000EFFFF])(?:\w|[\U00010000-\U000EFFFF])*)
    |(?P<at>@\s*"(?:\\.|[^"\\])*")
    |(?P<text>"(?:\\.|[^"\\])*")
    |(?P<sign>\*\*|\.\.|<=|>=|!=|->|[-+*/=<>()\[\]{{}},.:?'])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{6}|.)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}
_WIDE = dict(zip("，（）：；“”‘’＝＜＞［］！＋－、。", ",():;\"\"''=<>[]!+-,.", strict=True))


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number, text or sign, and where it stands."""

    kind: TokenKind
    text: str
    line: int
    column: int
    spaced: bool
    """Whether white space stands before it."""


def tokens(text: str) -> list[Token]:
    """Cut an expression into its tokens; the last one is the end.

    >>> [token.text for token in tokens("spend 365d >= 1.5")]
    ['spend', '365', 'd', '>=', '1.5', '']
    """
    if len(text) > MAX_LENGTH:
        raise FeelError(
            f"The expression has {len(text)} characters; at most {MAX_LENGTH} are read.",
            hint="Split it into several definitions.",
        )
    found: list[Token] = []
    position, line, line_start, spaced = 0, 1, 0, False
    while position < len(text):
        match = _TOKEN.match(text, position)
        column = position - line_start + 1
        if match is None or match.lastgroup is None:
            raise _unreadable(text, position, line, column)
        piece, kind = match[0], match.lastgroup
        if kind == "space":
            spaced = True
        else:
            found.append(Token(kind, piece, line, column, spaced))  # type: ignore[arg-type]
            spaced = False
        breaks = piece.count("\n")
        if breaks:
            line += breaks
            line_start = position + piece.rindex("\n") + 1
        position = match.end()
    found.append(Token("end", "", line, position - line_start + 1, spaced))
    return found


def _unreadable(text: str, position: int, line: int, column: int) -> FeelError:
    sign = text[position]
    if sign == '"' or text.startswith('@"', position):
        return FeelError("A text is not closed.", line=line, column=column, hint='End it with ".')
    if text.startswith("/*", position):
        return FeelError(
            "A comment is not closed.", line=line, column=column, hint="End it with */."
        )
    hint = None
    if sign in _WIDE:
        hint = f"Write {_WIDE[sign]} instead of {sign}."
    elif sign in "&|!%;":
        instead = {"&": "and", "|": "or", "!": "not(…) or !=", "%": "modulo(a, b)", ";": ","}[sign]
        hint = f"In FEEL write {instead}."
    return FeelError(f"{sign!r} means nothing here.", line=line, column=column, hint=hint)


def unquote(literal: str) -> str:
    r"""Read a text literal; an unknown escape stays as it is, so that patterns stay legible.

    >>> unquote(r'"caf\u00e9 \d"')
    'café \\d'
    """

    def plain(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "uU" and len(code) > 1:
            point = int(code[1:], 16)
            return chr(point) if point < 0x110000 else match[0]
        return _PLAIN.get(code, match[0])

    text = _ESCAPE.sub(plain, literal[1:-1])
    # A pair of \u escapes may stand for one character beyond the basic plane.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Pattern = tuple[tuple[str, bool], ...]
"""A name as the tokens it consists of, each with whether a space stands before it."""


@lru_cache(maxsize=16_384)
def pattern(name: str) -> Pattern:
    """Tell how a name looks when it is cut into tokens; empty where it cannot be written.

    >>> pattern("spend 365d")
    (('spend', False), ('365', True), ('d', False))
    """
    try:
        cut = tokens(name.strip())[:-1]
    except FeelError:
        return ()
    return tuple((token.text, token.spaced and index > 0) for index, token in enumerate(cut))
