"""Carry out what waits in the outbox: at least once, never blocking the records, never forgotten."""

from __future__ import annotations

from collections.abc import Mapping

from cid.kit.clock import MINUTE, SECOND, Clock
from cid.kit.errors import Refused, Unavailable
from cid.kit.failpoints import reach
from context.ports import Action, ActionRow, Effects, Store

ATTEMPTS = 8


def retry_after(attempts: int) -> int:
    """Return how long to wait after a failed attempt, in milliseconds: doubling up to an hour.

    >>> [retry_after(n) // 1000 for n in (1, 2, 3, 10)]
    [10, 20, 40, 3600]
    """
    return int(min(5 * SECOND * 2**attempts, 60 * MINUTE))


class Delivery:
    """Takes actions from the outbox and carries them out."""

    def __init__(
        self, store: Store, actions: Mapping[str, Action], effects: Effects, clock: Clock
    ) -> None:
        self._store = store
        self._actions = actions
        self._effects = effects
        self._clock = clock

    def remote(self) -> list[str]:
        """List the actions that reach beyond our own records."""
        return sorted(name for name, action in self._actions.items() if not action.local)

    def run(self, limit: int = 500) -> int:
        """Carry out what is due; return how many attempts were made."""
        rows = self._store.pending(self._clock.now(), limit)
        if rows:
            attempts = [self._attempt(row) for row in rows]
            reach("before mark")
            self._store.delivered(attempts)
            reach("after mark")
        return len(rows)

    def _attempt(self, row: ActionRow) -> ActionRow:
        action = self._actions.get(row.action)
        attempts = row.attempts + 1
        if action is None:
            return row._replace(state="dead", attempts=attempts, error="no such action installed")
        reach("before effect")
        try:
            action.perform(row, self._effects)
        except Refused as error:
            return row._replace(state="dead", attempts=attempts, error=str(error))
        except Unavailable as error:
            state = "dead" if attempts >= ATTEMPTS else "pending"
            next_try = self._clock.now() + retry_after(attempts)
            return row._replace(state=state, attempts=attempts, next_try=next_try, error=str(error))
        reach("after effect")
        return row._replace(state="done", attempts=attempts, error="")
