"""Conditions that hold a trait against numbers are answered by where its value lies, exactly as if each were asked."""

from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from cic.conditions import Vocabulary
from cic.meaning import EVERYTHING, Meaning
from cic.model import SEGMENTS, TRAITS, settled
from cid.kit.definitions import parse
from tests.cic.living import Living, fact

TRAITS_OF_TEST = """
few: {of: E, count: true}
worth: {of: E, sum: v, window: 9 ms}
most: {of: E, max: v}
newest: {of: E, last: v}
twice: {formula: few * 2}
"""
WORDS = ("few", "worth", "most", "newest", "twice")
numbers = st.one_of(
    st.integers(-3, 5),
    st.decimals(-3, 5, places=2),
    st.sampled_from([10**34 - 1, Decimal("1e-4"), Decimal("0.3333333333333333333333333333333333")]),
)
signs = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])
words = st.sampled_from(WORDS)
one = st.builds("{0} {1} {2}".format, words, signs, numbers.map("{0:f}".format))
round_ = st.builds("{2:f} {1} {0}".format, words, signs, numbers.map(Decimal))
simple = one | round_
of_one_word = st.tuples(words, st.lists(st.tuples(signs, numbers), min_size=1, max_size=3)).map(
    lambda each: " and ".join(f"{each[0]} {sign} {Decimal(number):f}" for sign, number in each[1])
)
conditions = st.one_of(
    simple,
    of_one_word,
    simple.map("not({0})".format),
    st.builds("{0} or {1}".format, simple, simple),
    st.sampled_from(["most = null", "newest != 3", 'newest = "x"', "true", "few in [1..3]"]),
)
values = st.one_of(st.none(), numbers, st.sampled_from(["x", True, 1.5, [1]]))


def meaning_of(some):
    traits, wrong = parse(TRAITS_OF_TEST, TRAITS)
    segments, also = parse(segments_of(some), SEGMENTS)
    traits, unsettled = settled(traits)
    assert not wrong + also + unsettled, wrong + also + unsettled
    return Meaning.of(traits, segments, Vocabulary({}, traits, segments))


def segments_of(some):
    return "\n".join(f"s{n}: {{when: '{each}'}}" for n, each in enumerate(some))


class Says:
    """Says one value of every trait."""

    def __init__(self, value):
        self.value = value

    def t(self, index):
        return self.value


@given(st.lists(conditions, min_size=1, max_size=8), st.lists(values, min_size=1))
@example(
    ["few > 1", "1 < few", "few = 1", "few != 1", "not(few >= 1)"], [None, 0, 1, Decimal("1.0"), 2]
)
def test_where_a_value_lies_says_the_same_as_asking_every_condition(some, values):
    meaning = meaning_of(some)
    compared = [
        value for each in meaning.conditions for one in each.edges.values() for value in one or ()
    ]
    for value in [*values, *compared]:
        for steps in meaning.thresholds.steps.values():
            held = steps.at(value)
            asked = sum(
                1 << place
                for place, condition in enumerate(meaning.conditions)
                if steps.mask >> place & 1 and condition.run(Says(value)) is True
            )
            assert held in (asked, -1)
            assert held == asked or not isinstance(value, int | Decimal | None) or value is True


@given(st.lists(conditions, min_size=1, max_size=8))
def test_every_segment_that_reads_a_trait_is_answered_in_one_way_or_the_other(some):
    meaning = meaning_of(some)
    for traits in (1, 2, 4, 5, 16, EVERYTHING):
        steps, asked = meaning.reading(traits)
        found = asked
        for each in steps:
            assert not found & each.mask
            found |= each.mask
        assert found == sum(
            1 << place
            for place, each in enumerate(meaning.conditions)
            if traits == EVERYTHING or each.traits & traits
        )


def test_comparisons_with_numbers_are_not_run_again_and_others_are():
    some = [
        "few > 3",
        "3 >= few",
        "few > 1 and few < 9",
        "worth > 2 and few > 1",
        "most = null",
        "twice > 2",
    ]
    meaning = meaning_of(some)
    assert meaning.thresholds.decided == 0b100111
    # A formula may say anything of somebody who never did anything.
    assert meaning.unsure == 0b100000


happenings = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["ann", "bob"]), numbers | st.just("x")),
    max_size=12,
)


@given(st.lists(conditions, min_size=1, max_size=6), happenings)
def test_whoever_comes_and_goes_is_where_the_conditions_say(some, happenings):
    living = Living(TRAITS_OF_TEST, segments_of(some) + "\nboth: {when: s0 and few > 1}")
    now = 0
    for number, (later, who, value) in enumerate(happenings):
        now += later
        living.pass_time(now)
        living.take(fact(number, now, customer=who, v=value))
        living.pass_time(now)
        for customer in living.live.bits:
            view = living.live.view(customer)
            held = [each.run(view) is True for each in living.live.conditions]
            names = [f"s{n}" for n in range(len(some))] + ["both"]
            assert living.inside(customer) == {
                n for n, each in zip(names, held, strict=True) if each
            }
    seen = {}
    for each in living.changes:
        # Nobody enters or leaves twice.
        assert seen.get((each.customer, each.segment), "left") != each.kind
        seen[each.customer, each.segment] = each.kind
