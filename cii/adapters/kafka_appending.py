"""Appending to Kafka: many callers share the producer's batches, each gets its own promise kept."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from cid.kit.errors import InvalidInput, Overloaded, Unavailable
from cid.kit.ids import murmur2
from cii.adapters.kafka_connection import LONGEST, Cluster, answering, in_our_words
from cii.ports import Message, Place

ANSWER = 20_000
"""Milliseconds after which a message that no broker has confirmed is given up."""
BATCH = 256 << 10
"""Bytes of the largest batch of small messages."""
OVERHEAD = 1 << 10
"""Bytes that a message may take besides its key, value and headers."""


class Appender:
    """Gives messages to the brokers: all replicas have them, in order, before we say so.

    Args:
        cluster: where the brokers are.
        queue_limit: how many messages may wait before more are refused.
        queue_bytes: the same in bytes.
    """

    def __init__(self, cluster: Cluster, queue_limit: int, queue_bytes: int) -> None:
        self._cluster = cluster
        self._queue_limit = queue_limit
        self._queue_bytes = queue_bytes
        self._count = 0
        self._size = 0
        self._lock = threading.Lock()
        self._closed = False
        self.trouble = ""
        """Why the last messages could not be appended; empty when they could."""
        self._producer: Any = KafkaProducer(
            **cluster.options(
                acks="all",
                enable_idempotence=True,
                delivery_timeout_ms=ANSWER,
                batch_size=BATCH,
                max_request_size=LONGEST,
                max_block_ms=5_000,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        )

    def ready(self, name: str) -> None:
        """Learn of a topic, so that sending to it does not have to wait."""
        self._producer.partitions_for(name)

    def append(
        self, name: str, partitions: int, messages: Sequence[Message]
    ) -> Future[list[Place]]:
        """Send messages; the future is done when the brokers have confirmed all of them.

        Raises:
            Overloaded: too much is waiting already; nothing was sent.
            InvalidInput: a message is too large; nothing was sent.
        """
        prepared = []
        size = 0
        for message in messages:
            key, value = bytes(message.key), bytes(message.value)
            headers = _write_headers(message.headers)
            length = len(key) + len(value) + sum(len(n) + len(v) for n, v in headers)
            if length > LONGEST - OVERHEAD - 32 * len(headers):
                raise InvalidInput(f"A message of {length} bytes is too large for the log.")
            if not 0 <= message.timestamp < 1 << 63:
                raise InvalidInput(f"{message.timestamp} is no moment that Kafka can keep.")
            prepared.append((murmur2(key) % partitions, message.timestamp, key, headers, value))
            size += length
        self._hold(len(prepared), size)
        appending = _Appending(self, size)
        with answering(self._cluster):
            try:
                for partition, timestamp, key, headers, value in prepared:
                    appending.sent.append(
                        self._producer.send(name, value, key, headers, partition, timestamp)
                    )
            except BaseException:
                self.release(len(prepared), size)
                raise
        appending.look()
        return appending.future

    def close(self) -> None:
        """Finish what was begun, and take no more."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            self._producer.close(timeout=ANSWER / 1000)
        except KafkaTimeoutError:
            # Each caller hears of its own messages.
            self._producer.close(timeout=0)

    def fail(self, error: BaseException) -> Exception:
        """Return what a caller is told whose messages were not all confirmed."""
        told = in_our_words(error, self._cluster)
        self.trouble = told.message
        if isinstance(told, Unavailable):
            # Some may be there all the same: whoever sends them again is not counted twice.
            told.hint = "Send all of it again; what is there already will be told by its id."
        return told

    def _hold(self, count: int, size: int) -> None:
        with self._lock:
            if self._closed:
                raise Unavailable("The log is closed.")
            too_many = self._count + count > self._queue_limit
            if self._count and (too_many or self._size + size > self._queue_bytes):
                raise Overloaded("Too much is waiting for Kafka.", hint="Try again in a second.")
            self._count += count
            self._size += size

    def release(self, count: int, size: int) -> None:
        """Say that messages wait no longer."""
        with self._lock:
            self._count -= count
            self._size -= size


class _Appending:
    """The messages of one call on their way."""

    def __init__(self, appender: Appender, size: int) -> None:
        self.future: Future[list[Place]] = Future()
        # From here on nobody can take it back.
        self.future.set_running_or_notify_cancel()
        self.sent: list[Any] = []
        self._appender = appender
        self._size = size
        self._done = 0

    def look(self, _: object = None) -> None:
        """Wait for the first message that is not confirmed yet; all behind it may be already."""
        sent = self.sent
        while self._done < len(sent):
            first = sent[self._done]
            if not first.is_done:
                first.add_both(self.look)
                return
            self._done += 1
        self._appender.release(len(sent), self._size)
        for each in sent:
            if each.exception is not None:
                self.future.set_exception(self._appender.fail(each.exception))
                return
        self._appender.trouble = ""
        self.future.set_result([Place(each.value[1], each.value[3]) for each in sent])


def _write_headers(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    return [(name, value.encode("utf-8", "surrogatepass")) for name, value in headers.items()]
