"""Every kind of trait is the same live, in the plainest code and in the query over history."""

import gc
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cic.adapters.duckdb import DuckDbHistory
from cic.batch import compute
from cic.kernel import Kernel, plan
from cic.model import Trait
from cic.oracle import oracle
from cic.testing import Facts, entries, fact
from cic.verification import same
from cid.model.relationship import Regrouped
from tests.examples import examples

MINUTE = 60_000
TRAITS = entries(
    products=Trait(of=("E",), recent="v", items=3),
    recent_products=Trait(of=("E", "F"), recent="v", items=2, window="3 min"),
    last_ones=Trait(of=("E",), recent="time", items=2, where="v > 1"),
    minutes=Trait.model_validate({"of": "E", "time since": "minutes"}),
    minutes_in=Trait.model_validate({"of": "E", "time since": "minutes", "window": "4 min"}),
    largest=Trait(of=("E",), max="v", window="3 min"),
    smallest=Trait(of=("E", "F"), min="v", window="2 min"),
    smallest_ever=Trait(of=("E",), min="v"),
    largest_ever=Trait(of=("F",), max="v"),
    first_in=Trait(of=("E",), first="v", window="3 min"),
    first_ever=Trait(of=("E",), first="v"),
    last_in=Trait(of=("E",), last="v", window="1 min"),
    odd_ones=Trait(of=("E", "F"), count=True, where="v > 1", window="2 min"),
    followed=Trait(sequence=("E", "F"), within="2 min"),
    follow_ups=Trait(sequence=("E", "F"), within="2 min", count=True, window="3 min"),
    again=Trait(sequence=("E", "E"), within="1 min", count=True, where="v < 3"),
)


class Story:
    """The same things told to the kernel and to whoever recounts them."""

    def __init__(self, traits, watched=None):
        self.kernel = Kernel(plan(traits), len(traits))
        if watched is not None:
            self.kernel.watch(watched)
        self.watched = watched
        self.traits, self.facts, self.clock, self.told = traits, [], 0, 0
        self.owner = {each: each for each in "uvw"}

    def wait(self, pause):
        self.clock += pause
        self.kernel.advance(self.clock)

    def tell(self, event, time, value, who):
        n = self.told = self.told + 1
        properties = {} if value is None else {"v": value}
        one = fact(
            n, event, time=time, customer=self.owner[who], properties=properties,
            received=self.clock, message_id=f"m{n * 37 % 11}-{n}",
        )  # fmt: skip
        one.identity = who
        self.facts.append(one)
        self.kernel.apply(one)

    def move(self, who, to):
        self.kernel.regroup(Regrouped({who: (self.owner[who], to)}, self.clock))
        self.owner[who] = to
        for each in self.facts:
            each.customer = self.owner[each.identity]

    def retract(self, number):
        if self.facts:
            one = self.facts.pop(number % len(self.facts))
            self.kernel.retract(one.message_id)

    def forget(self, who):
        self.kernel.forget(who)
        self.facts = [each for each in self.facts if each.identity != who]

    def restart(self):
        before, self.kernel = self.kernel, Kernel(plan(self.traits), len(self.traits))
        self.kernel.clock = self.clock
        if self.watched is not None:
            self.kernel.watch(self.watched)
        self.kernel.restore(before.columns(), self.owner.__getitem__)

    def agree(self, history=None):
        expected = oracle(self.facts, self.traits, self.clock)
        for customer, values in expected.items():
            for place, (name, value) in enumerate(values.items()):
                live = self.kernel.value(customer, place)
                assert same(live, value), (name, customer, live, value)
        if history is not None:
            source = Facts(self.facts)
            source.state = f"after {history.state()}"
            history.sync(source)
            said = compute(history, self.traits, self.clock)
            assert {each: said[each] for each in expected} == expected


@pytest.fixture(scope="module")
def history():
    history = DuckDbHistory(Path(":memory:"))
    yield history
    history.close()


happenings = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 3 * MINUTE)),
        st.tuples(
            st.just("tell"),
            st.sampled_from("EEF"),
            st.integers(-6, 3).map(lambda half: half * MINUTE // 2),
            st.sampled_from([None, 1, 2, 3, 2.5]),
            st.sampled_from("uuv"),
        ),
        st.tuples(st.just("tell"), st.just("E"), st.just(0), st.integers(0, 3), st.just("u")),
        st.tuples(st.just("move"), st.sampled_from("uv"), st.sampled_from("uvx")),
        st.tuples(st.just("retract"), st.integers(0, 9)),
        st.tuples(st.just("restart")),
        st.tuples(st.just("forget"), st.sampled_from("uv")),
    ),
    max_size=20,
)


def live(story, happenings):
    for what, *how in happenings:
        if what == "tell":
            event, offset, value, who = how
            story.tell(event, max(0, story.clock + offset), value, who)
        else:
            getattr(story, what)(*how)
        yield


@settings(max_examples=examples(100), deadline=None)
@given(happenings)
def test_every_kind_of_trait_is_right_after_everything_that_can_happen(happenings):
    story = Story(TRAITS)
    for _ in live(story, happenings):
        story.agree()
    while (due := story.kernel.next_due()) is not None:
        story.wait(due - story.clock)
        story.agree()


@settings(max_examples=examples(10), deadline=None)
@given(happenings)
def test_every_kind_of_trait_is_what_the_query_over_history_says(history, happenings):
    story = Story(TRAITS)
    for _ in live(story, happenings):
        pass
    story.agree(history)


@settings(max_examples=examples(30), deadline=None)
@given(happenings)
def test_whoever_is_watched_is_touched_at_the_instant_at_which_a_value_changes_by_itself(
    happenings,
):
    story = Story(TRAITS, dict.fromkeys(range(len(TRAITS))))
    for _ in live(story, happenings):
        pass
    story.kernel.drain()
    end = story.clock + 6 * MINUTE
    while True:
        before = {each: story.kernel.values(each) for each in "uvx"}
        story.kernel.advance_until_touched(end)
        clock, story.clock = story.clock, story.kernel.clock
        story.agree()
        for moment in {clock, (clock + story.clock) // 2, story.clock - 1}:
            if clock <= moment < story.clock:
                said = oracle(story.facts, TRAITS, moment)
                for customer, values in said.items():
                    known = list(values.values())
                    assert all(map(same, before[customer], known)), (moment, before[customer])
        if not story.kernel.drain():
            break


def test_time_since_touches_only_when_it_reaches_a_number_that_somebody_compares_with():
    story = Story(TRAITS, {3: [3]})
    story.wait(5)
    story.tell("E", 5, 1, "u")
    story.kernel.drain()
    moments = []
    while story.kernel.clock < 20 * MINUTE:
        story.kernel.advance_until_touched(20 * MINUTE)
        if story.kernel.drain():
            moments.append((story.kernel.clock, story.kernel.value("u", 3)))
    assert moments == [(3 * MINUTE + 5, 3), (4 * MINUTE + 5, 4)]


def texts(thing):
    """Every text that can be reached from a thing."""
    found, seen, waiting = set(), set(), [thing]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            found.add(each)
        elif id(each) not in seen and not isinstance(each, type | ModuleType | FunctionType):
            seen.add(id(each))
            waiting += gc.get_referents(each)
    return found


def test_nothing_of_an_erased_identity_is_left_in_the_kernel():
    story = Story(TRAITS, dict.fromkeys(range(len(TRAITS))))
    story.tell("E", 0, 1, "v")
    story.move("u", "x")
    for n in range(1, 4):
        story.wait(MINUTE)
        story.tell("E", n * MINUTE, 1, "u")
    story.tell("E", 9 * MINUTE, 1, "u")
    mine = {each.message_id for each in story.facts if each.identity == "u"}
    assert mine <= texts(story.kernel)
    story.forget("u")
    story.kernel.drain()
    assert texts(story.kernel).isdisjoint({*mine, "u", "x"})
    assert story.kernel.facts() == 1
    story.agree()
