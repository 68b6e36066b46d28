"""Integration, to use: give it records, see their fate, heal what waits, decide who is who."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from cid.customers import Customers
from cid.kit.clock import Clock, format_time
from cid.kit.definitions import Definitions
from cid.kit.errors import Conflict, InvalidInput, NotFound, Unavailable
from cid.kit.ids import new_id
from cid.model.definition import SYSTEMS
from cid.model.fact import Fact
from cii.balance import Balance
from cii.evidence import Evidence
from cii.mapping import Mapper
from cii.matrix import matrix
from cii.model import FLOWS, STAFF, State
from cii.ports import CollectLimits, Message, Store, Transport
from cii.preparation import Prepared
from cii.synchronization import MERGED, SEPARATED, TOPIC, Pipeline
from cii.timeline import Timeline

CHUNK = 5_000


class Integration:
    """How records come in, in step, and to whom they belong."""

    topic = TOPIC

    def __init__(
        self,
        definitions: Definitions,
        pipeline: Pipeline,
        transport: Transport,
        store: Store,
        mapper: Mapper,
        clock: Clock,
        *,
        limits: CollectLimits,
        lenient: bool = False,
        customers: Customers,
    ) -> None:
        self.definitions = definitions
        self.pipeline = pipeline
        self.transport = transport
        self.store = store
        self.mapper = mapper
        self.clock = clock
        self.limits = limits
        self.lenient = lenient
        self._customers = customers
        self._balance = Balance(definitions, pipeline, transport, store, clock)
        self._timeline = Timeline(definitions, pipeline, store)
        self._evidence = Evidence(pipeline, store, customers)
        self.keys: Mapping[str, str] = {
            entry.value.write_key: system
            for system, entry in definitions.of(SYSTEMS).items()
            if entry.value.write_key
        }

    @property
    def about_things(self) -> Collection[str]:
        """Events that are about no customer, so that they need no id."""
        return self.mapper.about_things

    def customer(self, name: str) -> str:
        """Return the present customer behind a customer id, a former id or an identifier.

        Raises:
            NotFound: nobody is known by it.
        """
        found = self.pipeline.graph.customer(name)
        if found is None:
            raise NotFound("customer", name)
        return found

    def append(self, messages: Iterable[Message]) -> int:
        """Put messages into the log; return how many. They are durable when this returns."""
        total = 0
        iterator = iter(messages)
        while some := list(islice(iterator, CHUNK)):
            self.transport.append(TOPIC, some)
            total += len(some)
        return total

    def append_prepared(
        self,
        messages: Sequence[tuple[Message, Prepared | None]],
        meanwhile: Callable[[], Any] = lambda: None,
    ) -> None:
        """Put messages into the log that somebody has mapped ahead by the definitions of now.

        Args:
            messages: each with what it comes to, or None where that is not known yet.
            meanwhile: done once while the log makes them durable.
        """
        for start in range(0, len(messages), CHUNK):
            some = messages[start : start + CHUNK]
            durable = self.transport.append_soon(TOPIC, [message for message, _ in some])
            if not start:
                meanwhile()
            self.pipeline.expect(durable.result(), [prepared for _, prepared in some])

    def load(
        self, flow: str, files: list[str], on_progress: Callable[[int], None] | None = None
    ) -> dict[str, Any]:
        """Read files through a flow: every row is applied, duplicate, rejected or quarantined.

        Raises:
            NotFound: no such flow, or no such file.
            InvalidInput: a file is not in the flow's format; says where.
        """
        plan = self.mapper.flow(flow)
        before = self._balance.states()
        for name in files:
            path = Path(name)
            if not path.is_file():
                raise NotFound("file", name)
            received = self.clock.now()
            self.append(plan.prepare(path, received, on_progress))
        self.pipeline.run()
        after = self._balance.states()
        fate = {state: after[state] - before[state] for state in after}
        return {"flow": flow, "files": len(files), "received": sum(fate.values()), **fate}

    def flow_for(self, path: Path) -> str | None:
        """Return the flow whose file patterns a file's name meets."""
        for name, entry in self.definitions.of(FLOWS).items():
            if any(fnmatch(path.name, pattern) for pattern in entry.value.files):
                return name
        return None

    def submit(
        self,
        event: str,
        *,
        customer: str = "",
        properties: Mapping[str, Any] | None = None,
        actor: str = "",
        loop: str = "",
        message_id: str | None = None,
        at: int | None = None,
    ) -> dict[str, Any]:
        """Record what somebody here did, as a fact like any other; returns when it has been applied.

        Raises:
            NotFound: the customer is not known.
            Unavailable: the log cannot take it just now; nothing was recorded.
        """
        now = self.clock.now() if at is None else at
        message = self._own(event, customer, properties or {}, actor, loop, message_id, now)
        self.transport.append(TOPIC, [message])
        self.pipeline.run()
        identity = orjson.loads(message.value)["messageId"]
        rows = [row for row in self.store.find(identity) if row["source"] == STAFF]
        if not rows:
            raise Unavailable("The record is in the log but not applied yet.", hint="Look again.")
        fate = rows[0]
        if fate["state"] not in ("applied", "duplicate"):
            raise InvalidInput(f"Not recorded: {fate['reason']}: {fate['detail']}")
        return {"message_id": identity, "state": fate["state"], "position": fate["position"]}

    def own_message(
        self,
        event: str,
        *,
        customer: str,
        properties: Mapping[str, Any],
        actor: str,
        loop: str,
        message_id: str,
        at: int,
        source: str = STAFF,
    ) -> Message:
        """Make the message of something that somebody here did, to be appended with others."""
        return self._own(event, customer, properties, actor, loop, message_id, at, source)

    def ledger(self) -> dict[str, Any]:
        """Return what became of everything received, by source; the totals balance."""
        return self._balance.ledger()

    def quarantine(self, limit: int = 100) -> dict[str, Any]:
        """Return the records that wait for better definitions, with what is wrong."""
        states = self._balance.states()
        records = []
        for row in self.store.held(str(State.QUARANTINED), limit):
            found = self.transport.read(TOPIC, row["partition"], row["offset"], 1)
            records.append(
                {
                    "position": row["position"],
                    "source": row["source"],
                    "message_id": row["message_id"],
                    "received": format_time(row["received"]),
                    "reason": row["reason"],
                    "detail": row["detail"],
                    "record": _readable(found[0].value) if found else None,
                }
            )
        return {"total": states[str(State.QUARANTINED)], "records": records}

    def replay(self) -> dict[str, Any]:
        """Apply what is in quarantine again, by the definitions of now."""
        tried = self.pipeline.replay()
        left = self._balance.states()[str(State.QUARANTINED)]
        return {"tried": tried, "applied": max(0, tried - left), "quarantined": left}

    def find(self, message_id: str) -> list[dict[str, Any]]:
        """Say what became of a record: where it is, when, why."""
        rows = self.store.find(message_id)
        if not rows:
            raise NotFound("record", message_id)
        for row in rows:
            for name in ("received", "time"):
                row[name] = format_time(row[name]) if row[name] is not None else None
        return rows

    def flows(self) -> list[dict[str, Any]]:
        """List the flows: direction, filter, transformation and schedule."""
        return self._balance.flows()

    def facts_of(self, customer: str) -> list[Fact]:
        """Return everything that happened with a customer."""
        identities = sorted(self.pipeline.graph.members[self.customer(customer)])
        rows = self.store.timeline(identities, (1 << 53, 0), 100_000, "")
        keys = [(row["position"], row["partition"], row["offset"], row["identity"]) for row in rows]
        return [fact for _, fact in self.pipeline.relive(keys)]

    def timeline(
        self, customer: str, before: str = "", limit: int = 50, source: str = ""
    ) -> dict[str, Any]:
        """Return what happened with a customer over all channels, newest first.

        ``before`` is a moment, or the ``next`` of the page before.
        """
        return self._timeline.page(self.customer(customer), before, limit, source)

    def matrix(self) -> dict[str, Any]:
        """Return attribute × system: who may say what, how much each says, what is in force (S2.Q4)."""
        return matrix(self.definitions, self._customers)

    def evidence(self, customer: str) -> dict[str, Any]:
        """Say why we think this is one customer: identifiers, the evidence between them, vetoes."""
        return self._evidence.of(self.customer(customer))

    def preview_unmerge(self, a: str, b: str) -> dict[str, Any]:
        """Say who would be left with what if the evidence between two identifiers were vetoed."""
        self._must_know(a, b)
        return {"parts": self._evidence.parts(a, b)}

    def merge(self, a: str, b: str, reason: str, actor: str) -> dict[str, Any]:
        """Decide that two identifiers are the same customer."""
        return self._decide(MERGED, a, b, reason, actor)

    def unmerge(self, a: str, b: str, reason: str, actor: str) -> dict[str, Any]:
        """Veto the evidence between two identifiers; it stays undone until somebody decides otherwise."""
        return self._decide(SEPARATED, a, b, reason, actor)

    def _decide(self, event: str, a: str, b: str, reason: str, actor: str) -> dict[str, Any]:
        self._must_know(a, b)
        if a == b:
            raise Conflict("An identifier is always the same customer as itself.")
        if not reason.strip():
            raise InvalidInput("A decision needs a reason.", hint="Say how you know.")
        said = {"a": a, "b": b, "reason": reason}
        self.submit(event, customer=a, properties=said, actor=actor or "unknown")
        known = self.pipeline.graph.known
        return {"customers": sorted({known[a].customer, known[b].customer})}

    def _must_know(self, *identifiers: str) -> None:
        for each in identifiers:
            if each not in self.pipeline.graph.known:
                raise NotFound("identifier", each)

    def _own(
        self,
        event: str,
        customer: str,
        properties: Mapping[str, Any],
        actor: str,
        loop: str,
        message_id: str | None,
        now: int,
        source: str = STAFF,
    ) -> Message:
        graph = self.pipeline.graph
        body: dict[str, Any] = {
            "type": "track",
            "event": event,
            "messageId": message_id or new_id(),
            "timestamp": format_time(now),
            "properties": dict(properties),
            "context": {"actor": actor, "loop": loop},
        }
        key = body["messageId"]
        if customer:
            found = (
                customer if customer in graph.known else graph.strongest(self.customer(customer))
            )
            kind, _, value = found.partition(":")
            body["context"]["externalIds"] = [{"type": kind, "id": value}]
            key = found
        headers = {"source": source, "protocol": "segment", "id": body["messageId"]}
        return Message(key.encode(), orjson.dumps(body), now, headers)


def _readable(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value[:2_000].decode("utf-8", "replace")
