"""Northlake's colleagues do the same with the same task, and believable things with many."""

from collections import Counter

from cid.kit.clock import DAY
from icustomer.samples.northlake import answer, outcome

TASKS = [{"id": f"t_{number}", "queue": "loyalty", "title": "Call"} for number in range(2_000)]


def test_the_same_task_always_ends_the_same():
    assert [outcome(task) for task in TASKS[:50]] == [outcome(task) for task in TASKS[:50]]


def test_most_tasks_are_done_within_days_and_some_are_never():
    done = [outcome(task) for task in TASKS]
    assert 0.1 < done.count(None) / len(done) < 0.25
    assert all(0 < found[2] < 3 * DAY for found in done if found)


def test_colleagues_reach_some_and_not_others_and_a_no_has_a_reason():
    done = [found for found in map(outcome, TASKS) if found]
    kinds = Counter(found[0] for found in done)
    assert set(kinds) == {"accepted", "reached", "rejected", "not reached"}
    assert all(note for _, note, _ in done)


def test_cases_are_answered_before_they_are_solved_and_some_wait():
    found = [answer({"id": f"k_{number}"}) for number in range(1_000)]
    assert 0.05 < found.count(None) / len(found) < 0.2
    assert all(0 < replied < solved for _, replied, _, solved in filter(None, found))


def test_jonas_says_yes_whatever_the_task_is_called():
    task = {"id": "t_any", "title": "Call Jonas Brandt: silent for 60 days"}
    assert outcome(task)[0] == "accepted"
