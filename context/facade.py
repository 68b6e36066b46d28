"""Context, to use: the rules, why they fire or not, what was decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import yaml

from cic.conditions import CustomerView, shown
from cic.segmentation import Segmentation
from cid.customers import Customers
from cid.facade import described, titles
from cid.kit.clock import DAY, format_time
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import NotFound
from cid.model.definition import COMPANY
from context.backtest import DRAFT, LIVE, Backtests, Difference, read_draft, report, summary
from context.decision import ReadyRule, Supposed, Table, ready_models
from context.execution import Execution
from context.model import MODELS, TABLES, Rule, Trigger
from context.ports import Store
from context.workbench import Workbench

SHOWN = 50
"""People who are shown by name where a backtest differs."""
OFFERS = ("next best action", "offer", "retention offer")
"""Decision tables asked for a next best action, the first that exists."""


class CustomerContext:
    """The logic over all applications and channels (S2.L5)."""

    def __init__(
        self,
        definitions: Definitions,
        rules: Mapping[str, ReadyRule],
        tables: Mapping[str, Table],
        execution: Execution,
        segmentation: Segmentation,
        customers: Customers,
        store: Store,
        current: Callable[[str], str],
        backtests: Backtests,
        ready: Callable[[Entry[Rule]], ReadyRule],
    ) -> None:
        self.definitions = definitions
        self.execution = execution
        self._backtests = backtests
        self._ready = ready
        self.store = store
        self._rules = rules
        self._tables = tables
        self._models = ready_models(definitions.of(MODELS))
        self._segmentation = segmentation
        self._customers = customers
        self._current = current
        self.workbench: Workbench
        """Where rules and tables are written; the composition puts it here."""

    def renew(self, rules: Mapping[str, ReadyRule], tables: Mapping[str, Table]) -> None:
        """Answer about other rules and tables from now on."""
        self._rules, self._tables = rules, tables

    def ready(self) -> tuple[Mapping[str, ReadyRule], Mapping[str, Table]]:
        """Return the rules and tables in force."""
        return self._rules, self._tables

    def rules(self) -> list[dict[str, Any]]:
        """List the rules: what sets them off, how often they fire, whose they are."""
        statistics = self.store.statistics()
        recent = self._recent(30)
        return [self._rule(name, statistics, recent) for name in self._rules]

    def rule(self, name: str) -> dict[str, Any]:
        """Return one rule with its definition and what it decided lately.

        Raises:
            NotFound: no such rule.
        """
        rule = self._get(name)
        value = rule.entry.value
        text = yaml.safe_dump(
            {name: value.model_dump(by_alias=True, exclude_defaults=True, mode="json")},
            allow_unicode=True,
            sort_keys=False,
        )
        return {
            **self._rule(name, self.store.statistics(), self._recent(30)),
            "on": value.on.model_dump(by_alias=True, exclude_defaults=True),
            "do": [call.model_dump() for call in value.do],
            "once_per": value.once_per,
            "yaml": text,
            "reads": list(rule.condition.words),
            "waiting": self.execution.waiting(name),
            "decisions": self.decisions(rule=name, limit=50),
        }

    def why(self, rule: str, customer: str) -> dict[str, Any]:
        """Say why a rule fires, or does not fire, for a customer: its condition with her values."""
        ready = self._get(rule)
        found = self._current(customer)
        last = self.decisions(customer=found, rule=rule, limit=1)
        event = _event_of(last[0]) if last else {}
        view = self._segmentation.view(found, event)
        fires = ready.condition.run(view) is True
        held_back = self.execution.held_back(rule, found)
        if not fires:
            form = "The condition does not hold for this customer now."
        elif held_back:
            form = "It fired for this customer at {at} and waits a while."
        else:
            form = "The condition holds; it fires when {trigger}."
        trigger = _trigger(ready.entry.value.on)
        words = {"at": format_time(held_back)} if held_back else {"trigger": trigger}
        return {
            "rule": rule,
            "title": titles(ready.entry),
            "customer": found,
            "name": self._customers.name(found),
            "fires": fires and not held_back,
            "reason": form.format(at=words.get("at"), trigger=trigger["text"]),
            "form": form,
            "words": words,
            "trigger": trigger,
            "values": shown(self._segmentation.vocabulary.scope(view, ready.condition.words)),
            "explanation": self._segmentation.vocabulary.explain(ready.condition, view),
            "last": last[0] if last else None,
        }

    def backtest(
        self, rule: str, days: int = 90, draft: str | Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Say whom a rule would have reached in the last days, and whom a draft of it would.

        Args:
            rule: name of the rule; with a draft it may be one that does not exist yet.
            days: how many days back from now.
            draft: the definition as it would be, as YAML (all of ``rules:`` or the rule alone) or as
                a mapping; without it only the live version is looked at.

        Raises:
            NotFound: no such rule, and no draft.
            InvalidDefinition: the draft is wrong; says where.
        """
        began = time.perf_counter()
        versions = {}
        if rule in self._rules or draft is None:
            versions[LIVE] = self._get(rule)
        if draft is not None:
            versions[DRAFT] = self._ready(read_draft(rule, draft))
        outcome = self._backtests.versions(rule, versions, days, self._segmentation.now)
        difference = outcome.difference() if draft is not None else Difference()
        return {
            "rule": rule,
            **report(outcome, versions, self._segmentation.segments_of, self._zone()),
            "fired": outcome.fired.get(rule, 0),
            "who_gained": self._people(difference.gained),
            "who_lost": self._people(difference.lost),
            "ms": round((time.perf_counter() - began) * 1000, 1),
        }

    def backtest_all(self, days: int = 90) -> dict[str, Any]:
        """Say for every rule whom it would have reached in the last days."""
        began = time.perf_counter()
        outcome = self._backtests.all(self._rules, days, self._segmentation.now)
        return {
            **summary(outcome, self._rules, self._zone()),
            "ms": round((time.perf_counter() - began) * 1000, 1),
        }

    def _zone(self) -> str:
        company = self.definitions.of(COMPANY).get("company")
        return company.value.time_zone if company else "UTC"

    def _people(self, customers: Iterable[str]) -> list[dict[str, Any]]:
        some = sorted(customers)[:SHOWN]
        return [{"customer": each, "name": self._customers.name(each)} for each in some]

    def decisions(
        self, customer: str = "", rule: str = "", limit: int = 50, loop: str = ""
    ) -> list[dict[str, Any]]:
        """List what was decided, newest first, with what was read and done."""
        found = self._current(customer) if customer else ""
        rows = self.store.decisions(found, rule, loop, min(limit, 1000))
        actions: dict[str, list[dict[str, Any]]] = {}
        for row in self.store.actions(found, rule, 5_000 if rows else 1):
            actions.setdefault(row["decision"], []).append(
                {"action": row["action"], "state": row["state"], "parameters": row["parameters"]}
            )
        result = []
        for row in rows:
            entry = self._rules.get(row["rule"])
            result.append(
                {
                    **row,
                    "title": titles(entry.entry) if entry else None,
                    "name": self._customers.name(row["customer"]),
                    "at": format_time(row["at"]),
                    "actions": actions.get(row["id"], []),
                }
            )
        return result

    def tables(self) -> list[dict[str, Any]]:
        """List the decision tables."""
        used: dict[str, list[str]] = {}
        for name, rule in self._rules.items():
            for call in rule.entry.value.do:
                if call.table:
                    used.setdefault(call.table, []).append(name)
        return [
            {
                "name": name,
                "title": titles(entry),
                "description": described(entry),
                "owner": entry.value.owner,
                "inputs": list(entry.value.inputs),
                "outputs": list(entry.value.outputs),
                "hit": entry.value.hit,
                "rows": [list(row) for row in entry.value.rows],
                "default": dict(entry.value.default),
                "version": entry.version,
                "file": entry.file,
                "used_by": used.get(name, []),
            }
            for name, entry in self.definitions.of(TABLES).items()
        ]

    def decide(self, table: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Ask a decision table; ``inputs`` may name a ``customer`` whose values it then reads.

        What the inputs say beats what is known of the customer.
        """
        ready = self._tables.get(table)
        if ready is None:
            return None
        said = str(inputs.get("customer") or "")
        view = self._segmentation.view(said, inputs)
        supposed = Supposed(view, inputs, self._segmentation.vocabulary)
        decided = ready.decide(cast("CustomerView", supposed))
        if not decided.outputs:
            return None
        return {**decided.outputs, "row": decided.row, "table": table, "inputs": decided.inputs}

    def ask_table(self, table: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Ask a decision table by hand.

        Raises:
            NotFound: no such table.
        """
        if table not in self._tables:
            raise NotFound("decision table", table, self._tables)
        return self.decide(table, inputs) or {"row": 0, "table": table}

    def models(self) -> list[dict[str, Any]]:
        """List the decision models: what they decide, and from what."""
        return [
            {
                "name": name,
                "title": titles(entry),
                "description": described(entry),
                "owner": entry.value.owner,
                "inputs": dict(entry.value.inputs),
                "decisions": {
                    each: list(decision.needs) for each, decision in entry.value.decisions.items()
                },
                "services": list(entry.value.services),
                "version": entry.version,
                "file": entry.file,
            }
            for name, entry in self.definitions.of(MODELS).items()
        ]

    def ask_model(self, model: str, decision: str, inputs: Mapping[str, Any]) -> Any:
        """Give the value of a decision of a model.

        Raises:
            NotFound: no such model, or nothing of that name in it.
        """
        if model not in self._models:
            raise NotFound("decision model", model, self._models)
        return shown(self._models[model].evaluate(decision, inputs))

    def next_best_action(self, customer: str) -> dict[str, Any] | None:
        """Say what should be offered to a customer now, with the reason, or None."""
        for name in OFFERS:
            if name in self._tables:
                decided = self._tables[name].decide(self._segmentation.view(customer))
                offer = decided.outputs.get("offer")
                if not offer:
                    return None
                reason = decided.outputs.get("reason") or ", ".join(
                    f"{word} = {'null' if value is None else value}"
                    for word, value in decided.inputs.items()
                )
                return {
                    **decided.outputs,
                    "offer": offer,
                    "reason": reason,
                    "table": name,
                    "row": decided.row,
                }
        return None

    def _get(self, name: str) -> ReadyRule:
        if name not in self._rules:
            raise NotFound("rule", name, self._rules)
        return self._rules[name]

    def _recent(self, days: int) -> dict[str, list[int]]:
        return self.store.recent(self._segmentation.now - days * DAY, days)

    def _rule(
        self,
        name: str,
        statistics: Mapping[str, Mapping[str, Any]],
        recent: Mapping[str, list[int]],
    ) -> dict[str, Any]:
        entry = self._rules[name].entry
        value = entry.value
        told = statistics.get(name, {})
        trend = recent.get(name, [0] * 30)
        last = told.get("last")
        return {
            "name": name,
            "title": titles(entry),
            "description": described(entry),
            "owner": value.owner,
            "enabled": value.enabled,
            "proactive": value.proactive,
            "shadow": value.shadow,
            "shadowed": told.get("shadowed", 0),
            "trigger": _trigger(value.on),
            "when": value.when,
            "version": entry.version,
            "file": entry.file,
            "line": entry.line,
            "evaluated": told.get("looked", 0),
            "evaluated_30d": told.get("looked", 0),
            "fired": told.get("fired", 0),
            "fired_30d": sum(trend),
            "last_fired": format_time(last) if last else None,
            "pending": told.get("pending", 0),
            "dead": told.get("dead", 0),
            "trend": trend,
        }


def _trigger(on: Trigger) -> dict[str, Any]:
    """Say in words what sets off a rule; ``form`` is the sentence without the words in it."""
    if on.event:
        form = "{event} happens"
    elif on.action:
        form = "somebody does {event}"
    elif on.every:
        form = "every {every} at {at}, for everybody in {segment}"
    else:
        form = f"a customer {'enters' if on.entered else 'leaves'} {{segment}}"
    if on.wait:
        form += ", {wait} later"
    known = {
        "event": on.event or on.action,
        "every": on.every,
        "at": on.at if on.every else "",
        "segment": on.segment or on.entered or on.left,
        "wait": on.wait,
    }
    words = {name: word for name, word in known.items() if word}
    return {"kind": str(on.kind), "text": form.format(**words), "form": form, "words": words}


def _event_of(decision: Mapping[str, Any]) -> dict[str, Any]:
    seen = decision.get("seen") or {}
    event = seen.get("event")
    return dict(event) if isinstance(event, Mapping) else {}
