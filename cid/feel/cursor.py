"""Move through the tokens of an expression, and say what is wrong with the one at hand."""

from __future__ import annotations

from collections.abc import Iterable

from cid.feel.errors import FeelError
from cid.feel.lexer import Token, tokens
from cid.feel.naming import Vocabulary
from cid.kit.errors import suggestion


class Cursor:
    """A place among the tokens of an expression, and the names that may be met there."""

    def __init__(self, text: str, known: Iterable[str]) -> None:
        self._tokens = tokens(text)
        self._at = 0
        self._names = Vocabulary(known)

    @property
    def _next(self) -> Token:
        """The token at hand."""
        return self._tokens[self._at]

    def _take(self) -> Token:
        """Step over the token at hand; nobody steps over the end."""
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def _expect(self, sign: str, why: str) -> Token:
        """Step over a sign that must stand here."""
        if self._next.text != sign or self._next.kind in ("text", "at"):
            raise self._unexpected(f"{sign!r} is missing {why}.")
        return self._take()

    def _sees(self, *signs: str) -> bool:
        """Tell whether one of the signs or words is at hand."""
        token = self._next
        return token.kind not in ("text", "at") and token.text in signs

    def _unexpected(self, message: str = "", hint: str | None = None) -> FeelError:
        """Say what is wrong with the token at hand."""
        token = self._next
        if not message:
            message = (
                f"{token.text!r} is not expected here."
                if token.kind != "end"
                else "The expression ends too early."
            )
        return FeelError(message, line=token.line, column=token.column, hint=hint)

    def _left_over(self) -> FeelError:
        """Say that nothing more can follow; perhaps somebody misspelt a name with spaces."""
        token, before = self._next, self._tokens[self._at - 1]
        hint = None
        if token.kind in ("word", "number") and before.kind in ("word", "number"):
            said = self._names.run(self._tokens, self._at)
            hint = suggestion(said, self._names.known) or (
                "A name with spaces must be known here; is it spelt as it is defined?"
            )
        return self._unexpected(hint=hint)
