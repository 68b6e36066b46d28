"""Windows of the calendar turn at local midnight, live, in the plainest code and in the query."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cic.adapters.duckdb import DuckDbHistory
from cic.batch import compute
from cic.derived import live
from cic.kernel import plan
from cic.model import Trait, settled
from cic.oracle import instants, oracle
from cic.periods import UNITS, calendar, split, within
from cic.testing import Facts, entries, fact
from cic.verification import same
from cid.kit.clock import DAY, HOUR, parse_time, to_millis
from cid.model.relationship import Regrouped
from tests.examples import examples

ZONES = (
    "UTC",
    "Europe/Paris",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Asia/Shanghai",
)
DEFINED = entries(
    this_day=Trait(of=("E",), count=True, period="day"),
    this_week=Trait(of=("E",), sum="v", period="week"),
    this_month=Trait(of=("E",), max="v", period="month"),
    this_quarter=Trait(of=("E",), distinct="v", period="quarter"),
    this_year=Trait(of=("E",), last="v", period="year", where="v > 1"),
    last_day=Trait(of=("E",), count=True, period="previous day"),
    last_week=Trait(of=("E",), first="v", period="previous week"),
    last_month=Trait(of=("E",), sum="v", period="previous month", zone="Asia/Shanghai"),
    last_quarter=Trait(of=("E",), recent="v", period="previous quarter"),
    last_year=Trait(of=("E",), count=True, period="previous year"),
    her_day=Trait.model_validate({"of": "E", "count": True, "period": "day", "customer zone": "town"}),
    her_week=Trait.model_validate({"of": "E", "sum": "v", "period": "week", "customer zone": "town"}),
    her_last_month=Trait.model_validate(
        {"of": "E", "min": "v", "period": "previous month", "customer zone": "town"}
    ),
    days=Trait(of=("E",), streak="days"),
    her_weeks=Trait.model_validate({"of": "E", "streak": "weeks", "customer zone": "town"}),
    months=Trait(of=("E",), streak="months", window="40 d", where="v < 3"),
    follow_ups=Trait(sequence=("E", "F"), within="2 d", count=True, period="week"),
)  # fmt: skip
BEGIN = parse_time("2026-03-27T00:00:00Z")


def naive_period(unit, zone, moment):
    """The local date decides; looked for minute by minute around where the border must be."""
    local = datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo(zone)).date()
    first = {
        "day": local,
        "week": local - timedelta(days=local.weekday()),
        "month": local.replace(day=1),
        "quarter": local.replace(day=1, month=(local.month - 1) // 3 * 3 + 1),
        "year": local.replace(day=1, month=1),
    }[unit]
    around = to_millis(datetime(first.year, first.month, first.day, tzinfo=UTC))
    for minute in range(-16 * 60, 16 * 60):
        at = around + minute * 60_000
        if datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)).date() >= first:
            return at
    raise AssertionError


@settings(max_examples=examples(40), deadline=None)
@given(
    st.sampled_from(UNITS),
    st.sampled_from(ZONES),
    st.integers(parse_time("2015-01-01"), parse_time("2030-01-01")),
)
def test_a_period_begins_at_the_first_moment_of_its_first_local_day(unit, zone, moment):
    begin, end = calendar(unit, zone).span(moment)
    assert begin == naive_period(unit, zone, moment)
    assert begin <= moment < end
    assert calendar(unit, zone).number(end) == calendar(unit, zone).number(moment) + 1
    assert calendar(unit, zone).number(end - 1) == calendar(unit, zone).number(begin)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Paris", "2026-03-29T12:00:00Z", 23),
        ("Europe/Paris", "2026-10-25T12:00:00Z", 25),
        ("America/Sao_Paulo", "2018-11-04T12:00:00Z", 23),
        ("America/Sao_Paulo", "2018-02-17T12:00:00Z", 25),
        ("Australia/Lord_Howe", "2026-04-04T20:00:00Z", 24.5),
        ("UTC", "2026-03-29T12:00:00Z", 24),
    ],
)
def test_a_day_on_which_the_clocks_change_has_its_own_length(zone, day, hours):
    begin, end = calendar("day", zone).span(parse_time(day))
    assert (end - begin) / HOUR == hours


@pytest.mark.parametrize(
    ("period", "as_of", "first", "last"),
    [
        ("previous month", "2026-03-31T23:59:59.999Z", "2026-02-01T00:00Z", "2026-02-28T23:59:59.999Z"),
        ("previous month", "2024-03-31T00:00Z", "2024-02-01T00:00Z", "2024-02-29T23:59:59.999Z"),
        ("previous quarter", "2026-01-01T00:00Z", "2025-10-01T00:00Z", "2025-12-31T23:59:59.999Z"),
        ("previous week", "2026-11-23T00:00Z", "2026-11-16T00:00Z", "2026-11-22T23:59:59.999Z"),
        ("year", "2026-11-23T00:00Z", "2026-01-01T00:00Z", "2026-11-23T00:00Z"),
    ],
)  # fmt: skip
def test_periods_end_with_their_last_day_whatever_its_number(period, as_of, first, last):
    assert within(period, "UTC", parse_time(as_of)) == (parse_time(first), parse_time(last))
    assert split(period)[1] == period.startswith("previous")


happenings = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 6 * DAY)),
        st.tuples(st.just("wait"), st.integers(0, 90 * DAY)),
        st.tuples(
            st.just("tell"), st.sampled_from("EEEF"), st.integers(-9 * DAY, DAY), st.integers(0, 3)
        ),
        st.tuples(st.just("tell"), st.just("E"), st.just(0), st.integers(0, 3)),
        st.tuples(st.just("town"), st.sampled_from([None, *ZONES, "nowhere"])),
        st.tuples(st.just("move"), st.sampled_from(["c1", "c2"])),
        st.tuples(st.just("retract"), st.integers(0, 9)),
        st.tuples(st.just("forget")),
        st.tuples(st.just("restart")),
    ),
    max_size=14,
)


class Story:
    def __init__(self, zone, watched=False):
        self.traits, errors = settled(DEFINED, ["town"], zone)
        assert not errors
        self.profiles, self.facts = {"c1": {}, "c2": {"town": "America/Sao_Paulo"}}, []
        self.kernel, self.watched = live(plan(self.traits), self.traits, self.read), watched
        if watched:
            self.kernel.watch(dict.fromkeys(range(len(self.traits))))
        self.clock, self.told, self.owner = BEGIN, 0, "c1"
        self.kernel.advance(BEGIN)

    def wait(self, pause):
        self.clock += pause
        self.kernel.advance(self.clock)

    def tell(self, event, offset, value):
        self.told += 1
        self.facts.append(
            fact(
                self.told,
                event,
                time=self.clock + offset,
                received=self.clock,
                customer=self.owner,
                properties={"v": value},
            )
        )
        self.facts[-1].identity = "i"
        self.kernel.apply(self.facts[-1])

    def town(self, zone):
        self.profiles["c1"]["town"] = zone
        self.kernel.profile_changed("c1", {"town"})

    def move(self, to):
        self.kernel.regroup(Regrouped({"i": (self.owner, to)}, self.clock))
        self.owner = to
        for each in self.facts:
            each.customer = to

    def retract(self, number):
        if self.facts:
            self.kernel.retract(self.facts.pop(number % len(self.facts)).message_id)

    def restart(self):
        before = self.kernel
        self.kernel = live(plan(self.traits), self.traits, self.read)
        self.kernel.clock = self.clock
        if self.watched:
            self.kernel.watch(dict.fromkeys(range(len(self.traits))))
        self.kernel.restore(before.columns(), lambda identity: self.owner)

    def read(self, who, name):
        return self.profiles[who].get(name)

    def forget(self):
        self.kernel.forget("i")
        self.facts = []

    def values(self, as_of):
        said = oracle(self.facts, self.traits, as_of, None, self.profiles)
        return said.get(self.owner) or {
            name: oracle([fact(1, "X", customer=self.owner)], self.traits, as_of)[self.owner][name]
            for name in self.traits
        }

    def agree(self):
        expected = self.values(self.kernel.clock)
        found = self.kernel.values(self.owner)
        for (name, value), held in zip(expected.items(), found, strict=True):
            assert same(held, value), (name, held, value)


def tell(story, happenings):
    for what, *how in happenings:
        getattr(story, what)(*how)
        yield


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from(ZONES), happenings)
def test_calendar_windows_and_streaks_are_right_after_everything_that_can_happen(zone, happenings):
    story = Story(zone)
    for _ in tell(story, happenings):
        story.agree()
    for _ in range(40):
        due = story.kernel.next_due()
        if due is None:
            break
        for moment in (due - 1, due):
            story.wait(moment - story.clock)
            story.agree()


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from(ZONES), happenings)
def test_between_two_touches_nothing_has_changed_and_the_oracle_names_every_instant(
    zone, happenings
):
    story = Story(zone, watched=True)
    for _ in tell(story, happenings):
        pass
    story.kernel.drain()
    end, moments = story.clock + 100 * DAY, set()
    for entry in story.traits.values():
        profile = story.profiles[story.owner]
        moments.update(instants(entry.value, story.facts, story.clock, end, profile))
    for _ in range(60):
        before, begin = story.kernel.values(story.owner), story.kernel.clock
        story.kernel.advance_until_touched(end)
        reached = story.kernel.clock
        story.agree()
        for moment in {begin, (begin + reached) // 2, max(begin, reached - 1)} - {reached}:
            assert all(map(same, before, story.values(moment).values()))
        if not story.kernel.drain():
            break
        if not all(map(same, before, story.kernel.values(story.owner))):
            assert reached in moments


@pytest.fixture(scope="module")
def history():
    history = DuckDbHistory(Path(":memory:"))
    yield history
    history.close()


@settings(max_examples=examples(8), deadline=None)
@given(st.sampled_from(ZONES), happenings)
def test_the_query_over_history_counts_the_same_periods(history, zone, happenings):
    story = Story(zone)
    for _ in tell(story, happenings):
        pass
    source = Facts(story.facts)
    source.state = f"after {history.state()}"
    history.sync(source)
    for moment in (story.clock, calendar("month", zone).span(story.clock)[1]):
        expected = oracle(story.facts, story.traits, moment, None, story.profiles)
        assert compute(history, story.traits, moment, None, story.profiles) == expected


def test_a_streak_breaks_at_the_midnight_after_the_first_whole_day_without():
    story = Story("Europe/Paris", watched=True)
    place = list(story.traits).index("days")
    story.tell("E", 0, 1)
    story.wait(DAY)
    story.tell("E", 0, 1)
    assert story.kernel.value("c1", place) == 2
    midnight = parse_time("2026-03-30T00:00:00+02:00")
    story.wait(midnight - 1 - story.clock)
    assert story.kernel.value("c1", place) == 2
    story.wait(1)
    assert story.kernel.value("c1", place) == 0


def test_a_fact_of_last_week_is_of_this_week_where_it_was_monday_already():
    lately = Trait(of=("E",), count=True, window="1 h")
    some = entries(her_week=DEFINED["her week"].value, lately=lately)
    traits, _ = settled(some, ["town"], "Europe/Paris")
    towns = {}
    kernel = live(plan(traits), traits, lambda who, name: towns.get(who))
    kernel.advance(parse_time("2026-04-01T12:00:00Z"))
    kernel.apply(fact(1, "E", time=parse_time("2026-03-29T14:00:00Z"), properties={"v": 3}))
    assert kernel.values("c1") == [0, 0]
    towns["c1"] = "Australia/Lord_Howe"
    kernel.profile_changed("c1", {"town"})
    assert kernel.values("c1") == [3, 0]
