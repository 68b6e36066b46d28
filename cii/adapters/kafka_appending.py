"""Appending to Kafka: many callers share the producer's batches, each gets its own promise kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from cid.kit.errors import InvalidInput, Overloaded, Unavailable
from cid.kit.ids import murmur2
from cii.adapters.kafka_connection import LONGEST, Cluster, answering, in_our_words
from cii.ports import Message, Place

BATCH = 256 << 10
"""Bytes of the largest batch of small messages."""
OVERHEAD = 1 << 10
"""Bytes that a message may take besides its key, value and headers."""
GRACE = 3.0
"""Seconds that a producer may take beyond its time before it is thought to be stuck."""
PAUSE = 5.0
"""Seconds that a producer which was given up may take to end."""


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
        # A broker that restarts is back in seconds; whoever waits for an answer is told after these.
        self._answer = 2 * cluster.patience
        self._count = 0
        self._size = 0
        self._lock = threading.Lock()
        self._waiting: dict[_Appending, float] = {}
        self._ended = threading.Event()
        self.trouble = ""
        """Why the last messages could not be appended; empty when they could."""
        self._producer: Any = self._connect()
        self._watch = threading.Thread(target=self._watch_over, name="kafka-watch", daemon=True)
        self._watch.start()

    def ready(self, name: str) -> None:
        """Learn of a topic, so that sending to it does not have to wait."""
        producer = self._producer
        if producer is not None:
            producer.partitions_for(name)

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
        appending = _Appending(self, len(prepared), size)
        producer = self._hold(appending)
        with answering(self._cluster):
            try:
                for partition, timestamp, key, headers, value in prepared:
                    appending.sent.append(
                        producer.send(name, value, key, headers, partition, timestamp)
                    )
            except BaseException:
                self.release(appending)
                raise
        appending.producer = producer
        appending.look()
        return appending.future

    def close(self) -> None:
        """Finish what was begun, and take no more."""
        with self._lock:
            if self._ended.is_set():
                return
            self._ended.set()
            producer = self._producer
        if producer is not None:
            try:
                producer.close(timeout=self._answer)
            except KafkaTimeoutError:
                # Each caller hears of its own messages.
                _abandon(producer)
        self._watch.join()

    def give_up(self, producer: Any) -> None:
        """Go on with a new producer; what the old one still has is failed.

        A producer that gave up one batch, because no broker took it in time, may never send another
        (kafka-python 3.0.12: it waits for a new producer id that it has not asked for).
        """
        with self._lock:
            if producer is not self._producer or self._ended.is_set():
                return
            self._producer = None
        threading.Thread(target=self._replace, args=(producer,), daemon=True).start()

    def fail(self, error: BaseException) -> Exception:
        """Return what a caller is told whose messages were not all confirmed."""
        told = in_our_words(error, self._cluster)
        self.trouble = told.message
        if isinstance(told, Unavailable):
            # Some may be there all the same: whoever sends them again is not counted twice.
            told.hint = "Send all of it again; what is there already will be told by its id."
        return told

    def release(self, appending: _Appending) -> None:
        """Say that the messages of a call wait no longer."""
        with self._lock:
            if self._waiting.pop(appending, None) is not None:
                self._count -= appending.count
                self._size -= appending.size

    def _hold(self, appending: _Appending) -> Any:
        with self._lock:
            if self._ended.is_set():
                raise Unavailable("The log is closed.")
            too_many = self._count + appending.count > self._queue_limit
            if self._count and (too_many or self._size + appending.size > self._queue_bytes):
                raise Overloaded("Too much is waiting for Kafka.", hint="Try again in a second.")
            if self._producer is None:
                raise Unavailable(
                    self.trouble or "Kafka does not answer.", hint="Try again in a second."
                )
            self._count += appending.count
            self._size += appending.size
            self._waiting[appending] = time.monotonic()
            return self._producer

    def _connect(self) -> Any:
        return KafkaProducer(
            **self._cluster.options(
                acks="all",
                enable_idempotence=True,
                delivery_timeout_ms=int(self._answer * 1000),
                batch_size=BATCH,
                max_request_size=LONGEST,
                max_block_ms=int(self._cluster.patience * 1000),
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        )

    def _replace(self, producer: Any) -> None:
        """Connect anew, however long that takes; until then nothing is accepted."""
        _abandon(producer)
        while not self._ended.is_set():
            try:
                made = self._connect()
            except KafkaError as error:
                self.trouble = in_our_words(error, self._cluster).message
                self._ended.wait(PAUSE / 10)
                continue
            with self._lock:
                if not self._ended.is_set():
                    self._producer = made
                    return
            made.close(timeout=PAUSE)

    def _watch_over(self) -> None:
        """Fail what nobody has answered for too long: no caller may wait for ever."""
        while not self._ended.wait(1.0):
            with self._lock:
                oldest = next(iter(self._waiting.items()), None)
            if oldest and time.monotonic() - oldest[1] > self._answer + GRACE:
                self.give_up(oldest[0].producer)


def _abandon(producer: Any) -> None:
    # close() alone would wait for what is never sent; there is no public way to say no.
    producer._sender.force_close()
    producer._sender.join(PAUSE)
    producer.close(timeout=PAUSE)


class _Appending:
    """The messages of one call on their way."""

    def __init__(self, appender: Appender, count: int, size: int) -> None:
        self.future: Future[list[Place]] = Future()
        # From here on nobody can take it back.
        self.future.set_running_or_notify_cancel()
        self.count = count
        self.size = size
        self.sent: list[Any] = []
        self.producer: Any = None
        self._appender = appender
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
        appender = self._appender
        appender.release(self)
        for each in sent:
            if each.exception is not None:
                if isinstance(each.exception, KafkaTimeoutError):
                    appender.give_up(self.producer)
                self.future.set_exception(appender.fail(each.exception))
                return
        appender.trouble = ""
        self.future.set_result([Place(each.value[1], each.value[3]) for each in sent])


def _write_headers(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    return [(name, value.encode("utf-8", "surrogatepass")) for name, value in headers.items()]
