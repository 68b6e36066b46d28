"""Killed at any place and at any moment: nothing lost, nothing doubled, the order kept, effects once."""

import os
import random
import shutil
import signal
import time
from itertools import count

import pytest

from cid.kit import failpoints
from tests.crashes import story
from tests.crashes.checking import history

KILLED = -signal.SIGKILL
LIVED = [
    *("before migration", "after migration", "before append", "before append commit"),
    *("after append commit", "before flush", "before commit", "after commit", "before effect"),
    *("after effect", "before mark", "after mark", "before letter", "before history"),
    "after history",
]
PER_LIFE = 25


def test_the_story_says_something(lives):
    found = lives.expected
    assert found.told["balanced"]
    assert found.told["verified"] == found.told["waiting"] == 0
    assert found.told["facts"] == len(found.applied) > 400
    assert {state for states in found.fates.values() for state in states} == {
        "applied",
        "quarantined",
    }
    for table in ("cfa_task", "cic_change", "cii_edge", "cii_regrouping", "context_timer"):
        assert found.tables[table], table
    assert len(found.letters) > 10
    assert len(lives.receiver.told("expected")) > 30
    assert lives.receiver.repeated("expected") == 0


def test_killed_once_at_every_named_place_it_ends_as_if_nothing_had_happened(lives):
    path = lives.begin("named")
    for number, point in enumerate(LIVED):
        rare = point.endswith(("migration", "history", "letter"))
        assert lives.live(path, f"{point}:{1 if rare else 1 + number % 4}") == KILLED, point
    assert lives.live(path) == 0
    verdict = lives.judge(path)
    assert not verdict, verdict
    assert history(path).resent == story.PER_STEP, "one group was durable and nobody was told"


def test_killed_at_random_it_ends_as_if_nothing_had_happened(lives, request):
    wanted, seed = request.config.getoption("--crashes"), time.time_ns() % 1_000_000
    chance = random.Random(seed)
    crashes = resent = repeated = 0
    for number in count():
        path = lives.begin(f"random-{number}")
        here = 0
        while here < PER_LIFE and crashes < wanted:
            if chance.random() < 0.5:
                point = chance.choice(LIVED[2:])
                ended = lives.live(path, f"{point}:{chance.randint(1, 6)}")
            else:
                child = lives.begin_living(path)
                time.sleep(chance.uniform(0, 0.5))
                os.kill(child, signal.SIGKILL)
                ended = lives.zygote.ended()
            if ended == 0:
                break
            assert ended == KILLED
            here += 1
            crashes += 1
        assert lives.live(path) == 0
        verdict = lives.judge(path)
        assert not verdict, f"seed {seed}, life {number}: {verdict}"
        resent += history(path).resent
        repeated += lives.receiver.repeated(path.name)
        shutil.rmtree(path)
        if crashes >= wanted:
            break
    request.node.user_properties.append(
        (
            "crashes",
            f"{crashes} crashes in {number + 1} lives: 0 lost, 0 doubled, 0 misordered;"
            f" {resent} records sent again, {repeated} calls repeated with their key",
        )
    )


def test_a_rebuild_killed_at_any_place_can_be_done_again_and_sends_nothing(lives):
    path = lives.begin("rebuilt")
    assert lives.live(path) == 0
    letters = sorted((each.name, each.stat().st_mtime_ns) for each in path.rglob("*.eml"))
    calls = lives.receiver.calls.total()
    for point in ("before migration", "after migration", "before exchange", "after exchange"):
        assert lives.live(path, point, what="rebuild") == KILLED, point
        verdict = lives.judge(path)
        assert not verdict, (point, verdict)
    assert lives.live(path, what="rebuild") == 0
    assert lives.live(path) == 0
    assert not lives.judge(path)
    assert sorted((each.name, each.stat().st_mtime_ns) for each in path.rglob("*.eml")) == letters
    assert lives.receiver.calls.total() == calls


def test_every_place_that_is_named_is_passed_and_has_a_test():
    elsewhere = {"before exchange", "after exchange", "before scores", "after scores"}
    assert set(failpoints.POINTS) == {*LIVED, *elsewhere}


@pytest.mark.parametrize(
    ("said", "testing"), [("after commit:3", ""), ("after lunch", "1"), ("after commit:x", "1")]
)
def test_nobody_kills_a_company_by_accident(said, testing, tmp_path, monkeypatch):
    from cid.kit.errors import Refused
    from icustomer import ICustomer

    story.begin(tmp_path / "shop", "http://127.0.0.1:9/")
    monkeypatch.setenv("ICUSTOMER_FAILPOINT", said)
    monkeypatch.setenv("ICUSTOMER_TESTING", testing)
    with pytest.raises(Refused):
        ICustomer.open(tmp_path / "shop")
