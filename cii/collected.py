"""Records of the collect API: the Segment protocol's words become a fact.

What clients do differently (nulls, traits in two places, batch contexts) was evened out on receipt.
"""

from __future__ import annotations

from typing import Any

from cid.model.fact import Fact
from cii.identifiers import MAX_LENGTH, Identifiers
from cii.ports import LogRecord
from cii.reasons import Reason, rejected
from cii.times import moment_of, moment_of_event

TYPES = {
    "track": "",
    "identify": "Identify",
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "group": "Group",
    "alias": "Alias",
}
"""The types of records and what happened, for those that do not say it themselves."""

BROWSERS = ("analytics.js", "analytics-next", "RudderLabs JavaScript SDK", "jitsu", "@jitsu/js")
"""Libraries that run on somebody's own device, whose clock nobody looks after."""

PAGE = ("url", "path", "referrer", "title", "search")

_NOTHING: dict[str, Any] = {}


def collected_fact(record: LogRecord, body: dict[str, Any], identifiers: Identifiers) -> Fact:
    """Return the fact that a collected record tells.

    Raises:
        RecordFault: its type, event or time cannot be understood.
    """
    said = body.get
    type_ = said("type")
    context = said("context")
    if type(context) is not dict:
        context = _NOTHING
    properties = said("properties")
    if type(properties) is not dict:
        properties = _object(body, "properties")
    attributes: dict[str, Any] = {}
    if type_ == "track":
        event = said("event")
        if type(event) is not str or not (event := event.strip()):
            raise rejected(Reason.NO_EVENT, "a track record needs the event's name")
        event = event[:MAX_LENGTH]
    elif type(type_) is str and type_ in TYPES:
        event = TYPES[type_]
        if type_ == "identify":
            attributes = _object(body, "traits")
        elif type_ == "group":
            properties, attributes = _group(body)
        elif type_ != "alias":
            properties = _viewed(body, properties, context)
    else:
        raise rejected(Reason.UNKNOWN_TYPE, f"type {_short(type_)}")
    time = received = record.timestamp
    if said("originalTimestamp") is None and said("sentAt") is None:
        if (text := said("timestamp")) is not None:
            moment = moment_of(text)
            time = _said(text, "timestamp") if moment is None else moment
    else:
        time, shifted = _moment(body, context, received)
        if shifted:
            properties["_skew_ms"] = shifted
    if attributes or type_ == "alias" or "externalIds" in context:
        named = identifiers.identifiers_of(ids_of(body), attributes)
    else:
        named = identifiers.of_two(said("userId"), said("anonymousId"))
    message_id = said("messageId")
    if type(message_id) is not str or not message_id:
        place = f"{record.topic}/{record.partition}/{record.offset}"
        message_id = record.headers.get("id") or place
    return Fact(
        0,
        message_id,
        record.headers.get("source", ""),
        type_,
        event,
        time,
        received,
        named,
        properties,
        attributes,
        _text(context.get("actor")) if context else "",
        _text(context.get("loop")) if context else "",
    )


def ids_of(body: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the kinds and values by which a collected record names its customer."""
    ids = [("user_id", body.get("userId")), ("anonymous_id", body.get("anonymousId"))]
    context = body.get("context")
    external = context.get("externalIds") if type(context) is dict else None
    if type(external) is list:
        for each in external:
            if type(each) is dict and type(each.get("type")) is str:
                ids.append((each["type"], each.get("id")))
    if body.get("type") == "alias":
        previous = body.get("previousId")
        if previous is not None and previous != body.get("userId"):
            # The protocol does not say of what kind the former id was; as both it is found.
            ids += [("user_id", previous), ("anonymous_id", previous)]
    return ids


def _viewed(
    body: dict[str, Any], properties: dict[str, Any], context: dict[str, Any]
) -> dict[str, Any]:
    for key in ("name", "category"):
        if body.get(key) is not None:
            properties.setdefault(key, body[key])
    page = context.get("page")
    if type(page) is dict:
        for key in PAGE:
            if page.get(key) is not None:
                properties.setdefault(key, page[key])
    return properties


def _group(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a membership: the traits are the group's, only its name says something of the member."""
    traits = _object(body, "traits")
    name = traits.get("name")
    return {**traits, "group_id": body.get("groupId")}, {"company": name} if name else {}


def _moment(body: dict[str, Any], context: dict[str, Any], received: int) -> tuple[int, int]:
    text = body.get("originalTimestamp")
    original = _said(text, "originalTimestamp") if text is not None else None
    text = body.get("timestamp")
    explicit = _said(text, "timestamp") if text is not None else None
    if original is None:
        original, explicit = explicit, None
    if original is None:
        return received, 0
    sent = body.get("sentAt")
    library = context.get("library")
    name = library.get("name") if type(library) is dict else None
    return moment_of_event(
        original,
        explicit,
        moment_of(sent) if sent is not None else None,
        received,
        browser=name in BROWSERS,
    )


def _said(text: Any, name: str) -> int:
    moment = moment_of(text)
    if moment is None:
        raise rejected(Reason.INVALID_TIME, f"{name} is not a moment: {_short(text)}")
    return moment


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if type(value) is not dict:
        raise rejected(Reason.NOT_AN_OBJECT, f"{name} is not an object: {_short(value)}")
    return value


def _text(value: Any) -> str:
    return value[:MAX_LENGTH] if type(value) is str else ""


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
