"""Mapping: what a system sent becomes a fact in the company's words, or a fault with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from cid.kit.definitions import Definitions
from cid.kit.documents import storable
from cid.kit.errors import NotFound
from cid.model.definition import COMPANY, ENTITIES, SYSTEMS
from cid.model.fact import Fact
from cii.collected import collected_fact
from cii.contracts import Contracts
from cii.flows import FlowPlan
from cii.identifiers import Identifiers
from cii.model import CONTRACTS, DECISIONS, DEFINED, FLOWS, IDENTIFIERS, STAFF, RecordFault
from cii.ports import LogRecord, Message
from cii.reasons import Reason, quarantined, rejected
from cii.times import TOLERANCE

ABOUT_THINGS = frozenset({"Product Updated", "Product Recalled", DEFINED})
"""Events about no customer; so are those of extra entities of products, channels and marketing."""


BACKSLASH = ord("\\")
NUL = rb"\u0000"
"""How JSON writes the character that no text has."""
REMEMBERED = 1_000
"""How many headers are known again before the memory is emptied."""


class Mapper:
    """Turns records of the log into facts, by the company's definitions; reads no clock.

    The definitions in force when the record is applied decide, so a replay with better ones heals.
    """

    def __init__(self, definitions: Definitions) -> None:
        company = definitions.of(COMPANY).get("company")
        home = company.value.time_zone if company else "UTC"
        self.identifiers = Identifiers(definitions.of(IDENTIFIERS))
        self.contracts = Contracts(definitions.of(CONTRACTS))
        self.flows = {
            name: FlowPlan(name, entry, self.identifiers, home)
            for name, entry in definitions.of(FLOWS).items()
        }
        self.keys = {
            entry.value.write_key: name
            for name, entry in definitions.of(SYSTEMS).items()
            if entry.value.write_key
        }
        self.steady = frozenset(self.keys.values()) - {
            plan.flow.source for plan in self.flows.values()
        }
        """Systems whose records say themselves what happened, whatever the definitions."""
        self._watched = frozenset(definitions.of(CONTRACTS)) | DECISIONS
        self._plain: dict[int, Mapping[str, str]] = {}
        """Headers known to say nothing special, by their place in memory; kept, so that it stays theirs."""
        self.about_things = ABOUT_THINGS.union(
            event
            for entry in definitions.of(ENTITIES).values()
            if entry.value.subject in ("product", "channel", "marketing")
            for event in entry.value.events
        )

    def map(self, record: LogRecord) -> Fact:
        """Return the fact that a record tells; its position is left 0.

        A fact about a thing and no customer, e.g. ``Product Updated``, has no identifiers.

        Raises:
            RecordFault: it cannot be applied; rejected, or quarantined until definitions change.
        """
        headers = record.headers
        if id(headers) not in self._plain:
            headers = self._looked_at(headers)
            if headers is not record.headers:
                record = record._replace(headers=headers)
        value = record.value
        try:
            body = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise rejected(Reason.INVALID_JSON, str(error)) from None
        if type(body) is not dict:
            raise rejected(Reason.NOT_AN_OBJECT, "the record is not a JSON object")
        # One byte is found ten times faster than six; hardly any record has it.
        if BACKSLASH in value and NUL in value:
            # No name and no id has such a character, and not every database can hold it.
            body = storable(body)
        try:
            return self._map(record, body)
        except RecordFault as fault:
            # Whoever asks what became of his record knows it by this id.
            fault.message_id = headers.get("id") or str(body.get("messageId") or "")
            raise

    def _looked_at(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers that count, or raise what they say themselves.

        Read-only ones are shared by many records: those with nothing special are known again.
        """
        system = self.keys.get(headers.get("write_key", ""))
        if system is not None:
            # The key was unknown when the record came; now it is somebody's.
            return {"protocol": "segment", "source": system}
        if "quarantine" in headers:
            raise quarantined(headers["quarantine"], headers.get("detail", ""))
        if "fault" in headers:
            raise rejected(headers["fault"], headers.get("detail", ""))
        if type(headers) is MappingProxyType:
            if len(self._plain) >= REMEMBERED:
                self._plain.clear()
            self._plain[id(headers)] = headers
        return headers

    def _map(self, record: LogRecord, body: dict[str, Any]) -> Fact:
        headers = record.headers
        protocol = headers.get("protocol")
        if protocol == "segment":
            fact = collected_fact(record, body, self.identifiers)
        elif protocol == "flow":
            plan = self.flows.get(headers.get("flow", ""))
            if plan is None:
                raise quarantined(Reason.UNKNOWN_FLOW, f"no flow {headers.get('flow', '')!r}")
            fact = plan.fact(record, body)
        else:
            raise rejected(Reason.UNKNOWN_PROTOCOL, f"protocol {protocol!r}")
        event = fact.event
        watched = event in self._watched
        if watched and event in DECISIONS and fact.source != STAFF:
            raise rejected(Reason.NOT_OURS, f"{event!r} from {fact.source!r}")
        if not fact.identifiers and event not in self.about_things:
            raise rejected(Reason.NO_IDENTIFIER, "nothing says which customer it is about")
        if fact.time > fact.received + TOLERANCE:
            fact.time = fact.received
            fact.properties["_clamped"] = True
        if watched:
            about = fact.attributes if fact.type == "identify" else fact.properties
            breach = self.contracts.breach(event, about)
            if breach is not None:
                raise quarantined(*breach)
        return fact

    def flow(self, name: str) -> FlowPlan:
        """Return a flow, ready to read rows.

        Raises:
            NotFound: no flow has that name.
        """
        if name not in self.flows:
            raise NotFound("flow", name, self.flows)
        return self.flows[name]

    def prepare(
        self,
        flow: str,
        path: Path,
        received: int,
        on_progress: Callable[[int], None] | None = None,
    ) -> Iterator[Message]:
        """Read a file through a flow into messages for the log, telling how many rows were read."""
        return self.flow(flow).prepare(path, received, on_progress)
