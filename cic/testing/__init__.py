"""What every plugin of intelligence must do, as tests to inherit from.

class TestMyEngine(EngineContract):
    def make(self, path):
        return MyEngine(path)
"""

# ruff: noqa: D102 - the names of the tests are their claims.

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cic.batch import compute, profiles
from cic.history import SCHEMA
from cic.model import Trait
from cic.oracle import oracle
from cic.ports import ChangeRow, Engine, Example, FactRow, HistorySource, Mirror, Scorer, Store
from cid.kit.clock import DAY, HOUR
from cid.kit.db import Database
from cid.kit.definitions import D, Entry
from cid.kit.errors import ICustomerError, InvalidInput, Refused
from cid.model.definition import Attribute
from cid.model.fact import Fact
from cid.testing import columns_of


class Facts(HistorySource):
    """A source of history that holds its facts in memory."""

    def __init__(
        self,
        facts: Iterable[Fact],
        tables: Mapping[str, Mirror] | None = None,
        zone: str = "UTC",
    ) -> None:
        self._zone = zone
        self.all = list(facts)
        self.tables = dict(tables or {})
        self.of: dict[str, str] = {fact.identity: fact.customer for fact in self.all}
        self.state = "1"

    def generation(self) -> str:
        """Return the text given to ``state``."""
        return self.state

    def facts_since(self, position: int, limit: int) -> Sequence[FactRow]:
        """Return facts by position."""
        later = sorted((fact for fact in self.all if fact.position > position), key=_position)
        return [_row(fact) for fact in later[:limit]]

    def owners(self) -> Mirror:
        """Return who owns which identity."""
        version = repr(sorted(self.of.items()))
        return Mirror(("identity", "customer"), lambda: list(self.of.items()), version)

    def mirrors(self) -> Mapping[str, Mirror]:
        """Return the tables given at the beginning."""
        return self.tables

    def zone(self) -> str:
        """Return the time zone given at the beginning."""
        return self._zone


def fact(
    position: int,
    event: str = "Order Completed",
    *,
    time: int = 0,
    customer: str = "c1",
    source: str = "shop",
    received: int | None = None,
    properties: dict[str, Any] | None = None,
    attributes: dict[str, Any] | None = None,
    message_id: str = "",
) -> Fact:
    """Make a fact with few words."""
    return Fact(
        position=position,
        message_id=message_id or f"m{position}",
        source=source,
        type="identify" if attributes else "track",
        event=event,
        time=time,
        received=time if received is None else received,
        identifiers=(f"user_id:{customer}",),
        properties=properties or {},
        attributes=attributes or {},
        identity=f"user_id:{customer}",
        customer=customer,
    )


def entries(**definitions: D) -> dict[str, Entry[D]]:
    """Make definitions as if read from a file; ``_`` in names stands for a space."""
    return {
        name.replace("_", " "): Entry(name.replace("_", " "), value, "test.yaml", 1, "v1")
        for name, value in definitions.items()
    }


class EngineContract(ABC):
    """What every engine for questions about history does."""

    @abstractmethod
    def make(self, path: Path) -> Engine:
        """Open the engine on a path."""

    def test_facts_follow_their_identity_to_another_customer(self, tmp_path: Path) -> None:
        engine, source = self.make(tmp_path / "history"), Facts([fact(1), fact(2, customer="c2")])
        assert engine.sync(source) == 2
        source.of["user_id:c2"] = "c1"
        assert engine.sync(source) == 0
        assert engine.query("SELECT customer, count(*) FROM facts GROUP BY 1").rows == [("c1", 2)]
        engine.close()

    def test_history_survives_closing_and_continues(self, tmp_path: Path) -> None:
        engine, source = self.make(tmp_path / "history"), Facts([fact(1)])
        engine.sync(source)
        engine.close()
        engine = self.make(tmp_path / "history")
        source.all.append(fact(7))
        assert (engine.position(), engine.sync(source), engine.position()) == (1, 1, 7)
        engine.close()

    def test_a_new_generation_makes_history_again(self, tmp_path: Path) -> None:
        engine, source = self.make(tmp_path / "history"), Facts([fact(1), fact(2)])
        engine.sync(source)
        source.all, source.state = [fact(3)], "2"
        assert engine.sync(source) == 1
        assert engine.query("SELECT position FROM facts").rows == [(3,)]
        engine.close()

    def test_small_tables_are_copied_when_their_version_changes(self, tmp_path: Path) -> None:
        def members(version: str, *rows: tuple[Any, ...]) -> Mirror:
            return Mirror(("customer", "segment", "since"), lambda: rows, version=version)

        engine = self.make(tmp_path / "history")
        source = Facts([], {"memberships": members("1", ("c1", "vip", DAY))})
        engine.sync(source)
        source.tables["memberships"] = members("1")
        engine.sync(source)
        question = "SELECT segment, epoch_ms(since) FROM memberships"
        assert engine.query(question).rows == [("vip", DAY)]
        source.tables["memberships"] = members("2", ("c2", "gold", None))
        engine.sync(source)
        assert engine.query(question).rows == [("gold", None)]
        engine.close()

    def test_questions_are_cut_and_say_so(self, tmp_path: Path) -> None:
        engine = self.make(tmp_path / "history")
        engine.sync(Facts([fact(n) for n in range(1, 6)]))
        result = engine.query("SELECT position FROM facts WHERE position > $n", {"n": 1}, rows=2)
        assert (len(result.rows), result.cut) == (2, True)
        assert not engine.query("SELECT 1", {"unused": 1}).cut
        engine.close()

    def test_nothing_can_be_changed_or_reached_from_a_question(self, tmp_path: Path) -> None:
        engine = self.make(tmp_path / "history")
        engine.sync(Facts([fact(1)]))
        for sql in (
            "DELETE FROM facts",
            "CREATE TABLE mine (x INT)",
            "SELECT * FROM read_csv('/etc/hostname')",
            "SELECT 1; SELECT 2",
            "",
            "SELECT nonsense FROM facts",
        ):
            refusal = _refusal(engine, sql)
            assert refusal is not None, f"answered: {sql}"
            assert refusal.hint, sql
        assert engine.query("SELECT count(*) FROM facts").rows == [(1,)]
        engine.close()

    def test_traits_equal_the_oracle(self, tmp_path: Path) -> None:
        facts = [
            fact(1, time=0, properties={"total": 10.005, "channel": "web"}),
            fact(2, time=HOUR, properties={"total": 2, "channel": None}),
            fact(3, time=DAY, properties={"total": "free", "channel": "store"}),
            fact(4, "Order Refunded", time=DAY + 1, customer="c2", properties={"total": 5}),
        ]
        traits = entries(
            orders=Trait(of=("Order Completed",), count=True, window="1 d"),
            spend=Trait(of=("Order Completed",), sum="total"),
            average=Trait(of=("Order Completed",), average="total"),
            channels=Trait(of=("Order Completed",), distinct="channel"),
            last_channel=Trait(of=("Order Completed",), last="channel"),
            web_orders=Trait(of=("Order Completed",), count=True, where='channel = "web"'),
        )
        engine = self.make(tmp_path / "history")
        engine.sync(Facts(facts))
        for as_of in (-1, 0, HOUR, DAY, DAY + 1, 2 * DAY):
            assert compute(engine, traits, as_of) == oracle(facts, traits, as_of)
        assert compute(engine, traits, DAY)["c1"]["spend"] == Decimal("12.005")
        engine.close()

    def test_the_master_wins_over_newer_words_of_others(self, tmp_path: Path) -> None:
        said = [
            fact(1, time=1, source="erp", attributes={"city": "Lyon"}),
            fact(2, time=2, source="shop", attributes={"city": "Paris"}),
        ]
        engine = self.make(tmp_path / "history")
        engine.sync(Facts(said))
        city = entries(city=Attribute(masters=("erp",)))
        assert profiles(engine, city, 2) == {"c1": {"city": "Lyon"}}
        engine.close()


class ScorerContract(ABC):
    """What every scorer does."""

    @abstractmethod
    def make(self) -> Scorer:
        """Make a scorer that has learned nothing yet."""

    def test_it_learns_what_there_is_to_learn(self) -> None:
        scorer = self.make()
        scorer.fit(["orders", "noise"], _examples(0, 400), _examples(400, 600))
        high, low = scorer.predict([_example(1, 9.0), _example(2, 0.0)])
        assert 0 <= low < 0.5 < high <= 1

    def test_the_same_examples_make_the_same_model(self) -> None:
        answers = []
        for _ in range(2):
            scorer = self.make()
            scorer.fit(["orders", "noise"], _examples(0, 400), _examples(400, 600))
            answers.append(scorer.predict(_examples(600, 620)))
        assert answers[0] == answers[1]

    def test_it_says_which_feature_mattered(self) -> None:
        scorer = self.make()
        scorer.fit(["orders", "noise"], _examples(0, 400), _examples(400, 600))
        (reasons,) = scorer.explain([_example(1, 9.0)])
        assert reasons[0].feature == "orders"
        assert reasons[0].effect > 0

    def test_a_missing_value_is_no_obstacle(self) -> None:
        scorer = self.make()
        scorer.fit(["orders", "noise"], _examples(0, 400), _examples(400, 600))
        (probability,) = scorer.predict([Example("c", 0, (None, None), None)])
        assert 0 <= probability <= 1


def _refusal(engine: Engine, sql: str) -> ICustomerError | None:
    try:
        engine.query(sql)
    except (Refused, InvalidInput) as error:
        return error
    return None


def _examples(start: int, end: int) -> list[Example]:
    return [_example(n, float(n * 7 % 10)) for n in range(start, end)]


def _example(n: int, orders: float) -> Example:
    # Nearly, not wholly, decided by the number of orders.
    return Example(f"c{n}", n, (orders, float(n % 3)), orders >= 5 if n % 11 else orders < 5)


def _position(fact: Fact) -> int:
    return fact.position


def _row(fact: Fact) -> FactRow:
    return FactRow(
        fact.position,
        fact.identity,
        fact.message_id,
        fact.source,
        fact.type,
        fact.event,
        fact.time,
        fact.received,
        fact.actor,
        fact.loop,
        json.dumps(fact.properties, ensure_ascii=False),
        json.dumps(fact.attributes, ensure_ascii=False),
    )


def change(customer: str, kind: str = "entered", at: int = DAY, **given: Any) -> ChangeRow:
    """Make an entry into or an exit from the segment ``vip``."""
    row = ChangeRow(customer, "vip", "v1", kind, at, at + 1, "fact", "m1", {"orders": 4}, "loop")
    return row._replace(**given)


class StoreContract:
    """What a store of memberships must do."""

    @pytest.fixture
    def database(self) -> Database:
        """Return a database with the tables, and nothing in them."""
        raise NotImplementedError("Provide a `database` fixture.")

    @pytest.fixture
    def store(self, database: Database) -> Store:
        """Return the store on that database."""
        raise NotImplementedError("Provide a `store` fixture.")

    def save(self, database: Database, store: Store, *changes: ChangeRow) -> None:
        """Write changes in a batch of their own."""
        with database.write() as connection:
            store.save(connection, changes, 1_767_323_045_123, "v1")

    def test_keeps_the_protocol(self, store: Store) -> None:
        assert isinstance(store, Store)

    def test_an_empty_store_has_no_members_and_no_moment(
        self, database: Database, store: Store
    ) -> None:
        with database.read() as connection:
            assert list(store.memberships(connection)) == []
            assert (store.moment(connection), store.version(connection)) == (0, "")
        assert (store.sizes(), store.changes(), store.count()) == ({}, [], 0)
        assert store.last_verification() is None

    def test_memberships_follow_from_changes(self, database: Database, store: Store) -> None:
        self.save(database, store, change("c1"), change("c2"), change("c2", segment="gold"))
        self.save(database, store, change("c1", "left", 2 * DAY))
        with database.read() as connection:
            kept = set(store.memberships(connection))
            assert kept == {("c2", "vip", DAY), ("c2", "gold", DAY)}
            assert store.moment(connection) == 1_767_323_045_123
            assert store.version(connection) == "v1"
        assert store.sizes() == {"vip": 1, "gold": 1}
        assert store.count() == 4

    def test_of_several_changes_in_one_batch_the_last_one_counts(
        self, database: Database, store: Store
    ) -> None:
        there_and_back = [change("c1"), change("c1", "left", 2 * DAY), change("c1", at=3 * DAY)]
        self.save(database, store, *there_and_back, change("c2"), change("c2", "left"))
        with database.read() as connection:
            assert list(store.memberships(connection)) == [("c1", "vip", 3 * DAY)]
        assert store.count() == 5

    def test_members_and_changes_come_newest_first(self, database: Database, store: Store) -> None:
        self.save(database, store, change("c1"), change("c2", at=3 * DAY), change("c3", at=2 * DAY))
        assert [row["customer"] for row in store.members("vip", 2)] == ["c2", "c3"]
        assert [row["customer"] for row in store.changes(limit=2)] == ["c2", "c3"]
        assert [row["kind"] for row in store.changes(customer="c1")] == ["entered"]
        assert store.changes(segment="gold") == []
        assert store.memberships_of("c2") == [{"segment": "vip", "since": 3 * DAY}]

    def test_a_change_says_why_as_it_was_said(self, database: Database, store: Store) -> None:
        seen = {"orders": 4, "city": "Zürich 苏黎世", "spend": 12.5, "vip": None, "nul": "\0"}
        self.save(database, store, change("c1", seen=seen, known_at=1 << 50))
        (found,) = store.changes()
        assert {**found["seen"], "nul": ""} == {**seen, "nul": ""}
        assert (found["known_at"], found["cause_id"], found["loop"]) == (1 << 50, "m1", "loop")

    def test_moves_are_counted_by_day(self, database: Database, store: Store) -> None:
        moved = [change(f"c{n}", at=5 * DAY + n) for n in range(3)]
        late = change("c0", "left", 7 * DAY - 1)
        self.save(database, store, change("c9", at=DAY), *moved, late)
        assert store.moves("vip", 5 * DAY) == [(5, 3, 0), (6, 0, 1)]
        assert store.moves("gold", 0) == []

    def test_a_batch_that_fails_leaves_nothing(self, database: Database, store: Store) -> None:

        def fail() -> None:
            with database.write() as connection:
                store.save(connection, [change("c1")], 7, "v2")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert (store.count(), store.sizes()) == (0, {})

    def test_the_last_verification_is_remembered(self, database: Database, store: Store) -> None:
        report = {"as_of": 1, "traits": 2, "segments": 3, "customers": 4, "mismatches": 0}
        store.note({"at": 1_767_323_045_123, **report})
        store.note({"at": 1_767_323_045_122, **report, "mismatches": 9})
        found = store.last_verification()
        assert found is not None
        assert (found["at"], found["mismatches"]) == (1_767_323_045_123, 0)

    def test_exports_are_listed_newest_first(self, database: Database, store: Store) -> None:
        text = dict.fromkeys(("person", "role", "purpose", "policy", "format", "sha256"), "x")
        row = {**text, "question": "SELECT '王'", "position": 1, "rows": 2, "bytes": 1 << 40}
        store.note_export({"id": "a", "at": 1, **row})
        store.note_export({"id": "b", "at": 1_767_323_045_123, **row})
        found = store.exports(5)
        assert [each["id"] for each in found] == ["b", "a"]
        assert (found[0]["question"], found[0]["bytes"]) == ("SELECT '王'", 1 << 40)
        assert len(store.exports(1)) == 1

    def test_history_gets_what_it_asks_for(self, database: Database, store: Store) -> None:
        found = {name: set(columns_of(database, sql)) for name, sql in store.mirrors().items()}
        for name in ("memberships", "changes", "verification"):
            assert set(SCHEMA[name]) <= found[name]
