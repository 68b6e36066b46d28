"""Rules at work: the four triggers, once and in time, through merges, restarts and mistakes."""

import pytest

from cid.kit.clock import DAY, HOUR, MINUTE, format_time
from cid.kit.errors import InvalidDefinition, NotFound
from tests.context.conftest import START

CALL = "[{task: {queue: loyalty, title: Call}}]"


def rule(on, when='"true"', do=CALL, more=""):
    return f"rules:\n  r:\n    on: {on}\n    when: {when}\n    do: {do}\n    {more}\n"


def test_an_event_sets_off_a_rule_for_its_customer(world):
    with world(rule("{event: Order Completed}", "event.total > 50")) as w:
        w.happens("Order Completed", total=20)
        cause = w.happens("Order Completed", total=70)
        w.happens("Page Viewed", total=90)
        (decision,) = w.decisions()
        assert decision["rule"] == "r"
        assert decision["trigger"] == "event"
        assert decision["cause"] == cause
        assert decision["customer"] == w.company.cii.customer("user_id:ann")
        assert decision["at"] == w.now
        (task,) = w.company.cfa.tasks()
        assert (task["queue"], task["loop"]) == ("loyalty", decision["loop"])


def test_an_action_is_what_a_colleague_did_not_what_a_customer_did(world):
    with world(rule("{action: Offer Accepted}")) as w:
        w.happens("Offer Accepted", offer="x")
        assert w.decisions() == []
        w.happens("Offer Accepted", offer="x", actor="bea")
        (decision,) = w.decisions()
        assert (decision["trigger"], decision["actor"]) == ("action", "bea")


def test_analysis_sets_off_rules_at_the_due_moment(world):
    entered = rule("{entered: active}")
    left = "  s:\n    on: {left: active}\n    do: " + CALL
    with world(entered + left) as w:
        w.happens("Order Completed", total=20)
        assert [row["rule"] for row in w.decisions()] == ["r"]
        w.passes(60 * DAY - 1)
        assert len(w.decisions()) == 1
        w.passes(7 * DAY)
        last = w.decisions()[-1]
        assert (last["rule"], last["trigger"]) == ("s", "analysis")
        assert last["at"] == format_time(START + 60 * DAY), "when it was due, not when we looked"


def test_time_brings_a_rule_round_for_the_members_of_a_segment(world):
    with world(rule('{every: 1 d, at: "08:00", segment: active}')) as w:
        w.happens("Order Completed", who="ann", total=20)
        w.happens("Page Viewed", who="bob")
        w.passes(3 * DAY)
        at = [row["at"] for row in w.decisions()]
        assert at == [f"2026-03-0{day}T08:00:00.000Z" for day in (3, 4, 5)]
        assert {row["customer"] for row in w.decisions()} == {w.company.cii.customer("user_id:ann")}
        assert {row["trigger"] for row in w.decisions()} == {"time"}
        assert {row["latency_ms"] for row in w.decisions()} == {0}


def test_it_does_not_matter_how_often_anybody_looked_at_the_clock(world):
    definition = rule("{every: 1 d, segment: active}", more="once per: 2 d")
    late = "  s:\n    on: {event: Order Completed, wait: 36 h}\n    do: " + CALL
    told = []
    for place, steps in (("rarely", [5 * DAY]), ("often", [HOUR] * 120)):
        with world(definition + late, place) as w:
            w.happens("Order Completed", total=20)
            for step in steps:
                w.passes(step)
            told.append(
                [(row["rule"], row["at"], row["cause"], row["latency_ms"]) for row in w.decisions()]
            )
            assert w.company.cic.verify()["mismatches"] == 0
    rarely, often = told
    # The record's own id tells the places apart, and nothing else does.
    assert rarely == often
    assert [name for name, *_ in rarely] == ["r", "s", "r", "r"]


def test_a_rule_that_waits_looks_when_the_time_has_come(world):
    definition = rule("{event: Order Completed, wait: 2 d}", "spend < 100")
    with world(definition) as w:
        w.happens("Order Completed", who="ann", total=20)
        w.happens("Order Completed", who="bob", total=20)
        assert w.company.context.rule("r")["waiting"] == 2
        w.passes(DAY)
        w.happens("Order Completed", who="bob", total=200)
        w.passes(DAY)
        (decision,) = w.decisions()
        assert decision["customer"] == w.company.cii.customer("user_id:ann")
        assert decision["at"] == format_time(START + 2 * DAY)
        assert decision["seen"]["spend"] == 20


def test_what_waits_survives_a_restart_and_rings_once(world):
    definition = rule("{event: Order Completed, wait: 2 d}")
    with world(definition) as w:
        w.happens("Order Completed", total=20)
    with world(at=START + DAY) as w:
        w.company.catch_up()
        assert w.decisions() == []
        assert w.company.context.rule("r")["waiting"] == 1
    with world(at=START + 3 * DAY) as w:
        w.company.catch_up()
        (decision,) = w.decisions()
        assert decision["at"] == format_time(START + 2 * DAY)
    with world(at=START + 9 * DAY) as w:
        w.company.catch_up()
        assert len(w.decisions()) == 1
        assert len(w.company.cfa.tasks()) == 1


def test_what_comes_round_is_not_missed_and_not_repeated_after_a_restart(world):
    with world(rule("{every: 1 d, segment: active}")) as w:
        w.happens("Order Completed", total=20)
        w.passes(DAY)
        assert len(w.decisions()) == 1
    with world(at=START + DAY + MINUTE) as w:
        w.company.catch_up()
        assert len(w.decisions()) == 1
        w.passes(DAY)
        assert len(w.decisions()) == 2


def test_once_per_holds_for_the_customer_not_for_the_login(world):
    with world(rule("{event: Order Completed}", more="once per: 30 d")) as w:
        w.happens("Order Completed", who="ann", total=20)
        w.happens("Order Completed", who="ann", total=20)
        assert len(w.decisions()) == 1
        assert w.company.context.why("r", "user_id:ann")["fires"] is False
        # Another login turns out to be hers.
        w.happens("Identify", who="anna", kind="identify", email="ann@example.org")
        w.happens("Identify", who="ann", kind="identify", email="ann@example.org")
        assert w.company.cii.customer("user_id:anna") == w.company.cii.customer("user_id:ann")
        w.happens("Order Completed", who="anna", total=20)
        assert len(w.decisions()) == 1
        w.passes(30 * DAY)
        w.happens("Order Completed", who="anna", total=20)
        assert len(w.decisions()) == 2


def test_once_per_is_remembered_over_a_restart(world):
    definition = rule("{event: Order Completed}", more="once per: 30 d")
    with world(definition) as w:
        w.happens("Order Completed", total=20)
    with world(at=START + DAY) as w:
        w.happens("Order Completed", total=20)
        assert len(w.decisions()) == 1


def test_decisions_and_tasks_follow_the_customer_through_merge_and_unmerge(world):
    with world(rule("{event: Order Completed}")) as w:
        w.happens("Order Completed", who="ann", total=20)
        w.passes(HOUR)
        w.happens("Order Completed", who="bob", total=20)
        company = w.company
        company.cii.merge("user_id:ann", "user_id:bob", "the same person", "bea")
        one = company.cii.customer("user_id:ann")
        assert {row["customer"] for row in w.decisions()} == {one}
        assert {row["customer"] for row in company.cfa.tasks()} == {one}
        w.passes(HOUR)
        company.cii.unmerge("user_id:ann", "user_id:bob", "they are not", "bea")
        two = {company.cii.customer("user_id:ann"), company.cii.customer("user_id:bob")}
        assert len(two) == 2
        assert {row["customer"] for row in w.decisions()} == two
        assert {row["customer"] for row in company.cfa.tasks()} == two


def test_a_decision_keeps_what_cannot_be_reconstructed_later(world):
    tables = (
        "tables:\n  offer:\n    inputs: [spend]\n    outputs: [offer]\n"
        "    rows: [['>= 100', '\"gift\"']]\n    default: {offer: card}\n"
    )
    do = "[{offer: {table: offer}}, {task: {queue: loyalty}}]"
    with world(tables + rule("{event: Order Completed}", "spend > 10", do)) as w:
        w.happens("Order Completed", total=150)
        (decision,) = w.decisions()
        assert decision["version"] == w.company.context.rule("r")["version"]
        assert decision["reason"] == "spend > 10"
        assert decision["seen"] == {"spend": 150, "offer: spend": 150}
        assert (decision["variant"], decision["default_variant"]) == ("offer #1", "offer #0")
        assert decision["actor"] == "rule"
        assert decision["fired"] is True
        assert decision["loop"]
        done = {action["action"]: action["parameters"] for action in decision["actions"]}
        assert set(done) == {"offer", "task"}
        assert done["offer"]["offer"] == "gift"


def test_a_rule_that_is_switched_off_does_nothing(world):
    with world(rule("{event: Order Completed}", more="enabled: false")) as w:
        w.happens("Order Completed", total=20)
        assert w.decisions() == []
        (listed,) = w.company.context.rules()
        assert listed["enabled"] is False


def test_a_condition_about_what_is_not_known_does_not_fire(world):
    with world(rule("{event: Order Completed}", "event.total > 10 or email = 5")) as w:
        w.happens("Order Completed", total="much")
        w.happens("Order Completed")
        assert w.decisions() == []
        assert w.company.context.rules()[0]["evaluated"] == 2


def test_why_says_with_her_values_why_a_rule_does_not_fire(world):
    with world(rule("{left: active}", "spend >= 100")) as w:
        w.happens("Order Completed", total=20)
        said = w.company.context.why("r", "user_id:ann")
        assert said["fires"] is False
        assert said["values"] == {"spend": 20}
        assert said["explanation"]["value"] is False
        w.happens("Order Completed", total=200)
        assert w.company.context.why("r", "user_id:ann")["fires"] is True
        with pytest.raises(NotFound, match="No rule 'rr'"):
            w.company.context.why("rr", "user_id:ann")
        with pytest.raises(NotFound):
            w.company.context.why("r", "user_id:nobody")


def test_parameters_are_expressions_over_customer_and_event(world):
    do = "[{task: {queue: loyalty, title: '=\"Spent \" + string(event.total)', due: '=event.due'}}]"
    with world(rule("{event: Order Completed}", do=do)) as w:
        w.happens("Order Completed", total=20, due="3 d")
        (task,) = w.company.cfa.tasks()
        assert task["title"] == "Spent 20"
        assert task["due_at"] == format_time(START + 3 * DAY)


@pytest.mark.parametrize("due", ["soon", "P1M", "999999999999 d", None, "", "-1 d"])
def test_a_parameter_that_cannot_be_used_holds_up_nobody(world, due):
    do = "[{task: {queue: loyalty, due: '=event.due'}}, {case: {queue: service}}]"
    with world(rule("{event: Order Completed}", do=do)) as w:
        w.happens("Order Completed", total=20, due=due)
        w.happens("Order Completed", total=20, due="2 d")
        assert w.company.cii.ledger()["states"]["applied"] == 2
        first, second = w.decisions()
        states = {action["action"]: action["state"] for action in first["actions"]}
        assert states == {"task": "done" if not due else "dead", "case": "done"}
        assert {action["state"] for action in second["actions"]} == {"done"}


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ("{event: A, entered: active}", "exactly one"),
        ("{every: 1 d}", "segment"),
        ("{every: 1 s, segment: active}", "too often"),
        ('{every: 1 d, at: "25:00", segment: active}', "08:30"),
        ("{event: A, wait: a while}", "a while"),
        ("{left: actve}", "Did you mean 'active'"),
    ],
)
def test_a_trigger_that_makes_no_sense_is_told(world, on, said):
    with pytest.raises(InvalidDefinition, match=said), world(rule(on)):
        pass


@pytest.mark.parametrize(
    ("do", "said"),
    [
        ("[{dance: {}}]", "no action 'dance'"),
        ("[{task: {}}]", "queue"),
        ("[{task: {queue: loyalty, due: P1M}}]", "P1M"),
        ("[{email: {}}]", "subject"),
        ("[{webhook: {url: 'ftp://x'}}]", "url"),
        ("[{offer: {table: ofer}}]", "ofer"),
        ("[]", "do"),
        ("[{task: {queue: loyalty, title: '=spent'}}]", "spent|spend"),
    ],
)
def test_an_action_that_makes_no_sense_is_told(world, do, said):
    with pytest.raises(InvalidDefinition, match=said), world(rule("{event: A}", do=do)):
        pass
