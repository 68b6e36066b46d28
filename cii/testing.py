"""What every log and every reader of files must do, as tests: subclass, say how to open one, run.

>>> class TestMyLog(TransportContract):
...     def open(self, directory):
...         return MyLog(directory / "log")
"""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from cid.kit.db import Database
from cid.kit.errors import Conflict, InvalidInput, NotFound, Unavailable
from cid.testing import columns_of
from cii.model import IdentifierKind
from cii.ports import Connector, Lease, LedgerRow, LogRecord, Message, Store, Transport
from cii.resolution import IdentityGraph

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


class ConnectorContract:
    """What a reader of files must do; a subclass implements ``connector`` and ``write``."""

    suffix = ""
    """How the files' names end, e.g. ``.csv``."""
    text = True
    """Whether it is a text format, which may be compressed with gzip."""
    broken_file = gzip.compress(b"half a file" * 99)[:-9]
    """A file that cannot be read at all."""
    broken_line: tuple[bytes, int] | None = None
    """A file of three rows, ``r1`` and ``r3`` good, and the line of the one that cannot be read."""
    options = {"delimiter": ",", "encoding": "utf-8"}

    def connector(self) -> Connector:
        """Make the reader."""
        raise NotImplementedError

    def write(self, path: Path, rows: Sequence[dict[str, str]]) -> None:
        """Write rows as such a file; all have the columns ``id`` and ``name``."""
        raise NotImplementedError

    def read(self, path: Path) -> list[dict[str, object]]:
        """Read the whole file."""
        return list(self.connector().rows(path, self.options))

    def test_it_is_a_connector(self) -> None:
        """It has all methods."""
        assert isinstance(self.connector(), Connector)

    def test_rows_come_back_as_written_and_in_order(self, tmp_path: Path) -> None:
        """All of them."""
        rows = [{"id": f"r{n}", "name": f"name {n}"} for n in range(5_000)]
        self.write(tmp_path / f"rows{self.suffix}", rows)
        assert self.read(tmp_path / f"rows{self.suffix}") == rows

    def test_unicode_quotes_and_line_breaks_survive(self, tmp_path: Path) -> None:
        """Names are not only ASCII."""
        names = ["王小明", "Zoë Åström", 'Joe "JJ", Jr.', "two\nlines", "🙂"]
        rows = [{"id": f"r{n}", "name": name} for n, name in enumerate(names)]
        self.write(tmp_path / f"客户{self.suffix}", rows)
        assert self.read(tmp_path / f"客户{self.suffix}") == rows

    def test_a_file_without_rows_gives_no_rows(self, tmp_path: Path) -> None:
        """That is no error."""
        self.write(tmp_path / f"none{self.suffix}", [])
        assert self.read(tmp_path / f"none{self.suffix}") == []

    def test_a_file_of_zero_bytes_is_no_surprise(self, tmp_path: Path) -> None:
        """It has no rows, or is an error that names it."""
        path = tmp_path / f"empty{self.suffix}"
        path.write_bytes(b"")
        try:
            found = self.read(path)
        except InvalidInput as error:
            found = [] if path.name in str(error) else [{"error": str(error)}]
        assert found == []

    def test_a_broken_file_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        """It is not read in part."""
        path = tmp_path / f"broken{self.suffix}"
        path.write_bytes(self.broken_file)
        with pytest.raises(InvalidInput, match="broken"):
            self.read(path)

    def test_a_broken_line_does_not_lose_the_others(self, tmp_path: Path) -> None:
        """It becomes a row that says why and which line it is, so that the ledger knows of it."""
        if self.broken_line is None:
            pytest.skip("the format has no lines")
        content, line = self.broken_line
        path = tmp_path / f"line{self.suffix}"
        path.write_bytes(content)
        first, broken, last = self.read(path)
        assert (first["id"], last["id"]) == ("r1", "r3")
        assert broken["_line"] == line
        assert broken["_fault"]

    def test_a_file_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        """It says which."""
        with pytest.raises((InvalidInput, NotFound), match="missing"):
            self.read(tmp_path / f"missing{self.suffix}")

    def test_gzip_is_read_through(self, tmp_path: Path) -> None:
        """A text file with ``.gz`` behind its name gives the same rows; half of one is an error."""
        if not self.text:
            pytest.skip("the format has its own compression")
        rows = [{"id": f"r{n}", "name": "ann"} for n in range(100)]
        plain = tmp_path / f"rows{self.suffix}"
        self.write(plain, rows)
        packed = gzip.compress(plain.read_bytes())
        whole = tmp_path / f"whole{self.suffix}.gz"
        whole.write_bytes(packed)
        assert self.read(whole) == rows
        half = tmp_path / f"half{self.suffix}.gz"
        half.write_bytes(packed[: len(packed) // 2])
        with pytest.raises(InvalidInput, match="half"):
            self.read(half)


KINDS = {
    "user_id": IdentifierKind(),
    "email": IdentifierKind(),
}


def fate(position: int, state: str = "applied", **given: Any) -> LedgerRow:
    """Make the fate of a record with few words."""
    row = LedgerRow(
        position, position % 2, position, "shop", f"m{position}", state, "", "",
        1_767_323_045_000 + position, 1_767_323_045_000 + position, "Order Completed", "user_id:ann",
    )  # fmt: skip
    return row._replace(**given)


def key(number: int) -> bytes:
    """Make the key by which a record is known again."""
    return number.to_bytes(1, "big") * 16


class StoreContract:
    """What a store of the ledger and the identity graph must do."""

    @pytest.fixture
    def database(self) -> Database:
        """Return a database with the tables, and nothing in them."""
        raise NotImplementedError("Provide a `database` fixture.")

    @pytest.fixture
    def store(self, database: Database) -> Store:
        """Return the store on that database."""
        raise NotImplementedError("Provide a `store` fixture.")

    def save(self, database: Database, store: Store, *rows: LedgerRow, moment: int = 5) -> None:
        """Write fates in a batch of their own."""
        with database.write() as connection:
            store.save(connection, rows, [], IdentityGraph(KINDS), moment)

    def test_keeps_the_protocol(self, store: Store) -> None:
        """It has all methods."""
        assert isinstance(store, Store)

    def test_an_empty_store_begins_at_nothing(self, database: Database, store: Store) -> None:
        """That is no error."""
        with database.read() as connection:
            assert store.progress(connection, TOPIC) == {}
            assert (store.moment(connection), store.position(connection)) == (0, 0)
            assert store.known(connection, [key(1)]) == set()
            assert [*store.identifiers(connection), *store.edges(connection)] == []
            assert list(store.aliases(connection)) == []
        assert [*store.applied(0, 9), *store.order(0, 9), *store.totals()] == []
        assert store.merges() == {"merge": 0, "split": 0}

    def test_fates_come_back_as_they_were(self, database: Database, store: Store) -> None:
        """With the last position and the moment; great numbers and odd texts, too."""
        odd = fate(1 << 40, time=None, offset=(1 << 63) - 1, detail="Zoë 店铺 🙂 '\\\n\t\\.")
        self.save(database, store, fate(1), odd, moment=1_767_323_045_123)
        assert store.find("m1")[0] == fate(1)._asdict()
        assert store.find(f"m{1 << 40}")[0] == odd._asdict()
        with database.read() as connection:
            assert store.position(connection) == 1 << 40
            assert store.moment(connection) == 1_767_323_045_123

    def test_a_nul_stops_nothing(self, database: Database, store: Store) -> None:
        """Whatever a sender may have written as the id of his record."""
        self.save(database, store, fate(1, state="rejected", message_id="a\0b", detail="\0"))
        assert [row["position"] for row in store.held("rejected", 9)] == [1]

    def test_a_record_is_known_again(self, database: Database, store: Store) -> None:
        """However many are asked for at once."""
        with database.write() as connection:
            given = [(key(number), number) for number in range(200)]
            store.save(connection, [], given, IdentityGraph(KINDS), 1)
            assert store.known(connection, [key(7)]) == {key(7)}
        wanted = [key(7), b"\x00" * 15 + b"\xff", *(n.to_bytes(16, "big") for n in range(1, 2_000))]
        with database.read() as connection:
            assert store.known(connection, wanted) == {key(7)}
            assert store.known(connection, []) == set()

    def test_a_position_is_given_once(self, database: Database, store: Store) -> None:
        """Whoever is behind and writes the same one fails, and leaves nothing."""
        self.save(database, store, fate(1))
        with pytest.raises((Conflict, SQLAlchemyError)):
            self.save(database, store, fate(2), fate(1, source="zombie"))
        assert store.order(0, 9) == [(1, 1, 1)]

    def test_offsets_move_on_from_where_they_were_read(
        self, database: Database, store: Store
    ) -> None:
        """Each topic has its own; partitions that did not move need not be told."""
        with database.write() as connection:
            store.advance(connection, TOPIC, {0: 0, 1: 0}, {0: 5, 1: 0})
        with database.write() as connection:
            store.advance(connection, TOPIC, {0: 5}, {0: 9, 1: 1 << 40})
            store.advance(connection, "other", {}, {0: 2})
        with database.read() as connection:
            assert store.progress(connection, TOPIC) == {0: 9, 1: 1 << 40}
            assert store.progress(connection, "other") == {0: 2}

    @pytest.mark.parametrize("known", [0, 4, 6], ids=["begins anew", "behind", "ahead"])
    def test_whoever_knows_other_offsets_writes_nothing(
        self, database: Database, store: Store, known: int
    ) -> None:
        """A worker that was stopped and comes back must not write what another has written."""
        with database.write() as connection:
            store.advance(connection, TOPIC, {}, {0: 5, 1: 5})

        def write() -> None:
            with database.write() as connection:
                store.save(connection, [fate(7)], [], IdentityGraph(KINDS), 7)
                store.advance(connection, TOPIC, {0: known, 1: 5}, {0: 8, 1: 6})

        with pytest.raises(Conflict, match="another worker"):
            write()
        with database.read() as connection:
            assert store.progress(connection, TOPIC) == {0: 5, 1: 5}
            assert store.position(connection) == 0

    def test_of_two_workers_one_goes_on(self, database: Database, store: Store) -> None:
        """Both have read the same offsets; they write at the same time."""
        with database.write() as connection:
            store.advance(connection, TOPIC, {}, {0: 1})
        ended: list[str] = []

        def work(number: int) -> None:
            try:
                with database.write() as connection:
                    store.save(connection, [fate(number)], [], IdentityGraph(KINDS), number)
                    store.advance(connection, TOPIC, {0: 1}, {0: 2})
            except Conflict:
                ended.append("too late")
            else:
                ended.append("written")

        with ThreadPoolExecutor(4) as workers:
            list(workers.map(work, range(1, 5)))
        assert sorted(ended) == ["too late", "too late", "too late", "written"]
        assert len(store.order(0, 9)) == 1

    def test_the_identity_graph_comes_back(self, database: Database, store: Store) -> None:
        """Identifiers, evidence, decisions and former names; what did not change is not written."""
        graph = IdentityGraph(KINDS)
        graph.resolve(["user_id:ann"], "shop", "m1", 1)
        graph.resolve(["user_id:bob", "email:b@example.org"], "shop", "m2", 2)
        with database.write() as connection:
            store.save(connection, [], [], graph, 2)
        _, merged = graph.resolve(["user_id:ann", "email:b@example.org"], "crm", "m3", 3)
        assert merged is not None
        pair = ("user_id:ann", "email:b@example.org")
        graph.decide(*pair, same=False, at=4, by="kim", reason="a club", message_id="m4")
        with database.write() as connection:
            store.save(connection, [], [], graph, 4)
        with database.read() as connection:
            known = {row[0]: tuple(row[1:]) for row in store.identifiers(connection)}
            edges = {tuple(row[:2]): tuple(row) for row in store.edges(connection)}
            aliases = list(store.aliases(connection))
        assert known == {
            name: (each.customer, each.first_seen, each.blocked)
            for name, each in graph.known.items()
        }
        kept = {(e.a, e.b): astuple(e) for of in graph.edges.values() for e in of.values()}
        assert edges == kept
        assert len(aliases) == store.merges()["merge"] == 1
        assert store.merges()["split"] == 1
        assert {row["kind"] for row in store.regroupings("", 9)} == {"merge", "split"}
        assert store.regroupings("nobody", 9) == []
        assert [row["reason"] for row in store.evidence(["user_id:ann"])] == ["a club"]

    def test_every_record_is_counted_once(self, database: Database, store: Store) -> None:
        """By source, state and reason; what is replayed is counted anew."""
        held = fate(3, "quarantined", source="crm", reason="mapping")
        self.save(database, store, fate(1), fate(2), held)
        self.save(database, store, fate(4))
        counted = {(row["source"], row["state"]): row["records"] for row in store.totals()}
        assert counted == {("shop", "applied"): 3, ("crm", "quarantined"): 1}
        assert store.last_received() == {"shop": fate(4).received, "crm": held.received}
        assert [row["reason"] for row in store.held("quarantined", 9)] == ["mapping"]
        with database.write() as connection:
            store.replayed(connection, [3])
        assert store.held("quarantined", 9) == []
        assert {(row["source"], row["state"]) for row in store.totals()} == {("shop", "applied")}

    def test_records_are_relived_in_their_order(self, database: Database, store: Store) -> None:
        """Those that were applied, or all, some at a time."""
        rows = [fate(n, "duplicate" if n == 3 else "applied") for n in range(1, 6)]
        self.save(database, store, *reversed(rows))
        assert store.applied(1, 2) == [(2, 0, 2, "user_id:ann"), (4, 0, 4, "user_id:ann")]
        assert store.order(2, 9) == [(3, 1, 3), (4, 0, 4), (5, 1, 5)]

    def test_a_timeline_goes_back_page_by_page(self, database: Database, store: Store) -> None:
        """Newest first; records of one moment are neither skipped nor shown twice."""
        rows = [fate(n, time=100 + n // 3, source=f"s{n % 2}") for n in range(1, 10)]
        other = fate(10, identity="user_id:bob")
        self.save(database, store, *rows, other, fate(11, "rejected"))
        seen: list[int] = []
        before = (1 << 62, 0)
        while page := store.timeline(["user_id:ann"], before, 4, ""):
            seen += [row["position"] for row in page]
            before = (page[-1]["time"], page[-1]["position"])
        assert seen == [9, 8, 7, 6, 5, 4, 3, 2, 1]
        some = store.timeline(["user_id:ann", "user_id:bob"], (1 << 62, 0), 99, "s1")
        assert [row["position"] for row in some] == [9, 7, 5, 3, 1]

    def test_history_gets_what_it_asks_for(self, database: Database, store: Store) -> None:
        """The SELECTs for history have these columns."""
        found = {name: columns_of(database, select) for name, select in store.mirrors().items()}
        assert found["ledger"] == ["position", "source", "state", "reason", "received", "time"]
        assert found["identifiers"] == ["identifier", "kind", "customer"]
