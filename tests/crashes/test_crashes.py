"""Killed at any place and at any moment: nothing lost, nothing doubled, the order kept, effects once."""

import pytest

from cid.kit import failpoints
from tests.crashes import story
from tests.crashes.killing import KILLED, LIVED, kill_at_random


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
    assert len(lives.receiver.told(str(lives.root / "expected"))) > 30
    assert lives.receiver.repeated(str(lives.root / "expected")) == 0


def test_killed_once_at_every_named_place_it_ends_as_if_nothing_had_happened(lives):
    path = lives.begin("named")
    for number, point in enumerate(LIVED):
        rare = point.endswith(("migration", "history", "letter", "snapshot"))
        assert lives.live(path, f"{point}:{1 if rare else 1 + number % 4}") == KILLED, point
    assert lives.live(path) == 0
    verdict = lives.judge(path)
    assert not verdict, verdict
    assert lives.history(path).resent == story.PER_STEP, "one group was durable and nobody was told"


@pytest.mark.timeout(7_200)
def test_killed_at_random_it_ends_as_if_nothing_had_happened(lives, request, record_property):
    wanted = request.config.getoption("--crashes")
    record_property("crashes, embedded", kill_at_random(lives, wanted, LIVED[2:]))


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
    elsewhere = {
        f"{when} {what}"
        for when in ("before", "after")
        for what in ("exchange", "scores", "adoption", "telling")
    }
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
