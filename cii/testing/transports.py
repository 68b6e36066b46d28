"""What every log must do, as tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cid.kit.errors import Conflict, NotFound, Unavailable
from cii.ports import Lease, LogRecord, Message, Transport

TOPIC = "facts"
GROUP = "apply"


def message(number: int, key: str = "", **headers: str) -> Message:
    """Make a message that says its number."""
    return Message((key or f"k{number}").encode(), f"value {number}".encode(), number, headers)


def everything(log: Transport, topic: str = TOPIC) -> list[LogRecord]:
    """Read a topic from its first to its last record, partition by partition."""
    records = []
    for partition, end in log.ends(topic).items():
        offset = log.begins(topic)[partition]
        while offset < end:
            some = log.read(topic, partition, offset, 1_000)
            records += some
            offset = some[-1].offset + 1
    return records


class TransportContract:
    """What a log must do; a subclass implements ``open``."""

    def open(self, directory: Path) -> Transport:
        """Open the log that lives in a directory; a second time it finds what was there."""
        raise NotImplementedError

    def delete(self, log: Transport, partition: int, before: int) -> None:
        """Delete the first records of a partition of ``TOPIC``, as retention would."""
        raise NotImplementedError

    def destroy(self, directory: Path) -> None:
        """Remove the closed log that lives in a directory, with everything it holds."""
        raise NotImplementedError

    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[Transport]:
        """Give an empty log with one topic of four partitions."""
        log = self.open(tmp_path)
        log.create(TOPIC, 4)
        yield log
        log.close()

    def test_it_is_a_transport(self, log: Transport) -> None:
        """It has all methods."""
        assert isinstance(log, Transport)

    def test_a_new_topic_is_empty(self, log: Transport) -> None:
        """There is nothing to read, and that is no error."""
        assert log.begins(TOPIC) == log.ends(TOPIC) == {0: 0, 1: 0, 2: 0, 3: 0}
        assert log.read(TOPIC, 0, 0, 10) == []
        assert not log.wait(TOPIC, {}, 0.01)

    def test_a_topic_keeps_its_partitions(self, log: Transport) -> None:
        """Making it again changes nothing."""
        assert log.create(TOPIC, 9) == 4

    def test_a_topic_that_does_not_exist_is_not_found(self, log: Transport) -> None:
        """Reading it says so."""
        with pytest.raises(NotFound):
            log.ends("nothing")

    def test_what_is_appended_is_read_as_it_was(self, log: Transport) -> None:
        """Key, value, time and headers come back, unicode and empty ones too."""
        sent = Message("客户".encode(), b"\x00\xff\n", 1_767_323_045_123, {"quelle": "Käufe 店铺"})
        [place] = log.append(TOPIC, [sent])
        [record] = log.read(TOPIC, place.partition, place.offset, 10)
        assert record == LogRecord(
            TOPIC, place.partition, place.offset, sent.timestamp, sent.key, sent.value, sent.headers
        )
        [place] = log.append(TOPIC, [Message(b"", b"", 0)])
        [record] = log.read(TOPIC, place.partition, place.offset, 10)
        assert (record.key, record.value, dict(record.headers)) == (b"", b"", {})

    def test_an_append_of_nothing_is_done_at_once(self, log: Transport) -> None:
        """It answers with no places."""
        assert log.append(TOPIC, []) == []

    def test_messages_of_one_key_stay_in_order(self, log: Transport) -> None:
        """They share a partition, and their order is the order of appending."""
        for start in range(0, 300, 100):
            log.append(TOPIC, [message(i, f"k{i % 7}") for i in range(start, start + 100)])
        records = everything(log)
        for key in {record.key for record in records}:
            mine = [record for record in records if record.key == key]
            assert len({record.partition for record in mine}) == 1
            assert [record.timestamp for record in mine] == sorted(r.timestamp for r in mine)

    def test_the_same_key_has_the_partition_it_has_in_kafka(self, log: Transport) -> None:
        """Murmur2 decides, so a flow can move between logs (values from Kafka's own tests)."""
        places = log.append(TOPIC, [Message(key, b"", 0) for key in (b"21", b"foobar")])
        assert [place.partition for place in places] == [1173551340 % 4, 1357151166 % 4]

    def test_offsets_have_no_gaps(self, log: Transport) -> None:
        """Each partition counts from 0 on; the places answered are where the messages are."""
        places = [place for i in range(5) for place in log.append(TOPIC, [message(i)] * 10)]
        records = everything(log)
        assert sorted((r.partition, r.offset) for r in records) == sorted(places)
        for partition, end in log.ends(TOPIC).items():
            mine = [record.offset for record in records if record.partition == partition]
            assert mine == list(range(end))

    def test_reading_starts_where_it_is_asked_to(self, log: Transport) -> None:
        """From an offset on, at most so many."""
        log.append(TOPIC, [message(i, "ann") for i in range(20)])
        [partition] = [part for part, end in log.ends(TOPIC).items() if end]
        got = log.read(TOPIC, partition, 5, 3)
        assert [record.offset for record in got] == [5, 6, 7]
        assert log.read(TOPIC, partition, 20, 3) == []

    def test_reading_goes_back_and_forth(self, log: Transport) -> None:
        """Whoever reads at two places, or again, or in small pieces, gets the same records."""
        log.append(TOPIC, [message(i, f"k{i % 97}") for i in range(400)])
        whole = {part: log.read(TOPIC, part, 0, 400) for part in range(4)}
        for partition, records in whole.items():
            for start in (0, 7, 3, len(records) - 2, 0):
                place = max(start, 0)
                assert log.read(TOPIC, partition, place, 5) == records[place : place + 5]
            pieces = [log.read(TOPIC, partition, at, 3) for at in range(0, len(records), 3)]
            assert [record for piece in pieces for record in piece] == records

    def test_many_readers_at_once_get_the_same(self, log: Transport) -> None:
        """Each reads everything, wherever the others are."""
        log.append(TOPIC, [message(i) for i in range(500)])
        found: list[list[LogRecord]] = []

        def work(step: int) -> None:
            records = []
            for partition, end in log.ends(TOPIC).items():
                offset = 0
                while offset < end:
                    some = log.read(TOPIC, partition, offset, step)
                    records += some
                    offset = some[-1].offset + 1
            found.append(records)

        threads = [threading.Thread(target=work, args=(step,)) for step in (11, 50, 130, 500, 17)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 5
        assert all(records == found[0] for records in found)

    def test_what_the_log_never_held_is_an_error(self, log: Transport) -> None:
        """Whoever knows of more than the log holds must hear of it: its end was lost."""
        log.append(TOPIC, [message(i, "ann") for i in range(3)])
        [partition] = [part for part, end in log.ends(TOPIC).items() if end]
        with pytest.raises(Conflict, match="4"):
            log.read(TOPIC, partition, 4, 10)
        assert len(log.read(TOPIC, partition, 0, 10)) == 3

    def test_what_the_log_no_longer_holds_is_an_error(self, log: Transport) -> None:
        """Records that were deleted before they were read are never skipped."""
        log.append(TOPIC, [message(i, "ann") for i in range(20)])
        [partition] = [part for part, end in log.ends(TOPIC).items() if end]
        try:
            self.delete(log, partition, 10)
        except NotImplementedError:
            pytest.skip("this log deletes nothing")
        assert log.begins(TOPIC)[partition] == 10
        with pytest.raises(Conflict, match=r"(?s)10.*5"):
            log.read(TOPIC, partition, 5, 10)
        assert [record.offset for record in log.read(TOPIC, partition, 10, 99)] == [*range(10, 20)]

    def test_a_log_is_told_from_another(self, tmp_path: Path) -> None:
        """It is the same one when it is opened again; a new one of the same name is another."""
        log = self.open(tmp_path)
        log.create(TOPIC, 4)
        identity = log.identity(TOPIC)
        assert identity
        log.close()
        log = self.open(tmp_path)
        assert log.identity(TOPIC) == identity
        log.close()
        try:
            self.destroy(tmp_path)
        except NotImplementedError:
            pytest.skip("this log cannot be made anew")
        log = self.open(tmp_path)
        log.create(TOPIC, 4)
        assert log.identity(TOPIC) != identity
        log.close()

    def test_what_was_acknowledged_is_there_after_opening_again(self, tmp_path: Path) -> None:
        """And the offsets go on where they were."""
        log = self.open(tmp_path)
        log.create(TOPIC, 4)
        log.append(TOPIC, [message(i, "ann") for i in range(3)])
        log.close()
        log = self.open(tmp_path)
        assert [record.value for record in everything(log)] == [b"value 0", b"value 1", b"value 2"]
        assert log.append(TOPIC, [message(3, "ann")])[0].offset == 3
        log.close()

    def test_closing_finishes_what_was_begun(self, tmp_path: Path) -> None:
        """What was promised soon is durable; what comes later is refused."""
        log = self.open(tmp_path)
        log.create(TOPIC, 1)
        futures = [log.append_soon(TOPIC, [message(i)]) for i in range(50)]
        log.close()
        assert [place.offset for future in futures for place in future.result(10)] == [*range(50)]
        with pytest.raises(Unavailable):
            log.append(TOPIC, [message(51)])

    def test_topics_do_not_mix(self, log: Transport) -> None:
        """Each counts for itself."""
        log.create("other", 1)
        log.append(TOPIC, [message(1)])
        assert log.append("other", [message(2)]) == [(0, 0)]
        assert [record.value for record in everything(log, "other")] == [b"value 2"]

    def test_large_values_come_back(self, log: Transport) -> None:
        """Four mebibytes, as the collect endpoint allows."""
        value = bytes(range(256)) * (4 << 12)
        [place] = log.append(TOPIC, [Message(b"ann", value, 0)])
        assert log.read(TOPIC, place.partition, place.offset, 1)[0].value == value

    def test_many_appenders_at_once_lose_nothing(self, log: Transport) -> None:
        """Every message is there once, each appender's in its order."""

        def work(name: str) -> None:
            for i in range(0, 100, 5):
                log.append(TOPIC, [message(j, name) for j in range(i, i + 5)])

        threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        records = everything(log)
        for n in range(8):
            mine = [record.timestamp for record in records if record.key == f"w{n}".encode()]
            assert mine == list(range(100))
        assert len(records) == 800

    def test_an_append_becomes_durable_soon(self, log: Transport) -> None:
        """The future says where the messages went."""
        futures = [log.append_soon(TOPIC, [message(i, "ann")]) for i in range(10)]
        assert [future.result(10)[0].offset for future in futures] == list(range(10))

    def test_waiting_ends_when_something_comes(self, log: Transport) -> None:
        """It does not sleep the whole time, and does not wait for what is there already."""
        known = log.ends(TOPIC)
        later = threading.Timer(0.1, log.append, (TOPIC, [message(1)]))
        later.start()
        began = time.monotonic()
        assert log.wait(TOPIC, known, 30)
        assert time.monotonic() - began < 20
        later.join()
        assert log.wait(TOPIC, known, 0)
        assert not log.wait(TOPIC, log.ends(TOPIC), 0.01)

    ttl = 1_000
    """Milliseconds for which a member of a group holds its share."""

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass for a log whose groups do not take the time from whoever asks."""

    def settle(
        self, log: Transport, members: Sequence[str], now: int, group: str = GROUP
    ) -> dict[str, Lease]:
        """Let members join until the shares of all are one share for each partition."""
        deadline = time.monotonic() + 30
        while True:
            with ThreadPoolExecutor(len(members)) as pool:
                for _ in range(2):
                    joined = pool.map(
                        lambda member: log.join(TOPIC, group, member, now, self.ttl), members
                    )
                    leases = dict(zip(members, joined, strict=True))
            shared = sorted(part for lease in leases.values() for part in lease.partitions)
            if shared == [0, 1, 2, 3] and len({lease.epoch for lease in leases.values()}) == 1:
                return leases
            assert time.monotonic() < deadline, f"the members do not agree: {leases}"

    def test_one_member_has_all_partitions(self, log: Transport) -> None:
        """Joining again renews and changes nothing else."""
        first = self.settle(log, ["a"], 1_000)["a"]
        again = log.join(TOPIC, GROUP, "a", 1_400, self.ttl)
        assert sorted(first.partitions) == sorted(again.partitions) == [0, 1, 2, 3]
        assert (first.until, again.until) == (1_000 + self.ttl, 1_400 + self.ttl)
        assert again.epoch == first.epoch

    @pytest.mark.parametrize("members", [2, 3, 6])
    def test_members_share_the_partitions_evenly(self, log: Transport, members: int) -> None:
        """Each partition has exactly one of them."""
        leases = self.settle(log, [f"m{n}" for n in range(members)], 0)
        sizes = [len(lease.partitions) for lease in leases.values()]
        assert max(sizes) - min(sizes) <= 1

    def test_an_expired_member_loses_its_share_and_the_epoch_grows(self, log: Transport) -> None:
        """So its late writes can be recognised, also when it comes back."""
        both = self.settle(log, ["a", "b"], 0)
        self.pass_time(self.ttl)
        alone = self.settle(log, ["b"], self.ttl)["b"]
        assert len(both["b"].partitions) == 2
        assert len(alone.partitions) == 4
        back = self.settle(log, ["a", "b"], self.ttl + 1)["a"]
        assert back.epoch > alone.epoch > both["b"].epoch

    def test_a_member_that_leaves_gives_its_share_back(self, log: Transport) -> None:
        """The others get it with a new epoch; groups do not know of each other."""
        before = self.settle(log, ["a", "b"], 0)["b"]
        log.leave(TOPIC, GROUP, "a")
        after = self.settle(log, ["b"], 1)["b"]
        assert len(after.partitions) == 4
        assert after.epoch > before.epoch
        assert len(self.settle(log, ["c"], 1, "other")["c"].partitions) == 4

    def test_a_healthy_log_has_no_trouble(self, log: Transport) -> None:
        """It has nothing to say."""
        assert log.trouble() == ""
