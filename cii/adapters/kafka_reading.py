"""Reading a topic: records are fetched ahead in large pieces and handed out in small ones.

A reader follows one place in each partition. Whoever reads on where the last answer ended finds the
next records there already; nothing is asked for twice. Reading elsewhere is another reader's work.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from cid.kit.errors import Unavailable
from cii.adapters.kafka_connection import LONGEST, Cluster
from cii.ports import LogRecord

AHEAD = 10_000
"""Records of one partition kept ahead; no more are fetched for it then."""
AHEAD_BYTES = 16 << 20
"""The same in bytes."""
POLL = 250
"""Milliseconds that one look waits for records."""
_offset = attrgetter("offset")


class _Ahead:
    """What was fetched of one partition and nobody has read yet."""

    def __init__(self, offset: int) -> None:
        self.first = offset
        self.next = offset
        self.records: list[LogRecord] = []
        self.size = 0

    def holds(self, offset: int) -> bool:
        """Whether reading may go on here without asking anew."""
        return self.first <= offset <= self.next

    def forget(self, offset: int) -> None:
        """Drop the records before an offset: they were read."""
        count = bisect_left(self.records, offset, key=_offset)
        self.size -= sum(len(record.value) for record in self.records[:count])
        del self.records[:count]
        self.first = offset

    @property
    def full(self) -> bool:
        return len(self.records) >= AHEAD or self.size >= AHEAD_BYTES


class Reader:
    """Reads the partitions of one topic, each from one place onwards.

    Args:
        cluster: where the brokers are.
        topic: the topic's name among us.
        name: its name in the cluster.
    """

    def __init__(self, cluster: Cluster, topic: str, name: str) -> None:
        self._topic = topic
        self._name = name
        self._patience = cluster.patience
        self._ahead: dict[int, _Ahead] = {}
        self._paused: set[int] = set()
        self._lock = threading.Lock()
        self.used = 0
        """When it was used last, counted in uses."""
        self._consumer: Any = KafkaConsumer(
            **cluster.options(
                group_id=None,
                enable_auto_commit=False,
                # What is gone is gone: going on elsewhere without a word would lose records.
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                max_partition_fetch_bytes=LONGEST // 4,
                max_poll_records=AHEAD,
                metrics_enabled=False,
            )
        )

    def holds(self, partition: int, offset: int) -> bool:
        """Whether reading may go on here without asking anew."""
        ahead = self._ahead.get(partition)
        return ahead is not None and ahead.holds(offset)

    def read(
        self, partition: int, offset: int, limit: int, end: int
    ) -> tuple[list[LogRecord], bool]:
        """Return up to ``limit`` records from an offset on, and whether any had to be fetched.

        No records mean that none is there before ``end``: those offsets belong to what Kafka keeps
        for itself, or were compacted away.

        Raises:
            kafka.errors.OffsetOutOfRangeError: the log does not hold this offset.
            Unavailable: the brokers do not answer.
        """
        with self._lock:
            ahead = self._ahead.get(partition)
            if ahead is None or not ahead.holds(offset):
                ahead = self._go(partition, offset)
            ahead.forget(offset)
            fetched = False
            patience = time.monotonic() + self._patience
            while len(ahead.records) < limit and ahead.next < end and not ahead.full:
                before = ahead.next
                self._fetch(partition)
                fetched = True
                if ahead.next > before:
                    patience = time.monotonic() + self._patience
                elif time.monotonic() > patience:
                    if ahead.records:
                        break
                    raise Unavailable(
                        f"Kafka does not answer: nothing of {self._name!r} could be read.",
                        hint="It is tried again.",
                    )
            return ahead.records[:limit], fetched

    def drop(self) -> None:
        """Forget what was fetched."""
        with self._lock:
            self._drop()

    def close(self) -> None:
        """Leave the cluster."""
        with self._lock:
            self._consumer.close()

    def _drop(self) -> None:
        self._ahead.clear()
        self._paused.clear()
        self._consumer.unsubscribe()

    def _go(self, partition: int, offset: int) -> _Ahead:
        self._ahead[partition] = ahead = _Ahead(offset)
        self._consumer.assign([self._place(each) for each in self._ahead])
        self._consumer.seek(self._place(partition), offset)
        return ahead

    def _fetch(self, wanted: int) -> None:
        full = {part for part, ahead in self._ahead.items() if ahead.full}
        for part in full - self._paused:
            self._consumer.pause(self._place(part))
        for part in self._paused - full:
            self._consumer.resume(self._place(part))
        self._paused = full
        try:
            found = self._consumer.poll(timeout_ms=POLL)
            for place, records in found.items():
                self._keep(place.partition, records)
            # Past what is no record for us, too: only the consumer knows.
            place = self._place(wanted)
            self._ahead[wanted].next = self._consumer.position(place, timeout_ms=POLL)
        except BaseException:
            # The consumer may stand anywhere now.
            self._drop()
            raise

    def _keep(self, partition: int, records: Sequence[Any]) -> None:
        ahead = self._ahead[partition]
        topic = self._topic
        ahead.records += [
            LogRecord(
                topic,
                partition,
                record.offset,
                max(record.timestamp, 0),
                record.key or b"",
                record.value or b"",
                _read_headers(record.headers),
            )
            for record in records
        ]
        ahead.size += sum(len(record.value or b"") for record in records)
        ahead.next = records[-1].offset + 1

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self._name, partition)


def _read_headers(headers: Sequence[tuple[str, bytes | None]]) -> Mapping[str, str]:
    try:
        return {name: (value or b"").decode("utf-8", "surrogatepass") for name, value in headers}
    except UnicodeDecodeError:
        # Somebody else wrote them; they are no text.
        return {name: (value or b"").decode("utf-8", "replace") for name, value in headers}
