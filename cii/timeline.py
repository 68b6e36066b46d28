"""What happened with a customer over all channels, page by page, newest first."""

from __future__ import annotations

from typing import Any

from cid.kit.clock import format_time, parse_time
from cid.kit.definitions import Definitions
from cid.model.definition import SYSTEMS
from cii.ports import Store
from cii.synchronization import Pipeline


class Timeline:
    """Relives the records of one customer, as many as fit on a page."""

    def __init__(self, definitions: Definitions, pipeline: Pipeline, store: Store) -> None:
        self.definitions = definitions
        self.pipeline = pipeline
        self.store = store

    def page(self, customer: str, before: str, limit: int, source: str) -> dict[str, Any]:
        """Return the records of a customer before a moment, or before the ``next`` of another page."""
        identities = sorted(self.pipeline.graph.members[customer])
        moment, _, place = before.partition("@")
        edge = (parse_time(moment) if moment else 1 << 53, int(place) if place.isdigit() else 0)
        rows = self.store.timeline(identities, edge, min(limit, 500), source)
        keys = [(row["position"], row["partition"], row["offset"], row["identity"]) for row in rows]
        relived = dict(self.pipeline.relive(keys))
        systems = self.definitions.of(SYSTEMS)
        facts = []
        for row in rows:
            fact = relived.get(row["position"])
            if fact is None:
                continue
            system = systems.get(fact.source)
            facts.append(
                {
                    "position": fact.position,
                    "message_id": fact.message_id,
                    "time": format_time(fact.time),
                    "received": format_time(fact.received),
                    "source": fact.source,
                    "channel": system.value.channel if system else "",
                    "type": fact.type,
                    "event": fact.event,
                    "actor": fact.actor,
                    "loop": fact.loop,
                    "identity": fact.identity,
                    "properties": fact.properties,
                    "attributes": fact.attributes,
                }
            )
        more = len(rows) == min(limit, 500)
        return {
            "customer": customer,
            "facts": facts,
            "next": f"{format_time(rows[-1]['time'])}@{rows[-1]['position']}"
            if rows and more
            else "",
        }
