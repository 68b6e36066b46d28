import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import Future

import pytest

from cid.kit.errors import InvalidInput, Unavailable
from cii.adapters.group_commit import GroupCommit
from cii.ports import TRANSPORTS, Message
from cii.testing import everything, message

SqliteLog = TRANSPORTS.load("sqlite")


@contextlib.contextmanager
def opened(path, **options):
    log = SqliteLog(path, **options)
    try:
        yield log
    finally:
        log.close()


@contextlib.contextmanager
def locked(path):
    """Another process that began to write and does not end."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


APPENDER = """
import sys
from pathlib import Path
from cii.ports import TRANSPORTS, Message
log = TRANSPORTS.load("sqlite")(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    batch = [Message(f"k{n % 13}".encode(), str(n).encode(), n) for n in range(number, number + 7)]
    places = log.append("facts", batch)
    print(*(f"{n}:{p.partition}:{p.offset}" for n, p in enumerate(places, number)), flush=True)
    number += 7
"""


def test_a_killed_appender_loses_nothing_it_acknowledged(tmp_path):
    path = tmp_path / "log.sqlite"
    acknowledged = {}
    number = 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(path), str(number)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(15)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        process.wait()
        for line in lines:
            if line.endswith(b"\n"):
                for word in line.decode().split():
                    n, partition, offset = map(int, word.split(":"))
                    acknowledged[n] = (partition, offset)
        number = max(acknowledged) + 1_000

    with opened(path) as log:
        records = everything(log)
        ends = log.ends("facts")
    found = {record.timestamp: (record.partition, record.offset) for record in records}
    assert len(found) == len(records)
    assert acknowledged.items() <= found.items()
    for partition, end in ends.items():
        assert [r.offset for r in records if r.partition == partition] == list(range(end))


FULL = """
import resource, sys
from pathlib import Path
from cid.kit.errors import Unavailable
from cii.ports import TRANSPORTS, Message
log = TRANSPORTS.load("sqlite")(Path(sys.argv[1]))
sent = [Message(b"k", b"x" * 1000, n) for n in range(300)]
log.append("facts", sent)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, unlimited[1]))
refused = 0
for _ in range(3):
    try:
        log.append("facts", sent)
    except Unavailable:
        refused += 1
sick = log.trouble()
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
well = log.trouble()
again = log.append("facts", sent[:10])
log.close()
print(refused, bool(sick), bool(well), max(place.offset for place in again))
"""


def test_a_full_disk_refuses_and_the_log_recovers(tmp_path):
    path = tmp_path / "log.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    refused, sick, well, last = done.stdout.split()
    accepted = 300 * (1 + 3 - int(refused)) + 10
    assert (int(refused) > 0, sick, well) == (True, "True", "False")
    assert int(last) == accepted - 1
    with opened(path) as log:
        assert len(everything(log)) == accepted


def test_a_lock_that_stays_fails_the_promise_and_nothing_is_written(tmp_path):
    path = tmp_path / "log.sqlite"
    with opened(path, patience=0.05) as log:
        log.append("facts", [message(1, "ann")])
        with locked(path):
            future = log.append_soon("facts", [message(2, "ann")])
            with pytest.raises(Unavailable, match="locked"):
                future.result(10)
            assert "locked" in log.trouble()
        assert log.trouble() == ""
        assert log.append("facts", [message(3, "ann")])[0].offset == 1


def test_too_much_waiting_is_refused_at_once_and_nothing_of_it_is_accepted(tmp_path):
    path = tmp_path / "log.sqlite"
    with opened(path, queue_limit=10, patience=5) as log:
        log.create("facts", 1)
        with locked(path):
            first = log.append_soon("facts", [message(n) for n in range(9)])
            with pytest.raises(Unavailable, match="Too much"):
                log.append_soon("facts", [message(9), message(10)])
            last = log.append_soon("facts", [message(11)])
        first.result(10)
        last.result(10)
        assert [record.timestamp for record in everything(log)] == [*range(9), 11]
        log.append("facts", [message(n) for n in range(9)])


def test_too_many_bytes_waiting_are_refused(tmp_path):
    path = tmp_path / "log.sqlite"
    with opened(path, queue_bytes=1_000) as log:
        log.create("facts", 1)
        with locked(path):
            future = log.append_soon("facts", [Message(b"k", b"x" * 900, 0)])
            with pytest.raises(Unavailable):
                log.append_soon("facts", [Message(b"k", b"x" * 900, 0)])
        assert future.result(10) == [(0, 0)]


def test_an_append_larger_than_the_queue_goes_through_when_nothing_waits(tmp_path):
    with opened(tmp_path / "log.sqlite", queue_limit=10) as log:
        assert len(log.append("facts", [message(n) for n in range(10_000)])) == 10_000
        assert sum(log.ends("facts").values()) == 10_000


def test_a_cancelled_append_is_not_written(tmp_path):
    path = tmp_path / "log.sqlite"
    with opened(path) as log:
        log.create("facts", 1)
        with locked(path):
            first = log.append_soon("facts", [message(1)])
            time.sleep(0.05)
            second = log.append_soon("facts", [message(2)])
            third = log.append_soon("facts", [message(3)])
            assert second.cancel()
        first.result(10)
        assert third.result(10) == [(0, 1)]


def test_what_gathers_during_a_commit_shares_the_next_one():
    groups = []
    gate = threading.Event()

    def commit(works):
        groups.append(list(works))
        gate.wait(10)
        return works

    queue = GroupCommit(commit, group=4, queue_limit=100, queue_bytes=100)
    first = queue.submit(0, 1, 1)
    while not groups:
        time.sleep(0.001)
    rest = [queue.submit(n, 1, 1) for n in range(1, 7)]
    gate.set()
    assert [future.result(10) for future in (first, *rest)] == list(range(7))
    queue.close()
    assert groups == [[0], [1, 2, 3, 4], [5, 6]]


def test_two_processes_may_append_to_one_log(tmp_path):
    path = tmp_path / "log.sqlite"
    with opened(path) as one, opened(path) as two:
        one.create("facts", 2)

        def work(log, name):
            for n in range(50):
                log.append("facts", [message(n, name)])

        threads = [threading.Thread(target=work, args=pair) for pair in ((one, "a"), (two, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        records = everything(one)
        assert Counter(record.key for record in records) == {b"a": 50, b"b": 50}
        for partition, end in one.ends("facts").items():
            assert [r.offset for r in records if r.partition == partition] == list(range(end))


def test_what_another_process_appends_ends_the_waiting(tmp_path):
    path = tmp_path / "log.sqlite"
    with opened(path) as one, opened(path) as two:
        one.create("facts", 2)
        later = threading.Timer(0.05, two.append, ("facts", [message(1)]))
        later.start()
        assert one.wait("facts", {}, 20)
        later.join()


def test_a_topic_nobody_created_gets_the_usual_partitions(tmp_path):
    with opened(tmp_path / "log.sqlite", partitions=3) as log:
        log.append("facts", [message(1)])
        assert len(log.ends("facts")) == 3


def test_one_reading_of_huge_records_stops_early(tmp_path):
    with opened(tmp_path / "log.sqlite") as log:
        log.create("facts", 1)
        for _ in range(2):
            log.append("facts", [Message(b"k", bytes(1 << 20), 0)] * 60)
        got = log.read("facts", 0, 0, 1_000)
        assert 1 <= len(got) < 120
        assert len(log.read("facts", 0, len(got), 1_000)) == 120 - len(got)


@pytest.mark.parametrize("wrong", [Message(b"k", bytes(2_000), 0), Message(b"k", b"", 1 << 63)])
def test_a_message_that_cannot_be_stored_is_refused_alone(tmp_path, wrong):
    with opened(tmp_path / "log.sqlite", queue_bytes=1_000) as log:
        with pytest.raises(InvalidInput):
            log.append("facts", [wrong])
        assert log.append("facts", [message(1)])


def test_headers_that_were_read_cannot_be_changed(tmp_path):
    with opened(tmp_path / "log.sqlite") as log:
        [place] = log.append("facts", [message(1, source="shop")])
        [record] = log.read("facts", place.partition, 0, 1)
        with pytest.raises(TypeError):
            record.headers["source"] = "till"


@pytest.mark.parametrize("content", [b"no database at all" * 100, None])
def test_a_file_that_is_no_log_is_refused(tmp_path, content):
    path = tmp_path / "log.sqlite"
    if content is None:
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version = 99")
    else:
        path.write_bytes(content)
    with pytest.raises(Unavailable, match=r"log\.sqlite"):
        SqliteLog(path)


def test_a_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        SqliteLog(tmp_path / "file" / "log.sqlite")


def test_a_closed_log_says_so(tmp_path):
    log = SqliteLog(tmp_path / "log.sqlite")
    log.create("facts", 1)
    log.close()
    assert log.trouble()
    assert not log.wait("facts", {}, 1)
    with pytest.raises(Unavailable):
        log.read("facts", 0, 0, 1)


def test_nobody_waits_in_vain_for_a_closed_log(tmp_path):
    log = SqliteLog(tmp_path / "log.sqlite")
    log.create("facts", 1)
    answer: Future[bool] = Future()
    thread = threading.Thread(target=lambda: answer.set_result(log.wait("facts", {0: 5}, 60)))
    thread.start()
    time.sleep(0.02)
    os.sched_yield()
    with contextlib.suppress(Unavailable):
        log.close()
    assert not answer.result(10)
    thread.join()


def test_what_is_remembered_of_the_end_is_what_the_file_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[SqliteLog.__module__], "REMEMBERED", 7)
    path = tmp_path / "log.sqlite"
    with opened(path, partitions=1) as one, opened(path) as other:
        for number in range(40):
            log = one if number % 5 < 3 else other
            some = [
                Message(b"k", f"{number}/{each}".encode(), number, {"source": "shop"})
                for each in range(number % 4 + 1)
            ]
            log.append("facts", some)
            if number % 3 == 0:
                assert everything(one, "facts") == everything(other, "facts")
        for offset in range(0, one.ends("facts")[0], 3):
            here, there = (each.read("facts", 0, offset, 5) for each in (one, other))
            assert here == there[: len(here)] or there == here[: len(there)]
            assert here
            assert there
        with opened(path) as later:
            assert everything(later, "facts") == everything(one, "facts")
