import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfa.desk import install
from cfa.model import Manifest
from cfa.sales import Sales
from cid.kit.clock import parse_time
from cid.kit.definitions import Title
from cid.kit.errors import InvalidDefinition
from cid.kit.ids import stable_id
from cid.model.relationship import Regrouped

FRIDAY = "2026-11-20T15:30Z"  # half past four in Lyon
PROPERTY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def story(fact):
    """A case, a deal, an offer and a task, as several systems tell of them."""
    case = {"case_id": "k1"}
    deal = {"opportunity_id": "o1"}
    return [
        fact("Case Opened", FRIDAY, "c_gold", subject="Torn tent", queue="service", **case),
        fact("Case Message", "2026-11-23T08:10Z", "c_gold", direction="outbound", text="?", **case),
        fact("Case Status Changed", "2026-11-23T08:10:01Z", "c_gold", status="waiting", **case),
        fact("Case Message", "2026-11-23T14:00Z", "c_gold", direction="inbound", text="!", **case),
        fact("Case Resolved", "2026-11-24T09:00Z", "c_gold", resolution="new tent", **case),
        fact("Case Rated", "2026-11-25T09:00Z", "c_gold", score=2, **case),
        fact("Lead Captured", "2026-01-01T00:00Z", lead_id="o1", interest="ropes", origin="fair"),
        fact("Opportunity Updated", "2026-02-01T00:00Z", stage="qualified", amount=100, **deal),
        fact("Opportunity Updated", "2026-02-02T00:00Z", owner="Max", currency="EUR", **deal),
        fact("Quote Sent", "2026-03-01T00:00Z", amount="99.90", discount=0.1, **deal),
        fact("Opportunity Updated", "2026-04-01T00:00Z", stage="Won", **deal),
        fact("Offer Presented", "2026-05-01T00:00Z", offer="tea", offer_id="f1", reason="cold"),
        fact("Offer Rejected", "2026-05-02T00:00Z", offer="tea", offer_id="f1", reason="warm"),
        fact("Task Completed", "2026-05-03T00:00Z", task_id="t1", outcome="reached", actor="Eva"),
    ]


def state(store):
    return {kind: store.rows(kind) for kind in ("task", "case", "opportunity", "offer")} | {
        "messages": store.messages("k1")
    }


def test_a_case_tells_what_was_promised_and_what_came_of_it(office, fact):
    office.hear(*story(fact))
    case = office.store.row("case", "k1")
    assert case["first_response_due"] == parse_time("2026-11-23T08:30Z")
    assert case["first_responded_at"] == parse_time("2026-11-23T08:10Z")
    assert (case["state"], case["csat"], case["resolution"]) == ("resolved", 2, "new tent")
    assert [each["text"] for each in office.store.messages("k1")] == ["?", "!"]


def test_waiting_for_the_customer_stops_the_clock(office, fact):
    opened, _, waiting, answer, *_ = story(fact)
    office.hear(opened)
    assert office.store.row("case", "k1")["resolve_due"] == parse_time("2026-11-23T12:30Z")
    office.hear(waiting)
    assert office.store.row("case", "k1")["resolve_due"] is None
    office.hear(answer)
    case = office.store.row("case", "k1")
    assert case["state"] == "open"
    # 30 minutes on Friday and 10:01 on Monday had passed; 3 h – 10 min left from 15:00 in Lyon.
    assert case["resolve_due"] == parse_time("2026-11-24T09:19:59Z")


def test_an_opportunity_is_the_newest_word_on_each_field(office, fact):
    office.hear(*story(fact))
    deal = office.store.row("opportunity", "o1")
    shown = {name: deal[name] for name in ("title", "stage", "state", "amount", "owner", "origin")}
    assert shown == {
        "title": "ropes",
        "stage": "won",
        "state": "won",
        "amount": 999_000,
        "owner": "Max",
        "origin": "fair",
    }
    assert deal["closed_at"] == parse_time("2026-04-01T00:00Z")
    assert deal["discount"] == 1_000


@PROPERTY
@given(data=st.data())
def test_the_order_of_arrival_does_not_matter(data, new_office, fact):
    facts = story(fact)
    ends = []
    for order in (facts, data.draw(st.permutations(facts))):
        office = new_office()
        rest = list(order)
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            office.hear(*rest[:size])
            rest = rest[size:]
            if data.draw(st.booleans()):
                office.restart()
        ends.append(state(office.store))
        office.database.close()
    assert ends[0] == ends[1]


def test_hearing_it_twice_changes_nothing(office, fact):
    facts = story(fact)
    office.hear(*facts)
    before = state(office.store)
    office.hear(*facts)
    office.restart()
    office.hear(*reversed(facts))
    assert state(office.store) == before


def test_a_task_of_a_rule_is_one_task_however_often_it_is_opened(office, fact):
    for _ in range(2):
        office.desk.open_task(
            id="t1", app="sales", queue="deals", title="Call her", customer="c_ann",
            rule="win back", at=1_000, due=2_000, loop="l1", note="VIP",
        )  # fmt: skip
        office.flush()
    assert office.store.counts()["task"] == {"open": 1}
    office.hear(
        fact("Task Completed", "2026-05-03T00:00Z", task_id="t1", outcome="ok", actor="Eva")
    )
    task = office.store.row("task", "t1")
    assert (task["state"], task["actor"], task["loop"], task["note"]) == (
        "done",
        "Eva",
        "l1",
        "VIP",
    )


def test_an_answer_finds_the_offer_it_answers(office, fact):
    office.desk.present_offer(
        id="f9", customer="c_ann", offer="tea", reason="cold",
        at=parse_time("2026-05-01"), until=None, loop="l1", decision="d1",
    )  # fmt: skip
    office.hear(fact("Offer Accepted", "2026-05-02T00:00Z", offer="tea", reason="yes"))
    assert [(row["id"], row["state"], row["loop"]) for row in office.store.rows("offer")] == [
        ("f9", "accepted", "l1")
    ]


def test_work_follows_its_customer_through_a_merge_and_back(office, fact):
    ann, anna = "user_id:ann", "email:anna@x.org"
    first, second = stable_id("c", ann), stable_id("c", anna)
    office.hear(
        fact("Case Opened", FRIDAY, first, case_id="k1", identity=ann),
        fact("Case Opened", FRIDAY, second, case_id="k2", identity=anna),
        fact("Case Opened", FRIDAY, second, case_id="k3", identity=anna),
        fact("Case Resolved", FRIDAY, second, case_id="k3", identity=anna),
    )
    office.desk.open_case(
        id="k4", customer=second, subject="?", queue="", priority="", at=1_000, loop="", channel=""
    )
    office.flush()
    before = {row["id"]: row["customer"] for row in office.store.rows("case")}
    assert before == {"k1": first, "k2": second, "k3": second, "k4": second}

    office.desk.regroup(Regrouped({anna: (second, first)}, 1))
    office.flush()
    assert {row["customer"] for row in office.store.rows("case")} == {first}
    office.hear(fact("Case Message", FRIDAY, first, case_id="k2", identity=ann, text="hello"))

    office.desk.regroup(Regrouped({anna: (first, second)}, 2))
    office.flush()
    office.restart()
    assert {row["id"]: row["customer"] for row in office.store.rows("case")} == before


def test_a_fact_about_an_unknown_case_creates_it(office, fact):
    office.hear(fact("Case Message", FRIDAY, case_id="k7", direction="inbound", text="hello"))
    assert office.store.row("case", "k7")["state"] == "open"
    office.hear(
        fact("Case Opened", "2026-11-20T15:00Z", case_id="k7", subject="Late", queue="night")
    )
    case = office.store.row("case", "k7")
    assert (case["subject"], case["opened_at"]) == ("Late", parse_time("2026-11-20T15:00Z"))


def test_a_fact_without_the_id_of_anything_is_nobodys_work(office, fact):
    for event in ("Case Opened", "Lead Captured", "Quote Sent", "Task Completed", "Offer Accepted"):
        office.hear(fact(event, FRIDAY))
    assert not any(office.store.counts().values())


@pytest.mark.parametrize(
    "odd", [None, True, 1.5, [1], {"a": 1}, "x" * 9_999, float("nan"), "1e999"]
)
def test_odd_values_harm_nobody(office, fact, odd):
    office.hear(
        fact("Case Opened", FRIDAY, case_id=odd, subject=odd, priority=odd, queue=odd),
        fact("Case Rated", FRIDAY, case_id=odd, score=odd),
        fact("Opportunity Updated", FRIDAY, opportunity_id="o", amount=odd, discount=odd, name=odd),
        fact("Offer Presented", FRIDAY, offer=odd, until=odd),
    )
    office.restart()


def test_an_application_says_at_start_what_it_misses(definitions):
    class Needy(Sales):
        manifest = Manifest(name="needy", title=Title(en="Needy"), needs=("cic.segments.vip",))

    with pytest.raises(InvalidDefinition, match=r"'needy' needs cic\.segments\.vip"):
        install(definitions, factories=[Needy])
    assert [app.manifest.name for app in install(definitions)] == ["sales", "service"]
