"""Streams at work: how changes reach a topic or another system, without anybody waiting for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from cic.model import Stream
from cic.streams import Streams, Tell, Told
from cid.kit.clock import Clock
from cid.kit.definitions import Entry
from cid.kit.errors import ICustomerError, Refused, Unavailable
from cii.ports import Message, Transport
from context.delivery import retry_after
from context.ports import Action, ActionRow, Effects

log = structlog.get_logger(__name__)

PAUSE = 0.2
"""Seconds between two looks for something new."""


def to_topic(transport: Transport, partitions: int, clock: Clock) -> Tell:
    """Return what puts changes into a topic, each to the partition of its customer."""
    made: set[str] = set()

    def tell(entry: Entry[Stream], changes: Sequence[Told]) -> None:
        topic = entry.value.topic
        if topic not in made:
            transport.create(topic, partitions)
            made.add(topic)
        now = clock.now()
        headers = {"stream": entry.name, "content-type": "application/json"}
        transport.append(
            topic,
            [
                Message(
                    each["customer"].encode(),
                    orjson.dumps(each, default=str),
                    now,
                    {**headers, "id": each["id"]},
                )
                for each in changes
            ],
        )

    return tell


def to_webhook(actions: Mapping[str, Action], effects: Effects, clock: Clock) -> Tell:
    """Return what posts changes to another system, as the action ``webhook`` of rules does."""

    def tell(entry: Entry[Stream], changes: Sequence[Told]) -> None:
        webhook = actions["webhook"]
        for each in changes:
            parameters: dict[str, Any] = {"url": entry.value.webhook, **each}
            row = ActionRow(
                each["id"], "", entry.name, "webhook", each["customer"], "", clock.now(),
                "pending", 0, 0, "", parameters, each["id"],
            )  # fmt: skip
            webhook.perform(row, effects)

    return tell


class Telling(threading.Thread):
    """Tells what waits in one stream after the other, beside everything else; what fails waits longer.

    Args:
        streams: what there is to tell.
        may: says whether it is this process that tells, where several share a company.
    """

    def __init__(self, streams: Streams, may: Callable[[], bool] = lambda: True) -> None:
        super().__init__(name="streams", daemon=True)
        self._streams = streams
        self._may = may
        self._ending = threading.Event()
        self._attempts: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    def run(self) -> None:
        """Look again and again, until the end."""
        while not self._ending.wait(PAUSE):
            if self._may():
                self.look()

    def stop(self) -> None:
        """End after what is being told."""
        self._ending.set()
        if self.is_alive():
            self.join(timeout=10)

    def look(self) -> int:
        """Tell what waits where it can be told; return how many changes were."""
        told = 0
        try:
            self._streams.begin()
            for name in self._streams.names():
                if time.monotonic() < self._not_before.get(name, 0) or not self._streams.waiting(
                    name
                ):
                    continue
                told += self._tell(name)
        except (SQLAlchemyError, OSError, ICustomerError) as error:
            log.warning("streams.failed", error=str(error)[:300])
        return told

    def _tell(self, name: str) -> int:
        troubles = self._streams.troubles
        try:
            told = self._streams.run(name)
        except (Unavailable, Refused) as error:
            attempts = self._attempts[name] = self._attempts.get(name, 0) + 1
            self._not_before[name] = time.monotonic() + retry_after(attempts) / 1000
            troubles[name] = str(error)
            log.warning("stream.waits", stream=name, error=str(error)[:300])
            return 0
        self._attempts.pop(name, None)
        troubles.pop(name, None)
        return told
