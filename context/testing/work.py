"""What every store of decisions and every action must do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cic.history import SCHEMA
from cid.kit.clock import DAY
from cid.kit.db import Database
from cid.kit.errors import Refused, Unavailable
from cid.testing import columns_of
from context.ports import (
    SHADOWED,
    Action,
    ActionRow,
    DecisionRow,
    Effects,
    StepRow,
    Store,
    TimerRow,
)


def decision(id: str, at: int = DAY, **given: Any) -> DecisionRow:
    """Make a decision with few words."""
    row = DecisionRow(
        id, "greet", "v1", "event", "c_ann", "user_id:ann", at, "m1", "", True, "first order",
        {"orders": 1, "city": "Zürich 苏黎世", "seen": None}, "loop1", "", "", 1 << 40,
    )  # fmt: skip
    return row._replace(**given)


def action(id: str, next_try: int = 5, **given: Any) -> ActionRow:
    """Make an action with few words."""
    row = ActionRow(
        id, "d1", "greet", "email", "c_ann", "user_id:ann", 1, "pending", 0, next_try, "",
        {"text": "Grüß Gott 🙂", "deep": {"list": [1, None]}}, "loop1",
    )  # fmt: skip
    return row._replace(**given)


def timer(id: str, due: int = 7) -> TimerRow:
    """Make a waiting rule."""
    return TimerRow(id, "greet", "user_id:ann", due, "m1", {"event": "Order Completed"}, "loop1")


class StoreContract:
    """What a store of decisions, actions and timers must do."""

    @pytest.fixture
    def database(self) -> Database:
        """Return a database with the tables, and nothing in them."""
        raise NotImplementedError("Provide a `database` fixture.")

    @pytest.fixture
    def store(self, database: Database) -> Store:
        """Return the store on that database."""
        raise NotImplementedError("Provide a `store` fixture.")

    def save(
        self,
        database: Database,
        store: Store,
        *rows: DecisionRow | ActionRow | TimerRow,
        done: Sequence[str] = (),
        schedule: Mapping[str, int] = {},
        looked: Mapping[str, int] = {},
    ) -> None:
        """Write rows of any kind in a batch of their own."""
        decisions = [row for row in rows if isinstance(row, DecisionRow)]
        actions = [row for row in rows if isinstance(row, ActionRow)]
        timers = [row for row in rows if isinstance(row, TimerRow)]
        with database.write() as connection:
            store.save(connection, decisions, actions, timers, done, schedule, looked)

    def test_keeps_the_protocol(self, store: Store) -> None:
        """It has all methods."""
        assert isinstance(store, Store)

    def test_an_empty_store_has_decided_nothing(self, database: Database, store: Store) -> None:
        """That is no error."""
        with database.read() as connection:
            assert [*store.timers(connection), *store.last_firings(connection)] == []
            assert store.schedule(connection) == {}
        assert [*store.pending(1 << 60, 9), *store.decisions("", "", "", 9)] == []
        assert store.statistics() == {}
        assert store.totals() == {"decisions": 0, "actions": 0}

    def test_decisions_come_back_as_they_were_newest_first(
        self, database: Database, store: Store
    ) -> None:
        """With what was seen; of a customer, a rule or a loop."""
        rows = [decision("d1"), decision("d2", 3 * DAY), decision("d3", 2 * DAY, loop="loop2")]
        self.save(database, store, *rows)
        found = store.decisions("", "", "", 9)
        assert [row["id"] for row in found] == ["d2", "d3", "d1"]
        assert found[2] == rows[0]._asdict()
        assert [row["id"] for row in store.decisions("c_ann", "greet", "loop2", 9)] == ["d3"]
        assert store.decisions("c_bob", "", "", 9) == []
        with database.read() as connection:
            last = list(store.last_firings(connection))
        assert last == [("greet", "user_id:ann", 3 * DAY)]

    def test_an_action_that_is_known_is_not_begun_again(
        self, database: Database, store: Store
    ) -> None:
        """What was carried out stays so, whatever is decided again."""
        self.save(database, store, action("a1"), action("a2"))
        store.delivered([action("a1", state="done", attempts=1)])
        self.save(database, store, action("a1"), action("a3"))
        assert [row.id for row in store.pending(9, 9)] == ["a2", "a3"]
        states = {row["id"]: row["state"] for row in store.actions("", "", 9)}
        assert states == {"a1": "done", "a2": "pending", "a3": "pending"}

    def test_what_is_due_comes_oldest_first(self, database: Database, store: Store) -> None:
        """Nothing before its time, nothing that is done or dead; as it was."""
        given = [action("a1", 9), action("a2", 3), action("a3", 10), action("a4", 3)]
        self.save(database, store, *given, action("a5", 1, state="dead"))
        assert store.pending(9, 9) == [given[1], given[3], given[0]]
        assert [row.id for row in store.pending(9, 1)] == ["a2"]

    def test_timers_wait_until_they_have_rung(self, database: Database, store: Store) -> None:
        """A timer that is set again is one timer."""
        self.save(database, store, timer("t1"), timer("t2"), schedule={"greet": 5, "ask": 6})
        self.save(database, store, timer("t2", 1 << 45), done=["t1"], schedule={"greet": 8})
        with database.read() as connection:
            assert list(store.timers(connection)) == [timer("t2", 1 << 45)]
            assert store.schedule(connection) == {"greet": 8, "ask": 6}

    def test_counts_add_up(self, database: Database, store: Store) -> None:
        """How often a rule looked, how often it fired, what waits and what is given up."""
        self.save(database, store, looked={"greet": 2, "ask": 1})
        self.save(database, store, decision("d1"), decision("d2", 2 * DAY), looked={"greet": 3})
        self.save(database, store, action("a1"), action("a2", state="dead"))
        greet = {"looked": 5, "fired": 2, "shadowed": 0, "last": 2 * DAY, "pending": 1, "dead": 1}
        ask = {"looked": 1, "fired": 0, "shadowed": 0, "last": None, "pending": 0, "dead": 0}
        assert store.statistics() == {"greet": greet, "ask": ask}
        assert store.totals() == {"decisions": 2, "actions": 2}

    def test_firings_are_counted_by_day(self, database: Database, store: Store) -> None:
        """Since a moment; the last day takes what comes later."""
        moments = (DAY - 1, DAY, DAY + 5, 2 * DAY + 5, 9 * DAY)
        self.save(database, store, *(decision(f"d{at}", at) for at in moments))
        assert store.recent(DAY, 3) == {"greet": [2, 1, 1]}

    def test_decisions_and_actions_follow_their_identity(
        self, database: Database, store: Store
    ) -> None:
        """To the customer that it belongs to now."""
        self.save(database, store, decision("d1"), action("a1"))
        with database.write() as connection:
            store.regroup(connection, {"user_id:ann": "c_new", "user_id:bob": "c_bob"})
        assert [row["customer"] for row in store.decisions("c_new", "", "", 9)] == ["c_new"]
        assert [row["customer"] for row in store.actions("c_new", "", 9)] == ["c_new"]

    def test_odd_texts_stop_nothing(self, database: Database, store: Store) -> None:
        """Whatever a customer may have written."""
        odd = "'; DROP TABLE x; --\0\n\\N"
        self.save(database, store, decision("d1", reason=odd, seen={odd: [odd]}))
        self.save(database, store, action("a1", parameters={"x": odd}))
        assert store.totals() == {"decisions": 1, "actions": 1}
        assert "DROP TABLE" in store.pending(9, 9)[0].parameters["x"]

    def test_a_batch_that_fails_leaves_nothing(self, database: Database, store: Store) -> None:
        """What belongs together happens together."""

        def fail() -> None:
            with database.write() as connection:
                store.save(connection, [decision("d1")], [action("a1")], [timer("t1")], [], {}, {})
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert store.totals() == {"decisions": 0, "actions": 0}

    def test_the_shadow_of_a_rule_is_counted_apart(self, database: Database, store: Store) -> None:
        """What was decided and not done is no firing, and holds nothing back."""
        self.save(database, store, decision("d1"), decision("d2", 3 * DAY, fired=False))
        assert store.statistics()["greet"]["fired"] == 1
        assert store.statistics()["greet"]["shadowed"] == 1
        assert store.recent(0, 9)["greet"][1:4] == [1, 0, 0]
        with database.read() as connection:
            last = dict(((rule, who), at) for rule, who, at in store.last_firings(connection))
        assert last == {
            ("greet", "user_id:ann"): DAY,
            ("greet" + SHADOWED, "user_id:ann"): 3 * DAY,
        }

    def test_the_steps_of_a_definition_come_newest_first(
        self, database: Database, store: Store
    ) -> None:
        """As they were, each once, of this one only."""
        steps = [
            StepRow("s1", "rule", "greet", "v1", "draft", 5, "ann", "", "greet:\n  on: 你好", 1),
            StepRow("s2", "rule", "greet", "v1", "published", 5, "bob", "better", "", 2),
            StepRow("s3", "table", "greet", "v1", "draft", 9, "ann", "", "", 3),
        ]
        for _ in range(2):
            with database.write() as connection:
                store.save_steps(connection, steps)
        assert store.steps("rule", "greet", 9) == [steps[1], steps[0]]
        assert store.steps("rule", "greet", 1) == [steps[1]]
        assert store.steps("rule", "ask", 9) == []

    def test_history_gets_what_it_asks_for(self, database: Database, store: Store) -> None:
        """The SELECTs for history have the columns of its views."""
        found = {name: set(columns_of(database, sql)) for name, sql in store.mirrors().items()}
        for name in ("decisions", "actions"):
            assert set(SCHEMA[name]) <= found[name]


class Desk:
    """Takes what actions put on the desks of applications; the same id again changes nothing."""

    def __init__(self) -> None:
        self.work: dict[str, dict[str, Any]] = {}

    def open_task(self, *, id: str, **said: Any) -> None:
        """Remember a task."""
        self.work.setdefault(id, said)

    def open_case(self, *, id: str, **said: Any) -> None:
        """Remember a case."""
        self.work.setdefault(id, said)

    def present_offer(self, *, id: str, **said: Any) -> None:
        """Remember an offer."""
        self.work.setdefault(id, said)


class ActionContract:
    """What every action must do. Provide ``plugin`` and ``parameters``; see `happened`."""

    @pytest.fixture
    def plugin(self) -> Action:
        """Return the action under test."""
        raise NotImplementedError("Provide a `plugin` fixture returning your action.")

    @pytest.fixture
    def parameters(self) -> Mapping[str, Any]:
        """Return parameters as a rule would give them."""
        raise NotImplementedError("Provide a `parameters` fixture.")

    @pytest.fixture
    def effects(self, tmp_path: Path) -> Effects:
        """Return where the action takes effect."""

        def address(customer: str, purpose: str, channel: str) -> str:
            return "ann@example.org"

        return Effects(Desk(), tmp_path / "outbox", {"loyalty": "sales"}, address)

    def happened(self, effects: Effects) -> Any:
        """Return all that has happened by now; override it where that is elsewhere."""
        files = {path.name: path.read_bytes() for path in effects.directory.glob("*")}
        return files, dict(effects.desk.work)

    def row(self, plugin: Action, parameters: Mapping[str, Any], id: str = "a1") -> ActionRow:
        """Make the row of the outbox that is to be carried out."""
        return action(id, action=plugin.name, parameters=dict(parameters))

    def test_keeps_the_protocol(self, plugin: Action) -> None:
        """It has a name, says where it takes effect, and has all methods."""
        assert isinstance(plugin, Action)
        assert plugin.name
        assert plugin.local in (True, False)

    def test_good_parameters_are_taken(self, plugin: Action, parameters: Mapping[str, Any]) -> None:
        """A rule that is right is not complained of."""
        assert plugin.check(parameters) is None

    def test_what_is_wrong_with_parameters_is_said(self, plugin: Action) -> None:
        """The answer is a sentence or None, whatever the parameters are."""
        for odd in ({}, {"text": None}, {"nobody knows this": [1, {"a": None}]}):
            said = plugin.check(odd)
            assert said is None or (isinstance(said, str) and said)

    def test_it_does_something(
        self, plugin: Action, parameters: Mapping[str, Any], effects: Effects
    ) -> None:
        """Afterwards the world is another one."""
        before = self.happened(effects)
        plugin.perform(self.row(plugin, parameters), effects)
        assert self.happened(effects) != before

    def test_doing_it_twice_has_the_effect_of_doing_it_once(
        self, plugin: Action, parameters: Mapping[str, Any], effects: Effects
    ) -> None:
        """After a crash the same row comes again."""
        plugin.perform(self.row(plugin, parameters), effects)
        once = self.happened(effects)
        type(plugin)().perform(self.row(plugin, parameters), effects)
        assert self.happened(effects) == once

    def test_two_rows_have_two_effects(
        self, plugin: Action, parameters: Mapping[str, Any], effects: Effects
    ) -> None:
        """What is alike and yet another decision is not taken for the same."""
        plugin.perform(self.row(plugin, parameters, "a1"), effects)
        once = self.happened(effects)
        plugin.perform(self.row(plugin, parameters, "a2"), effects)
        assert self.happened(effects) != once

    def test_odd_texts_are_done_or_refused(
        self, plugin: Action, parameters: Mapping[str, Any], effects: Effects
    ) -> None:
        """One customer with an odd name holds up nobody else."""
        for number, odd in enumerate(("Zoë 店铺 🙂", "a\r\nBcc: b@example.org", "\0", "")):
            said = {k: odd if isinstance(v, str) else v for k, v in parameters.items()}
            if plugin.check(said) is not None:
                continue
            with suppress(Refused, Unavailable):
                plugin.perform(self.row(plugin, said, f"o{number}"), effects)

    def test_no_room_is_no_accident(
        self, plugin: Action, parameters: Mapping[str, Any], effects: Effects
    ) -> None:
        """What cannot be done just now is said in a way that lets it be tried again."""
        effects.directory.parent.mkdir(parents=True, exist_ok=True)
        effects.directory.write_text("a file where the outbox should be")
        with suppress(Unavailable):
            plugin.perform(self.row(plugin, parameters), effects)
