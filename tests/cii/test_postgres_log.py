"""The log on Postgres: what every log does, and what only shows when many write beside each other."""

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from cid.kit.errors import InvalidInput, Unavailable
from cii.ports import TRANSPORTS, Message, Transport
from cii.testing import TOPIC, TransportContract, everything, message
from tests.services.postgres import running

psycopg = pytest.importorskip("psycopg", reason="pip install 'icustomer[postgres]'")


def opened(url, **options):
    return TRANSPORTS.load("postgres")(Path(), url=url, **options)


@pytest.fixture
def url(postgres):
    return postgres.schema()


class TestPostgresLog(TransportContract):
    @pytest.fixture(autouse=True)
    def _server(self, postgres):
        self.postgres = postgres
        self.urls = {}

    def open(self, directory: Path) -> Transport:
        if directory not in self.urls:
            self.urls[directory] = self.postgres.schema()
        return opened(self.urls[directory])

    def delete(self, log: Transport, partition: int, before: int) -> None:
        gone = "DELETE FROM log_record WHERE part = %s AND off < %s"
        log._server.run(lambda db: db.execute(gone, (partition, before)))

    def destroy(self, directory: Path) -> None:
        del self.urls[directory]


APPENDERS = 4
ROUNDS = 25


def append_much(url, name, begin):
    """Append as another process would: batches over all partitions, each message with its number."""
    log = opened(url)
    begin.wait()
    for start in range(0, ROUNDS * 5, 5):
        log.append(TOPIC, [message(n, f"{name}/{n % 7}") for n in range(start, start + 5)])
    log.close()


def test_many_processes_append_while_one_reads_and_no_gap_is_ever_seen(url):
    log = opened(url)
    log.create(TOPIC, 4)
    spawning = multiprocessing.get_context("spawn")
    begin = spawning.Event()
    names = [f"p{n}" for n in range(APPENDERS)]
    running = [spawning.Process(target=append_much, args=(url, name, begin)) for name in names]
    for process in running:
        process.start()
    threads = [
        threading.Thread(target=append_much, args=(url, f"t{n}", begin)) for n in range(APPENDERS)
    ]
    for thread in threads:
        thread.start()
    begin.set()
    total = 2 * APPENDERS * ROUNDS * 5
    seen: dict[int, list] = {part: [] for part in range(4)}
    deadline = time.monotonic() + 60
    while sum(map(len, seen.values())) < total and time.monotonic() < deadline:
        ends = log.ends(TOPIC)
        for part, records in seen.items():
            some = log.read(TOPIC, part, len(records), 1_000)
            # Nothing is missing between two records, nor before the end that was announced.
            assert [each.offset for each in some] == [
                *range(len(records), len(records) + len(some))
            ]
            assert len(records) + len(some) >= min(ends[part], len(records) + 1_000)
            records += some
    for each in [*running, *threads]:
        each.join()
    records = [record for some in seen.values() for record in some]
    assert len(records) == total == len({(record.key, record.value) for record in records})
    for key in {record.key for record in records}:
        mine = [record for record in records if record.key == key]
        assert len({record.partition for record in mine}) == 1
        assert [record.timestamp for record in mine] == sorted(r.timestamp for r in mine)
    log.close()


def test_appending_to_one_partition_does_not_wait_for_another_and_no_table_is_locked(url):
    log = opened(url)
    log.create(TOPIC, 4)
    [place] = log.append(TOPIC, [message(1, "ann")])
    others = (
        key
        for key in map(str, range(99))
        if log.append(TOPIC, [message(1, key)])[0].partition != place.partition
    )
    key = next(others)
    with psycopg.connect(url) as blocker:
        blocker.execute("SELECT next FROM log_part WHERE part = %s FOR UPDATE", [place.partition])
        assert log.append_soon(TOPIC, [message(2, key)]).result(10)
        waiting = log.append_soon(TOPIC, [message(3, "ann")])
        locks = Counter(
            mode
            for (mode,) in blocker.execute(
                "SELECT mode FROM pg_locks WHERE relation = 'log_record'::regclass"
            )
        )
        assert not set(locks) - {"AccessShareLock", "RowExclusiveLock", "RowShareLock"}
        assert not waiting.done()
        blocker.rollback()
    assert waiting.result(10)[0].offset == place.offset + 1
    log.close()


def test_an_appender_that_was_killed_holds_nobody_up_and_leaves_nothing_half(url):
    log = opened(url)
    log.create(TOPIC, 2)
    spawning = multiprocessing.get_context("spawn")
    for share in (0.05, 0.15):
        begin = spawning.Event()
        begin.set()
        process = spawning.Process(target=append_much, args=(url, f"killed{share}", begin))
        process.start()
        known = log.ends(TOPIC)
        assert log.wait(TOPIC, known, 30)
        time.sleep(share)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        log.append(TOPIC, [message(n) for n in range(20)])
    for part, end in log.ends(TOPIC).items():
        mine = [record.offset for record in everything(log) if record.partition == part]
        assert mine == list(range(end))
    killed = Counter(r.key for r in everything(log) if r.key.startswith(b"killed"))
    # Each append is there whole: five messages, or none of them.
    assert sum(killed.values()) % 5 == 0
    log.close()


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL], ids=["immediate", "kill -9"])
def test_a_server_that_crashes_loses_nothing_it_acknowledged_and_doubles_nothing(how):
    with running(durable=True) as server:
        url = server.database()
        log = opened(url, patience=30)
        log.create(TOPIC, 4)
        done, ending = [], threading.Event()

        def work(name):
            for n in range(10_000):
                if ending.is_set():
                    return
                log.append(TOPIC, [message(n, name)])
                done.append((name.encode(), n))

        threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                time.sleep(0.2)
                server.stop(how)
                server.start()
            time.sleep(0.2)
        finally:
            ending.set()
            for thread in threads:
                thread.join()
        found = Counter((record.key, record.timestamp) for record in everything(log))
        assert set(found) == set(done)
        assert set(found.values()) == {1}
        assert len(done) > 20
        assert log.trouble() == ""
        log.close()


def test_a_server_that_stays_away_is_told_and_the_log_recovers():
    with running() as server:
        log = opened(server.database(), patience=0.3)
        log.append(TOPIC, [message(1)])
        server.stop()
        with pytest.raises(Unavailable, match="Postgres"):
            log.append(TOPIC, [message(2)])
        assert "Postgres" in log.trouble()
        server.start()
        assert log.trouble() == ""
        log.append(TOPIC, [message(2)])
        assert [record.value for record in everything(log)].count(b"value 2") == 1
        log.close()


def test_the_answer_to_a_commit_that_was_lost_is_found_out(url, monkeypatch):
    log = opened(url)
    log.create(TOPIC, 1)
    commit = psycopg.Connection.commit
    lost = iter([True, False])

    def cut(connection):
        commit(connection)
        if threading.current_thread().name == "group-commit" and next(lost):
            connection.close()
            raise psycopg.OperationalError("the answer was lost")

    monkeypatch.setattr(psycopg.Connection, "commit", cut)
    assert log.append(TOPIC, [message(1), message(2)]) == [(0, 0), (0, 1)]
    monkeypatch.undo()
    assert log.ends(TOPIC) == {0: 2}
    log.close()


def test_an_appender_that_was_stopped_in_the_middle_appends_once_when_it_wakes_up(url, monkeypatch):
    from cii.adapters import postgres_server

    short = postgres_server.OPTIONS.replace("session_timeout=30s", "session_timeout=200ms")
    monkeypatch.setattr(postgres_server, "OPTIONS", short)
    stopped, other = opened(url, patience=0.1), opened(url)
    other.create(TOPIC, 1)
    commit = psycopg.Connection.commit
    sleeps = iter([0.6, 0])

    def late(connection):
        if threading.current_thread() is stopped._appender._thread:
            time.sleep(next(sleeps))
        commit(connection)

    monkeypatch.setattr(psycopg.Connection, "commit", late)
    waiting = stopped.append_soon(TOPIC, [message(1)])
    time.sleep(0.1)
    # The others wait no longer than the server's patience with it.
    assert other.append(TOPIC, [message(2)]) == [(0, 0)]
    assert waiting.result(10) == [(0, 1)]
    assert [record.value for record in everything(other)] == [b"value 2", b"value 1"]
    stopped.close()
    other.close()


def test_one_reading_stops_before_it_fills_the_memory(url, monkeypatch):
    from cii.adapters import postgres_log

    monkeypatch.setattr(postgres_log, "ANSWER", 1_000)
    log = opened(url)
    log.create(TOPIC, 1)
    log.append(TOPIC, [Message(b"ann", b"x" * 400, n) for n in range(10)])
    assert [record.offset for record in log.read(TOPIC, 0, 0, 10)] == [0, 1, 2]
    assert [record.offset for record in log.read(TOPIC, 0, 3, 2)] == [3, 4]
    log.close()


def test_without_an_address_it_says_which_setting_to_make():
    with pytest.raises(InvalidInput, match="ICUSTOMER_DATABASE_URL"):
        opened("")
