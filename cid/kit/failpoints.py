"""Named places before and after everything that must happen once; tests end the process there.

In real use nothing happens at any of them. A test that runs in the same process hands in a function
with `arm`; another one starts a command with ``ICUSTOMER_TESTING=1`` and, for example,
``ICUSTOMER_FAILPOINT="after commit:3"``: the third time that place is passed, the process kills itself.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

from cid.kit.errors import Refused

POINTS = {
    "before append": "the log: records wait to be written",
    "before append commit": "the log: they are written and not yet durable",
    "after append commit": "the log: they are durable, and nobody has been told",
    "before flush": "the pipeline: a batch is applied in memory",
    "before commit": "the pipeline: a batch is written and not yet durable",
    "after commit": "the pipeline: a batch is durable",
    "before effect": "delivery: an action is about to be carried out",
    "after effect": "delivery: it was carried out, and nobody knows",
    "before mark": "delivery: several were carried out, none is noted",
    "after mark": "delivery: how they ended is noted",
    "before letter": "an e-mail is written and has not yet its name",
    "before adoption": "new definitions stand in their file, and nobody lives by them",
    "after adoption": "they are lived by, and what that moved is durable",
    "before telling": "a stream is about to tell changes of segments",
    "after telling": "they were told, and nobody knows",
    "before history": "history is about to take in what is new",
    "after history": "history has taken it in",
    "before scores": "a model is trained, nothing is said",
    "after scores": "its scores are said, its report is not written",
    "before snapshot": "a snapshot of the live traits is written and has not yet its name",
    "after snapshot": "it has its name",
    "before migration": "the tables are made and not yet durable",
    "after migration": "they are durable",
    "before exchange": "a rebuild is complete beside the old records",
    "after exchange": "the new records are in the place of the old ones",
}
"""All places by name, with what has happened there."""

_reached: Callable[[str], None] | None = None


def reach(name: str) -> None:
    """Pass a named place; nothing happens there unless a test wants it."""
    if _reached is not None:
        _reached(name)


def arm(reached: Callable[[str], None] | None) -> None:
    """Let a function hear of every place that is passed; None for nobody."""
    global _reached
    _reached = reached


def arm_from(environment: Mapping[str, str]) -> None:
    """Arm the place that the environment names, if it does.

    Raises:
        Refused: it names one outside of a test, or one that there is not.
    """
    said = environment.get("ICUSTOMER_FAILPOINT", "")
    if not said:
        return
    if environment.get("ICUSTOMER_TESTING") != "1":
        raise Refused("ICUSTOMER_FAILPOINT kills this process; that is for tests only.")
    point, _, times = said.partition(":")
    if point not in POINTS or not (times or "1").isdigit():
        raise Refused(f"{said!r} is no place to fail at, such as 'after commit:3'.")
    left = int(times or "1")

    def reached(name: str) -> None:
        nonlocal left
        left -= name == point
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    arm(reached)
