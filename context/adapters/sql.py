"""Decisions, the outbox and timers in a relational database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from cid.kit.clock import DAY
from cid.kit.db import Database, assign, present, remove, upsert
from context import tables
from context.ports import SHADOWED, ActionRow, DecisionRow, StepRow, TimerRow


class SqlStore:
    """Keeps what was decided in the tables ``context_*``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def timers(self, connection: Connection) -> Iterator[TimerRow]:
        """Yield all waiting timers."""
        for row in connection.execute(select(tables.timer)):
            yield TimerRow(*row)

    def last_firings(self, connection: Connection) -> Iterator[tuple[str, str, int]]:
        """Yield (rule, identity, moment) of the last firing of every rule for every customer."""
        t = tables.decision
        query = select(t.c.rule, t.c.identity, func.max(t.c.at), t.c.fired)
        for row in connection.execute(query.group_by(t.c.rule, t.c.identity, t.c.fired)):
            yield (row[0] if row[3] else row[0] + SHADOWED, row[1], row[2])

    def schedule(self, connection: Connection) -> dict[str, int]:
        """Return the next moment of every rule that comes round by itself."""
        return {row.rule: row.next for row in connection.execute(select(tables.schedule))}

    def save(
        self,
        connection: Connection,
        decisions: Sequence[DecisionRow],
        actions: Sequence[ActionRow],
        timers: Sequence[TimerRow],
        done: Sequence[str],
        schedule: Mapping[str, int],
        looked: Mapping[str, int],
    ) -> None:
        """Write what was decided in one batch; ``done`` are timers that rang."""
        upsert(connection, tables.decision, decisions)
        # An action that is known already was or will be carried out; it is not begun again.
        kept = present(connection, tables.action.c.id, [row.id for row in actions])
        upsert(connection, tables.action, [row for row in actions if row.id not in kept])
        upsert(connection, tables.timer, timers)
        remove(connection, tables.timer, [{"id": each} for each in done])
        upsert(
            connection,
            tables.schedule,
            [{"rule": rule, "next": moment} for rule, moment in schedule.items()],
        )
        counted = [{"rule": rule, "looked": number} for rule, number in looked.items()]
        upsert(connection, tables.count, counted, add=("looked",))

    def regroup(self, connection: Connection, owners: Mapping[str, str]) -> None:
        """Let decisions and actions follow their identities to other customers."""
        for t in (tables.decision, tables.action):
            assign(connection, t, "customer", "identity", owners)

    def pending(self, now: int, limit: int) -> list[ActionRow]:
        """Return actions that are to be carried out now, oldest first."""
        t = tables.action
        query = (
            select(t)
            .where(and_(t.c.state == "pending", t.c.next_try <= now))
            .order_by(t.c.next_try, t.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [ActionRow(**row) for row in connection.execute(query).mappings()]

    def delivered(self, rows: Sequence[ActionRow]) -> None:
        """Note how attempts ended."""
        with self._database.write() as connection:
            upsert(connection, tables.action, rows)

    def decisions(self, customer: str, rule: str, loop: str, limit: int) -> list[dict[str, Any]]:
        """Return decisions, newest first."""
        t = tables.decision
        query = select(t).order_by(t.c.at.desc(), t.c.id).limit(limit)
        for column, wanted in ((t.c.customer, customer), (t.c.rule, rule), (t.c.loop, loop)):
            if wanted:
                query = query.where(column == wanted)
        return self._rows(query)

    def actions(self, customer: str, rule: str, limit: int) -> list[dict[str, Any]]:
        """Return actions, newest first."""
        t = tables.action
        query = select(t).order_by(t.c.at.desc(), t.c.id).limit(limit)
        for column, wanted in ((t.c.customer, customer), (t.c.rule, rule)):
            if wanted:
                query = query.where(column == wanted)
        return self._rows(query)

    def statistics(self) -> dict[str, dict[str, Any]]:
        """Return by rule: looked, fired, last firing, pending and dead actions."""
        d, a, c = tables.decision, tables.action, tables.count
        result: dict[str, dict[str, Any]] = {}
        empty = {"looked": 0, "fired": 0, "shadowed": 0, "last": None, "pending": 0, "dead": 0}
        for row in self._rows(select(c.c.rule, c.c.looked)):
            result.setdefault(row["rule"], dict(empty))["looked"] = row["looked"]
        fired = select(d.c.rule, func.count().label("fired"), func.max(d.c.at).label("last"))
        for row in self._rows(fired.where(d.c.fired).group_by(d.c.rule)):
            result.setdefault(row["rule"], dict(empty)).update(fired=row["fired"], last=row["last"])
        shadowed = select(d.c.rule, func.count().label("shadowed")).where(~d.c.fired)
        for row in self._rows(shadowed.group_by(d.c.rule)):
            result.setdefault(row["rule"], dict(empty))["shadowed"] = row["shadowed"]
        states = select(
            a.c.rule,
            func.sum(case((a.c.state == "pending", 1), else_=0)).label("pending"),
            func.sum(case((a.c.state == "dead", 1), else_=0)).label("dead"),
        )
        for row in self._rows(states.group_by(a.c.rule)):
            result.setdefault(row["rule"], dict(empty)).update(
                pending=row["pending"], dead=row["dead"]
            )
        return result

    def recent(self, since: int, days: int) -> dict[str, list[int]]:
        """Return by rule how often it fired on each day since a moment, oldest first."""
        d = tables.decision
        day = (d.c.at - since) // DAY
        query = select(d.c.rule, day.label("day"), func.count().label("fired"))
        result: dict[str, list[int]] = {}
        for row in self._rows(query.where(d.c.fired, d.c.at >= since).group_by(d.c.rule, day)):
            trend = result.setdefault(row["rule"], [0] * days)
            trend[min(int(row["day"]), days - 1)] += row["fired"]
        return result

    def totals(self) -> dict[str, int]:
        """Return how many decisions and actions there are."""
        with self._database.read() as connection:
            count = {
                name: connection.execute(select(func.count()).select_from(t)).scalar() or 0
                for name, t in (("decisions", tables.decision), ("actions", tables.action))
            }
        return count

    def save_steps(self, connection: Connection, steps: Sequence[StepRow]) -> None:
        """Write steps in the lives of rules and decision tables; the same step again changes nothing."""
        upsert(connection, tables.step, steps)

    def steps(self, kind: str, name: str, limit: int) -> list[StepRow]:
        """Return the steps of a rule or decision table, newest first."""
        t = tables.step
        query = select(t).where(and_(t.c.kind == kind, t.c.name == name))
        query = query.order_by(t.c.at.desc(), t.c.position.desc()).limit(limit)
        return [StepRow(**row) for row in self._rows(query)]

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""
        return {
            "decisions": (
                "SELECT id, rule, version, trigger, customer, at, cause, actor, fired, reason,"
                " loop, latency_ms, variant, default_variant FROM context_decision"
            ),
            "actions": (
                "SELECT id, decision, rule, action, customer, at, state, loop FROM context_action"
            ),
        }

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
