"""Values of a customer's attributes: what a system said, and what survived of all that was said."""

from __future__ import annotations

from typing import Any, NamedTuple


class Observation(NamedTuple):
    """What one system said about one attribute, when, and in which record."""

    time: int
    source: str
    message_id: str
    value: Any


class Value(NamedTuple):
    """A surviving value with where it comes from."""

    value: Any
    source: str
    time: int
