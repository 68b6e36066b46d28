"""Members of a consumer group: the brokers know who is there and share the partitions among them.

Nothing is read through the group. It says who is alive and can reach the brokers; Kafka's own tools
show its members and how far they are behind.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog
from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition, errors
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from cii.adapters.kafka_connection import Cluster
from cii.ports import Lease

log = structlog.get_logger(__name__)

DOUBT = 2
"""Times of a share's life that a member is content with nothing before it asks the brokers."""


class Member:
    """One member of a consumer group.

    Args:
        cluster: where the brokers are.
        admin: who asks them about the group.
        topic: the topic's name in the cluster.
        group: the group's name in the cluster.
        name: the member's name, as the cluster's tools show it.
        ttl: milliseconds without a renewal after which its share goes to the others.
    """

    def __init__(
        self, cluster: Cluster, admin: KafkaAdminClient, topic: str, group: str, name: str, ttl: int
    ) -> None:
        self._cluster = cluster
        self._admin = admin
        self._topic = topic
        self._group = group
        self._name = name
        self._ttl = ttl
        self._lock = threading.Lock()
        self._doubted = time.monotonic()
        self._partitions = 0
        self._consumer = self._begin()

    def renew(self, now: int, ttl: int) -> Lease:
        """Show the brokers that the member lives; return what they gave it."""
        with self._lock:
            consumer = self._consumer
            try:
                # Nothing is fetched: the group's share is not read through the group.
                if mine := consumer.assignment():
                    consumer.pause(*mine)
                consumer.poll(timeout_ms=min(max(ttl // 10, 50), 500), max_records=1)
            except (errors.RebalanceInProgressError, errors.CommitFailedError) as error:
                # Members come and go: the share is known with the next renewal.
                log.debug("kafka.rebalancing", error=str(error))
            mine = consumer.assignment()
            if mine:
                consumer.pause(*mine)
            epoch = consumer.group_metadata().generation_id
            # Who was put out of the group keeps an old share in memory until it is in again.
            share = sorted(place.partition for place in mine) if epoch >= 0 else []
            if share:
                self._doubted = time.monotonic()
            elif time.monotonic() - self._doubted > DOUBT * ttl / 1000:
                self._doubted = time.monotonic()
                self._ask()
            return Lease(tuple(share), epoch, now + ttl)

    def tell(self, offsets: Mapping[int, int]) -> None:
        """Commit offsets as a hint for tools; it is no matter whether that succeeds."""
        if not self._lock.acquire(blocking=False):
            # It renews just now. The next hint says more anyway.
            return
        try:
            self._consumer.commit_async(
                {
                    TopicPartition(self._topic, part): OffsetAndMetadata(offset, "", -1)
                    for part, offset in offsets.items()
                }
            )
        except errors.KafkaError as error:
            log.debug("kafka.hint_not_given", error=str(error))
        finally:
            self._lock.release()

    def close(self) -> None:
        """Leave the group, so that the others need not wait."""
        with self._lock:
            self._consumer.close()

    def _begin(self) -> Any:
        consumer: Any = KafkaConsumer(
            self._topic,
            **self._cluster.options(
                client_id=self._name,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="latest",
                allow_auto_create_topics=False,
                partition_assignment_strategy=[RoundRobinPartitionAssignor],
                # Who does not renew is out, whether its process lives or not.
                session_timeout_ms=self._ttl,
                max_poll_interval_ms=self._ttl,
                heartbeat_interval_ms=max(self._ttl // 5, 50),
                fetch_max_wait_ms=50,
                metrics_enabled=False,
            ),
        )
        # A leader that has not heard of the topic's partitions shares out none of them.
        self._partitions = len(consumer.partitions_for_topic(self._topic) or ())
        return consumer

    def _ask(self) -> None:
        """Join anew if the brokers think that we have a share, or that nobody has all the others.

        A poll of the client that ends between the brokers' answer and its own noting of it forgets
        the share for good (kafka-python 3.0: the answer to a second joining is then never read).
        """
        found: Mapping[str, Any] = self._admin.describe_groups([self._group])[self._group]
        if found["group_state"] != "Stable":
            return
        ours = self._consumer.group_metadata().member_id
        shared = {
            (place["topic"], part): member["member_id"]
            for member in found["members"]
            for place in member["member_assignment"]["assigned_partitions"]
            for part in place["partitions"]
        }
        if ours in shared.values() or len(shared) < self._partitions:
            log.warning("kafka.share_forgotten", group=self._group, member=self._name)
            self._consumer.close()
            self._consumer = self._begin()
