"""Why a record is not applied: a closed list, so that counts by reason stay comparable."""

from __future__ import annotations

from enum import StrEnum

from cii.model import RecordFault, State


class Reason(StrEnum):
    """Each reason is written into the ledger beside the record."""

    INVALID_JSON = "invalid_json"
    """The text is not JSON."""
    NOT_AN_OBJECT = "not_an_object"
    """It is JSON, but not an object where one is needed."""
    UNREADABLE_ROW = "unreadable_row"
    """A line of a file could not be read as a row."""
    TOO_LARGE = "too_large"
    """It is larger than the endpoint takes."""
    UNKNOWN_TYPE = "unknown_type"
    """Its type is none of track, identify, page, screen, group, alias."""
    NO_EVENT = "no_event"
    """It says that something happened, but not what."""
    NO_IDENTIFIER = "no_identifier"
    """Nothing in it says which customer it is about."""
    INVALID_ID = "invalid_id"
    """An id is neither text nor a number, or is too long."""
    INVALID_TIME = "invalid_time"
    """When it happened is missing where it has to be said, or cannot be understood."""
    NOT_OURS = "not_ours"
    """It decides who is who, which only our own people may; touchpoints and systems give evidence."""
    UNKNOWN_PROTOCOL = "unknown_protocol"
    """Neither a record of the collect API nor a row of a flow."""

    UNKNOWN_KEY = "unknown_key"
    """Its write key belongs to no system of the company."""
    UNKNOWN_FLOW = "unknown_flow"
    """The flow it came through is no longer defined."""
    MAPPING = "mapping"
    """An expression of its flow does not fit the row's columns."""
    CONTRACT_MISSING = "contract_missing"
    """A property that was promised is not there."""
    CONTRACT_TYPE = "contract_type"
    """A property is of another type than promised."""
    CONTRACT_RANGE = "contract_range"
    """A property is below or above what was promised."""
    CONTRACT_VALUE = "contract_value"
    """A property has a value that is not in the promised list."""


def rejected(reason: str, detail: str) -> RecordFault:
    """Say that a record is structurally wrong: no change of definitions could make it good."""
    return RecordFault(State.REJECTED, reason, detail)


def quarantined(reason: str, detail: str) -> RecordFault:
    """Say that a record waits: a changed definition may make it good."""
    return RecordFault(State.QUARANTINED, reason, detail)
