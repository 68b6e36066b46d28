"""What Northlake's colleagues do with their tasks: the same with the same task."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from cid.kit.clock import HOUR, MINUTE

_REASONS = (
    "bought elsewhere",
    "too expensive",
    "no time this season",
    "does not want calls",
    "moved away",
)
_SAID_YES = (
    "happy that we called",
    "will come by at the weekend",
    "wants the offer by e-mail",
    "asked for a fitting in the store",
)
_REPLIES = ("We are sorry. May we call you today?", "Thank you for telling us, we look into it.")
_ENDS = ("A new one is on its way.", "Money back, with our apologies.", "Repaired in the store.")


def outcome(task: Mapping[str, Any]) -> tuple[str, str, int] | None:
    """Decide what a colleague does with a task: outcome, note and after how many milliseconds.

    About one task in six is still on the desk: ``None``. Jonas Brandt says yes.

    >>> outcome({"id": "t_1", "title": "Call Jonas Brandt: silent for 60 days"})[:2]
    ('accepted', 'likes the guide day, comes back')
    >>> outcome({"id": "t_2"}) == outcome({"id": "t_2"})
    True
    """
    if "Jonas Brandt" in str(task.get("title", "")):
        return "accepted", "likes the guide day, comes back", 20 * HOUR
    drawn = blake2b(str(task["id"]).encode(), digest_size=8).digest()
    chance, choice, wait = drawn[0] * 256 + drawn[1], drawn[2], drawn[3] * 256 + drawn[4]
    delay = 25 * MINUTE + wait * 2 * HOUR // 3_000
    share = chance / 65_536
    if share < 0.17:
        return None
    if task.get("queue") in ("approvals", "privacy"):
        if share < 0.8:
            return "accepted", "checked and approved", delay
        return "rejected", "too much: offer 12 % instead", delay
    if share < 0.45:
        return "accepted", _SAID_YES[choice % len(_SAID_YES)], delay
    if share < 0.66:
        return "reached", "spoke, no decision yet", delay
    if share < 0.84:
        return "rejected", _REASONS[choice % len(_REASONS)], delay
    return "not reached", "tried three times", delay


def answer(case: Mapping[str, Any]) -> tuple[str, int, str, int] | None:
    """Decide how a case that a rule opened is answered and solved: reply, after, resolution, after.

    Cases of customers come with their own answers from the ticket tool. One in ten waits still.

    >>> answer({"id": "k_1"}) == answer({"id": "k_1"})
    True
    """
    drawn = blake2b(str(case["id"]).encode(), digest_size=8).digest()
    if drawn[0] < 26:
        return None
    reply = 40 * MINUTE + drawn[1] * 2 * MINUTE
    solved = reply + 3 * HOUR + drawn[2] * 10 * MINUTE
    return _REPLIES[drawn[3] % len(_REPLIES)], reply, _ENDS[drawn[4] % len(_ENDS)], solved
