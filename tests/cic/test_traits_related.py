"""Traits of a customer's household or company are the same live, in the plainest code and in the query."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cic.adapters.duckdb import DuckDbHistory
from cic.adoption import _Filling
from cic.batch import compute
from cic.derived import live
from cic.kernel import plan
from cic.model import Trait, settled
from cic.oracle import oracle, trait_of
from cic.testing import Facts, entries, fact
from cic.verification import same
from cid.kit.clock import ManualClock, format_time, parse_time
from cid.kit.errors import InvalidInput
from cid.model.relationship import Regrouped
from cii.ports import Message
from icustomer import ICustomer
from tests.examples import examples

DEFINED = entries(
    orders=Trait(of=("E",), count=True, window="5 ms"),
    home_orders=Trait(of=("E",), count=True, window="5 ms", related="home"),
    home_spend=Trait(of=("E", "F"), sum="v", related="home"),
    home_largest=Trait(of=("E",), max="v", related="home", window="4 ms"),
    firm_last=Trait(of=("F",), last="v", related="firm"),
    firm_then=Trait(sequence=("E", "F"), within="3 ms", count=True, related="firm"),
    share=Trait(formula="orders / home orders"),
)
TRAITS, WRONG = settled(DEFINED, ["home", "firm"])
WHO = ("c1", "c2", "c3")

happenings = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 4)),
        st.tuples(
            st.just("tell"),
            st.sampled_from("EF"),
            st.integers(-4, 2),
            st.integers(0, 3),
            st.sampled_from("uvw"),
        ),
        st.tuples(st.just("tell"), st.just("E"), st.just(0), st.just(1), st.sampled_from("uvw")),
        st.tuples(
            st.just("say"),
            st.sampled_from(WHO),
            st.sampled_from(["home", "firm"]),
            st.sampled_from([None, "a", "a", "b", 7, True]),
        ),
        st.tuples(st.just("move"), st.sampled_from("uvw"), st.sampled_from(WHO)),
        st.tuples(st.just("retract"), st.integers(0, 9)),
        st.tuples(st.just("forget"), st.sampled_from("uvw")),
    ),
    max_size=18,
)


class Story:
    def __init__(self):
        self.profiles = {each: {} for each in WHO}
        self.facts, self.told, self.clock = [], 0, 10
        self.owner = dict(zip("uvw", WHO, strict=True))
        self.kernel = live(plan(TRAITS), TRAITS, self.read)
        self.kernel.watch(dict.fromkeys(range(len(TRAITS))))
        for each in WHO:
            self.kernel.profile_changed(each, {"home", "firm"})
        self.kernel.advance(self.clock)
        self.kernel.drain()
        self.before = {each: self.kernel.values(each) for each in WHO}

    def read(self, who, name):
        return self.profiles[who].get(name)

    def wait(self, pause):
        self.clock += pause
        while self.kernel.clock < self.clock:
            self.kernel.advance_until_touched(self.clock)
            self.look()

    def tell(self, event, offset, value, who):
        self.told += 1
        one = fact(
            self.told,
            event,
            time=self.clock + offset,
            customer=self.owner[who],
            properties={"v": value},
        )
        one.identity = who
        self.facts.append(one)
        self.kernel.apply(one)

    def say(self, customer, name, value):
        self.profiles[customer][name] = value
        self.kernel.profile_changed(customer, {name})

    def move(self, who, to):
        self.kernel.regroup(Regrouped({who: (self.owner[who], to)}, self.clock))
        self.owner[who] = to
        for each in self.facts:
            each.customer = self.owner[each.identity]

    def retract(self, number):
        if self.facts:
            self.kernel.retract(self.facts.pop(number % len(self.facts)).message_id)

    def forget(self, who):
        self.kernel.forget(who)
        self.facts = [each for each in self.facts if each.identity != who]

    def expected(self):
        # Who did nothing has a group, too: a fact that no trait counts stands for her.
        nothing = [fact(900 + n, "X", customer=each) for n, each in enumerate(WHO)]
        return oracle([*self.facts, *nothing], TRAITS, self.kernel.clock, None, self.profiles)

    def look(self):
        touched = self.kernel.drain()
        for customer, values in self.expected().items():
            held = self.kernel.values(customer)
            for place, (name, value) in enumerate(values.items()):
                assert same(held[place], value), (name, customer, held[place], value)
                changed = not same(held[place], self.before[customer][place])
                assert not changed or touched.get(customer, 0) >> place & 1, (name, customer)
            self.before[customer] = held


@settings(max_examples=examples(120), deadline=None)
@given(happenings)
def test_what_a_group_did_is_right_and_touches_all_members_whatever_happens(happenings):
    assert WRONG == []
    story = Story()
    for what, *how in happenings:
        getattr(story, what)(*how)
        story.look()
    story.wait(12)


@pytest.fixture(scope="module")
def history():
    history = DuckDbHistory(Path(":memory:"))
    yield history
    history.close()


@settings(max_examples=examples(8), deadline=None)
@given(happenings)
def test_the_query_over_history_asks_the_same_groups(history, happenings):
    story = Story()
    for what, *how in happenings:
        getattr(story, what)(*how)
    source = Facts(story.facts)
    source.state = f"after {history.state()}"
    history.sync(source)
    expected = oracle(story.facts, TRAITS, story.clock, None, story.profiles)
    assert compute(history, TRAITS, story.clock, None, story.profiles) == expected


def test_an_order_of_one_counts_for_all_of_her_household_and_for_nobody_else():
    story = Story()
    story.say("c1", "home", "Lake Road 7")
    story.say("c2", "home", "Lake Road 7")
    story.tell("E", 0, 9, "u")
    assert [story.kernel.value(each, 1) for each in WHO] == [1, 1, 0]
    story.say("c2", "home", "Hill 1")
    assert [story.kernel.value(each, 1) for each in WHO] == [1, 0, 0]


def test_who_was_joined_with_another_and_comes_back_without_a_household_is_one_by_herself():
    story = Story()
    story.say("c1", "home", "Lake Road 7")
    story.say("c2", "home", "Lake Road 7")
    story.tell("E", 0, 1, "u")
    story.tell("E", 0, 1, "v")
    story.profiles["c2"] = {}
    story.move("v", "c1")
    story.move("v", "c2")
    story.look()
    assert [story.kernel.value(each, 1) for each in WHO] == [1, 1, 0]


def test_a_group_cannot_be_computed_from_one_customers_facts_alone():
    with pytest.raises(InvalidInput, match="home"):
        trait_of(TRAITS["home orders"].value, [], 5)


def test_a_group_that_no_attribute_names_is_refused_with_a_suggestion():
    _, (error,) = settled(entries(a=Trait(of=("E",), count=True, related="hom")), ["home"])
    assert "'hom' is no attribute" in error.message
    assert "home" in error.hint


def test_a_segment_by_the_household_can_be_explained_verified_and_looked_ahead(tmp_path):
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "all.yaml").write_text(
        "company: {name: A}\n"
        "systems:\n  shop: {write key: k}\n"
        "attributes:\n  household: {}\n"
        "identifiers:\n  email: {}\n  user_id: {}\n"
        "traits:\n"
        "  home orders: {of: Order Completed, count: true, window: 30 d, related: household}\n"
        "  bought lately: {formula: home orders > 0}\n"
        "segments:\n  buying homes: {when: bought lately}\n"
    )
    clock = ManualClock(parse_time("2026-03-01T00:00:00Z"))
    with ICustomer.open(tmp_path / "acme", clock=clock) as company:

        def receive(user, kind, **said):
            document = {"type": kind, "userId": user, "messageId": f"{user}-{kind}"} | said
            document["timestamp"] = format_time(clock.now())
            headers = {"source": "shop", "protocol": "segment"}
            company.cii.append(
                [Message(user.encode(), json.dumps(document).encode(), clock.now(), headers)]
            )

        receive("ann", "identify", traits={"household": "Lake Road 7"})
        receive("bob", "identify", traits={"household": "Lake Road 7"})
        receive("cyd", "identify", traits={"household": "Hill 1"})
        receive("ann", "track", event="Order Completed", properties={"total": 5})
        company.catch_up()
        names = [row["customer"] for row in company.cic.members("buying homes")["members"]]
        assert sorted(names) == sorted(map(company.cii.customer, ["user_id:ann", "user_id:bob"]))
        why = company.cic.why("buying homes", "user_id:bob")
        assert why["in"]
        assert why["leaves"] == "2026-03-31T00:00:00.000Z"
        assert [row["count"] for row in why["traits"] if row["name"] == "home orders"] == [1]
        assert company.cic.verify()["mismatches"] == 0
        assert company.cic.verify("2026-03-01T00:00:00Z")["mismatches"] == 0
        past = company.cic.traits("user_id:bob", "2026-03-01T00:00:00Z")
        assert past["segments"] == ["buying homes"]
        clock.moment = parse_time("2026-03-31T00:00:00Z")
        company.catch_up()
        assert company.cic.members("buying homes")["size"] == 0
    with ICustomer.open(tmp_path / "acme", clock=clock) as company:
        receive("cyd", "track", event="Order Completed", properties={"total": 5})
        receive("cyd", "identify", messageId="move", traits={"household": "Lake Road 7"})
        company.catch_up()
        assert company.cic.members("buying homes")["size"] == 3
        assert company.cic.verify()["mismatches"] == 0


def test_who_moves_while_a_new_trait_is_filled_counts_where_she_is_then(tmp_path, monkeypatch):
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "all.yaml").write_text(
        "company: {name: A}\n"
        "systems:\n  shop: {write key: k}\n"
        "attributes:\n  household: {}\n  town: {}\n"
        "identifiers:\n  user_id: {}\n"
    )
    clock = ManualClock(parse_time("2026-03-01T12:00:00Z"))
    with ICustomer.open(tmp_path / "acme", clock=clock) as company:
        told = []

        def receive(user, kind, at, **said):
            told.append(user)
            document = {"type": kind, "userId": user, "messageId": str(len(told))} | said
            document["timestamp"] = at
            headers = {"source": "shop", "protocol": "segment"}
            company.cii.append(
                [Message(user.encode(), json.dumps(document).encode(), clock.now(), headers)]
            )
            company.catch_up()

        for user in ("ann", "bob"):
            at = "2026-03-01T11:00:00Z"
            receive(user, "identify", at, traits={"household": "Hill 1", "town": "Asia/Shanghai"})
            receive(user, "track", "2026-02-28T23:00:00Z", event="Order Completed")
        fill = _Filling.until_few

        def meanwhile(self):
            fill(self)
            at = "2026-03-01T12:00:00Z"
            receive("bob", "identify", at, traits={"household": "Mill 2", "town": "UTC"})

        monkeypatch.setattr(_Filling, "until_few", meanwhile)
        company.cic.define(
            "traits:\n"
            "  at home: {of: Order Completed, count: true, related: household}\n"
            "  today: {of: Order Completed, count: true, period: day, customer zone: town}\n"
            "segments:\n"
            "  lively homes: {when: at home > 1}\n"
            "  bought today: {when: today > 0}\n"
        )
        assert company.cic.traits("user_id:ann")["segments"] == ["bought today"]
        assert company.cic.traits("user_id:bob")["segments"] == []
        assert company.cic.verify()["mismatches"] == 0
