"""Customer service: cases with an SLA clock, in queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cfa.model import QUEUES, Change, Manifest, Step, read_text
from cfa.ports import Advisor
from cfa.service.cases import fold_case, promise, read_score, read_status
from cfa.tasks import step_of
from cfa.working_time import RoundTheClock, work_clock
from cid.kit.definitions import Definitions, Title
from cid.model.fact import Fact

KINDS = {
    "Case Opened": "opened",
    "Case Message": "message",
    "Case Status Changed": "status",
    "Case Resolved": "resolved",
    "Case Rated": "rated",
}


class Service:
    """Keeps cases: what a customer asked, what we promised, what was said, and how it ended."""

    manifest = Manifest(name="service", title=Title(en="Service", zh="服务"))
    kind = "case"
    events = frozenset(KINDS)

    def __init__(self, definitions: Definitions, advisor: Advisor) -> None:
        self.advisor = advisor
        queues = definitions.of(QUEUES)
        self._clocks = {name: work_clock(definitions, name) for name in queues}
        own = [name for name, entry in queues.items() if entry.value.app == "service"]
        self._first_queue = own[0] if own else ""

    def take(self, fact: Fact) -> Change | None:
        """Say which case the fact is a step of."""
        given = fact.properties
        case = read_text(given, "case_id")
        if not case:
            return None
        kind = KINDS[fact.event]
        fields: dict[str, Any] = {}
        match kind:
            case "opened":
                names = ("subject", "channel", "priority", "queue")
                fields = {name: read_text(given, name) for name in names}
                fields["queue"] = fields["queue"] or self._first_queue
                fields["priority"] = fields["priority"].lower() or "normal"
                fields |= promise(self.advisor, {**fields, "customer": fact.customer})
            case "message":
                inbound = read_text(given, "direction").lower() != "outbound"
                fields = {"direction": "inbound" if inbound else "outbound"}
            case "status":
                fields = {"status": read_status(read_text(given, "status"))}
            case "resolved":
                fields = {"resolution": read_text(given, "resolution")}
            case _:
                fields = {"score": read_score(given.get("score"))}
        text = read_text(given, "text") if kind == "message" else ""
        return Change(self.kind, case, step_of(fact, kind, fields), fact.customer, text)

    def fold(self, steps: Sequence[Step]) -> dict[str, Any]:
        """Return the case as its steps left it."""
        opened = next((step for step in steps if step.kind == "opened"), None)
        queue = opened.fields["queue"] if opened else self._first_queue
        return fold_case(steps, opened, self._clocks.get(queue) or RoundTheClock())
