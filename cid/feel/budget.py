"""What one evaluation may cost: counted, never timed, so that the same question has one answer.

Loops, filters and functions that somebody wrote take turns; the outermost of them opens an account
that all within it share. When the account is empty the outermost has the value null.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

MAX_SPENT = 250_000
"""Most turns one outermost loop, filter or function may take, with all that is within it."""
FREE = 1_000
"""Lists up to this length cost nothing; longer ones cost a turn for every so many elements."""


class Exhausted(Exception):
    """The account is empty."""


class _Account(threading.local):
    open = False
    spent = 0


_ACCOUNT = _Account()


def spend(turns: int = 1) -> None:
    """Take turns from the account that is open, if one is.

    Raises:
        Exhausted: it is empty.
    """
    if _ACCOUNT.open:
        _ACCOUNT.spent += turns
        if _ACCOUNT.spent > MAX_SPENT:
            raise Exhausted


def spend_on(items: int) -> None:
    """Take turns for going through a list."""
    if items > FREE:
        spend(items // 20)


def bounded(work: Callable[..., Any], *values: Any) -> Any:
    """Do work that takes turns; null where it would take too many, or goes too deep.

    >>> bounded(lambda: spend(MAX_SPENT + 1)) is None
    True
    """
    if _ACCOUNT.open:
        return work(*values)
    _ACCOUNT.open, _ACCOUNT.spent = True, 0
    try:
        return work(*values)
    except (Exhausted, RecursionError):
        return None
    finally:
        _ACCOUNT.open = False
