"""The tape: everything that will arrive, in short form until its moment comes.

A draft holds a few small values and the function that writes its properties; the body with all its
keys is made only when it is delivered. That keeps a quarter of a million records small in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cid.kit.clock import format_time

Body = dict[str, Any]


class Delivery(NamedTuple):
    """One record as it reaches the company.

    ``body`` is in the wire form of the collect API; where ``flow`` is set it is a row of a file
    that the flow of that name maps; where ``raw`` is set it is not JSON and these are its bytes.
    Bodies may share parts: read them, do not change them.
    """

    received: int
    source: str
    body: Body
    flow: str = ""
    raw: bytes | None = None


class Who(NamedTuple):
    """By what a record names its customer."""

    user: str | None
    anonymous: str | None
    context: Body | None


class Draft(NamedTuple):
    """A record to come. ``event`` is empty for identify; ``who`` is None for a row of a flow."""

    received: int
    number: int
    time: int
    source: str
    event: str
    who: Who | None
    make: Callable[..., Body]
    args: tuple[Any, ...]
    sent: int


class Tape:
    """Collects drafts and numbers them."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.number = 0

    def put(
        self,
        received: int,
        time: int,
        source: str,
        event: str,
        who: Who | None,
        make: Callable[..., Body],
        args: tuple[Any, ...] = (),
        sent: int = 0,
    ) -> None:
        """Note what happens at a time and arrives at ``received``."""
        self.number += 1
        self.drafts.append(Draft(received, self.number, time, source, event, who, make, args, sent))

    def until(self, now: int) -> Iterator[Draft]:
        """Yield what has arrived by now, in order of arrival, and let go of it."""
        self.drafts.sort(reverse=True)
        while self.drafts and (draft := self.drafts.pop()).received <= now:
            yield draft


def delivery(draft: Draft) -> Delivery:
    """Write a draft out as it arrives."""
    who = draft.who
    if who is None:
        return Delivery(draft.received, draft.source, draft.make(*draft.args), draft.event)
    body: Body = {"type": "track" if draft.event else "identify"}
    if draft.event:
        body["event"] = draft.event
    body["messageId"] = f"{draft.source}-{draft.time // 1000:x}-{draft.number:x}"
    if who.user is not None:
        body["userId"] = who.user
    if who.anonymous is not None:
        body["anonymousId"] = who.anonymous
    body["timestamp"] = format_time(draft.time)
    if draft.sent:
        body["sentAt"] = format_time(draft.sent)
    body["properties" if draft.event else "traits"] = draft.make(*draft.args)
    if who.context is not None:
        body["context"] = who.context
    return Delivery(draft.received, draft.source, body)


def external(**identifiers: str) -> Who:
    """Name a customer by identifiers other than a login: ``external(card="NL1")``."""
    ids = [{"type": kind, "id": value} for kind, value in identifiers.items()]
    return Who(None, None, {"externalIds": ids})


def plainly(*pairs: Any) -> Body:
    """Make properties of alternating names and values; None is left out."""
    return {
        pairs[place]: pairs[place + 1]
        for place in range(0, len(pairs), 2)
        if pairs[place + 1] is not None
    }
