"""Rules at work: what happened to whom, which rules care, and what they do about it.

A stage of the pipeline. Everything it decides lands in the batch's transaction: the decision, the actions in
the outbox, the timers. Local actions (a task, a case, an offer) take effect in that same transaction; the
others are carried out after it. A crash between leaves nothing half done and nothing done twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Any

from cic.conditions import CustomerView, shown
from cic.segmentation import Segmentation, SegmentChanged
from cid.customers import Customers
from cid.kit.clock import MINUTE
from cid.kit.errors import ICustomerError
from cid.kit.events import Bus
from cid.kit.ids import stable_id
from cid.model.fact import Fact
from cid.model.relationship import Regrouped
from context.decision import ReadyRule
from context.matching import Listeners, Listening
from context.model import TriggerKind
from context.ports import SHADOWED, Action, ActionRow, DecisionRow, Effects, Store, TimerRow


class Execution:
    """All rules of the company, listening."""

    def __init__(
        self,
        rules: Mapping[str, ReadyRule],
        segmentation: Segmentation,
        customers: Customers,
        actions: Mapping[str, Action],
        effects: Effects,
        store: Store,
        bus: Bus,
        offset: int = 0,
    ) -> None:
        self.rules = {name: rule for name, rule in rules.items() if rule.entry.value.enabled}
        self._segmentation = segmentation
        self._customers = customers
        self._actions = actions
        self._effects = effects
        self._store = store
        self._offset = offset
        self._listening = Listening(self.rules, segmentation.vocabulary)
        self._last: dict[tuple[str, str], int] = {}
        self._timers: list[tuple[int, str, TimerRow]] = []
        self._next: dict[str, int] = {}
        self._next_round: int | None = None
        self._decisions: list[DecisionRow] = []
        self._outbox: list[ActionRow] = []
        self._set: dict[str, TimerRow] = {}
        self._rang: list[str] = []
        self._looked: dict[str, int] = defaultdict(int)
        self._heard: dict[Listeners, int] = defaultdict(int)
        self._owners: dict[str, str] = {}
        self.now = 0
        bus.subscribe(SegmentChanged, self.segment_changed)
        bus.subscribe(Regrouped, self.regroup)

    def publish(self, rules: Mapping[str, ReadyRule]) -> None:
        """Let other rules be at work from the next fact on.

        Their tables are made beside those of the present rules, then all are exchanged in one step.
        What waits for a rule that is gone is dropped when it rings.
        """
        enabled = {name: rule for name, rule in rules.items() if rule.entry.value.enabled}
        listening = Listening(enabled, self._segmentation.vocabulary)
        self._count()
        coming = {name for name, _ in listening.rounds}
        self._next = {name: at for name, at in self._next.items() if name in coming}
        self._next_round = min(self._next.values(), default=None)
        self.rules, self._listening = enabled, listening

    def load(self, connection: Any) -> None:
        """Read timers, schedules and last firings from the records."""
        self._forget()
        # A record may be taken before time passes again: it is as late as the records have come.
        self.now = self._segmentation.now
        self._timers = [(timer.due, timer.id, timer) for timer in self._store.timers(connection)]
        self._timers.sort(key=lambda each: each[:2])
        self._next = {
            name: moment
            for name, moment in self._store.schedule(connection).items()
            if name in self.rules and self.rules[name].every
        }
        self._next_round = min(self._next.values(), default=None)
        self._last = {
            (rule, identity): at for rule, identity, at in self._store.last_firings(connection)
        }

    def next_due(self) -> int | None:
        """Return when the next timer rings or the next rule comes round."""
        due = self._next_round
        if self._timers and (due is None or self._timers[0][0] < due):
            return self._timers[0][0]
        return due

    def advance(self, moment: int) -> None:
        """Let timers ring and rules come round that are due, each at its own moment."""
        rounds = self._listening.rounds
        if len(self._next) < len(rounds):
            for name, rule in rounds:
                if name not in self._next:
                    self._next[name] = self._round(rule, max(moment, self.now))
            self._next_round = min(self._next.values())
        while (due := self.next_due()) is not None and due <= moment:
            self.now = max(self.now, due)
            for name, rule in rounds:
                if self._next[name] <= due:
                    self._come_round(rule, due)
                    self._next[name] = self._round(rule, due)
            self._next_round = min(self._next.values(), default=None)
            while self._timers and self._timers[0][0] <= due:
                self._ring(heappop(self._timers)[2])
        if moment > self.now:
            self.now = moment

    def hears(self, event: str) -> bool:
        """Say whether any rule waits for such facts."""
        return self._listening.hears(event)

    def apply(self, fact: Fact) -> None:
        """Let the rules that wait for this event look at its customer."""
        if not fact.customer:
            return
        for listeners in self._listening.to_event(fact.event, fact.actor):
            for rule in listeners.later:
                self._later(
                    rule, fact.identity, fact.message_id, fact.properties, _loop(rule, fact)
                )
            if not listeners.asked:
                continue
            self._heard[listeners] += 1
            view = self._segmentation.view(fact.customer, fact.properties)
            for rule in listeners.holding(view):
                self._decide(
                    rule,
                    view,
                    fact.identity,
                    self.now,
                    fact.message_id,
                    fact.actor,
                    _loop(rule, fact),
                )

    def segment_changed(self, change: SegmentChanged) -> None:
        """Let the rules that wait for this move look at the customer."""
        rules = self._listening.to_change(change.segment, change.entered)
        if not rules or change.cause == "definition":
            # A new definition is no news about the customer; nobody is to be called for it.
            return
        identity = self._identity(change.customer)
        for rule in rules:
            event = {"segment": change.segment, "entered": change.entered, **change.values}
            if rule.wait:
                self._later(rule, identity, change.loop, event, change.loop)
            else:
                self._look(
                    rule,
                    change.customer,
                    identity,
                    change.effective_at,
                    change.loop,
                    event,
                    "",
                    change.loop,
                )

    def regroup(self, event: Regrouped) -> None:
        """Remember that decisions follow their identities."""
        for identity, (_, new) in event.moved.items():
            self._owners[identity] = new

    def flush(self, connection: Any) -> None:
        """Write what was decided."""
        self._count()
        self._store.save(
            connection,
            self._decisions,
            self._outbox,
            list(self._set.values()),
            self._rang,
            self._next,
            self._looked,
        )
        if self._owners:
            self._store.regroup(connection, self._owners)
        self._forget()

    def waiting(self, rule: str) -> int:
        """Return how many timers of a rule are set."""
        return sum(1 for _, _, timer in self._timers if timer.rule == rule)

    def held_back(self, rule: str, customer: str) -> int:
        """Return when a rule last fired for a customer, if it must not fire again yet; else 0."""
        ready = self.rules.get(rule)
        if ready is None or not ready.once_per:
            return 0
        last = self._last_of(_counted_as(ready), customer)
        return last if last >= 0 and self.now - last < ready.once_per else 0

    def remember(self, rule: str, identity: str, at: int) -> None:
        """Know of a firing that happened elsewhere, so that ``once per`` counts it."""
        self._last[rule, identity] = max(at, self._last.get((rule, identity), at))

    def _last_of(self, rule: str, customer: str) -> int:
        identities = self._customers.members.get(customer, ())
        return max((self._last.get((rule, each), -1) for each in identities), default=-1)

    def _count(self) -> None:
        """Note for each rule how often it looked; while facts come in only the groups are counted."""
        for listeners, times in self._heard.items():
            for rule in listeners.asked:
                self._looked[rule.name] += times
        self._heard = defaultdict(int)

    def _forget(self) -> None:
        self._decisions, self._outbox, self._set, self._rang = [], [], {}, []
        self._looked = defaultdict(int)
        self._heard = defaultdict(int)
        self._owners = {}

    def _round(self, rule: ReadyRule, after: int) -> int:
        hours, _, minutes = rule.entry.value.on.at.partition(":")
        base = (int(hours) * 60 + int(minutes or 0)) * MINUTE - self._offset
        return after - (after - base) % rule.every + rule.every

    def _ring(self, timer: TimerRow) -> None:
        if self._set.pop(timer.id, None) is None:
            self._rang.append(timer.id)
        rule = self.rules.get(timer.rule)
        seen = self._customers.seen.get(timer.identity)
        if rule is not None and seen is not None:
            self._look(
                rule,
                seen.customer,
                timer.identity,
                timer.due,
                timer.cause,
                timer.event,
                "",
                timer.loop,
            )

    def _come_round(self, rule: ReadyRule, due: int) -> None:
        for customer in sorted(self._segmentation.members(rule.entry.value.on.segment)):
            identity = self._identity(customer)
            cause = stable_id("round", rule.name, due)
            loop = stable_id("loop", rule.name, customer, due)
            self._look(rule, customer, identity, due, cause, {}, "", loop)

    def _later(
        self, rule: ReadyRule, identity: str, cause: str, event: Mapping[str, Any], loop: str
    ) -> None:
        name = stable_id("t", rule.name, identity, cause)
        timer = TimerRow(name, rule.name, identity, self.now + rule.wait, cause, dict(event), loop)
        if name not in self._set:
            self._set[name] = timer
            heappush(self._timers, (timer.due, timer.id, timer))

    def _identity(self, customer: str) -> str:
        return min(self._customers.members.get(customer, {""}))

    def _look(
        self,
        rule: ReadyRule,
        customer: str,
        identity: str,
        at: int,
        cause: str,
        event: Mapping[str, Any],
        actor: str,
        loop: str,
    ) -> None:
        self._looked[rule.name] += 1
        view = self._segmentation.view(customer, event)
        if rule.condition.run(view) is True:
            self._decide(rule, view, identity, at, cause, actor, loop)

    def _decide(
        self,
        rule: ReadyRule,
        view: CustomerView,
        identity: str,
        at: int,
        cause: str,
        actor: str,
        loop: str,
    ) -> None:
        """Fire a rule whose condition holds, unless it fired for the customer a while ago."""
        if rule.once_per:
            last = self._last_of(_counted_as(rule), view.customer)
            if last >= 0 and at - last < rule.once_per:
                return
        self._fire(rule, view, identity, at, cause, actor, loop)

    def _fire(
        self,
        rule: ReadyRule,
        view: CustomerView,
        identity: str,
        at: int,
        cause: str,
        actor: str,
        loop: str,
    ) -> None:
        name, version = rule.name, rule.entry.version
        decision = stable_id("d", name, version, identity, cause)
        shadow = rule.entry.value.shadow
        self._last[_counted_as(rule), identity] = at
        seen = shown(self._segmentation.vocabulary.scope(view, rule.condition.words))
        variant = default = ""
        rows = []
        for number, ready in enumerate(rule.calls):
            parameters, decided = ready.resolve(view)
            if decided is not None:
                variant = f"{ready.call.table} #{decided.row}"
                default = f"{ready.call.table} #0"
                seen |= {f"{ready.call.table}: {k}": v for k, v in decided.inputs.items()}
            rows.append(
                ActionRow(
                    stable_id("a", decision, number),
                    decision,
                    name,
                    ready.call.action,
                    view.customer,
                    identity,
                    at,
                    "pending",
                    0,
                    at,
                    "",
                    parameters,
                    loop,
                )
            )
        self._decisions.append(
            DecisionRow(
                decision,
                name,
                version,
                str(rule.entry.value.on.kind),
                view.customer,
                identity,
                at,
                cause,
                actor or "rule",
                not shadow,
                rule.condition.text,
                seen,
                loop,
                variant,
                default,
                max(0, self.now - at),
            )
        )
        for row in () if shadow else rows:
            action = self._actions[row.action]
            self._outbox.append(self._perform(action, row) if action.local else row)

    def _perform(self, action: Action, row: ActionRow) -> ActionRow:
        """Do what changes our own records; what cannot be done is told and holds up nobody else."""
        try:
            action.perform(row, self._effects)
        except ICustomerError as error:
            return row._replace(state="dead", attempts=1, error=str(error))
        return row._replace(state="done", attempts=1)


def _counted_as(rule: ReadyRule) -> str:
    """Name a rule for what it must not do again too soon: what it decides in the shadow binds it not."""
    return rule.name + SHADOWED if rule.entry.value.shadow else rule.name


def _loop(rule: ReadyRule, fact: Fact) -> str:
    return fact.loop or stable_id("loop", rule.name, fact.source, fact.message_id)


def kinds(rules: Mapping[str, ReadyRule]) -> dict[TriggerKind, int]:
    """Return how many rules there are for each of the four triggers."""
    result = dict.fromkeys(TriggerKind, 0)
    for rule in rules.values():
        result[rule.entry.value.on.kind] += 1
    return result
