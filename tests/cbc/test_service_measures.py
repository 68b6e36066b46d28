"""Service, work on people's desks, and what runs by itself, by hand."""

import pytest


def test_csat_is_the_share_of_fours_and_fives(measured, history):
    for number, score in enumerate((5, 4, 3, 1)):
        history.fact("ann", "Case Rated", "2026-06-10", case_id=str(number), score=score)

    assert measured("csat")["value"] == 0.5


def case(history, key, **moments):
    history.add("cases", id=key, customer="ann", subject="torn", queue="service", **moments)


def test_a_first_response_counts_when_given_or_due_whichever_comes_first(measured, history):
    case(history, "in time", first_response_due="2026-06-10", first_responded_at="2026-06-09")
    case(history, "late", first_response_due="2026-06-10", first_responded_at="2026-06-11")
    case(history, "never", first_response_due="2026-06-10")
    case(history, "early", first_response_due="2026-07-10", first_responded_at="2026-06-29")
    case(history, "not due", first_response_due="2026-07-10")

    assert measured("first response on time")["value"] == 0.5


def test_a_resolution_counts_when_given_or_due_whichever_comes_first(measured, history):
    case(history, "in time", resolve_due="2026-06-10", resolved_at="2026-06-09")
    case(history, "never", resolve_due="2026-06-10")
    case(history, "last month", resolve_due="2026-06-10", resolved_at="2026-05-09")

    found = measured("resolved on time")

    assert (found["numerator"], found["denominator"]) == (1, 2)


def test_resolution_time_is_in_hours_exactly(measured, history):
    case(history, "a", opened_at="2026-06-10T10:00:00Z", resolved_at="2026-06-10T11:00:00Z")
    case(history, "b", opened_at="2026-06-10T10:00:00Z", resolved_at="2026-06-10T10:20:00Z")
    case(history, "open", opened_at="2026-06-10T10:00:00Z")

    found = measured("resolution time")

    assert found["numerator"] == 1.333
    assert found["value"] == 0.6665


def task(history, key, **values):
    history.add("tasks", **{"id": key, "customer": "ann", "title": "call", **values})


def test_tasks_on_time_are_completed_before_due(measured, history):
    task(history, "1", due_at="2026-06-10", closed_at="2026-06-09")
    task(history, "2", due_at="2026-06-10", closed_at="2026-06-12")
    task(history, "3", due_at="2026-06-10")
    task(history, "4", due_at="2026-07-10")

    found = measured("tasks on time")

    assert (found["numerator"], found["denominator"]) == (1, 3)


def test_a_loop_is_closed_when_the_rule_s_task_has_an_outcome(measured, history):
    done = {"state": "done", "closed_at": "2026-06-09", "due_at": "2026-06-10"}
    task(history, "1", rule="win back", outcome="accepted", **done)
    task(history, "2", rule="win back", outcome="", **done)
    task(history, "3", rule="win back", state="open", due_at="2026-06-10")
    task(history, "4", rule="", outcome="accepted", **done)

    found = measured("loops closed")

    assert (found["numerator"], found["denominator"]) == (1, 3)


def test_loop_time_is_from_task_to_outcome(measured, history):
    task(
        history,
        "1",
        rule="win back",
        opened_at="2026-06-09T08:00:00Z",
        closed_at="2026-06-10T08:00:00Z",
    )
    task(
        history,
        "2",
        rule="win back",
        opened_at="2026-06-09T08:00:00Z",
        closed_at="2026-06-09T20:00:00Z",
    )

    assert measured("loop time")["value"] == 18


def decide(history, key, **values):
    history.add(
        "decisions", **{"id": key, "rule": "r", "fired": True, "at": "2026-06-10", **values}
    )


def test_no_touch_is_a_decision_without_anybody_s_desk(measured, history):
    decide(history, "1")
    history.add("actions", id="a", decision="1", action="email", state="done")
    decide(history, "2")
    history.add("actions", id="b", decision="2", action="email", state="done")
    history.add("actions", id="c", decision="2", action="task", state="done")
    decide(history, "3", fired=False)

    assert measured("no-touch rate")["value"] == 0.5


def test_proactive_is_set_off_by_time_or_analysis(measured, history):
    for number, trigger in enumerate(("event", "action", "time", "analysis", "event")):
        decide(history, str(number), trigger=trigger)

    assert measured("proactive share")["value"] == 0.4


def test_decision_latency_is_a_mean_over_events_and_actions(measured, history):
    decide(history, "1", trigger="event", latency_ms=10)
    decide(history, "2", trigger="action", latency_ms=20)
    decide(history, "3", trigger="time", latency_ms=90_000)

    found = measured("decision latency")

    assert found["value"] == 15
    assert found["low"] == pytest.approx(15 - 1.64485 * 5, abs=1e-3)


def test_the_newest_rule_is_the_one_decided_with_last(measured, history):
    decide(history, "1", version="a", at="2026-06-10")
    decide(history, "2", version="b", at="2026-06-11")
    decide(history, "3", version="b", at="2026-06-12")
    decide(history, "4", rule="other", version="x", at="2026-06-12")

    assert measured("newest rules in force")["value"] == 0.75
