"""What can be wrong with a FEEL expression, said so that its author can mend it."""

from __future__ import annotations

from cid.kit.errors import InvalidInput


class FeelError(InvalidInput):
    """A FEEL expression is wrong; carries the line, the column and, where we know one, a hint."""

    def __init__(
        self, message: str, *, line: int = 1, column: int = 1, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}: {super().__str__()}"


class Unsupported(InvalidInput):
    """An expression is right, but it cannot be said exactly in the language asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} cannot be expressed exactly in SQL.",
            hint="Use it where conditions are evaluated on a customer, or rewrite it.",
        )
        self.what = what
