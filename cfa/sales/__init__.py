"""Sales: leads and opportunities on a pipeline board, until there is an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cfa.model import Change, Manifest, Step, read_money, read_text
from cfa.ports import Advisor
from cfa.sales.pipeline import fold_opportunity, pipelines_of
from cfa.tasks import step_of
from cid.kit.definitions import Definitions, Title
from cid.model.fact import Fact

TEXTS = ("stage", "currency", "owner", "close_date", "pipeline", "product")


class Sales:
    """Keeps opportunities, from the lead that nobody looked at to the deal that is won or lost."""

    manifest = Manifest(name="sales", title=Title(en="Sales", zh="销售"))
    kind = "opportunity"
    events = frozenset({"Lead Captured", "Opportunity Updated", "Quote Sent"})

    def __init__(self, definitions: Definitions, advisor: Advisor) -> None:
        self.advisor = advisor
        self.pipelines = pipelines_of(definitions)

    def take(self, fact: Fact) -> Change | None:
        """Say which opportunity the fact is a step of; a lead is one that is not qualified yet."""
        given = fact.properties
        lead = fact.event == "Lead Captured"
        opportunity = read_text(given, "lead_id" if lead else "opportunity_id")
        if not opportunity:
            return None
        fields: dict[str, Any]
        if lead:
            fields = {"title": read_text(given, "interest"), "origin": read_text(given, "origin")}
            kind = "opened"
        else:
            fields = {"amount": read_money(given.get("amount"))}
            fields |= {"discount": _share(given.get("discount"))}
            kind = "quoted"
            if fact.event == "Opportunity Updated":
                kind = "updated"
                fields |= {name: read_text(given, name) for name in TEXTS}
                fields |= {"title": read_text(given, "name")}
        return Change(self.kind, opportunity, step_of(fact, kind, fields), fact.customer)

    def fold(self, steps: Sequence[Step]) -> dict[str, Any]:
        """Return the opportunity as its steps left it."""
        return fold_opportunity(steps, self.pipelines)


def _share(value: Any) -> int | None:
    """Return a discount as ten-thousandths: 15 and 0.15 both mean 15 %."""
    share = read_money(value)
    if share is None or not 0 <= share <= 1_000_000:
        return None
    return share if share <= 10_000 else share // 100
