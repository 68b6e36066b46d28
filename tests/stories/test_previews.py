"""What a condition would mean is told before anybody lives by it."""

from itertools import pairwise

import pytest

from cid.kit.clock import parse_time
from cid.kit.errors import InvalidInput, NotFound


def test_how_it_would_have_been_is_what_history_says_of_each_week(acme):
    when = acme.cic.segment("vip")["when"]
    past = acme.cic.preview_past(when, days=28, seconds=60)
    assert past["complete"]
    assert len(past["weeks"]) == 5
    for week in past["weeks"]:
        assert week["size"] == acme.cic.members("vip", as_of=week["at"])["size"]
    assert past["weeks"][-1]["size"] == acme.cic.members("vip")["size"]


def test_what_is_not_answered_in_time_stays_open(acme):
    past = acme.cic.preview_past("orders > 0", days=28, seconds=0)
    assert [week["size"] is None for week in past["weeks"]] == [True] * 4 + [False]
    assert not past["complete"]


def test_the_overlap_adds_up(acme):
    found = acme.cic.preview("orders > 0")
    assert found["size"] > 0
    for other in found["overlap"]:
        assert other["both"] + other["only_here"] == found["size"]
        size = acme.cic.members(other["segment"])["size"]
        assert other["both"] + other["only_there"] == size


def test_members_come_page_by_page(acme):
    whole = [one["customer"] for one in acme.cic.members("connect")["members"]]
    pages, after = [], ""
    while after is not None:
        page = acme.cic.members("connect", limit=7, after=after)
        pages += [one["customer"] for one in page["members"]]
        after = page["next"]
    assert pages == whole
    assert len(whole) > 14


def test_sizes_over_time_are_those_of_each_day(acme):
    days = acme.cic.sizes("vip", 5)["days"]
    for day, after in pairwise(days):
        assert after["size"] == day["size"] + after["entered"] - after["left"]
    assert parse_time(days[-1]["day"]) <= acme.cic.segmentation.now


def test_what_cannot_be_tried_is_told(acme):
    with pytest.raises(InvalidInput, match="not defined"):
        acme.cic.preview("ordres > 0")
    with pytest.raises(NotFound):
        acme.cic.preview("orders > 0", segment="vipp")
    with pytest.raises(InvalidInput):
        acme.cic.preview_past("orders > 0", days=0)
