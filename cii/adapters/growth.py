"""Waiting until a log has grown, through this process or another one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

POLL = 0.05
"""Seconds between two looks at what another process may have appended."""


class Growth:
    """Wakes those who wait for records when this process appends some; others' they find by looking."""

    def __init__(self) -> None:
        self._count = 0
        self._grown = threading.Condition()

    def tell(self) -> None:
        """Say that records were appended."""
        with self._grown:
            self._count += 1
            self._grown.notify_all()

    def wait(
        self,
        ends: Callable[[], Mapping[int, int]],
        known: Mapping[int, int],
        timeout: float,
        closed: Callable[[], bool],
    ) -> bool:
        """Wait until some partition has grown past the known ends; False when the time is over."""
        deadline = time.monotonic() + timeout
        while not closed():
            count = self._count
            if any(end > known.get(part, 0) for part, end in ends().items()):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                break
            with self._grown:
                if self._count == count:
                    self._grown.wait(min(left, POLL))
        return False
