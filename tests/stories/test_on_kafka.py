"""A company on Kafka is the same company; its workers take turns, and who comes back too late harms nobody."""

import http.client
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from cid.kit.errors import Conflict, ICustomerError, Refused
from cii.mapping import Mapper
from icustomer.definitions import read
from icustomer.demo import build_demo
from icustomer.settings import Settings
from icustomer.starting import init_company
from icustomer.transports import open_log
from icustomer.working import Shift, work_on
from tests.company import NOW, SCALE, differences, figures, icustomer, opened, records
from tests.contract.test_kafka import admin, wait_until
from tests.services.kafka import quiet

pytestmark = quiet
COMMAND = [sys.executable, "-c", "from icustomer.cli import main; main()"]
TURN = 1.5
PATIENCE = 100
"""Seconds: on a busy machine Kafka takes its time to notice that a member is silent."""


@pytest.fixture
def on_kafka(broker, tmp_path, monkeypatch):
    """Settings of this process and of those it starts: the log in Kafka, the records in one file."""
    prefix = f"{tmp_path.name}.".replace("_", "-")
    monkeypatch.setenv("ICUSTOMER_TRANSPORT", "kafka")
    monkeypatch.setenv("ICUSTOMER_KAFKA_SERVERS", broker.servers)
    monkeypatch.setenv("ICUSTOMER_KAFKA_PREFIX", prefix)
    monkeypatch.setenv("ICUSTOMER_TURN_SECONDS", str(TURN))
    return prefix


@pytest.fixture
def shared(on_kafka, tmp_path, monkeypatch):
    """Two directories of one company, as on two machines, and the records that they share."""
    place = tmp_path / "records.sqlite"
    monkeypatch.setenv("ICUSTOMER_DATABASE_URL", f"sqlite:///{place}")
    init_company(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    return place


def orders(path, numbers):
    lines = "".join(f"o{n},2026-11-20,ann{n % 3}@example.org,{400 + n}\n" for n in numbers)
    path.write_text(f"order_id,date,email,total\n{lines}")
    return str(path)


def applied(place) -> int:
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(place, timeout=10)) as db:
        return db.execute("SELECT count(*) FROM cii_ledger WHERE state = 'applied'").fetchone()[0]
    return 0


def turn(place) -> tuple[str, int]:
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(place, timeout=10)) as db:
        found = db.execute("SELECT holder, epoch FROM cii_lease").fetchone()
        return (found[0], found[1]) if found else ("", 0)
    return "", 0


def process_of(holder: str) -> int:
    return int(holder.split("/")[1]) if holder else 0


def stop(process, place) -> None:
    """Stop a process, but not in its commit: there it would hold the lock of the records' file."""
    for _ in range(100):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        with closing(sqlite3.connect(place, timeout=0.5, isolation_level=None)) as db:
            with suppress(sqlite3.OperationalError):
                db.execute("BEGIN IMMEDIATE")
                db.execute("ROLLBACK")
                return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.1)
    raise AssertionError("it writes all the time")


class Elsewhere:
    """Programs of ours in other processes."""

    def __init__(self):
        self.running = []

    def start(self, *arguments):
        started = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(started)
        return started

    def close(self):
        for each in self.running:
            each.send_signal(signal.SIGKILL)
            each.send_signal(signal.SIGCONT)
            # Shown where a test fails.
            sys.stderr.write(f"{each.pid}: {each.communicate()[1]}")


@pytest.fixture
def elsewhere():
    programs = Elsewhere()
    yield programs
    programs.close()


def append(directory, numbers, tmp_path):
    """Put orders into the log from a process that applies nothing."""
    definitions, _ = read(directory)
    log = open_log(Settings(), tmp_path)
    log.create("facts", 4)
    rows = [
        {
            "order_id": f"o{n}",
            "date": "2026-11-20",
            "email": f"ann{n % 3}@example.org",
            "total": 400 + n,
        }
        for n in numbers
    ]
    plan = Mapper(definitions).flow("orders")
    log.append("facts", list(plan.messages(rows, "orders.csv", int(time.time() * 1000))))
    log.close()


def test_the_sample_company_on_kafka_ends_as_on_the_embedded_log(northlake, tmp_path, on_kafka):
    path = tmp_path / "northlake"
    summary = build_demo(path, scale=SCALE, now=NOW)
    assert figures(summary) == figures(northlake.summary)
    assert differences(records(northlake.path), records(path)) == {}
    assert not (path / "data" / "log.sqlite").exists()


def test_a_broker_that_dies_while_records_are_applied_doubles_and_loses_nothing(
    broker,
    on_kafka,
    tmp_path,
):
    init_company(tmp_path / "shop")
    with opened(tmp_path / "shop", fold_batch=50) as company:
        company.cii.append(
            company.cii.mapper.flow("orders").prepare(
                Path(orders(tmp_path / "orders.csv", range(600))), company.clock.now()
            )
        )
        assert company.pipeline.step(50) == 50
        broker.kill()
        back = threading.Thread(target=broker.start)
        back.start()
        deadline = time.monotonic() + 60
        while company.cii.store.totals()[0]["records"] < 600 and time.monotonic() < deadline:
            with suppress(ICustomerError):
                company.catch_up()
        back.join()
        ledger = company.cii.ledger()
        assert (ledger["states"]["applied"], ledger["received"]) == (600, 600)
        assert ledger["balanced"]
        assert company.cic.verify()["mismatches"] == 0


def told_to_tools(broker, prefix) -> int:
    """How many records Kafka's own tools take for applied."""
    client = admin(broker)
    try:
        found = client.list_group_offsets([f"{prefix}apply"])[f"{prefix}apply"]
    finally:
        client.close()
    return sum(each.offset for each in found.values())


def test_workers_take_turns_and_a_zombie_is_fenced(
    broker,
    on_kafka,
    shared,
    tmp_path,
    elsewhere,
):
    workers = [elsewhere.start("worker", "--dir", tmp_path / name) for name in ("one", "two")]
    append(tmp_path / "one", range(30), tmp_path)
    wait_until(lambda: applied(shared) == 30, PATIENCE)
    first, epoch = turn(shared)
    wait_until(lambda: told_to_tools(broker, on_kafka) == 30, PATIENCE)
    by_process = {worker.pid: worker for worker in workers}
    leader = by_process[process_of(first)]
    # Stopped, it is silent: the other one takes its turn and goes on.
    stop(leader, shared)
    append(tmp_path / "one", range(30, 60), tmp_path)
    wait_until(lambda: applied(shared) == 60, PATIENCE)
    second, later = turn(shared)
    assert process_of(second) != leader.pid
    assert process_of(second) in by_process
    assert later > epoch
    # It wakes up while there is work to do, and does none of it.
    append(tmp_path / "one", range(60, 90), tmp_path)
    leader.send_signal(signal.SIGCONT)
    wait_until(lambda: applied(shared) == 90, PATIENCE)
    assert turn(shared) == (second, later)
    # The other one dies: the one that came back is as good as new.
    by_process[process_of(second)].send_signal(signal.SIGKILL)
    by_process[process_of(second)].wait()
    append(tmp_path / "one", range(90, 120), tmp_path)
    wait_until(lambda: applied(shared) == 120, PATIENCE)
    assert process_of(turn(shared)[0]) == leader.pid
    leader.send_signal(signal.SIGTERM)
    assert leader.wait(20) == 0
    assert turn(shared)[0] == ""
    with opened(tmp_path / "one") as company:
        ledger = company.cii.ledger()
        assert ledger["balanced"]
        assert ledger["states"]["applied"] == ledger["received"] == 120
        report = company.cic.verify()
        assert report["mismatches"] == 0, report["examples"]


def test_a_server_has_its_turn_before_workers_and_collects_without_it(shared, tmp_path, elsewhere):
    worker = elsewhere.start("worker", "--dir", tmp_path / "one")
    wait_until(lambda: process_of(turn(shared)[0]) == worker.pid, PATIENCE)
    server = elsewhere.start("serve", "--port", "0", "--dir", tmp_path / "two")
    address = server.stderr.readline().split("http://")[1].strip("/\n")
    wait_until(lambda: process_of(turn(shared)[0]) == server.pid, PATIENCE)

    def ask(path):
        connection = http.client.HTTPConnection(address, timeout=10)
        with closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status

    wait_until(lambda: ask("/api/cii/ledger") == 200)
    stop(server, shared)
    wait_until(lambda: process_of(turn(shared)[0]) == worker.pid, PATIENCE)
    append(tmp_path / "one", range(10), tmp_path)
    wait_until(lambda: applied(shared) == 10, PATIENCE)
    stop(worker, shared)
    server.send_signal(signal.SIGCONT)
    # Until it knows how things stand it says so, and takes records all the same.
    assert ask("/api/cii/health") == 200
    wait_until(lambda: ask("/api/cii/ledger") == 200, PATIENCE)


def test_a_commit_out_of_turn_changes_nothing(shared, tmp_path):
    with opened(tmp_path / "one") as one, opened(tmp_path / "two") as two:
        mine, other = (Shift(each, 2, patient=True) for each in (one, two))
        append(tmp_path / "one", range(9), tmp_path)
        wait_until(lambda: (mine.renew(), mine.ours)[1])
        assert mine.work(one.catch_up)
        wait_until(lambda: (other.renew(), other.ours)[1])
        append(tmp_path / "one", range(9, 18), tmp_path)
        # It still thinks that it is its turn, as after a long pause.
        mine._until = time.monotonic() + 60
        with pytest.raises(Conflict, match="applies the records now"):
            mine.work(one.catch_up)
        assert not mine.ours
        assert applied(shared) == 9
        other.renew()
        assert other.work(two.catch_up)
        assert applied(shared) == 18
        for each in (mine, other):
            each.stop()


def test_records_refuse_another_log(broker, on_kafka, tmp_path):
    init_company(tmp_path / "shop")
    with opened(tmp_path / "shop") as company:
        company.cii.load("orders", [orders(tmp_path / "orders.csv", range(9))])
    client = admin(broker)
    client.delete_topics([f"{on_kafka}facts"])
    wait_until(lambda: f"{on_kafka}facts" not in client.list_topics())
    client.close()
    answer = icustomer("summary", "--dir", tmp_path / "shop")
    assert answer.code == 1
    assert "not the log that the records were made from" in answer.err


def test_a_worker_with_nothing_to_share_says_so(tmp_path):
    init_company(tmp_path / "shop")
    with pytest.raises(Refused, match="one process applies them"):
        work_on(tmp_path / "shop", threading.Event())
