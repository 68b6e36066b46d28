"""A full disk: the company says so, takes nothing that it cannot keep, and goes on once there is room."""

import contextlib
import errno
import os
import re
import subprocess
import sys

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from cid.kit import failpoints
from cid.kit.clock import ManualClock
from cid.kit.errors import Unavailable
from icustomer import ICustomer
from icustomer.app import create_app
from tests.crashes import story
from tests.crashes.checking import history
from tests.crashes.forking import ROOT

KEY = "shop-key-please-change"
EVENT = {"type": "track", "event": "Order Completed", "userId": "ann", "messageId": "m1"}


@pytest.fixture
def company(tmp_path, receiver):
    story.begin(tmp_path / "shop", receiver.url)
    with ICustomer.open(tmp_path / "shop", clock=ManualClock(story.END)) as company:
        yield company


@contextlib.contextmanager
def full_log(company):
    """Let the log's file not grow any more; SQLite itself then says that it is full."""
    with company.cii.transport._file.write() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    yield
    db.execute("PRAGMA max_page_count = 1000000")


@contextlib.contextmanager
def full_records(company):
    """Let the records' file not grow any more."""
    engine = company.database.engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def limited(connection, _record, _proxy):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "checkout", limited)
    try:
        yield
    finally:
        event.remove(engine, "checkout", limited)
        engine.dispose()


@contextlib.contextmanager
def no_room(point):
    """Let the system say at a named place that there is no space left."""

    def reached(name):
        if name == point:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    failpoints.arm(reached)
    yield
    failpoints.arm(None)


def test_a_log_without_room_takes_nothing_and_says_so(company):
    _, some = story.steps()[0]
    event = {**EVENT, "properties": {"order_id": "o1", "total": 20, "note": "x" * 20_000}}
    with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1") as shop:
        with full_log(company):
            with pytest.raises(Unavailable, match="full"):
                company.cii.append(some * 50)
            answer = shop.post("/v1/track", json=event, auth=(KEY, ""))
            assert answer.status_code == 503
            assert "retry-after" in answer.headers
            assert sum(company.cii.transport.ends("facts").values()) == 0
        assert shop.post("/v1/track", json=event, auth=(KEY, "")).status_code == 200
        company.cii.append(some)
        assert company.cii.transport.trouble() == ""
        assert company.catch_up() == len(some) + 1
    assert company.cii.ledger()["balanced"]


def test_records_without_room_stay_as_they_were_and_catch_up_later(company):
    messages = [message for _, some in story.steps() for message in some]
    company.cii.append(messages[:16])
    company.catch_up()
    before = company.cii.ledger()
    company.cii.append(messages[16:])
    with full_records(company):
        for _ in range(3):
            with pytest.raises(Unavailable, match=r"cannot be kept.*full.*room"):
                company.pipeline.run(500)
    assert company.cii.ledger()["states"] == before["states"]
    assert company.cii.ledger()["pending"] == len(messages) - 16
    company.catch_up()
    ledger = company.cii.ledger()
    assert ledger["received"] == len(messages)
    assert ledger["balanced"]
    assert company.cic.verify()["mismatches"] == 0


@pytest.mark.parametrize("point", ["before flush", "before commit"])
def test_a_commit_that_fails_is_a_batch_that_was_not_there(company, point):
    _, some = story.steps()[0]
    company.cii.append(some)
    with no_room(point), pytest.raises(OSError, match="No space"):
        company.catch_up()
    assert company.cii.ledger()["states"]["applied"] == 0
    company.catch_up()
    assert sum(company.cii.ledger()["states"].values()) == len(some)


def test_a_letter_without_room_is_sent_later_and_once(company):
    for _, some in story.steps():
        company.cii.append(some)
    company.catch_up()
    outbox = company.directory / "data" / "outbox"
    with no_room("before letter"):
        company.delivery.run(1_000)
    waiting = company.context.store.pending(story.END + story.DAY, 1_000)
    assert waiting
    assert {row.action for row in waiting} == {"email"}
    assert all("No space left" in row.error and row.attempts == 1 for row in waiting)
    assert list(outbox.glob("*.eml")) == []
    company.clock.moment += story.HOUR
    company.delivery.run(1_000)
    assert len(list(outbox.glob("*.eml"))) == len(waiting)
    assert company.context.store.pending(story.END + story.DAY, 1_000) == []


def test_history_without_room_is_told_and_taken_in_later(company):
    company.cii.append(story.steps()[0][1])
    company.catch_up()
    with no_room("before history"), pytest.raises(OSError, match="No space"):
        company.history.fresh()
    company.history.fresh()
    assert company.cic.sql("SELECT count(*) FROM facts")["rows"] == [[15]]


def test_a_history_whose_disk_is_full_is_told_as_such(company, monkeypatch):
    import duckdb

    def full(*_):
        raise duckdb.TransactionException("Failed to commit: No space left on device\nmore")

    engine = company.history.engine
    company.cii.append(story.steps()[0][1])
    company.catch_up()
    with monkeypatch.context() as patched:
        patched.setattr("cic.adapters.duckdb.taking.add_facts", full)
        with pytest.raises(Unavailable, match="No space left"):
            company.history.fresh()
    company.history.fresh()
    assert engine.position() > 0


def test_on_a_real_full_disk_it_stops_with_a_reason_and_goes_on_when_there_is_room(lives, tmp_path):
    path, kept = tmp_path / "disk", tmp_path / "kept"
    path.mkdir()
    told = tmp_path / "error"
    order = {"what": "live", "settings": lives.settings, "error": str(told)}
    order["directory"] = str(path / "shop")
    code = (
        "import sys; from pathlib import Path; from tests.crashes import story;"
        f"Path({str(path)!r}, 'shop').exists() or story.begin(Path({str(path)!r}, 'shop'),"
        f" {lives.receiver.url!r}); sys.exit(story.run({order!r}))"
    )
    script = f"""
    mount -t tmpfs -o size=1800k,mode=755 disk {path} || exit 77
    "{sys.executable}" -c "$CODE"; echo ended $?
    mount -o remount,size=200m {path}
    "{sys.executable}" -c "$CODE"; echo ended $?
    cp -r {path}/shop {kept}
    """
    lives.receiver.caller = str(kept)
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        cwd=ROOT, env={**os.environ, "CODE": code}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    assert "ended 3" in done.stdout, done
    assert re.match(r"Unavailable: .*(full|No space)", told.read_text()), told.read_text()
    assert done.stdout.rstrip().endswith("ended 0"), done
    verdict = lives.judge(kept)
    assert not verdict, verdict
    assert history(kept).resent <= story.PER_STEP
