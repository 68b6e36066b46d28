"""What every store of customers and every extension must do, as tests: subclass, give it, run.

```python
class TestMyStore(StoreContract):
    @pytest.fixture
    def database(self, tmp_path):
        return my_database(tmp_path)

    @pytest.fixture
    def store(self, database):
        return MyStore(database)
```
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from cid.kit.db import Database
from cid.kit.definitions import load
from cid.model.definition import SECTIONS
from cid.model.value import Value
from cid.ports import CustomerRow, Extension, IdentityRow, ObservationRow, Store

ANN = IdentityRow("user_id:ann", "c_ann", 1_000, 1_767_323_045_123, 3)
VALUES = (
    "Zoë 店铺 🙂",
    "",
    12,
    -0.5,
    True,
    None,
    ["a", {"b": 1}],
    Decimal("9.90"),
    date(2026, 2, 3),
)


def columns_of(database: Database, select: str) -> list[str]:
    """Return the columns that a SELECT for the history gives."""
    with database.read() as connection:
        return list(connection.execute(text(f"SELECT * FROM ({select}) AS q LIMIT 0")).keys())


def customer(id: str, name: str, identities: tuple[str, ...] = (), **profile: Any) -> CustomerRow:
    """Make a customer with few words."""
    said = {attribute: Value(value, "shop", 1) for attribute, value in profile.items()}
    return CustomerRow(id, "person", name, identities, said)


def order(order_id: str, total: int, stamp: str, identity: str = ANN.identity) -> dict[str, Any]:
    """Make an order with few words; its time is in its stamp."""
    return {
        **{"order_id": order_id, "identity": identity, "source": "shop", "total": total},
        **{"currency": "EUR", "channel": "web", "campaign": "", "time": int(stamp), "stamp": stamp},
    }


class StoreContract:
    """What a store of customers must do."""

    @pytest.fixture
    def database(self) -> Database:
        """Return a database with the tables, and nothing in them."""
        raise NotImplementedError("Provide a `database` fixture.")

    @pytest.fixture
    def store(self, database: Database) -> Store:
        """Return the store on that database."""
        raise NotImplementedError("Provide a `store` fixture.")

    def test_keeps_the_protocol(self, store: Store) -> None:
        """It has all methods."""
        assert isinstance(store, Store)

    def test_an_empty_store_knows_nobody(self, database: Database, store: Store) -> None:
        """That is no error."""
        with database.read() as connection:
            assert list(store.identities(connection)) == []
            assert list(store.observations(connection)) == []
        assert store.customer("c_ann") is None
        assert store.find("ann", 9) == []
        assert store.names(["c_ann"]) == {}

    def test_what_was_said_comes_back_as_it_was(self, database: Database, store: Store) -> None:
        """Every kind of value, with its type."""
        said = [
            ObservationRow(ANN.identity, f"a{number}", "shop", 1_767_323_045_123, "m1", value)
            for number, value in enumerate(VALUES)
        ]
        with database.write() as connection:
            store.save(connection, [ANN], said, [], [], {})
        with database.read() as connection:
            assert list(store.identities(connection)) == [ANN]
            found = {row.attribute: row for row in store.observations(connection)}
        assert found == {row.attribute: row for row in said}
        assert [type(found[f"a{n}"].value) for n in range(len(VALUES))] == list(map(type, VALUES))

    def test_saving_again_replaces(self, database: Database, store: Store) -> None:
        """There is one row for each identity, and one word of each system on each attribute."""
        for number in (1, 2):
            word = ObservationRow(ANN.identity, "city", "shop", number, f"m{number}", f"v{number}")
            with database.write() as connection:
                store.save(connection, [ANN._replace(facts=number)], [word], [], [], {})
        with database.read() as connection:
            assert [row.facts for row in store.identities(connection)] == [2]
            assert [row.value for row in store.observations(connection)] == ["v2"]

    def test_a_batch_that_fails_leaves_nothing(self, database: Database, store: Store) -> None:
        """What belongs together happens together."""

        def fail() -> None:
            with database.write() as connection:
                store.save(connection, [ANN], [], [customer("c_ann", "Ann")], [], {})
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with database.read() as connection:
            assert list(store.identities(connection)) == []
        assert store.customer("c_ann") is None

    def test_a_customer_is_shown_with_profile_and_identities(
        self, database: Database, store: Store
    ) -> None:
        """Until she is gone."""
        second = IdentityRow("email:ann@example.org", "c_ann", 500, 600, 1)
        with database.write() as connection:
            whole = customer("c_ann", "Ann 王", (ANN.identity, second.identity), city="Lyon")
            store.save(connection, [ANN, second], [], [whole], [], {})
        found = store.customer("c_ann")
        assert found is not None
        assert (found["name"], found["kind"]) == ("Ann 王", "person")
        assert found["profile"]["city"] == ["Lyon", "shop", 1]
        named = [each["identity"] for each in found["identities"]]
        assert named == [second.identity, ANN.identity]
        assert store.names(["c_ann", "c_bob"]) == {"c_ann": "Ann 王"}
        with database.write() as connection:
            store.save(connection, [], [], [], ["c_ann"], {})
        assert store.customer("c_ann") is None

    def test_customers_are_found_by_every_name_they_have(
        self, database: Database, store: Store
    ) -> None:
        """Name, values and identifiers, in any case, the best first; signs of patterns are signs."""
        rows = [
            customer("c_1", "Ann", ("user_id:u1",), city="LYON"),
            customer("c_2", "Annabel", ("email:bel@example.org",)),
            customer("c_3", "100%_Käse"),
        ]
        with database.write() as connection:
            store.save(connection, [], [], rows, [], {})

        def found(text: str, limit: int = 9) -> list[str]:
            return [row["id"] for row in store.find(text, limit)]

        assert found("ANN") == ["c_1", "c_2"]
        assert found("ann", 1) == ["c_1"]
        assert found("lyon") == found("u1") == ["c_1"]
        assert found("bel@example") == ["c_2"]
        assert found("0%_K") == found("käse") == ["c_3"]
        assert found("1_0") == found(" ") == []

    def test_an_older_fact_never_overwrites_a_newer_one(
        self, database: Database, store: Store
    ) -> None:
        """The stamp decides, byte by byte, not the order of arrival."""
        for total, stamp in ((10, "0002"), (20, "0001"), (30, "0003"), (40, "0003")):
            with database.write() as connection:
                store.save(connection, [], [], [], [], {"order": [order("o1", total, stamp)]})
        assert [row["total"] for row in store.rows("order", {}, 9)] == [30]
        for total, stamp in ((1, "5"), (2, "4")):
            with database.write() as connection:
                store.save(connection, [], [], [], [], {"order": [order("o2", total, stamp)]})
        assert [row["total"] for row in store.rows("order", {"order_id": "o2"}, 9)] == [1]

    def test_one_batch_may_hold_the_same_row_twice(self, database: Database, store: Store) -> None:
        """The later word stands."""
        twice = [order("o1", 10, "0001"), order("o2", 11, "0001"), order("o1", 12, "0002")]
        with database.write() as connection:
            store.save(connection, [], [], [], [], {"order": twice})
        found = {row["order_id"]: row["total"] for row in store.rows("order", {}, 9)}
        assert found == {"o1": 12, "o2": 11}

    def test_rows_are_chosen_and_come_newest_first(self, database: Database, store: Store) -> None:
        """By one value or by several."""
        orders = [order(f"o{n}", n, f"{n:04d}", f"user_id:u{n % 3}") for n in range(1, 7)]
        with database.write() as connection:
            store.save(connection, [], [], [], [], {"order": orders})
        assert [row["total"] for row in store.rows("order", {}, 2)] == [6, 5]
        mine = store.rows("order", {"identity": ["user_id:u1", "user_id:u2"]}, 9)
        assert [row["total"] for row in mine] == [5, 4, 2, 1]
        assert store.rows("order", {"identity": "user_id:u9"}, 9) == []

    def test_great_numbers_and_odd_texts_stop_nothing(
        self, database: Database, store: Store
    ) -> None:
        """Sixty-four bits; what ends a text elsewhere does not end a batch here."""
        big = order("o1", (1 << 63) - 1, "0001")
        odd = order("'; DROP TABLE x; --\0", -(1 << 63), "0002") | {"campaign": "a\tb\n\\N\\.\r"}
        with database.write() as connection:
            row = ObservationRow("user_id:\0", "note", "shop", 1, "m1", {"deep": ["\0"]})
            store.save(connection, [], [row], [], [], {"order": [big, odd]})
        found = store.rows("order", {}, 9)
        assert [row["total"] for row in found] == [-(1 << 63), (1 << 63) - 1]
        assert found[0]["campaign"] == "a\tb\n\\N\\.\r"

    def test_definitions_are_declared_and_declared_again(
        self, database: Database, store: Store
    ) -> None:
        """Channels, touchpoints and segments are as the last declaration says."""
        shop = {"name": "shop", "channel": "web", "kind": "shop", "expected_ms": None}
        vip = {"name": "vip", "version": "1", "condition": "orders > 3", "active": True}
        store.declare([shop], [vip])
        store.declare([shop | {"expected_ms": 5}, shop | {"name": "till", "channel": None}], [vip])
        with database.read() as connection:
            rows = connection.execute(text(f"{store.mirrors()['systems']} ORDER BY name")).all()
        assert [tuple(row) for row in rows] == [
            ("shop", "shop", "web", 5),
            ("till", "shop", None, None),
        ]

    def test_history_gets_what_it_asks_for(self, database: Database, store: Store) -> None:
        """The SELECTs for history have these columns."""
        found = {name: columns_of(database, select) for name, select in store.mirrors().items()}
        assert found["systems"] == ["name", "kind", "channel", "expected_ms"]
        assert found["products"] == ["sku", "name", "category", "price", "currency"]


class ExtensionContract:
    """What every extension must do. Provide a ``plugin`` fixture."""

    @pytest.fixture
    def plugin(self) -> Extension:
        """Return the extension under test."""
        raise NotImplementedError("Provide a `plugin` fixture returning your extension.")

    def test_keeps_the_protocol(self, plugin: Extension) -> None:
        """It has a name and files that exist."""
        assert isinstance(plugin, Extension)
        assert plugin.name
        assert plugin.definitions()
        assert all(path.is_file() for path in plugin.definitions())

    def test_its_definitions_are_in_order(self, plugin: Extension, tmp_path: Path) -> None:
        """They can be read into an otherwise empty company, and define something."""
        found, errors = load(tmp_path, SECTIONS, plugin.definitions())
        assert [str(error) for error in errors] == []
        assert any(found.sections.values())

    def test_says_what_things_are_in_both_languages(
        self, plugin: Extension, tmp_path: Path
    ) -> None:
        """Each definition has an English and a Chinese title."""
        found, _ = load(tmp_path, SECTIONS, plugin.definitions())
        named = [entry for entries in found.sections.values() for entry in entries.values()]
        assert [e.name for e in named if not (e.value.title and e.value.title.zh)] == []
