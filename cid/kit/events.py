"""How a lower layer tells the layers above what happened, without knowing them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, TypeVar

E = TypeVar("E")


class Bus:
    """Carries what happened to everyone who asked to hear of it, in order, one thing at a time.

    >>> bus = Bus(); heard = []
    >>> bus.subscribe(str, heard.append)
    >>> bus.publish("Ann bought a tent"); heard
    ['Ann bought a tent']
    """

    def __init__(self) -> None:
        self._subscribers: dict[type, list[Callable[[Any], None]]] = defaultdict(list)
        self._waiting: deque[object] = deque()
        self._busy = False

    def subscribe(self, kind: type[E], hear: Callable[[E], None]) -> None:
        """Ask to hear of every event of this kind; subscribers are told in the order they asked."""
        self._subscribers[kind].append(hear)

    def publish(self, event: object) -> None:
        """Tell the subscribers; an event raised meanwhile waits for its turn."""
        self._waiting.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting:
                event = self._waiting.popleft()
                for hear in self._subscribers[type(event)]:
                    hear(event)
        finally:
            self._busy = False
            self._waiting.clear()
