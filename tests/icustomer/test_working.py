"""A running company lets time pass: what is due happens when it is due, and nobody is kept waiting."""

import json
import threading

import pytest

from cid.kit.clock import ManualClock, SystemClock, parse_time
from cii.ports import Message
from icustomer import ICustomer
from icustomer.working import LEAST, Delivering, beat_once, pause

BEGIN = parse_time("2026-03-01T10:00:00Z")
COMPANY = """\
company: {name: Working, time zone: UTC}
systems: {shop: {kind: touchpoint}}
identifiers: {user_id: {unique: true}}
traits:
  orders: {count: true, of: Bought, window: 1 min}
segments:
  buyers: {when: orders > 0}
"""


class RunningClock(SystemClock):
    """A clock that runs by itself, but only while somebody pauses."""

    moment = BEGIN

    def now(self):
        return self.moment


@pytest.fixture
def clock():
    return RunningClock()


@pytest.fixture
def company(tmp_path, clock):
    (tmp_path / "company.yaml").write_text(COMPANY, encoding="utf-8")
    with ICustomer.open(tmp_path, clock=clock) as company:
        yield company


@pytest.fixture
def pauses(company, clock, monkeypatch):
    """Let time pass instead of waiting, unless something has arrived; return the pauses in seconds."""
    found = []
    transport = company.cii.transport

    def wait(topic, known, timeout):
        if any(end > known.get(part, 0) for part, end in transport.ends(topic).items()):
            return True
        found.append(timeout)
        clock.moment += round(timeout * 1000)
        return False

    monkeypatch.setattr(transport, "wait", wait)
    return found


def buy(company, who, at):
    said = {"type": "track", "event": "Bought", "userId": who, "messageId": f"{who} {at}"}
    headers = {"source": "shop", "protocol": "segment"}
    company.cii.append([Message(who.encode(), json.dumps(said).encode(), at, headers)])


def test_without_traffic_an_exit_happens_at_the_moment_it_is_due(company, clock, pauses):
    ends = [BEGIN + after + 60_000 for after in (0, 7, 480, 481, 5_003)]
    for number, end in enumerate(ends):
        buy(company, f"u{number}", end - 60_000)
    clock.moment += 5_003
    beat_once(company, None)
    assert company.cic.segments()[0]["size"] == 5
    late = []
    left = 5
    while left:
        now = clock.moment
        beat_once(company, None)
        size = company.cic.segments()[0]["size"]
        late += [now - end for end in ends[5 - left : 5 - size]]
        left = size
    assert len(late) == 5
    assert max(late) <= LEAST * 1000
    assert max(pauses) == company.settings.tick_seconds
    assert len(pauses) < 70, "a quiet company beats no more often than it has to"


def test_what_arrives_during_a_beat_ends_the_pause_after_it(company, pauses):
    beat_once(company, None, after=lambda: buy(company, "ann", BEGIN))
    assert pauses == []
    beat_once(company, None)
    assert company.cic.segments()[0]["size"] == 1


def test_a_system_that_does_not_answer_keeps_neither_records_nor_exits_waiting(
    company, clock, pauses, monkeypatch
):
    asked, answers = threading.Event(), threading.Event()

    def run():
        asked.set()
        answers.wait(60)
        return 0

    monkeypatch.setattr(company.delivery, "run", run)
    delivering = Delivering(company)
    delivering.start()
    try:
        delivering.look()
        assert asked.wait(60)
        buy(company, "ann", BEGIN)
        beat_once(company, None, delivering.look)
        assert company.cic.segments()[0]["size"] == 1
        clock.moment = BEGIN + 60_000
        beat_once(company, None, delivering.look)
        assert company.cic.segments()[0]["size"] == 0
        assert delivering.is_alive()
    finally:
        answers.set()
        delivering.stop()
    assert not delivering.is_alive()


def test_a_clock_that_stands_is_looked_at_once_a_tick(tmp_path):
    (tmp_path / "company.yaml").write_text(COMPANY, encoding="utf-8")
    with ICustomer.open(tmp_path, clock=ManualClock(BEGIN + 59_999)) as company:
        buy(company, "ann", BEGIN)
        company.catch_up()
        assert company.pipeline.next_due() == BEGIN + 60_000
        assert pause(company) == company.settings.tick_seconds
