import json

import pytest
from typer.testing import CliRunner

from cfa.cli import app


@pytest.fixture
def run(acme):
    """Carry out a command on a desk; return its exit code and what it printed."""

    def carry_out(command, parameters):
        layer, _, method = command.partition(".")
        assert layer == "cfa"
        return getattr(acme, method)(**parameters)

    def call(*words):
        result = CliRunner().invoke(app, list(words), obj={"ask": carry_out, "json": True})
        return result.exit_code, result.stdout, result.stderr

    return call


def test_a_task_is_listed_and_completed(run, office):
    office.desk.open_task(
        id="t1", app="sales", queue="deals", title="Call her", customer="c_ann",
        rule="r", at=500, due=None, loop="",
    )  # fmt: skip
    office.flush()
    code, out, _ = run("tasks")
    assert (code, [task["id"] for task in json.loads(out)]) == (0, ["t1"])
    code, out, _ = run("complete", "t1", "--outcome", "accepted", "--actor", "Eva")
    assert (code, json.loads(out)["actor"]) == (0, "Eva")
    code, _, said = run("complete", "t1", "--outcome", "accepted")
    assert code == 1
    assert "was done by Eva" in said


def test_cases_and_the_board_are_shown(run, office, fact):
    office.hear(
        fact("Case Opened", "2026-11-20T15:30Z", case_id="k1", subject="?"),
        fact("Lead Captured", "2026-11-20T15:30Z", lead_id="o1", interest="ropes"),
    )
    assert json.loads(run("cases")[1])[0]["id"] == "k1"
    assert json.loads(run("case", "k1")[1])["messages"] == []
    assert json.loads(run("move", "o1", "qualified")[1])["stage"] == "qualified"
    assert json.loads(run("board")[1])["columns"][1]["count"] == 1
