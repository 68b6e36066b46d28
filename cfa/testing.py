"""What every customer-facing application must keep to, as a kit for the people who write one.

```python
class TestShop(AppContract):
    @pytest.fixture
    def factory(self):
        return Shop
```
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

from cfa.model import SECTIONS, Step, Work
from cfa.ports import App, AppFactory, Silent, Store
from cic.history import SCHEMA
from cid.kit.clock import to_millis
from cid.kit.db import Database, metadata
from cid.kit.definitions import Definitions
from cid.model.fact import Fact
from cid.testing import columns_of

PERSONAL = re.compile(
    r"(^|_)(e?mail|phone|mobile|(first|last|full|sur)?name|address|street|city|postcode|birth\w*"
    r"|gender|tier|country|language)(_|$)"
)
"""Columns that say something about a customer; an application has none of them."""


def attributes_of_customers(tables: Sequence[Table]) -> list[str]:
    """Return the columns that hold what only the layers below may know about a customer."""
    return [
        f"{table.name}.{column.name}"
        for table in tables
        for column in table.columns
        if PERSONAL.search(column.name)
    ]


class AppContract:
    """What every application must do, whatever it is for."""

    @pytest.fixture
    def factory(self) -> AppFactory:
        """Return the application's class."""
        raise NotImplementedError("Provide a `factory` fixture returning the application's class.")

    @pytest.fixture
    def definitions(self) -> Definitions:
        """Return definitions that have what the application needs; none by default."""
        return Definitions(Path(), {section.name: {} for section in SECTIONS})

    @pytest.fixture
    def app(self, factory: AppFactory, definitions: Definitions) -> App:
        """Return the application for a company."""
        return factory(definitions, Silent())

    @pytest.fixture
    def fact(self) -> Callable[[str, int], Fact]:
        """Return a maker of facts of an event that name every kind of work, day by day."""

        def make(event: str, day: int) -> Fact:
            moment = to_millis(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day))
            named = ("case_id", "task_id", "opportunity_id", "lead_id", "offer_id", "id")
            return Fact(
                position=day,
                message_id=f"m{day}",
                source="test",
                type="track",
                event=event,
                time=moment,
                received=moment,
                identifiers=("user_id:ann",),
                properties={**dict.fromkeys(named, "x1"), "offer": "tea"},
                identity="user_id:ann",
                customer="c_ann",
            )

        return make

    def test_keeps_the_protocol(self, app: App) -> None:
        """It has all that the desk asks of an application."""
        assert isinstance(app, App)

    def test_says_what_it_is_called_in_english_and_chinese(self, factory: AppFactory) -> None:
        """People find it under its title in their language."""
        manifest = factory.manifest
        assert re.fullmatch(r"[a-z][a-z0-9_]*", manifest.name)
        assert manifest.title.en
        assert manifest.title.zh

    def test_needs_only_elements_of_lower_layers(self, factory: AppFactory) -> None:
        """It stands on elements below, named in full."""
        for need in factory.manifest.needs:
            assert re.fullmatch(r"(cid|cii|cic)\.[a-z]+\..+", need), f"{need!r} is no element"

    def test_ignores_a_fact_that_names_no_work(
        self, app: App, fact: Callable[[str, int], Fact]
    ) -> None:
        """A fact without the id of anything makes no work."""
        for event in app.events:
            empty = fact(event, 0)
            empty.properties.clear()
            assert app.take(empty) is None

    def test_takes_only_its_own_kind_of_work(
        self, app: App, fact: Callable[[str, int], Fact]
    ) -> None:
        """What it asked to see it takes, for the fact's customer."""
        for event in app.events:
            change = app.take(fact(event, 0))
            assert change is not None, f"{event!r} is in `events` but was not taken"
            assert change.kind == app.kind
            assert change.customer == "c_ann"

    def test_folds_any_beginning_of_the_story(
        self, app: App, fact: Callable[[str, int], Fact]
    ) -> None:
        """Facts may come in any order, so any of them may come first."""
        columns: set[str] | None = None
        for first in sorted(app.events):
            rest = sorted(app.events - {first})
            steps: list[Step] = []
            for day, event in enumerate([first, *rest]):
                change = app.take(fact(event, day))
                assert change is not None
                steps.append(change.step)
                values = app.fold(steps)
                assert isinstance(values["state"], str)
                assert columns in (None, set(values)), "every fold has the same columns"
                columns = set(values)

    def test_has_no_table_with_attributes_of_customers(self, factory: AppFactory) -> None:
        """What is known about customers lies in the layers below."""
        layer = f"{factory.__module__.partition('.')[0]}_"
        tables = [table for table in metadata.sorted_tables if table.name.startswith(layer)]
        assert attributes_of_customers(tables) == []


def work(kind: str, id: str, opened: int = 1, customer: str = "c_ann", **given: Any) -> Work:
    """Make a piece of work with few words, as its fold would have left it."""
    steps = [Step(opened, "shop", f"m-{id}", "opened", {"title": "Zoë 店铺"}, "user_id:ann")]
    values = {**BLANK[kind], **{name: opened for name in ("opened_at",) if name in BLANK[kind]}}
    return Work(kind, id, customer, "user_id:ann", steps, {**values, **given})


def _blank(texts: str, **others: Any) -> dict[str, Any]:
    return {**dict.fromkeys(texts.split(), ""), "state": "open", **others}


BLANK: dict[str, dict[str, Any]] = {
    "task": _blank(
        "app queue title rule outcome note actor loop", opened_at=1, due_at=None, closed_at=None
    ),
    "case": _blank(
        "subject channel priority queue resolution loop",
        **dict.fromkeys(("first_response_due", "first_responded_at", "resolve_due"), None),
        **{"opened_at": 1, "resolved_at": None, "csat": None},
    ),
    "opportunity": _blank(
        "title pipeline stage currency owner product origin close_date loop",
        **{"opened_at": 1, "stage_since": 1, "amount": None, "discount": None},
        **{"quoted_at": None, "closed_at": None},
    ),
    "offer": _blank(
        "offer text reason answer actor decision task loop",
        **dict.fromkeys(("value", "presented_at", "until", "answered_at"), None),
    ),
}


class StoreContract:
    """What a store of work must do."""

    @pytest.fixture
    def database(self) -> Database:
        """Return a database with the tables, and nothing in them."""
        raise NotImplementedError("Provide a `database` fixture.")

    @pytest.fixture
    def store(self, database: Database) -> Store:
        """Return the store on that database."""
        raise NotImplementedError("Provide a `store` fixture.")

    def save(self, database: Database, store: Store, *some: Work, messages: Any = ()) -> None:
        """Write work in a batch of its own."""
        with database.write() as connection:
            store.save(connection, some, messages)

    def test_keeps_the_protocol(self, store: Store) -> None:
        """It has all methods."""
        assert isinstance(store, Store)

    @pytest.mark.parametrize("kind", sorted(BLANK))
    def test_work_comes_back_as_it_was(self, database: Database, store: Store, kind: str) -> None:
        """With its steps; what is not known stays unknown."""
        given = work(kind, "w1", 1_767_323_045_123)
        self.save(database, store, given)
        with database.read() as connection:
            assert store.load(connection) == [given]
            assert store.fetch(connection, {kind: ["w1", "w2"]}) == [given]
        shown = store.row(kind, "w1")
        assert shown is not None
        assert "steps" not in shown
        assert shown["customer"] == "c_ann"
        assert store.row(kind, "w2") is None

    def test_only_open_work_is_loaded(self, database: Database, store: Store) -> None:
        """What is closed is fetched when it is needed."""
        done = work("task", "t2", state="done")
        self.save(database, store, work("task", "t1"), done)
        with database.read() as connection:
            assert [each.id for each in store.load(connection)] == ["t1"]
            assert store.fetch(connection, {"task": ["t2"]}) == [done]

    def test_saving_again_replaces(self, database: Database, store: Store) -> None:
        """All columns and steps."""
        self.save(database, store, work("task", "t1", note="before", due_at=5))
        after = work("task", "t1", note="after")
        after.steps.append(Step(9, "staff", "m9", "completed", {"outcome": "sold"}, "user_id:ann"))
        self.save(database, store, after)
        with database.read() as connection:
            assert store.load(connection) == [after]
        assert store.counts()["task"] == {"open": 1}

    def test_work_follows_its_identity_to_another_customer(
        self, database: Database, store: Store
    ) -> None:
        """Of every kind, open or closed."""
        for kind in BLANK:
            self.save(database, store, work(kind, "w1"), work(kind, "w2", state="done"))
        with database.write() as connection:
            store.regroup(connection, {"user_id:ann": "c_new", "user_id:bob": "c_bob"})
        for kind in BLANK:
            assert {row["customer"] for row in store.rows(kind)} == {"c_new"}

    def test_rows_are_chosen_and_sorted(self, database: Database, store: Store) -> None:
        """By one value or several; what is not known comes last, rising or falling."""
        dues = {"t1": 5, "t2": None, "t3": 9, "t4": 1}
        queues = {"t1": "a", "t2": "b", "t3": "b", "t4": "c"}
        self.save(
            database,
            store,
            *(work("task", id, due_at=due, queue=queues[id]) for id, due in dues.items()),
        )

        def found(where: Any = (), **more: Any) -> list[str]:
            return [row["id"] for row in store.rows("task", dict(where), **more)]

        assert found(order=["due_at"]) == ["t4", "t1", "t3", "t2"]
        assert found(order=["-due_at"]) == ["t3", "t1", "t4", "t2"]
        assert found({"queue": ["a", "b"]}, order=["-queue"]) == ["t2", "t3", "t1"]
        assert found({"queue": "b"}, limit=1) == ["t2"]
        assert found({"queue": "B"}) == []

    def test_great_numbers_and_odd_texts_stop_nothing(
        self, database: Database, store: Store
    ) -> None:
        """Sixty-four bits, and signs that end a text elsewhere."""
        most = (1 << 63) - 1
        odd: dict[str, Any] = {
            "title": "'; DROP TABLE x; --",
            "stage": "\0",
            "amount": most,
            "discount": -most,
        }
        self.save(database, store, work("opportunity", "o\0", **odd))
        self.save(database, store, work("case", "k1", csat=most))
        (found,) = store.rows("opportunity")
        assert (found["amount"], found["discount"]) == (most, -most)
        assert found["title"] == "'; DROP TABLE x; --"
        assert store.rows("case")[0]["csat"] == most

    def test_what_was_said_in_a_case_comes_in_order(self, database: Database, store: Store) -> None:
        """The same message twice is one."""
        said = [
            {"case_id": "k1", "source": "mail", "message_id": f"m{n}", "at": 10 - n}
            | {"direction": "inbound", "text": f"line {n}\n…", "actor": ""}
            for n in range(3)
        ]
        self.save(database, store, messages=said)
        self.save(database, store, messages=[said[1]])
        assert [row["text"] for row in store.messages("k1")] == [
            "line 2\n…",
            "line 1\n…",
            "line 0\n…",
        ]
        assert store.messages("k2") == []

    def test_work_is_found_by_its_title(self, database: Database, store: Store) -> None:
        """In any case, by its id too; signs of patterns are signs; a task that is done is not."""
        self.save(
            database,
            store,
            work("task", "t1", title="Call about TENT"),
            work("task", "t2", title="tent, done", state="done"),
            work("case", "k1", subject="100% broken tent"),
            work("opportunity", "o1", title="Boots"),
        )
        assert {row["id"] for row in store.search("Tent", 9)} == {"t1", "k1"}
        assert [row["id"] for row in store.search("0%", 9)] == ["k1"]
        assert [row["id"] for row in store.search("o1", 9)] == ["o1"]
        assert store.search("1_0", 9) == []
        (task,) = store.search("call", 9)
        assert task == {"kind": "task", "id": "t1", "title": "Call about TENT", "customer": "c_ann"}

    def test_a_batch_that_fails_leaves_nothing(self, database: Database, store: Store) -> None:
        """What belongs together happens together."""

        def fail() -> None:
            with database.write() as connection:
                store.save(connection, [work("task", "t1")], [])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert store.counts()["task"] == {}

    def test_history_gets_what_it_asks_for(self, database: Database, store: Store) -> None:
        """The SELECTs for history have the columns of its views."""
        found = {name: set(columns_of(database, sql)) for name, sql in store.mirrors().items()}
        for name in ("tasks", "cases", "opportunities"):
            assert set(SCHEMA[name]) <= found[name]
