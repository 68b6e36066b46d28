"""Carry out what waits in the outbox: at least once, never blocking the records, never forgotten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from zlib import crc32

from cid.kit.clock import MINUTE, SECOND, Clock
from cid.kit.errors import Refused, Unavailable
from cid.kit.failpoints import reach
from context.ports import Action, ActionRow, BatchAction, Effects, Store

ATTEMPTS = 8
LANES = 8
"""How many actions are carried out at a time; those of one customer follow one another."""


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
            attempts = self._attempt_all(rows)
            reach("before mark")
            self._store.delivered(attempts)
            reach("after mark")
        return len(rows)

    def _attempt_all(self, rows: Sequence[ActionRow]) -> list[ActionRow]:
        """Attempt all: disks and other systems are waited for side by side."""
        kinds: dict[str, list[ActionRow]] = defaultdict(list)
        for row in rows:
            kinds[row.action].append(row)
        done: list[ActionRow] = []
        for name, some in kinds.items():
            action = self._actions.get(name)
            if action is None:
                said = "no such action installed"
                done += [
                    row._replace(state="dead", attempts=row.attempts + 1, error=said)
                    for row in some
                ]
            elif isinstance(action, BatchAction):
                reach("before effect")
                faults = action.perform_all(some, self._effects)
                reach("after effect")
                done += map(self._outcome, some, faults)
            else:
                done += self._in_lanes(action, some)
        return done

    def _in_lanes(self, action: Action, rows: Sequence[ActionRow]) -> list[ActionRow]:
        lanes: dict[int, list[ActionRow]] = defaultdict(list)
        for row in rows:
            lanes[crc32(row.customer.encode()) % LANES].append(row)
        with ThreadPoolExecutor(len(lanes), "delivery") as pool:
            done = pool.map(
                lambda lane: [self._outcome(row, self._attempt(action, row)) for row in lane],
                lanes.values(),
            )
            return [row for lane in done for row in lane]

    def _attempt(self, action: Action, row: ActionRow) -> Refused | Unavailable | None:
        reach("before effect")
        try:
            action.perform(row, self._effects)
        except (Refused, Unavailable) as error:
            return error
        reach("after effect")
        return None

    def _outcome(self, row: ActionRow, fault: Refused | Unavailable | None) -> ActionRow:
        attempts = row.attempts + 1
        if fault is None:
            return row._replace(state="done", attempts=attempts, error="")
        if isinstance(fault, Refused) or attempts >= ATTEMPTS:
            return row._replace(state="dead", attempts=attempts, error=str(fault))
        next_try = self._clock.now() + retry_after(attempts)
        return row._replace(state="pending", attempts=attempts, next_try=next_try, error=str(fault))
