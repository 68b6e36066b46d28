import pytest

from cfa.facade import Applications
from cfa.model import CLOSED
from cid.kit.clock import parse_time
from cid.kit.errors import Conflict, InvalidInput, NotFound

FRIDAY = "2026-11-20T15:30Z"


def test_due_first_and_whose_it_is(acme, office):
    for number, due in enumerate((3_000, 1_000, None, 2_000)):
        office.desk.open_task(
            id=f"t{number}", app="sales", queue="deals", title=f"Call {number}",
            customer="c_ann", rule="r", at=500, due=due, loop="l1",
        )  # fmt: skip
    office.flush()
    tasks = acme.tasks(queue="deals")
    assert [task["id"] for task in tasks] == ["t1", "t3", "t0", "t2"]
    assert tasks[0]["name"] == "Ann"
    assert tasks[0]["overdue"] is True
    assert acme.tasks(queue="nobody's") == acme.tasks("done") == []


def test_a_completed_task_is_a_fact_of_its_loop(acme, office, said):
    office.desk.open_task(
        id="t1", app="sales", queue="deals", title="Call her", customer="c_ann",
        rule="r", at=500, due=None, loop="l1",
    )  # fmt: skip
    office.flush()
    task = acme.complete_task("t1", "accepted", "is happy", "Eva")
    assert (task["state"], task["outcome"], task["actor"]) == ("done", "accepted", "Eva")
    assert [(fact.event, fact.customer, fact.loop) for fact in said] == [
        ("Task Completed", "c_ann", "l1")
    ]
    with pytest.raises(Conflict, match="done by Eva: accepted"):
        acme.complete_task("t1", "rejected", "", "Max")
    with pytest.raises(NotFound):
        acme.complete_task("t9", "done", "", "Eva")


def test_a_case_is_answered_waits_and_is_resolved(acme, office, fact, clock):
    office.hear(fact("Case Opened", FRIDAY, "c_gold", case_id="k1", subject="?", queue="service"))
    clock.moment = parse_time("2026-11-20T15:40Z")
    (case,) = acme.cases()
    assert case["response"] == {
        "state": "due",
        "due": "2026-11-23T08:30:00.000Z",
        "left": 50 * 60,
    }
    case = acme.reply("k1", "Which tent?", "Eva", waiting=True)
    assert [message["text"] for message in case["messages"]] == ["Which tent?"]
    assert (case["response"]["state"], case["resolve"]["state"]) == ("met", "paused")
    assert [each["id"] for each in acme.cases("waiting")] == ["k1"]
    case = acme.resolve("k1", "a new tent", "Eva")
    assert (case["state"], case["resolve"]["state"]) == ("resolved", "met")
    with pytest.raises(Conflict, match="a new tent"):
        acme.resolve("k1", "again", "Eva")
    with pytest.raises(InvalidInput, match="text is missing"):
        acme.reply("k1", "  ", "Eva")


def test_a_promise_that_is_broken_says_by_how_much_working_time(acme, office, fact, clock):
    office.hear(fact("Case Opened", FRIDAY, "c_gold", case_id="k1", subject="?", queue="service"))
    clock.moment = parse_time("2026-11-23T12:30Z")
    (case,) = acme.cases()
    assert case["response"]["state"] == "breached"
    assert case["response"]["left"] == -3 * 3600


def test_from_lead_to_order(acme, office, fact, clock, said):
    clock.moment = parse_time("2026-11-20T15:40Z")
    office.hear(
        fact("Lead Captured", FRIDAY, lead_id="o1", interest="20 ropes", origin="fair"),
        fact("Opportunity Updated", FRIDAY, opportunity_id="o2", stage="qualified", amount=10),
        fact("Opportunity Updated", "2026-01-01", opportunity_id="o3", stage="won", amount=10),
    )
    board = acme.board()
    counts = {column["stage"]: column["count"] for column in board["columns"]}
    assert counts == {
        "lead": 1, "prospecting": 0, "qualified": 1, "quoted": 0, "won": 0, "lost": 0
    }  # fmt: skip
    assert acme.move("o1", "qualified", "Max")["stage"] == "qualified"
    deal = acme.quote("o1", 1999.99, 12.5, "Max")
    assert (deal["stage"], deal["amount"], deal["discount"]) == ("quoted", 1999.99, 0.125)
    forecast = acme.board()["forecast"]
    assert forecast == [{"currency": "", "amount": 0.5 * 10 + 1199.994}]
    assert acme.order("o1", "Max")["state"] == "won"
    order = next(fact for fact in said if fact.event == "Order Completed")
    assert (order.properties["total"], order.customer) == (1999.99, "c_ann")
    with pytest.raises(Conflict, match="won already"):
        acme.order("o1", "Max")
    with pytest.raises(NotFound, match="Did you mean 'quoted'"):
        acme.move("o2", "quted", "Max")
    office.hear(fact("Lead Captured", FRIDAY, lead_id="o4"))
    with pytest.raises(Conflict, match="Send a quote first"):
        acme.order("o4", "Max")


def test_the_next_best_action_is_what_a_rule_presented_else_what_is_advised(acme, office, clock):
    assert acme.next_best_action("c_gold") == {"offer": "tea", "reason": "it is cold"}
    assert acme.next_best_action("c_ann") is None
    office.desk.present_offer(
        id="f1", customer="c_ann", offer="guide day", reason="she is silent", at=1_000,
        until=9_000, loop="l1", decision="d1", text="A day outside", value=149.5,
    )  # fmt: skip
    office.flush()
    clock.moment = 2_000
    action = acme.next_best_action("c_ann")
    assert (action["offer"], action["value"], action["loop"]) == ("guide day", 149.5, "l1")
    acme.answer_offer("c_ann", "guide day", False, "no time", "Eva")
    assert acme.next_best_action("c_ann") is None
    (offer,) = office.store.rows("offer")
    assert (offer["state"], offer["answer"], offer["loop"]) == ("rejected", "no time", "l1")


def test_an_offer_that_is_over_is_not_proposed(acme, office, clock):
    office.desk.present_offer(
        id="f1", customer="c_ann", offer="x", reason="", at=1_000, until=2_000, loop="", decision=""
    )
    office.flush()
    clock.moment = 2_000
    assert acme.next_best_action("c_ann") is None


def test_search_finds_work_by_its_title(acme, office, fact):
    office.hear(
        fact("Case Opened", FRIDAY, case_id="k1", subject="Torn TENT 100%"),
        fact("Opportunity Updated", FRIDAY, opportunity_id="o1", name="Tents for the club"),
    )
    assert {(hit["kind"], hit["href"]) for hit in acme.search("tent")} == {
        ("case", "/cases/k1"),
        ("opportunity", "/sales/o1"),
    }
    assert [hit["id"] for hit in acme.search("100%")] == ["k1"]
    assert acme.search(" ") == acme.search("%_%") == []


def test_a_list_says_which_states_there_are(acme):
    with pytest.raises(InvalidInput, match="open, waiting, resolved"):
        acme.cases("closed")
    assert {"done", "resolved"} <= CLOSED


def test_a_fact_that_is_refused_is_not_passed_over(acme, office, fact, definitions, clock):
    office.hear(fact("Case Opened", FRIDAY, case_id="k1", subject="?"))

    def refuse(*_, **__):
        return {"state": "quarantined", "reason": "contract"}

    strict = Applications(definitions, office.store, refuse, acme, clock, dict.fromkeys)
    with pytest.raises(Conflict, match="quarantined: contract"):
        strict.resolve("k1", "x", "Eva")


def test_counts_and_queues(acme, office):
    assert [queue["name"] for queue in acme.queues()] == ["service", "night", "deals"]
    assert acme.counts() == {kind: {} for kind in ("task", "case", "opportunity", "offer")}
