"""A minimum stay outlives merges and splits, and verify does not take that for a mistake."""

import pytest

from cid.kit.clock import DAY, HOUR
from tests.cic.test_said_about import World

DEFINED = """
company: {name: A}
systems: {shop: {write key: k}}
identifiers: {user_id: {}}
traits:
  orders: {of: Order Completed, count: true, window: 10 d}
segments:
  twice: {when: orders = 2, stay: 30 d}
  often: {when: orders >= 2, stay: 30 d}
"""


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "acme", DEFINED)
    yield world
    world.company.close()


def test_who_stays_after_a_merge_or_a_split_entered_rightly(world):
    cic, cii = world.company.cic, world.company.cii
    for world.user in ("ann", "bob", "cyd"):
        world.say(source="shop", type="track", event="Order Completed")
    for change, other in (
        (cii.merge, "bob"),
        (cii.merge, "cyd"),
        (cii.unmerge, "cyd"),
        (cii.unmerge, "bob"),
    ):
        change("user_id:ann", f"user_id:{other}", "the same person", "test")
        world.wait(HOUR)
        assert cic.traits("user_id:ann")["segments"] == ["twice", "often"]
        assert cic.verify()["mismatches"] == 0
    ann = cii.customer("user_id:ann")
    cic.segmentation.since[ann, "often"] -= 1
    assert cic.verify()["mismatches"] == 1, "nothing was told of an entry at that moment"
    cic.segmentation.since[ann, "often"] += 1
    world.wait(31 * DAY)
    assert cic.traits("user_id:ann")["segments"] == []
    assert cic.verify()["mismatches"] == 0
