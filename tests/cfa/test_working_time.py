from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfa.model import CALENDARS, QUEUES, Calendar, Queue
from cfa.working_time import RoundTheClock, WorkingTime, work_clock
from cid.kit.clock import DAY, HOUR, MINUTE, to_millis
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import InvalidDefinition

OFFICE = ("09:00-12:00", "13:00-17:00")
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe")
NIGHTS = ("00:00-02:30", "02:45-03:15", "22:00-24:00")


def calendar(zone="Europe/Paris", days="mon tue wed thu fri", hours=OFFICE, holidays=()):
    value = Calendar(time_zone=zone, hours=dict.fromkeys(days.split(), hours), holidays=holidays)
    return WorkingTime(Entry("desk", value, "apps.yaml", 3, "v1"))


def at(text, zone="Europe/Paris"):
    return to_millis(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def test_an_hour_from_friday_half_past_four_ends_on_monday_at_half_past_nine():
    assert calendar().add(at("2026-11-20T16:30"), HOUR) == at("2026-11-23T09:30")


def test_lunch_does_not_count():
    assert calendar().add(at("2026-11-23T11:30"), HOUR) == at("2026-11-23T13:30")
    assert calendar().between(at("2026-11-23T11:30"), at("2026-11-23T13:30")) == HOUR


def test_an_hour_before_closing_is_due_at_closing():
    assert calendar().add(at("2026-11-23T16:00"), HOUR) == at("2026-11-23T17:00")


def test_holidays_do_not_count():
    clock = calendar(holidays=("2026-12-25",))
    assert clock.add(at("2026-12-24T16:30"), HOUR) == at("2026-12-28T09:30")


def test_the_night_of_the_clock_change_has_the_hours_that_really_pass():
    whole = calendar(days="mon tue wed thu fri sat sun", hours=("00:00-24:00",))
    assert whole.between(at("2026-03-29T00:00"), at("2026-03-30T00:00")) == 23 * HOUR
    assert whole.between(at("2026-10-25T00:00"), at("2026-10-26T00:00")) == 25 * HOUR


def test_hours_that_the_clock_jumps_over_are_nobodys():
    night = calendar(days="sun", hours=("02:15-02:45", "02:50-03:15"))
    day = at("2026-03-29T00:00"), at("2026-03-30T00:00")
    assert night.between(*day) == 15 * MINUTE


@settings(deadline=None)
@given(
    start=st.integers(1_700_000_000_000, 1_900_000_000_000),
    length=st.integers(0, 40 * DAY),
    zone=st.sampled_from(ZONES),
    hours=st.sampled_from([OFFICE, NIGHTS, ("00:00-24:00",)]),
)
def test_what_is_added_is_what_lies_between(start, length, zone, hours):
    clock = calendar(zone, "mon tue wed fri sun", hours)
    end = clock.add(start, length)
    assert clock.between(start, end) == length
    assert end >= start


@settings(deadline=None)
@given(
    moments=st.lists(st.integers(1_770_000_000_000, 1_790_000_000_000), min_size=3, max_size=3).map(
        sorted
    ),
    zone=st.sampled_from(ZONES),
)
def test_working_time_adds_up(moments, zone):
    clock = calendar(zone, "mon wed sat sun", NIGHTS)
    a, b, c = moments
    assert clock.between(a, b) + clock.between(b, c) == clock.between(a, c)
    assert clock.between(b, a) == 0


@settings(deadline=None)
@given(moment=st.integers(-(10**13), 10**17), length=st.integers(0, 10**11))
def test_no_moment_is_too_strange(moment, length):
    assert calendar().add(moment, length) >= moment


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"zone": "Europe/Atlantis"}, "time zone"),
        ({"days": "mon funday"}, "weekday"),
        ({"hours": ("9-12",)}, "time of work"),
        ({"hours": ("22:00-02:00",)}, "time of work"),
        ({"hours": ("09:00-12:00", "11:00-13:00")}, "overlap"),
        ({"hours": ()}, "nobody ever works"),
        ({"holidays": ("Christmas",)}, "not a date"),
    ],
)
def test_a_wrong_calendar_says_where_and_what(wrong, says):
    with pytest.raises(InvalidDefinition, match=says) as caught:
        calendar(**wrong)
    assert str(caught.value).startswith("apps.yaml:3:")


def test_a_queue_without_a_calendar_never_closes(tmp_path):
    entry = Entry("night", Queue(), "apps.yaml", 9, "v1")
    definitions = Definitions(tmp_path, {QUEUES.name: {"night": entry}, CALENDARS.name: {}})
    assert isinstance(work_clock(definitions, "night"), RoundTheClock)
    wrong = Entry("day", Queue(calendar="moon"), "apps.yaml", 9, "v1")
    definitions.sections[QUEUES.name]["day"] = wrong
    with pytest.raises(InvalidDefinition, match="no calendar 'moon'"):
        work_clock(definitions, "day")
