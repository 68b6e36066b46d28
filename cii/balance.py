"""The books of integration: what became of everything received, source by source, and the flows it came by."""

from __future__ import annotations

from typing import Any

from cid.kit.clock import Clock, format_time, parse_duration
from cid.kit.definitions import Definitions
from cid.model.definition import SYSTEMS
from cii.model import FLOWS, State
from cii.ports import Store, Transport
from cii.synchronization import TOPIC, Pipeline


class Balance:
    """Counts what was received against what became of it."""

    def __init__(
        self,
        definitions: Definitions,
        pipeline: Pipeline,
        transport: Transport,
        store: Store,
        clock: Clock,
    ) -> None:
        self.definitions = definitions
        self.pipeline = pipeline
        self.transport = transport
        self.store = store
        self.clock = clock

    def states(self) -> dict[str, int]:
        """Return how many records ended in each state."""
        counts = dict.fromkeys((str(state) for state in State), 0)
        for row in self.store.totals():
            counts[row["state"]] += row["records"]
        return counts

    def ledger(self) -> dict[str, Any]:
        """Return what became of everything received, by source; the totals balance."""
        rows = self.store.totals()
        last = self.store.last_received()
        systems = self.definitions.of(SYSTEMS)
        names = dict.fromkeys([*systems, *(row["source"] for row in rows)])
        sources = []
        states = dict.fromkeys((str(state) for state in State), 0)
        for name in names:
            mine = [row for row in rows if row["source"] == name]
            fate = dict.fromkeys(states, 0)
            reasons: dict[str, int] = {}
            for row in mine:
                fate[row["state"]] += row["records"]
                states[row["state"]] += row["records"]
                if row["reason"]:
                    reasons[row["reason"]] = reasons.get(row["reason"], 0) + row["records"]
            entry = systems.get(name)
            sources.append(
                {
                    "source": name,
                    "title": entry.value.title.model_dump()
                    if entry and entry.value.title
                    else None,
                    "channel": entry.value.channel if entry else "",
                    "received": sum(fate.values()),
                    **fate,
                    "reasons": reasons,
                    "last_received": format_time(last[name]) if name in last else None,
                    "expected_every": entry.value.expected_every if entry else "",
                    "silent": self._silent(name, last.get(name)),
                }
            )
        received = sum(self.transport.ends(TOPIC).values()) - self.pipeline.holes
        pending = self.pipeline.behind()
        return {
            "received": received,
            "pending": pending,
            "states": states,
            "balanced": received == pending + sum(states.values()),
            "last_received": format_time(max(last.values())) if last else None,
            "sources": sources,
        }

    def flows(self) -> list[dict[str, Any]]:
        """List the flows: direction, filter, transformation and schedule."""
        last = self.store.last_received()
        totals: dict[str, int] = {}
        for row in self.store.totals():
            totals[row["source"]] = totals.get(row["source"], 0) + row["records"]
        result = []
        for name, entry in self.definitions.of(FLOWS).items():
            flow = entry.value
            result.append(
                {
                    "name": name,
                    "title": flow.title.model_dump() if flow.title else None,
                    "description": flow.description.model_dump() if flow.description else None,
                    "source": flow.source,
                    "format": flow.format,
                    "files": list(flow.files),
                    "schedule": flow.schedule,
                    "when": flow.when,
                    "file": entry.file,
                    "line": entry.line,
                    "version": entry.version,
                    "rows": totals.get(flow.source, 0),
                    "last_loaded": format_time(last[flow.source]) if flow.source in last else None,
                }
            )
        return result

    def _silent(self, source: str, last: int | None) -> bool:
        entry = self.definitions.of(SYSTEMS).get(source)
        if entry is None or not entry.value.expected_every or last is None:
            return False
        return self.clock.now() - last > parse_duration(entry.value.expected_every)
