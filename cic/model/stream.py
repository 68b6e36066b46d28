"""Streams: whoever outside wants to hear of every entry and every exit."""

from __future__ import annotations

from pydantic import model_validator

from cid.kit.definitions import Definition, Section


class Stream(Definition):
    """Every entry into and exit from segments, told to a topic or to another system.

    Each is told at least once, in order for each customer, with an id that stays the same however often it is
    told. What cannot be told waits; nothing is left out.
    """

    segments: tuple[str, ...] = ()
    """The segments; all where empty."""
    topic: str = ""
    """Name of a topic of the transport: with Kafka a topic of the brokers."""
    webhook: str = ""
    """Address (http or https) to which each change is posted as JSON."""
    values: bool = False
    """Also tell the values that decided; they may be personal."""
    past: bool = False
    """Begin with all changes there ever were, not with those from now on."""

    @model_validator(mode="after")
    def _one_way(self) -> Stream:
        if bool(self.topic) == bool(self.webhook):
            raise ValueError("give either a topic or a webhook")
        if self.topic == "facts":
            raise ValueError("the topic 'facts' is that of the records")
        if self.webhook and not self.webhook.startswith(("http://", "https://")):
            raise ValueError("the address of a webhook begins with http:// or https://")
        return self


STREAMS = Section("streams", Stream)
