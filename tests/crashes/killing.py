"""Companies that are killed again and again, at named places and at any moment."""

import os
import random
import shutil
import signal
import time
from collections.abc import Sequence
from itertools import count
from typing import Any

KILLED = -signal.SIGKILL
LIVED = [
    *("before migration", "after migration", "before append", "before append commit"),
    *("after append commit", "before flush", "before commit", "after commit", "before effect"),
    *("after effect", "before mark", "after mark", "before letter", "before history"),
    *("after history", "before snapshot", "after snapshot"),
]
"""The places that a company passes in its ordinary life."""
PER_LIFE = 25


def kill_at_random(lives: Any, wanted: int, points: Sequence[str]) -> str:
    """Kill companies so many times; each of them ends as one that was not. Return the figures."""
    seed = time.time_ns() % 1_000_000
    chance = random.Random(seed)
    crashes = resent = repeated = 0
    for number in count():
        path = lives.begin(f"random-{number}")
        here = 0
        while here < PER_LIFE and crashes < wanted:
            if chance.random() < 0.5:
                ended = lives.live(path, f"{chance.choice(points)}:{chance.randint(1, 6)}")
            else:
                child = lives.begin_living(path)
                time.sleep(chance.uniform(0, 0.5))
                os.kill(child, signal.SIGKILL)
                ended = lives.zygote.ended()
            if ended == 0:
                break
            assert ended == KILLED, f"seed {seed}, life {number}: {ended}"
            here += 1
            crashes += 1
        assert lives.live(path) == 0, f"seed {seed}, life {number}"
        verdict = lives.judge(path)
        assert not verdict, f"seed {seed}, life {number}: {verdict}"
        resent += lives.history(path).resent
        repeated += lives.receiver.repeated(str(path))
        shutil.rmtree(path)
        if crashes >= wanted:
            break
    return (
        f"{crashes} crashes in {number + 1} lives: 0 lost, 0 doubled, 0 misordered;"
        f" {resent} records came again and were known, {repeated} calls repeated with their key"
    )
