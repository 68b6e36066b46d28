"""How a Kafka cluster is reached, and what its errors mean to us."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, TypeVar

import structlog
from kafka import errors

from cid.kit.errors import Conflict, ICustomerError, InvalidInput, Unavailable

log = structlog.get_logger(__name__)
R = TypeVar("R")

PAUSE = 0.1
"""Seconds between two attempts."""
LONGEST = 16 << 20
"""Bytes of the largest message and of the largest request."""


@dataclass(frozen=True)
class Cluster:
    """Where the brokers are and how one proves who one is.

    Args:
        servers: brokers to ask first, ``host:port``, separated by commas.
        security: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        mechanism: how a user proves who it is: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
        user: the user's name.
        password: the user's password.
        ca_file: the certificate authority's certificate, where it is not a public one.
        patience: seconds to go on asking a cluster that does not answer, before saying so.
    """

    servers: str
    security: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    patience: float = 10.0

    def options(self, **more: Any) -> dict[str, Any]:
        """Return the settings of a client, with more of its own."""
        given: dict[str, Any] = {
            "bootstrap_servers": [each.strip() for each in self.servers.split(",") if each.strip()],
            "client_id": "icustomer",
            "bootstrap_timeout_ms": int(self.patience * 1000),
            "request_timeout_ms": int(self.patience * 1000),
            # A broker that was restarted is back in seconds: do not stay away for half a minute.
            "reconnect_backoff_max_ms": 1_000,
            "security_protocol": self.security,
        }
        if self.security.startswith("SASL"):
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        if self.ca_file:
            given["ssl_cafile"] = self.ca_file
        return given | more


def check_checksums() -> None:
    """Warn when checksums would be computed in Python: four to eight times slower."""
    if find_spec("crc32c") is None:
        log.warning(
            "kafka.slow_checksums",
            why="the package 'crc32c' is missing: Kafka is four to eight times slower without it",
            advice="pip install 'icustomer[kafka]'",
        )


@contextmanager
def answering(cluster: Cluster) -> Iterator[None]:
    """Say in our words what a client of Kafka says in its own.

    Raises:
        Unavailable: the cluster does not answer or cannot do it now.
    """
    try:
        yield
    except errors.KafkaError as error:
        raise in_our_words(error, cluster) from error


def in_our_words(error: BaseException, cluster: Cluster) -> ICustomerError:
    """Return what an error of Kafka's client means to whoever gave us something to keep."""
    if isinstance(error, ICustomerError):
        return error
    told = str(error) or type(error).__name__
    if isinstance(error, (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)):
        return InvalidInput(
            f"Kafka does not take so large a message: {told}.",
            hint="Set max.message.bytes of the topic to 16777216.",
        )
    if isinstance(error, errors.InvalidTimestampError):
        return Conflict(
            f"Kafka refuses the moment of a record: {told}.",
            hint="Set message.timestamp.after.max.ms of the topic to 9223372036854775807.",
        )
    return Unavailable(
        f"Kafka at {cluster.servers} cannot do it now: {told}.",
        hint="Is it running, and is ICUSTOMER_KAFKA_SERVERS right?",
    )


def ask(cluster: Cluster, question: Callable[..., R], *arguments: Any) -> R:
    """Ask the cluster, and again while a broker is away for a moment.

    Raises:
        Unavailable: it did not answer in time.
    """
    deadline = time.monotonic() + cluster.patience
    while True:
        with answering(cluster):
            try:
                return question(*arguments)
            except errors.RetriableError:
                if time.monotonic() > deadline:
                    raise
        time.sleep(PAUSE)
