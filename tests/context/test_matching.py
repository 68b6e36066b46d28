"""Rules that are matched through tables decide what rules that are asked one by one decide."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cid.kit.clock import DAY, HOUR
from context import matching
from context.decision import ready_rules

CONDITIONS = [
    "event.total > 50",
    "event.total >= 20 and spend > 60",
    "event.total in [10..30] or spend < 30",
    "not(event.total > 50)",
    'event.sort = "gift" and orders 60d > 1',
    'event.sort in ("gift", "sale")',
    'starts with(event.sort, "sa")',
    "active and event.total < spend",
    'consent("marketing", "email")',
    'consent("marketing", "email") and event.total > 25',
    "email = null and event.total != null",
    'email = "ann@example.org"',
    "event.total = true",
    'event.total = "70"',
    "event.nothing = null and orders 60d in [1..2]",
    "false",
    "true",
]


def definitions():
    rules = ["rules:"]
    for number, when in enumerate(CONDITIONS):
        on = "{event: Order Completed}"
        more = ""
        if number % 5 == 3:
            on = "{event: Order Completed, wait: 1 h}"
        if number % 5 == 4:
            on = "{action: Order Completed}"
        if number % 4 == 2:
            more = "    once per: 2 d\n"
        rules.append(
            f"  r{number}:\n    on: {on}\n    when: {when!r}\n"
            f"    do: [{{task: {{queue: loyalty, title: 'T{number}'}}}}]\n{more}"
        )
    return "\n".join(rules) + "\nattributes: {email: {}}\n"


def live(w):
    """Let much happen, and return all that was decided, done and counted."""
    w.happens("Consent Given", who="bob", purpose="marketing", channel="email")
    for round in range(4):
        for who, actor in (("ann", ""), ("bob", ""), ("ann", "bea"), ("cid", "")):
            total = (20, 70, 25.5, True, "70", None)[(round * 4 + len(who + actor)) % 6]
            sort = ("gift", "sale", "sand", None)[round]
            w.happens("Order Completed", who=who, actor=actor, total=total, sort=sort)
        if round == 1:
            w.happens("Identify", who="ann", kind="identify", email="ann@example.org")
        w.passes(HOUR if round % 2 else DAY)
    context = w.company.context
    drop = ("customer", "identity")
    decisions = [{k: v for k, v in row.items() if k not in drop} for row in w.decisions()]
    counted = {row["name"]: (row["evaluated"], row["fired"]) for row in context.rules()}
    return decisions, counted


def test_the_decision_log_is_the_same_with_and_without_tables(world, monkeypatch):
    with world(definitions(), "tables") as w:
        through_tables = live(w)
        listeners = w.company.context.execution._listening._events["Order Completed"]
        assert listeners._index is not None
    monkeypatch.setattr(matching, "FEW", 1_000)
    with world(definitions(), "one by one") as w:
        one_by_one = live(w)
        listeners = w.company.context.execution._listening._events["Order Completed"]
        assert listeners._index is None
    assert through_tables == one_by_one
    assert len({row["rule"] for row in through_tables[0]}) > 10


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_tables_and_conditions_agree_for_any_customer_and_event(ready, data):
    execution, view = ready
    total = data.draw(st.none() | st.booleans() | st.integers(0, 100) | st.floats() | st.text("7a"))
    sort = data.draw(st.none() | st.sampled_from(["gift", "sale", "san", ""]) | st.lists(st.text()))
    event = data.draw(st.just(None) | st.just({"total": total, "sort": sort}))
    some = view(data.draw(st.sampled_from(["ann", "bob", "nobody"])), event)
    for listeners in (
        *execution._listening._events.values(),
        *execution._listening._actions.values(),
    ):
        assert [rule.name for rule in listeners.holding(some)] == [
            rule.name for rule in listeners.asked if rule.condition.run(some) is True
        ]


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    from icustomer import ICustomer
    from tests.context.conftest import BASE, START, ManualClock, World

    path = tmp_path_factory.mktemp("shop")
    (path / "base.yaml").write_text(BASE + definitions(), encoding="utf-8")
    with ICustomer.open(path, clock=ManualClock(START)) as company:
        w = World(company)
        w.happens("Consent Given", who="bob", purpose="marketing", channel="email")
        w.happens("Identify", who="ann", kind="identify", email="ann@example.org")
        w.happens("Order Completed", who="ann", total=70)

        def view(who, event):
            customer = company.cii.customer(f"user_id:{who}") if who != "nobody" else "c_0"
            return company.context.execution._segmentation.view(customer, event)

        yield company.context.execution, view


def fired(w):
    return Counter(row["rule"] for row in w.decisions())


def test_other_rules_are_at_work_from_the_next_fact_on(world):
    with world(definitions()) as w:
        w.happens("Order Completed", total=70)
        before = fired(w)
        assert len(before) > 3
        execution = w.company.context.execution
        rules = execution.rules
        other = ready_rules(
            {"r16": rules["r16"].entry}, {}, execution._segmentation.vocabulary, execution._actions
        )
        execution.publish(other)
        w.happens("Order Completed", total=70)
        assert fired(w) - before == Counter(["r16"])
        assert w.company.context.rule("r16")["evaluated"] == 2
        w.passes(DAY)
        assert fired(w) - before == Counter(["r16"]), (
            "what waited for a rule that is gone is dropped"
        )
        execution.publish(rules)
        w.happens("Order Completed", total=70)
        assert len(fired(w) - before) > 3


def test_traits_are_calculated_only_where_a_rule_can_still_fire(world):
    rules = "\n".join(
        f"  s{n}: {{on: {{event: Paid}}, when: 'event.total = {n} and spend > {n}', do: "
        "[{task: {queue: loyalty, title: T}}]}"
        for n in range(20)
    )
    with world("rules:\n" + rules) as w:
        w.happens("Paid", total=3)
        execution = w.company.context.execution
        kernel = execution._segmentation.kernel
        read = []

        class Counting:
            def value(self, customer, index):
                read.append(index)
                return kernel.value(customer, index)

        view = execution._segmentation.view(w.company.cii.customer("user_id:ann"), {"total": 99})
        view._read = Counting().value
        (listeners,) = execution._listening.to_event("Paid", "")
        assert listeners.holding(view) == []
        assert read == []
        view.event = {"total": 3}
        assert listeners.holding(view) == []
        assert len(read) == 1


def test_a_stage_hears_of_an_event_if_some_rule_may_listen_to_it(ready):
    execution, _ = ready
    listening = execution._listening
    for event in ("Order Completed", "Product Viewed", "Consent Given", "Paid"):
        listens = any(listening.to_event(event, actor) for actor in ("", "bea"))
        assert execution.hears(event) == listens
    assert execution.hears("Order Completed")
    assert not execution.hears("Product Viewed")
