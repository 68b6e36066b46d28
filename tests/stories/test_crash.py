"""Killed at any instruction, nothing is lost and nothing happens twice."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from cic.ports import Scored
from cic.scoring import Report
from cid.kit import failpoints
from cid.kit.clock import DAY, ManualClock, parse_time
from cii.ports import Message
from icustomer import ICustomer
from icustomer.demo import build_demo
from icustomer.starting import init_company
from tests.company import NOW, SCALE, differences, figures, opened, records

COMMAND = [sys.executable, "-c", "from icustomer.cli import main; main()"]
ARGUMENTS = ["demo", "--headless", "--scale", str(SCALE), "--now", NOW]


def logged(path) -> int:
    """Return how many records the log of a running demonstration holds."""
    with suppress(sqlite3.OperationalError):
        log = sqlite3.connect(f"file:{path / 'data' / 'log.sqlite'}?mode=ro", uri=True)
        try:
            return int(log.execute("SELECT count(*) FROM log").fetchone()[0])
        finally:
            log.close()
    return 0


class Crash(BaseException):
    """The process ends here."""


def killed(path, records_there):
    """Let a demonstration run in a process of its own and kill it."""
    running = subprocess.Popen(
        [*COMMAND, *ARGUMENTS, "--dir", str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while logged(path) < records_there and time.monotonic() < deadline:
        assert running.poll() is None, "it ended before it was killed"
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL


def crashed(path, point, times):
    """Let a demonstration run in this process until it passes a place for the so manieth time."""
    passed = 0

    def failpoint(name: str) -> None:
        nonlocal passed
        passed += name == point
        if passed == times:
            raise Crash(name)

    with pytest.raises(Crash, match=point):
        build_demo(path, scale=SCALE, now=NOW, failpoint=failpoint)


def test_a_demonstration_killed_again_and_again_ends_as_one_that_was_not(northlake, tmp_path):
    path = tmp_path / "killed"
    whole = northlake.summary["records_received"]
    killed(path, 0.3 * whole)
    crashed(path, "before commit", 20)
    killed(path, whole)
    assert figures(build_demo(path, scale=SCALE, now=NOW)) == figures(northlake.summary)
    assert differences(records(northlake.path), records(path)) == {}


@pytest.mark.parametrize("point", ["before flush", "before commit", "after commit"])
def test_a_crash_in_the_middle_of_a_batch_leaves_all_of_it_or_nothing(point, tmp_path):
    init_company(tmp_path / "shop")
    armed = True

    def failpoint(name: str) -> None:
        if armed and name == point:
            raise Crash(name)

    clock = ManualClock(parse_time(NOW))
    orders = tmp_path / "orders.csv"
    orders.write_text(
        "order_id,date,email,total\n"
        + "".join(f"o{n},2026-11-20,ann{n % 3}@example.org,{400 + n}\n" for n in range(9))
    )
    with ICustomer.open(tmp_path / "shop", clock=clock, failpoint=failpoint) as company:
        with pytest.raises(Crash):
            company.cii.load("orders", [str(orders)])
        written = sum(company.cii.ledger()["states"].values())
        assert written == (9 if point == "after commit" else 0)
        armed = False
        company.catch_up()
        ledger = company.cii.ledger()
        assert ledger["balanced"]
        assert ledger["states"]["applied"] == 9
        assert company.cic.members("vip")["size"] == 3
        assert company.cic.verify()["mismatches"] == 0
    with ICustomer.open(tmp_path / "shop", clock=clock) as company:
        assert company.cii.ledger() == ledger
        assert company.cic.members("vip")["size"] == 3


def test_a_record_taken_right_after_a_start_is_as_late_as_the_records(tmp_path):
    """No timer is set, and nothing decided, as of the beginning of time."""
    init_company(tmp_path / "shop")
    (tmp_path / "shop" / "rules.yaml").write_text(
        "rules:\n"
        "  ask later: {on: {event: Order Completed, wait: 7 d}, do: [{task: {queue: loyalty}}]}\n"
        "  ask now: {on: {event: Order Completed}, do: [{task: {queue: loyalty}}]}\n"
    )
    at = parse_time("2026-11-20T12:00:00Z")
    for number in (1, 2):
        with ICustomer.open(tmp_path / "shop", clock=ManualClock(at)) as company:
            # Both were received at the same moment: before the second one no time passes.
            body = {"type": "track", "event": "Order Completed", "userId": "ann"}
            body |= {"messageId": f"m{number}", "properties": {"order_id": "o", "total": 1}}
            headers = {"source": "shop", "protocol": "segment"}
            company.cii.append([Message(b"ann", json.dumps(body).encode(), at, headers)])
            company.catch_up(at)
    rows = records(tmp_path / "shop")
    assert len(rows["context_timer"]) == len(rows["context_decision"]) == 2
    assert all(str(at + 7 * DAY) in row for row in rows["context_timer"])
    assert all(str(at) in row for row in rows["context_decision"])


def test_learning_that_dies_can_be_done_again_and_says_each_score_once(
    northlake, tmp_path, monkeypatch
):
    path = northlake.copy(tmp_path / "learning")
    learned = []

    def train(engine, entry, traits, make, moment):
        """The sample is too small to learn from: say the same of some customers, at this moment."""
        learned.append(moment)
        return Report(
            "buys again", "v1", moment, True, "It is better.", "Order Completed", 30 * DAY,
            scores=tuple(Scored(customer, 0.5, ()) for customer in some),
        )  # fmt: skip

    def die(name: str) -> None:
        if name == point:
            raise Crash(name)

    monkeypatch.setattr("icustomer.models.train", train)
    for point in ("before scores", "after scores", "nowhere"):
        with opened(path) as company:
            some = sorted(company.cid.customers.members)[:20]
            failpoints.arm(die)
            try:
                with suppress(Crash):
                    company.cic.score("buys again")
            finally:
                failpoints.arm(None)
            said = company.cic.sql(
                "SELECT count(*), count(DISTINCT customer) FROM facts"
                " WHERE event = 'Score Updated' AND properties->>'version' = 'v1'"
            )["rows"]
            assert said == ([[0, 0]] if point == "before scores" else [[20, 20]])
            assert company.cii.ledger()["balanced"]
            assert company.cic.verify()["mismatches"] == 0
    assert len(learned) == 3
    with opened(path) as company:
        scores = {each["name"]: each for each in company.cic.scores()}
        assert scores["buys again"]["published"]
