"""Kafka as the log: the same topics, partitions and offsets as the log that needs no server.

How far the log has been applied is not Kafka's to know: offsets are in the records' database, in the
transaction that applies. Reading seeks to them. What the log no longer holds, or never held, is said
aloud and never skipped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, TopicPartition, errors
from kafka.admin import OffsetSpec

from cid.kit.errors import Conflict, InvalidInput, NotFound, Unavailable
from cii.adapters.kafka_appending import Appender
from cii.adapters.kafka_connection import LONGEST, Cluster, answering, ask, check_checksums
from cii.adapters.kafka_group import Member
from cii.adapters.kafka_reading import Reader
from cii.ports import Lease, LogRecord, Message, Place

POLL = 0.05
"""Seconds between two looks at what others may have appended."""
READERS = 3
"""Places of one topic that are read at the same time without disturbing each other."""
TOPIC_SETTINGS = {
    # The log is the truth that everything is made from: it is kept, whole and for ever.
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(LONGEST),
    # Records carry the moment of receipt at their source, whatever the broker's clock says.
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": str((1 << 63) - 1),
    "message.timestamp.after.max.ms": str((1 << 63) - 1),
    "segment.ms": str(10 * 365 * 86_400_000),
}


class _Topic(NamedTuple):
    """What we know of a topic since we first asked for it."""

    name: str
    id: str
    partitions: int


class KafkaLog:
    """A durable log on a Kafka cluster; what was acknowledged is on all replicas in sync.

    Args:
        path: where the company keeps its own files; Kafka needs none.
        partitions: how many partitions a topic gets that nobody created before its first message.
        servers: brokers to ask first, ``host:port``, separated by commas.
        prefix: what the names of our topics and groups begin with, another one for each company.
        replication: on how many brokers each record is kept; the cluster's default where -1.
        security: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        mechanism: how a user proves who it is.
        user: the user's name.
        password: the user's password.
        ca_file: the certificate authority's certificate, where it is not a public one.
        queue_limit: how many messages may wait for their confirmation before more are refused.
        queue_bytes: the same in bytes.
        patience: seconds to go on asking a cluster that does not answer, before saying so.
    """

    def __init__(
        self,
        path: Path,
        *,
        partitions: int = 4,
        servers: str = "127.0.0.1:9092",
        prefix: str = "icustomer.",
        replication: int = -1,
        security: str = "PLAINTEXT",
        mechanism: str = "SCRAM-SHA-512",
        user: str = "",
        password: str = "",
        ca_file: str = "",
        queue_limit: int = 50_000,
        queue_bytes: int = 64 << 20,
        patience: float = 10.0,
    ) -> None:
        check_checksums()
        self._cluster = Cluster(servers, security, mechanism, user, password, ca_file, patience)
        self._partitions = partitions
        self._prefix = prefix
        self._replication = replication
        self._lock = threading.RLock()
        self._topics: dict[str, _Topic] = {}
        self._ends: dict[str, dict[int, int]] = {}
        self._readers: dict[str, list[Reader]] = {}
        self._members: dict[tuple[str, str, str], Member] = {}
        self._uses = count(1)
        self._closed = False
        self._loss = ""
        with answering(self._cluster):
            self._admin: Any = KafkaAdminClient(**self._cluster.options())
            self._appender = Appender(self._cluster, queue_limit, queue_bytes)

    def create(self, topic: str, partitions: int) -> int:
        """Make a topic if it does not exist; return how many partitions it has."""
        if partitions < 1:
            raise InvalidInput(f"A topic cannot have {partitions} partitions.", hint="Give it one.")
        if self._describe(topic) is None:
            wanted = {
                "num_partitions": partitions,
                "replication_factor": self._replication,
                "configs": TOPIC_SETTINGS,
            }
            try:
                ask(self._cluster, self._create, {self._prefix + topic: wanted})
            except Unavailable as error:
                if not isinstance(error.__cause__, errors.TopicAlreadyExistsError):
                    raise
        return self._topic(topic).partitions

    def identity(self, topic: str) -> str:
        """Say which log this is: another cluster, a topic made anew or partitioned anew is another."""
        known = self._topic(topic)
        cluster = ask(self._cluster, self._admin.describe_cluster)["cluster_id"]
        return f"kafka:{cluster}/{known.name}/{known.id}/{known.partitions}"

    def append(self, topic: str, messages: Sequence[Message]) -> list[Place]:
        """Append messages: on all replicas, in order per key and without gaps when this returns.

        Raises:
            Unavailable: not all could be appended; try again.
        """
        return self.append_soon(topic, messages).result()

    def append_soon(self, topic: str, messages: Sequence[Message]) -> Future[list[Place]]:
        """Append with the producer's next batches; the future is done when all are confirmed.

        Messages of one call may become durable in parts. If the future fails, send all of them
        again: records are told apart by their ids.

        Raises:
            Overloaded: too much is waiting already; nothing was accepted.
            Unavailable: the log is closed; nothing was accepted.
        """
        if not messages:
            nothing: Future[list[Place]] = Future()
            nothing.set_result([])
            return nothing
        if self._closed:
            raise Unavailable("The log is closed.")
        try:
            known = self._topic(topic)
        except NotFound:
            self.create(topic, self._partitions)
            known = self._topic(topic)
        return self._appender.append(known.name, known.partitions, messages)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[LogRecord]:
        """Read up to ``limit`` records of one partition from an offset on.

        Raises:
            Conflict: the log does not hold this offset: retention has overtaken it, the end was
                lost, or the topic was made anew.
        """
        known = self._topic(topic)
        end = self._ends.get(topic, {}).get(partition, 0)
        if offset >= end:
            end = self.ends(topic)[partition]
        if offset == end:
            return []
        if offset > end:
            raise self._lost(topic, partition, offset)
        reader = self._reader(known, topic, partition, offset)
        try:
            with answering(self._cluster):
                try:
                    records, fetched = reader.read(partition, offset, limit, end)
                except (errors.OffsetOutOfRangeError, errors.LogTruncationError) as error:
                    raise self._lost(topic, partition, offset) from error
            if fetched:
                # Only now it is certain that these are records of the topic we know.
                self._check(topic)
        except BaseException:
            reader.drop()
            raise
        return records

    def begins(self, topic: str) -> dict[int, int]:
        """Return the first offset still kept, by partition."""
        return self._bounds(topic, OffsetSpec.EARLIEST)

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        found = self._bounds(topic, OffsetSpec.LATEST)
        with self._lock:
            # Others ask, too, and an older answer may come in later: what is known only grows.
            known = self._ends.setdefault(topic, {})
            for partition, end in found.items():
                known[partition] = max(known.get(partition, 0), end)
        return found

    def wait(self, topic: str, known: Mapping[int, int], timeout: float) -> bool:
        """Wait until some partition has grown past the known ends; False when the time is over."""
        deadline = time.monotonic() + timeout
        while not self._closed:
            if any(end > known.get(part, 0) for part, end in self.ends(topic).items()):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(left, POLL))
        return False

    def join(self, topic: str, group: str, member: str, now: int, ttl: int) -> Lease:
        """Take or renew a share of the partitions for a member of a consumer group.

        The brokers keep the time: whoever does not renew for ``ttl`` milliseconds, or cannot reach
        them, loses the share. While members come and go a share may be empty for a moment.
        """
        known = self._topic(topic)
        key = (topic, group, member)
        with answering(self._cluster):
            with self._lock:
                if key not in self._members:
                    self._members[key] = Member(
                        self._cluster, self._admin, known.name, self._prefix + group, member, ttl
                    )
            return self._members[key].renew(now, ttl)

    def leave(self, topic: str, group: str, member: str) -> None:
        """Give the member's share back."""
        with self._lock:
            found = self._members.pop((topic, group, member), None)
        if found is not None:
            with answering(self._cluster):
                found.close()

    def applied(self, topic: str, group: str, member: str, offsets: Mapping[int, int]) -> None:
        """Tell the cluster's own tools how far records have been applied; nothing depends on it."""
        found = self._members.get((topic, group, member))
        if found is not None:
            found.tell(offsets)

    def trouble(self) -> str:
        """Say why nothing can be appended now; empty when all is well."""
        if self._closed:
            return "The log is closed."
        if self._loss:
            return self._loss
        try:
            with answering(self._cluster):
                # Asked once: whoever wants to know how it is does not want to wait.
                names = [known.name for known in self._topics.values()]
                self._admin.describe_topics(names)
            for topic in list(self._topics):
                self._check(topic)
        except (Unavailable, Conflict) as error:
            return error.message
        return ""

    def close(self) -> None:
        """Finish what was begun and let go of all connections."""
        if self._closed:
            return
        self._closed = True
        self._appender.close()
        for topic, group, member in list(self._members):
            self.leave(topic, group, member)
        for readers in self._readers.values():
            for reader in readers:
                reader.close()
        self._admin.close()

    def _create(self, wanted: Mapping[str, Any]) -> None:
        self._admin.create_topics(wanted, wait_for_metadata=True)

    def _describe(self, topic: str) -> _Topic | None:
        name = self._prefix + topic
        [found] = ask(self._cluster, self._admin.describe_topics, [name])
        if found["error_code"] == errors.UnknownTopicOrPartitionError.errno:
            return None
        with answering(self._cluster):
            if found["error_code"]:
                raise errors.for_code(found["error_code"])(name)
        return _Topic(name, str(found["topic_id"]), len(found["partitions"]))

    def _topic(self, topic: str) -> _Topic:
        if topic not in self._topics:
            found = self._describe(topic)
            if found is None:
                raise NotFound("topic", topic, self._topics)
            with answering(self._cluster):
                self._appender.ready(found.name)
            self._topics[topic] = found
        return self._topics[topic]

    def _check(self, topic: str) -> None:
        """Make sure that the topic is still the one we began with.

        Raises:
            Conflict: it was deleted, made anew or given other partitions.
        """
        known = self._topics[topic]
        found = self._describe(topic)
        if found == known:
            self._loss = ""
            return
        if found is None:
            what = "no longer exists"
        elif found.id != known.id:
            what = f"was made anew: its id is {found.id} now and was {known.id}"
        else:
            what = f"has {found.partitions} partitions now and had {known.partitions}"
        self._loss = f"The topic {known.name!r} at {self._cluster.servers} {what}."
        raise Conflict(self._loss, hint="Nothing was applied from it. Bring the old topic back.")

    def _bounds(self, topic: str, which: Any) -> dict[int, int]:
        known = self._topic(topic)
        places = {TopicPartition(known.name, part): which for part in range(known.partitions)}
        try:
            found = ask(self._cluster, self._admin.list_partition_offsets, places)
        except Unavailable:
            # A topic that is gone is another matter than a broker that does not answer.
            self._check(topic)
            raise
        return {place.partition: found[place].offset for place in places}

    def _reader(self, known: _Topic, topic: str, partition: int, offset: int) -> Reader:
        with self._lock:
            readers = self._readers.setdefault(topic, [])
            there = [reader for reader in readers if reader.holds(partition, offset)]
            if there:
                chosen = there[0]
            elif len(readers) < READERS:
                with answering(self._cluster):
                    chosen = Reader(self._cluster, topic, known.name)
                readers.append(chosen)
            else:
                chosen = min(readers, key=lambda reader: reader.used)
            chosen.used = next(self._uses)
            return chosen

    def _lost(self, topic: str, partition: int, offset: int) -> Conflict:
        """Say what is missing, where, and what to do."""
        self._check(topic)
        begin, end = self.begins(topic)[partition], self.ends(topic)[partition]
        place = f"Partition {partition} of {self._prefix + topic!r} at {self._cluster.servers}"
        if offset < begin:
            what = (
                f"begins at {begin} now, but {offset} is to be read next: {begin - offset} offsets"
                " were deleted before they were applied."
            )
            advice = "Set retention.ms=-1 and retention.bytes=-1 on it, and restore what is gone."
        else:
            what = f"ends at {end}, but {offset} is to be read next: its end was lost."
            advice = "Was it restored from an older copy, or led by a replica that was behind?"
        self._loss = f"{place} {what}"
        return Conflict(self._loss, hint=f"Nothing was skipped. {advice}")
