"""Why we think that several identifiers are one customer, and what is left of her without a piece of evidence."""

from __future__ import annotations

from typing import Any

from cid.customers import Customers
from cid.kit.clock import format_time
from cii.ports import Store
from cii.synchronization import Pipeline


class Evidence:
    """Reads the graph of identities for people."""

    def __init__(self, pipeline: Pipeline, store: Store, customers: Customers) -> None:
        self.pipeline = pipeline
        self.store = store
        self.customers = customers

    def of(self, customer: str) -> dict[str, Any]:
        """Return a customer's identifiers, the evidence between them, vetoes, and earlier decisions."""
        graph = self.pipeline.graph
        members = sorted(graph.members[customer])
        edges, vetoes, beyond = [], [], set()
        for edge in sorted(
            {id(edge): edge for each in members for edge in graph.edges[each].values()}.values(),
            key=lambda each: (each.a, each.b),
        ):
            inside = edge.a in graph.members[customer] and edge.b in graph.members[customer]
            blocked = graph.known[edge.a].blocked or graph.known[edge.b].blocked
            if edge.vetoed:
                vetoes.append(
                    {
                        "a": edge.a,
                        "b": edge.b,
                        "reason": edge.reason,
                        "actor": edge.decided_by,
                        "at": format_time(edge.decided_at),
                    }
                )
            if not inside:
                beyond.update({edge.a, edge.b} - graph.members[customer])
            edges.append(
                {
                    "a": edge.a,
                    "b": edge.b,
                    "reason": _why(edge.vetoed, blocked, edge.reason),
                    "source": edge.source,
                    "message_id": edge.message_id,
                    "time": format_time(edge.time),
                    "active": not edge.vetoed and not blocked,
                }
            )
        return {
            "customer": customer,
            "name": self.customers.name(customer),
            "identities": [
                self._identity(each, customer) for each in [*members, *sorted(beyond)[:50]]
            ],
            "edges": edges[:500],
            "vetoes": vetoes,
            "history": [
                {**row, "time": format_time(row["time"])}
                for row in self.store.regroupings(customer, 50)
            ],
        }

    def parts(self, a: str, b: str) -> list[dict[str, Any]]:
        """Return who would be left with what if the evidence between two identifiers were vetoed."""
        graph, seen = self.pipeline.graph, self.customers.seen
        return [
            {
                "customer": graph.id_of(part),
                "identifiers": part,
                "records": sum(seen[each].facts for each in part if each in seen),
            }
            for part in graph.bridges(a, b)
            if part
        ]

    def _identity(self, identifier: str, customer: str) -> dict[str, Any]:
        known = self.pipeline.graph.known[identifier]
        seen = self.customers.seen.get(identifier)
        return {
            "identifier": identifier,
            "kind": identifier.partition(":")[0],
            "customer": known.customer,
            "own": known.customer == customer,
            "blocked": known.blocked,
            "first_seen": format_time(known.first_seen),
            "last_seen": format_time(seen.last) if seen else None,
            "records": seen.facts if seen else 0,
            "sources": sorted(
                {edge.source for edge in self.pipeline.graph.edges[identifier].values()}
            ),
        }


def _why(vetoed: bool, blocked: bool, reason: str) -> str:
    if vetoed:
        return f"vetoed: {reason}"
    return "shared by too many to prove anything" if blocked else "named in one record"
