"""What is due by itself happens in order over all stages: first what is due first, whoever has to do it."""

from __future__ import annotations

from collections.abc import Sequence

from cii.ports import TimedStage


def happen_until(moment: int, stages: Sequence[TimedStage], now: int) -> None:
    """Let everything happen that is due up to a moment, in order.

    Args:
        moment: up to and with which, in milliseconds since 1970.
        stages: asked for what is due next, and told to go on up to then.
        now: the moment up to which time has passed before; nothing happens earlier than now.
    """
    while True:
        first: TimedStage | None = None
        due = bound = moment + 1
        for stage in stages:
            at = stage.next_due()
            if at is None or at >= bound:
                continue
            if at < due:
                first, due, bound = stage, at, due
            else:
                bound = at
        if first is None:
            return
        # Due before the present moment happens for what was late: it happens now. Up to what is
        # due next elsewhere the stage may go on by itself; it stops when it has told somebody.
        first.advance(max(min(bound, moment), due, now))
