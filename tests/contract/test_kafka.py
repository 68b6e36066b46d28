"""Kafka is a log like the embedded one: the same kit, and what only a cluster can do to us."""

import threading
import time
from pathlib import Path

import pytest

from cid.kit.errors import Conflict, ICustomerError, Unavailable
from cii.ports import TRANSPORTS, Message, Transport
from cii.testing import TOPIC, TransportContract, everything, message
from tests.services.kafka import quiet

pytestmark = quiet


def named(directory: Path) -> str:
    """A name for the topics of one test."""
    return f"{directory.parent.name}-{directory.name}.".replace("_", "-")


def connect(broker, directory: Path, **more) -> Transport:
    options = {"servers": broker.servers, "prefix": named(directory), **more}
    return TRANSPORTS.load("kafka")(directory / "log.kafka", **options)


def admin(broker):
    from kafka import KafkaAdminClient

    return KafkaAdminClient(bootstrap_servers=broker.servers)


class TestKafkaLog(TransportContract):
    ttl = 1_000

    @pytest.fixture(autouse=True)
    def _broker(self, broker):
        self.broker = broker

    def open(self, directory: Path) -> Transport:
        return connect(self.broker, directory)

    def pass_time(self, milliseconds: int) -> None:
        time.sleep(milliseconds / 1000 * 1.5)

    def delete(self, log: Transport, partition: int, before: int) -> None:
        from kafka import TopicPartition

        client = admin(self.broker)
        client.delete_records({TopicPartition(log._topic(TOPIC).name, partition): before})
        client.close()

    def destroy(self, directory: Path) -> None:
        client = admin(self.broker)
        client.delete_topics([named(directory) + TOPIC])
        wait_until(lambda: named(directory) + TOPIC not in client.list_topics())
        client.close()


def wait_until(happened, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def log(broker, tmp_path):
    opened = connect(broker, tmp_path)
    opened.create(TOPIC, 4)
    yield opened
    opened.close()


def recreate(broker, directory: Path, messages: int) -> None:
    """Delete a topic behind everybody's back and make another of the same name, with records."""
    TestKafkaLog.broker = broker
    TestKafkaLog().destroy(directory)
    again = connect(broker, directory)
    again.create(TOPIC, 4)
    again.append(TOPIC, [message(i, "ann") for i in range(messages)])
    again.close()


def test_a_topic_made_anew_is_never_read_as_if_it_were_the_old_one(broker, log, tmp_path):
    log.append(TOPIC, [message(i, "ann") for i in range(10)])
    [partition] = [part for part, end in log.ends(TOPIC).items() if end]
    assert len(log.read(TOPIC, partition, 0, 5)) == 5
    recreate(broker, tmp_path, 50)
    # What was fetched before may still be handed out; nothing of the new topic may.
    for offset in (10, 20):
        with pytest.raises(Conflict, match="made anew") as told:
            log.read(TOPIC, partition, offset, 10)
        assert named(tmp_path) in str(told.value)
    assert "made anew" in log.trouble()


def test_a_topic_that_is_gone_is_said_to_be_gone(broker, tmp_path):
    log = connect(broker, tmp_path, patience=1)
    log.create(TOPIC, 4)
    log.append(TOPIC, [message(1)])
    client = admin(broker)
    client.delete_topics([named(tmp_path) + TOPIC])
    client.close()
    wait_until(lambda: "no longer exists" in log.trouble())
    with pytest.raises(Conflict, match="no longer exists"):
        log.ends(TOPIC)
    log.close()


def test_partitions_may_not_be_added_for_keys_would_change_theirs(broker, log, tmp_path):
    identity = log.identity(TOPIC)
    log.append(TOPIC, [message(i) for i in range(20)])
    client = admin(broker)
    client.create_partitions({named(tmp_path) + TOPIC: 6})
    client.close()
    wait_until(lambda: "6 partitions" in log.trouble())
    with pytest.raises(Conflict, match="6 partitions now and had 4"):
        everything(log)
    other = connect(broker, tmp_path)
    assert other.create(TOPIC, 4) == 6
    assert other.identity(TOPIC) != identity
    other.close()


def test_a_member_whose_client_forgot_its_share_gets_it_again(log):
    def share():
        return log.join(TOPIC, "apply", "ann", int(time.time() * 1000), 500).partitions

    wait_until(lambda: share() == (0, 1, 2, 3))
    # As after a poll that ended between the brokers' answer and the client's noting of it.
    log._members[TOPIC, "apply", "ann"]._consumer._subscription.assign_from_subscribed([])
    assert share() == ()
    wait_until(lambda: share() == (0, 1, 2, 3), 10)


def test_offsets_that_kafka_keeps_for_itself_are_no_loss(broker, log, tmp_path):
    from kafka import KafkaProducer, TopicPartition

    log.append(TOPIC, [message(i, "ann") for i in range(3)])
    [partition] = [part for part, end in log.ends(TOPIC).items() if end]
    topic = named(tmp_path) + TOPIC
    producer = KafkaProducer(bootstrap_servers=broker.servers, transactional_id=topic)
    producer.init_transactions()
    for _ in range(2):
        # The end of a transaction takes an offset, and is no record.
        producer.begin_transaction()
        producer.send(topic, b"theirs", b"ann", partition=partition)
        producer.commit_transaction()
    producer.close()
    assert log.ends(TOPIC)[partition] == 7
    assert [record.offset for record in log.read(TOPIC, partition, 0, 100)] == [0, 1, 2, 3, 5]
    assert [record.offset for record in log.read(TOPIC, partition, 4, 100)] == [5]
    assert log.read(TOPIC, partition, 6, 100) == []
    assert log.read(TOPIC, partition, 7, 100) == []
    assert log.append(TOPIC, [message(4, "ann")])[0].offset == 7
    assert log.ends(TOPIC)[partition] == 8
    assert [record.offset for record in log.read(TOPIC, partition, 6, 100)] == [7]
    client = admin(broker)
    client.delete_records({TopicPartition(topic, partition): 6})
    client.close()
    with pytest.raises(Conflict, match="deleted before they were applied"):
        log.read(TOPIC, partition, 2, 10)


def test_what_kafka_does_not_take_is_refused_before_anything_is_sent(log):
    before = log.ends(TOPIC)
    for wrong in (Message(b"", bytes(17 << 20), 0), Message(b"", b"", -1)):
        with pytest.raises(ICustomerError, match=r"too large|no moment"):
            log.append(TOPIC, [message(1), wrong])
    assert log.ends(TOPIC) == before


def test_a_cluster_that_is_not_there_is_said_so(tmp_path):
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 .*ICUSTOMER_KAFKA_SERVERS"):
        TRANSPORTS.load("kafka")(tmp_path, servers="127.0.0.1:1", patience=1)
    assert time.monotonic() - started < 15


def test_without_fast_checksums_there_is_a_warning(broker, tmp_path, monkeypatch, capsys):
    from cii.adapters import kafka_connection

    monkeypatch.setattr(kafka_connection, "find_spec", lambda name: None)
    connect(broker, tmp_path).close()
    told = capsys.readouterr()
    assert "icustomer[kafka]" in told.out + told.err


def test_a_broker_that_dies_in_the_middle_of_appends_loses_nothing(broker, tmp_path):
    log = connect(broker, tmp_path, patience=3)
    log.create(TOPIC, 4)
    told: list[tuple[int, str]] = []
    stop = threading.Event()

    def work(name: str) -> None:
        number = 0
        while not stop.is_set():
            some = [message(number + i, name) for i in range(5)]
            try:
                log.append(TOPIC, some)
            except Unavailable:
                # Some of these may be there: they would be sent again, and be told by their ids.
                told.append((number, name))
                time.sleep(0.2)
            number += 5

    workers = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(3)]
    for worker in workers:
        worker.start()

    def grow() -> None:
        reached = sum(log.ends(TOPIC).values())
        wait_until(lambda: sum(log.ends(TOPIC).values()) > reached + 100)

    try:
        for _ in range(2):
            grow()
            broker.kill()
            assert log.trouble()
            broker.start()
        grow()
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    records = everything(log)
    for n in range(3):
        mine = [record.timestamp for record in records if record.key == f"w{n}".encode()]
        unsure = {first + i for first, name in told if name == f"w{n}" for i in range(5)}
        # The client may write a batch again whose confirmation was lost with the broker: the log
        # then holds it twice, in order, and the second is told from the first by its ids.
        once = list(dict.fromkeys(mine))
        assert once == sorted(once)
        assert set(range(max(mine) + 1)) - set(once) <= unsure
    assert log.trouble() == ""
    log.close()
