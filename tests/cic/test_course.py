"""What is said about the future comes true at exactly the moment that was said, if nothing happens."""

from hypothesis import given
from hypothesis import strategies as st

from cic.course import outlook
from tests.cic.living import Living, fact

TRAITS = """
short: {of: E, count: true, window: 50 ms}
spent: {of: E, sum: v, window: 200 ms}
last: {of: [E, F], last: v, window: 90 ms}
ever: {of: [E, F], count: true}
"""
SEGMENTS = """
busy: {when: short >= 2, group: stage, priority: 1}
awake: {when: short > 0, group: stage, priority: 2, stay: 80 ms}
known: {when: ever > 0, group: stage, priority: 3}
rich: {when: spent >= 5 and last > 1, stay: 130 ms}
quiet: {when: not(rich) and ever > 0 and short = 0}
"""
events = st.lists(
    st.tuples(st.integers(0, 60), st.integers(-150, 40), st.sampled_from("EF"), st.integers(0, 4)),
    min_size=1,
    max_size=10,
)


def look(living):
    live = living.live
    return outlook(
        "ann",
        living.facts,
        {},
        {},
        live.meaning,
        range(len(live.meaning.names)),
        live.bits.get("ann", 0),
        live.since,
        live.now,
    )


def lived(events):
    living = Living(TRAITS, SEGMENTS)
    living.pass_time(1_000)
    for number, (pause, offset, event, value) in enumerate(events):
        living.pass_time(living.live.now + pause)
        living.take(fact(number, living.live.now + offset, event, v=value))
    return living


@given(events)
def test_she_moves_at_exactly_the_moment_that_was_said_and_not_a_millisecond_before(events):
    for place in range(5):
        living = lived(events)
        inside, turn = living.live.bits["ann"], look(living).turns.get(place)
        told = len([each for each in living.changes])
        if turn is None:
            living.pass_time(living.live.now + 5_000)
            name = living.live.meaning.names[place]
            assert all(each.segment != name for each in living.changes[told:])
            continue
        assert turn.entered is not bool(inside >> place & 1)
        living.pass_time(turn.at - 1)
        assert living.live.bits["ann"] >> place & 1 == inside >> place & 1
        living.pass_time(turn.at)
        assert living.live.bits["ann"] >> place & 1 != inside >> place & 1


OTHERS = """
ago: {of: E, time since: minutes}
days: {of: [E, F], streak: days}
month: {of: E, sum: v, period: month}
before: {of: E, count: true, period: previous month}
followed: {sequence: [E, F], within: 3 d, window: 20 d}
share: {formula: month - before}
"""
OTHER_SEGMENTS = """
gone quiet: {when: ago > 30, group: g, priority: 2}
regular: {when: days >= 2, group: g, priority: 1, stay: 3 d}
growing: {when: share > 0 and month >= 2}
tried: {when: followed, stay: 30 d}
"""
DAY = 86_400_000


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from("EF"), st.integers(0, 4)),
        min_size=1,
        max_size=6,
    )
)
def test_it_comes_true_for_calendars_streaks_sequences_and_formulas_as_well(events):
    for place in range(4):
        living = Living(OTHERS, OTHER_SEGMENTS)
        living.pass_time(20_000 * DAY)
        for number, (hours, event, value) in enumerate(events):
            living.pass_time(living.live.now + hours * DAY // 24 * 7 // 8)
            living.take(fact(number, living.live.now - number, event, v=value))
        inside, found = living.live.bits["ann"], look(living)
        if (turn := found.turns.get(place)) is None:
            assert not found.cut
            continue
        living.pass_time(turn.at - 1)
        assert living.live.bits["ann"] >> place & 1 == inside >> place & 1
        living.pass_time(turn.at)
        assert living.live.bits["ann"] >> place & 1 != inside >> place & 1


def test_time_since_a_fact_of_this_day_ends_with_the_day():
    living = Living("ago: {of: E, time since: hours, period: day}", "today: {when: ago >= 0}")
    living.pass_time(20_000 * DAY + DAY // 2)
    living.take(fact(1, living.live.now))
    assert look(living).turns[0].at == 20_001 * DAY
    living.pass_time(20_001 * DAY)
    assert living.inside("ann") == set()


def test_the_fact_that_leaves_is_named():
    living = Living(TRAITS, "awake: {when: short > 0}")
    living.pass_time(1_000)
    living.take(fact(1, 990))
    living.take(fact(2, 1_000))
    turn = look(living).turns[0]
    assert (turn.at, turn.entered, turn.trait, turn.fact.message_id) == (
        1_050,
        False,
        "short",
        "m002",
    )


def test_it_is_said_where_nothing_is_known_of_what_comes_later():
    living = Living(TRAITS, "loyal: {when: ever > 0}")
    living.pass_time(1_000)
    living.take(fact(1, 1_000))
    found = look(living)
    assert (found.turns, found.cut) == ({}, False)
    assert found.bound > living.live.now


def test_it_is_said_how_far_a_time_that_runs_was_followed_where_no_number_stops_it():
    traits = "ago: {of: E, time since: minutes}\npart: {formula: ago / 600}"
    living = Living(traits, "late: {when: part > 1}\nsoon: {when: part > 0.5}")
    living.take(fact(1, 0))
    found = look(living)
    minute = 60_000
    assert found.turns[1].at == 301 * minute
    assert 0 not in found.turns, "it would be after 601 minutes"
    assert (found.bound, found.cut) == (400 * minute, True)
