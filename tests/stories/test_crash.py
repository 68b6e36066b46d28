"""Killed at any instruction, nothing is lost and nothing happens twice."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from icustomer.demo import build_demo
from tests.company import NOW, SCALE, differences, figures, records

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
    from cid.kit.clock import ManualClock, parse_time
    from icustomer import ICustomer
    from icustomer.starting import init_company

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
