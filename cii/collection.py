"""Collection: the events of a batch become messages for the log, each with its fate so far.

What clients do differently is evened out here: nulls, traits in two places, one context for a whole
batch, missing message ids. An event that can never be applied goes into the log all the same, with
the reason beside it, so that the ledger knows of it: nothing vanishes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from cid.kit.clock import format_time
from cid.kit.ids import new_id
from cii.model import RecordFault
from cii.ports import CollectLimits, Message
from cii.reasons import Reason, rejected
from cii.reception import KINDS, Batch

TYPES = frozenset(KINDS.values())
IDS = ("userId", "anonymousId", "previousId", "groupId", "messageId")
OBJECTS = ("properties", "traits", "context")
CUT = "…"
"""What stands in the log where a rejected event was nested too deeply to be kept whole."""
PROTOCOL = "segment"
UNKNOWN_SYSTEM = "unknown"


class Rejected(NamedTuple):
    """An event that cannot be applied, and why."""

    message_id: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Collected:
    """What one batch gives: a message for each event, and those that were rejected."""

    messages: list[Message] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def collect(
    batch: Batch,
    kind: str,
    source: str,
    received: int,
    limits: CollectLimits,
    *,
    about_things: Collection[str] = (),
    unknown_key: str | None = None,
    new_id: Callable[[], str] = new_id,
) -> Collected:
    """Turn the events of a batch into messages for the log.

    Args:
        batch: the events and what was said about all of them.
        kind: the type of all events, where the path says it; else empty.
        source: the system whose write key it was.
        received: our time of receipt.
        limits: how large an event may be.
        about_things: events that are about no customer, so that they need no id.
        unknown_key: the write key, if it belongs to no system; the events wait in quarantine.
        new_id: makes message ids for events without one.
    """
    collected = Collected()
    headers = {"source": source, "protocol": PROTOCOL}
    if unknown_key is not None:
        headers |= {
            "source": UNKNOWN_SYSTEM,
            "quarantine": Reason.UNKNOWN_KEY,
            "detail": f"write key {unknown_key[:100]!r}",
            "write_key": unknown_key[:100],
        }
    moment = format_time(received)
    for event in batch.events:
        try:
            record = normalise(event, batch, kind, moment, about_things, new_id)
            if len(record["messageId"]) > limits.message_id:
                raise rejected(Reason.INVALID_ID, f"messageId is longer than {limits.message_id}")
            value = _written(record, event, limits)
        except RecordFault as fault:
            record, value = _spoilt(event, moment, limits, new_id)
            message_id = record["messageId"]
            collected.rejected.append(Rejected(message_id, fault.reason, fault.detail))
            mine = {**headers, "fault": fault.reason, "detail": fault.detail, "id": message_id}
            collected.messages.append(Message(message_id.encode(), value, received, mine))
        else:
            key = record.get("userId") or record.get("anonymousId") or record["messageId"]
            mine = headers if unknown_key is None else {**headers, "id": record["messageId"]}
            collected.messages.append(Message(key.encode(), value, received, mine))
    return collected


def normalise(
    event: Any,
    batch: Batch,
    kind: str,
    received: str,
    about_things: Collection[str] = (),
    new_id: Callable[[], str] = new_id,
) -> dict[str, Any]:
    """Write an event the one way all clients could have written it; keys we do not know are kept.

    Raises:
        RecordFault: it is no event, or nobody can say whom it is about.

    >>> event = {"type": "identify", "userId": 7, "anonymousId": None, "messageId": "m1"}
    >>> normalise(event, Batch([]), "", "2026-01-31T12:00:00.000Z")["userId"]
    '7'
    """
    if type(event) is not dict:
        raise rejected(Reason.NOT_AN_OBJECT, f"an event is an object, not {_shown(event)}")
    record = dict(event)
    # A credential has no business among the facts.
    record.pop("writeKey", None)
    type_ = kind or record.get("type")
    if type(type_) is not str or type_ not in TYPES:
        raise rejected(Reason.UNKNOWN_TYPE, f"type {_shown(type_)}")
    record["type"] = type_
    for name in IDS:
        if name in record:
            text = _id(record.pop(name), name)
            if text:
                record[name] = text
    for name in OBJECTS:
        if name in record:
            value = record[name]
            if value is None:
                del record[name]
            elif type(value) is not dict:
                raise rejected(Reason.NOT_AN_OBJECT, f"{name} is {_shown(value)}")
    _add_what_the_batch_says(record, batch)
    context = record.get("context", {})
    known = context.get("traits")
    if type(known) is dict and type_ != "group":
        # A group's traits describe the group, those in the context the customer.
        record["traits"] = {**known, **record.get("traits", {})}
    if type_ == "track":
        said = record.get("event")
        if type(said) is not str or not said.strip():
            raise rejected(Reason.NO_EVENT, "a track record needs the event's name")
        record["event"] = said.strip()
    elif type_ in ("page", "screen"):
        _name_the_view(record)
    if not (_says_whom(record, context) or (type_ == "track" and record["event"] in about_things)):
        raise rejected(Reason.NO_IDENTIFIER, "it has neither userId nor anonymousId")
    if "messageId" not in record:
        record["messageId"] = new_id()
    record["receivedAt"] = received
    return record


def _add_what_the_batch_says(record: dict[str, Any], batch: Batch) -> None:
    if batch.context:
        record["context"] = {**batch.context, **record.get("context", {})}
    if batch.integrations:
        own = record.get("integrations")
        record["integrations"] = {**batch.integrations, **(own if type(own) is dict else {})}
    if batch.sent_at is not None and record.get("sentAt") is None:
        record["sentAt"] = batch.sent_at


def _name_the_view(record: dict[str, Any]) -> None:
    properties: Mapping[str, Any] = record.get("properties", {})
    for name in ("name", "category"):
        if record.get(name) is None and properties.get(name) is not None:
            record[name] = properties[name]


def _says_whom(record: Mapping[str, Any], context: Mapping[str, Any]) -> bool:
    if "userId" in record or "anonymousId" in record or context.get("externalIds"):
        return True
    # Which traits identify a customer is for the company's definitions to say.
    return record["type"] == "identify" and bool(record.get("traits"))


def _id(value: Any, name: str) -> str:
    if type(value) is str:
        return value.strip()
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return str(int(value)) if value.is_integer() else str(value)
    raise rejected(Reason.INVALID_ID, f"{name} is {_shown(value)}")


def _written(record: dict[str, Any], event: dict[str, Any], limits: CollectLimits) -> bytes:
    try:
        value = orjson.dumps(record)
    except orjson.JSONEncodeError:
        raise _too_deep(limits) from None
    # What the batch adds to each event is not the event's fault.
    if len(value) > limits.event and len(orjson.dumps(event)) > limits.event:
        raise rejected(Reason.TOO_LARGE, f"an event may have {limits.event} bytes")
    # Without that many brackets it cannot be that deep; only few events need the longer look.
    if value.count(b"{") + value.count(b"[") > limits.depth and _deeper(record, limits.depth):
        raise _too_deep(limits)
    return value


def _too_deep(limits: CollectLimits) -> RecordFault:
    return rejected(Reason.TOO_LARGE, f"an event may nest {limits.depth} objects and lists")


def _spoilt(
    event: Any, received: str, limits: CollectLimits, new_id: Callable[[], str]
) -> tuple[dict[str, Any], bytes]:
    record = {"body": event} if type(event) is not dict else dict(event)
    record.pop("writeKey", None)
    said = record.get("messageId")
    said = str(said).strip()[: limits.message_id] if type(said) in (str, int) else ""
    record |= {"messageId": said or new_id(), "receivedAt": received}
    if _deeper(record, limits.depth):
        record = _cut(record, limits.depth)
    return record, orjson.dumps(record)


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for each in level
            for child in (each.values() if type(each) is dict else each)
            if type(child) in (dict, list)
        ]
        if not level:
            return False
    return True


def _cut(value: Any, depth: int) -> Any:
    if type(value) is dict:
        return {key: _cut(each, depth - 1) for key, each in value.items()} if depth else CUT
    if type(value) is list:
        return [_cut(each, depth - 1) for each in value] if depth else CUT
    return value


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
