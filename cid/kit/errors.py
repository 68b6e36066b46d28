"""The errors of iCustomer: each says what happened, where, and what to do next.

ICustomerError                400  the request cannot be carried out
├── InvalidDefinition         422  a definition file is wrong (file, line, suggestion)
├── InvalidInput              422  a value that was given is wrong
├── NotFound                  404  no such thing (with the names that exist)
├── Conflict                  409  the request contradicts the present state
├── Refused                   403  it may not be done (policy, role, safety)
└── Unavailable               503  it cannot be done just now; nothing was lost, try again
    └── Overloaded        429  too much is waiting; nothing was lost, come back more slowly
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ICustomerError(Exception):
    """Something asked of iCustomer cannot be done; the message says what, where and what to do."""

    status = 400

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class InvalidDefinition(ICustomerError):
    """A definition file is wrong; carries the file, the line and a suggestion."""

    status = 422

    def __init__(
        self, message: str, *, file: str = "", line: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        return f"{place}{super().__str__()}"


class InvalidInput(ICustomerError):
    """A value that was given is wrong."""

    status = 422


class NotFound(ICustomerError):
    """There is no such thing; the names that exist are offered.

    >>> raise NotFound("segment", "glod", ["gold", "vip"])
    Traceback (most recent call last):
    cid.kit.errors.NotFound: No segment 'glod'. Did you mean 'gold'?
    """

    status = 404

    def __init__(self, kind: str, name: str, known: Iterable[str] = ()) -> None:
        super().__init__(f"No {kind} {name!r}.", hint=suggestion(name, known))
        self.kind = kind
        self.name = name


class Conflict(ICustomerError):
    """The request contradicts the present state."""

    status = 409


class Refused(ICustomerError):
    """It may not be done: a policy, a role or a safety rule says no."""

    status = 403


class Unavailable(ICustomerError):
    """It cannot be done just now; nothing was lost, try again."""

    status = 503


class Overloaded(Unavailable):
    """Too much is waiting already; nothing was lost, come back more slowly."""

    status = 429


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Say which known name was probably meant.

    >>> suggestion("emial", ["email", "phone"])
    "Did you mean 'email'?"
    """
    names = [str(each) for each in known]
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if names:
        shown = ", ".join(sorted(names)[:12])
        return f"Known: {shown}{', …' if len(names) > 12 else ''}."
    return None
