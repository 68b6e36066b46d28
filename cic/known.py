"""Answers that are known already: the same question about the same history is not asked twice."""

from __future__ import annotations

import re
import sys
import threading
from collections import OrderedDict
from typing import Any, Generic, TypeVar

from cic.ports import Result

V = TypeVar("V")
REMEMBERED = 64 << 20
"""Bytes of answers that are kept for whoever asks the same again."""
_CHANGING = re.compile(
    r"\b(now|random|uuid\w*|gen_random_uuid|today|age|current_\w+|get_current_\w+|local\w*time\w*"
    r"|transaction_timestamp|tablesample|using\s+sample)\b",
    re.IGNORECASE,
)
"""Words with which a query may answer something else each time."""


def lasting(sql: str) -> bool:
    """Say whether a query answers the same as long as history is the same.

    >>> lasting("SELECT count(*) FROM facts"), lasting("SELECT now()")
    (True, False)
    """
    return _CHANGING.search(sql) is None


class Answers(Generic[V]):
    """The last answers, as many as fit in so many bytes.

    The same answer is handed out again and again: nobody changes it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[tuple[Any, ...], tuple[V, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[Any, ...]) -> V | None:
        """Return the answer to the same question about the same history, if it is known."""
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def put(self, key: tuple[Any, ...], answer: V, size: int) -> None:
        """Remember an answer of so many bytes; the ones not asked for longest are forgotten."""
        size += len(key[0])
        if size > self._limit // 8:
            return
        with self._lock:
            if key in self._held:
                self._size -= self._held.pop(key)[1]
            self._held[key] = (answer, size)
            self._size += size
            while self._size > self._limit:
                self._size -= self._held.popitem(last=False)[1][1]


def size_of(result: Result) -> int:
    """Say about how many bytes an answer takes in memory, from a hundred of its rows."""
    some = result.rows[:: max(1, len(result.rows) // 100)]
    sizes = [sys.getsizeof(row) + sum(map(_bytes, row)) for row in some]
    return 1_000 + (sum(sizes) * len(result.rows) // len(some) if some else 0)


def _bytes(value: Any) -> int:
    return len(str(value)) if isinstance(value, list | dict) else sys.getsizeof(value)
