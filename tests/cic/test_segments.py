"""Minimum stay and exclusion groups: what a segment is, lived through event by event."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cic.conditions import Vocabulary
from cic.meaning import Meaning
from cic.model import SEGMENTS
from cid.kit.definitions import parse
from cid.kit.errors import InvalidDefinition, InvalidInput
from cid.model.definition import ATTRIBUTES
from tests.cic.living import Living, fact, plainly

TRAITS = """
short: {of: E, count: true, window: 5 ms}
long: {of: E, count: true, window: 20 ms}
ever: {of: [E, F], count: true}
"""
SEGMENTS_OF_TEST = """
busy: {when: short >= 2, group: stage, priority: 1}
awake: {when: short > 0, group: stage, priority: 2, stay: 8 ms}
known: {when: ever > 0, group: stage, priority: 3}
warm: {when: long >= 2, stay: 13 ms}
lively: {when: warm or awake}
quiet: {when: not(warm) and ever > 0, stay: 3 ms}
"""
arrivals = st.lists(
    st.tuples(st.integers(0, 9), st.integers(-8, 4), st.sampled_from("EF")), max_size=14
)


@pytest.mark.parametrize(("moment", "inside"), [(104, True), (106, True), (107, False)])
def test_she_stays_at_least_as_long_as_said_and_leaves_at_exactly_that_moment(moment, inside):
    living = Living(TRAITS, "warm: {when: short > 0, stay: 7 ms}")
    living.pass_time(100)
    living.take(fact(1, 100))
    living.pass_time(moment)
    assert ("warm" in living.inside("ann")) is inside
    assert [each.effective_at for each in living.changes if each.kind == "left"] == (
        [] if inside else [107]
    )


def test_one_who_leaves_because_a_stay_ended_is_told_so():
    living = Living(TRAITS, "warm: {when: short > 0, stay: 7 ms}")
    living.take(fact(1, 0))
    living.pass_time(50)
    assert [(each.kind, each.cause) for each in living.changes] == [
        ("entered", "fact"),
        ("left", "stay"),
    ]


def test_of_a_group_only_the_first_by_priority_is_true_and_both_move_at_the_same_instant():
    living = Living(
        TRAITS,
        "loyal: {when: long >= 2, group: g, priority: 1}\n"
        "buyer: {when: ever > 0, group: g, priority: 2}",
    )
    living.take(fact(1, 0))
    assert living.inside("ann") == {"buyer"}
    living.pass_time(3)
    living.take(fact(2, 3))
    assert living.inside("ann") == {"loyal"}
    living.pass_time(100)
    assert living.inside("ann") == {"buyer"}
    moves = [(each.segment, each.kind, each.effective_at) for each in living.changes]
    assert sorted(moves[1:3]) == [("buyer", "left", 3), ("loyal", "entered", 3)]
    assert sorted(moves[3:]) == [("buyer", "entered", 20), ("loyal", "left", 20)]


@given(arrivals, st.integers(0, 40))
def test_stays_groups_and_nesting_are_at_every_instant_what_plain_code_says(arrivals, idle):
    living = Living(TRAITS, SEGMENTS_OF_TEST)
    since, told = {}, []

    def look():
        now = living.live.now
        inside = plainly(living, living.facts, now, since)
        told.extend((name, "left", now) for name in since.keys() - inside)
        told.extend((name, "entered", now) for name in inside - since.keys())
        for name in since.keys() - inside:
            del since[name]
        for name in inside - since.keys():
            since[name] = now
        assert living.inside("ann") == inside

    def walk(moment):
        for each in range(living.live.now + 1, moment + 1):
            living.pass_time(each)
            if living.facts:
                look()

    for number, (pause, offset, event) in enumerate(arrivals):
        walk(living.live.now + pause)
        living.take(fact(number, max(0, living.live.now + offset), event))
        look()
    walk(living.live.now + idle)
    moves = [(each.segment, each.kind, each.effective_at) for each in living.changes]
    assert sorted(moves) == sorted(told)
    assert {name: living.live.since["ann", name] for name in since} == since


@given(arrivals, st.integers(0, 12), st.integers(0, 40))
def test_what_is_read_again_from_the_records_goes_on_as_if_nothing_had_happened(
    arrivals, stop, idle
):
    living, again = Living(TRAITS, SEGMENTS_OF_TEST), None
    for number, (pause, offset, event) in enumerate(arrivals):
        for each in (living, again) if again else (living,):
            each.pass_time(each.live.now + pause)
            each.take(fact(number, max(0, each.live.now + offset), event))
        if number == stop:
            again = _restarted(living)
    for each in (living, again) if again else (living,):
        each.pass_time(each.live.now + idle)
    if again:
        assert again.inside("ann") == living.inside("ann")
        assert again.live.since == living.live.since


def _restarted(living):
    """Return the same company as another process would read it."""
    again = Living(TRAITS, SEGMENTS_OF_TEST)
    again.facts = list(living.facts)
    for each in living.facts:
        again.customers.apply(each)
    again.live._attributes = {}
    rows = [(who, name, since) for (who, name), since in living.live.since.items()]
    again.store.memberships = lambda connection: rows
    again.store.moment = lambda connection: living.live.now
    again.store.version = lambda connection: living.live.version
    again.live.load(None)
    return again


def test_new_segments_that_depend_on_each_other_are_entered_once_each():
    living = Living(TRAITS, "known: {when: ever > 0}")
    living.take(fact(1, 0))
    text = (
        "known: {when: ever > 0}\n"
        "warm: {when: short > 0, stay: 7 ms}\n"
        "warm too: {when: warm}\n"
        "first: {when: short = 1, group: g, priority: 1}\n"
        "second: {when: warm, group: g, priority: 2}\n"
    )
    segments, errors = parse(text, SEGMENTS)
    assert not errors
    words = Vocabulary({}, living.traits, segments)
    living.live.adopt(Meaning.of(living.traits, segments, words))
    assert living.inside("ann") == {"known", "warm", "warm too", "first"}
    told = [(each.segment, each.kind) for each in living.changes]
    assert sorted(told) == [(name, "entered") for name in sorted(living.inside("ann"))]


@settings(max_examples=30)
@given(st.permutations(["a: {when: x > 1}", "b: {when: a}", "c: {when: not(b)}"]))
def test_the_order_of_definitions_changes_neither_version_nor_sense(lines):
    traits = "x: {of: E, count: true}"
    one, other = Living(traits, "\n".join(sorted(lines))), Living(traits, "\n".join(lines))
    assert one.live.version == other.live.version
    for living in (one, other):
        living.take(fact(1, 0))
    assert one.inside("ann") == other.inside("ann") == {"c"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: {when: x > 0, group: g}", "a group needs a priority"),
        ("a: {when: x > 0, priority: 1}", "a group needs a priority"),
        ("a: {when: x > 0, stay: 0 d}", "longer than 0"),
        ("a: {when: x > 0, stay: 200 y}", ""),
        ("a: {when: x > 0, stay: soon}", ""),
    ],
)
def test_a_wrong_stay_or_group_is_told(text, said):
    _, errors = parse(text, SEGMENTS)
    assert len(errors) == 1
    assert said in str(errors[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a: {when: 'true', group: g, priority: 1}\nb: {when: 'true', group: g, priority: 1}",
            "same priority 1",
        ),
        ("a: {when: b}\nb: {when: c}\nc: {when: a}", "circle: a → b → c → a"),
        (
            "a: {when: b, group: g, priority: 1}\nb: {when: 'true', group: g, priority: 2}",
            "circle",
        ),
    ],
)
def test_definitions_that_contradict_themselves_are_told(text, said):
    segments, errors = parse(text, SEGMENTS)
    assert not errors
    with pytest.raises(InvalidDefinition, match=said):
        Meaning.of({}, segments, Vocabulary({}, {}, segments))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("floot(orders) > 1", "There is no function 'floot'. Did you mean 'floor'"),
        ('consent("marketing")', "A consent has a purpose and a channel"),
        ('matches(city, "(")', "The pattern '(' is wrong"),
    ],
)
def test_a_function_that_cannot_be_asked_is_told_before_anybody_lives_by_it(condition, message):
    attributes, wrong = parse("city: {type: text}\norders: {type: number}\n", ATTRIBUTES)
    assert not wrong
    words = Vocabulary(attributes, {}, {})
    with pytest.raises(InvalidInput, match=re.escape(message)):
        words.compile(condition)
    assert words.compile('floor(orders) > 1 and consent("marketing", "email")')
