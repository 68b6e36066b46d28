"""Members of a consumer group: the brokers know who is there and share the partitions among them.

Nothing is read through the group. It says who is alive and can reach the brokers; Kafka's own tools
show its members and how far they are behind.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition, errors
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from cii.adapters.kafka_connection import Cluster
from cii.ports import Lease

log = structlog.get_logger(__name__)


class Member:
    """One member of a consumer group.

    Args:
        cluster: where the brokers are.
        topic: the topic's name in the cluster.
        group: the group's name in the cluster.
        name: the member's name, as the cluster's tools show it.
        ttl: milliseconds without a renewal after which its share goes to the others.
    """

    def __init__(self, cluster: Cluster, topic: str, group: str, name: str, ttl: int) -> None:
        self._topic = topic
        self._lock = threading.Lock()
        self._ttl = ttl
        self._consumer: Any = KafkaConsumer(
            topic,
            **cluster.options(
                client_id=name,
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="latest",
                allow_auto_create_topics=False,
                partition_assignment_strategy=[RoundRobinPartitionAssignor],
                # Who does not renew is out, whether its process lives or not.
                session_timeout_ms=ttl,
                max_poll_interval_ms=ttl,
                heartbeat_interval_ms=max(ttl // 5, 50),
                fetch_max_wait_ms=50,
                metrics_enabled=False,
            ),
        )

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
