"""What every store of the ledger and the identity graph must do, as tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from cid.kit.db import Database
from cid.kit.errors import Conflict
from cid.testing import columns_of
from cii.model import IdentifierKind
from cii.ports import LedgerRow, Store
from cii.resolution import IdentityGraph
from cii.testing.transports import TOPIC

KINDS = {
    "user_id": IdentifierKind(),
    "email": IdentifierKind(),
}


def fate(position: int, state: str = "applied", **given: Any) -> LedgerRow:
    """Make the fate of a record with few words."""
    row = LedgerRow(
        position, position % 2, position, "shop", f"m{position}", state, "", "",
        1_767_323_045_000 + position, 1_767_323_045_000 + position, "Order Completed", "user_id:ann",
    )  # fmt: skip
    return row._replace(**given)


def key(number: int) -> bytes:
    """Make the key by which a record is known again."""
    return number.to_bytes(1, "big") * 16


class StoreContract:
    """What a store of the ledger and the identity graph must do."""

    @pytest.fixture
    def database(self) -> Database:
        """Return a database with the tables, and nothing in them."""
        raise NotImplementedError("Provide a `database` fixture.")

    @pytest.fixture
    def store(self, database: Database) -> Store:
        """Return the store on that database."""
        raise NotImplementedError("Provide a `store` fixture.")

    def save(self, database: Database, store: Store, *rows: LedgerRow, moment: int = 5) -> None:
        """Write fates in a batch of their own."""
        with database.write() as connection:
            store.save(connection, rows, [], IdentityGraph(KINDS), moment)

    def test_keeps_the_protocol(self, store: Store) -> None:
        """It has all methods."""
        assert isinstance(store, Store)

    def test_an_empty_store_begins_at_nothing(self, database: Database, store: Store) -> None:
        """That is no error."""
        with database.read() as connection:
            assert store.progress(connection, TOPIC) == {}
            assert (store.moment(connection), store.position(connection)) == (0, 0)
            assert store.known(connection, [key(1)]) == set()
            assert [*store.identifiers(connection), *store.edges(connection)] == []
            assert list(store.aliases(connection)) == []
        assert [*store.applied(0, 9), *store.order(0, 9), *store.totals()] == []
        assert store.merges() == {"merge": 0, "split": 0}

    def test_fates_come_back_as_they_were(self, database: Database, store: Store) -> None:
        """With the last position and the moment; great numbers and odd texts, too."""
        odd = fate(1 << 40, time=None, offset=(1 << 63) - 1, detail="Zoë 店铺 🙂 '\\\n\t\\.")
        self.save(database, store, fate(1), odd, moment=1_767_323_045_123)
        assert store.find("m1")[0] == fate(1)._asdict()
        assert store.find(f"m{1 << 40}")[0] == odd._asdict()
        with database.read() as connection:
            assert store.position(connection) == 1 << 40
            assert store.moment(connection) == 1_767_323_045_123

    def test_a_nul_stops_nothing(self, database: Database, store: Store) -> None:
        """Whatever a sender may have written as the id of his record."""
        self.save(database, store, fate(1, state="rejected", message_id="a\0b", detail="\0"))
        assert [row["position"] for row in store.held("rejected", 9)] == [1]

    def test_a_record_is_known_again(self, database: Database, store: Store) -> None:
        """However many are asked for at once."""
        with database.write() as connection:
            given = [(key(number), number) for number in range(200)]
            store.save(connection, [], given, IdentityGraph(KINDS), 1)
            assert store.known(connection, [key(7)]) == {key(7)}
        wanted = [key(7), b"\x00" * 15 + b"\xff", *(n.to_bytes(16, "big") for n in range(1, 2_000))]
        with database.read() as connection:
            assert store.known(connection, wanted) == {key(7)}
            assert store.known(connection, []) == set()

    def test_a_position_is_given_once(self, database: Database, store: Store) -> None:
        """Whoever is behind and writes the same one fails, and leaves nothing."""
        self.save(database, store, fate(1))
        with pytest.raises((Conflict, SQLAlchemyError)):
            self.save(database, store, fate(2), fate(1, source="zombie"))
        assert store.order(0, 9) == [(1, 1, 1)]

    def test_offsets_move_on_from_where_they_were_read(
        self, database: Database, store: Store
    ) -> None:
        """Each topic has its own; partitions that did not move need not be told."""
        with database.write() as connection:
            store.advance(connection, TOPIC, {0: 0, 1: 0}, {0: 5, 1: 0})
        with database.write() as connection:
            store.advance(connection, TOPIC, {0: 5}, {0: 9, 1: 1 << 40})
            store.advance(connection, "other", {}, {0: 2})
        with database.read() as connection:
            assert store.progress(connection, TOPIC) == {0: 9, 1: 1 << 40}
            assert store.progress(connection, "other") == {0: 2}

    @pytest.mark.parametrize("known", [0, 4, 6], ids=["begins anew", "behind", "ahead"])
    def test_whoever_knows_other_offsets_writes_nothing(
        self, database: Database, store: Store, known: int
    ) -> None:
        """A worker that was stopped and comes back must not write what another has written."""
        with database.write() as connection:
            store.advance(connection, TOPIC, {}, {0: 5, 1: 5})

        def write() -> None:
            with database.write() as connection:
                store.save(connection, [fate(7)], [], IdentityGraph(KINDS), 7)
                store.advance(connection, TOPIC, {0: known, 1: 5}, {0: 8, 1: 6})

        with pytest.raises(Conflict, match="another worker"):
            write()
        with database.read() as connection:
            assert store.progress(connection, TOPIC) == {0: 5, 1: 5}
            assert store.position(connection) == 0

    def test_of_two_workers_one_goes_on(self, database: Database, store: Store) -> None:
        """Both have read the same offsets; they write at the same time."""
        with database.write() as connection:
            store.advance(connection, TOPIC, {}, {0: 1})
        ended: list[str] = []

        def work(number: int) -> None:
            try:
                with database.write() as connection:
                    store.save(connection, [fate(number)], [], IdentityGraph(KINDS), number)
                    store.advance(connection, TOPIC, {0: 1}, {0: 2})
            except Conflict:
                ended.append("too late")
            else:
                ended.append("written")

        with ThreadPoolExecutor(4) as workers:
            list(workers.map(work, range(1, 5)))
        assert sorted(ended) == ["too late", "too late", "too late", "written"]
        assert len(store.order(0, 9)) == 1

    def test_the_identity_graph_comes_back(self, database: Database, store: Store) -> None:
        """Identifiers, evidence, decisions and former names; what did not change is not written."""
        graph = IdentityGraph(KINDS)
        graph.resolve(["user_id:ann"], "shop", "m1", 1)
        graph.resolve(["user_id:bob", "email:b@example.org"], "shop", "m2", 2)
        with database.write() as connection:
            store.save(connection, [], [], graph, 2)
        _, merged = graph.resolve(["user_id:ann", "email:b@example.org"], "crm", "m3", 3)
        assert merged is not None
        pair = ("user_id:ann", "email:b@example.org")
        graph.decide(*pair, same=False, at=4, by="kim", reason="a club", message_id="m4")
        with database.write() as connection:
            store.save(connection, [], [], graph, 4)
        with database.read() as connection:
            known = {row[0]: tuple(row[1:]) for row in store.identifiers(connection)}
            edges = {tuple(row[:2]): tuple(row) for row in store.edges(connection)}
            aliases = list(store.aliases(connection))
        assert known == {
            name: (each.customer, each.first_seen, each.blocked)
            for name, each in graph.known.items()
        }
        kept = {(e.a, e.b): astuple(e) for of in graph.edges.values() for e in of.values()}
        assert edges == kept
        assert len(aliases) == store.merges()["merge"] == 1
        assert store.merges()["split"] == 1
        assert {row["kind"] for row in store.regroupings("", 9)} == {"merge", "split"}
        assert store.regroupings("nobody", 9) == []
        assert [row["reason"] for row in store.evidence(["user_id:ann"])] == ["a club"]

    def test_every_record_is_counted_once(self, database: Database, store: Store) -> None:
        """By source, state and reason; what is replayed is counted anew."""
        held = fate(3, "quarantined", source="crm", reason="mapping")
        self.save(database, store, fate(1), fate(2), held)
        self.save(database, store, fate(4))
        counted = {(row["source"], row["state"]): row["records"] for row in store.totals()}
        assert counted == {("shop", "applied"): 3, ("crm", "quarantined"): 1}
        assert store.last_received() == {"shop": fate(4).received, "crm": held.received}
        assert [row["reason"] for row in store.held("quarantined", 9)] == ["mapping"]
        with database.write() as connection:
            store.replayed(connection, [3])
        assert store.held("quarantined", 9) == []
        assert {(row["source"], row["state"]) for row in store.totals()} == {("shop", "applied")}

    def test_records_are_relived_in_their_order(self, database: Database, store: Store) -> None:
        """Those that were applied, or all, some at a time."""
        rows = [fate(n, "duplicate" if n == 3 else "applied") for n in range(1, 6)]
        self.save(database, store, *reversed(rows))
        assert store.applied(1, 2) == [(2, 0, 2, "user_id:ann"), (4, 0, 4, "user_id:ann")]
        assert store.order(2, 9) == [(3, 1, 3), (4, 0, 4), (5, 1, 5)]

    def test_a_timeline_goes_back_page_by_page(self, database: Database, store: Store) -> None:
        """Newest first; records of one moment are neither skipped nor shown twice."""
        rows = [fate(n, time=100 + n // 3, source=f"s{n % 2}") for n in range(1, 10)]
        other = fate(10, identity="user_id:bob")
        self.save(database, store, *rows, other, fate(11, "rejected"))
        seen: list[int] = []
        before = (1 << 62, 0)
        while page := store.timeline(["user_id:ann"], before, 4, ""):
            seen += [row["position"] for row in page]
            before = (page[-1]["time"], page[-1]["position"])
        assert seen == [9, 8, 7, 6, 5, 4, 3, 2, 1]
        some = store.timeline(["user_id:ann", "user_id:bob"], (1 << 62, 0), 99, "s1")
        assert [row["position"] for row in some] == [9, 7, 5, 3, 1]

    def test_history_gets_what_it_asks_for(self, database: Database, store: Store) -> None:
        """The SELECTs for history have these columns."""
        found = {name: columns_of(database, select) for name, select in store.mirrors().items()}
        assert found["ledger"] == ["position", "source", "state", "reason", "received", "time"]
        assert found["identifiers"] == ["identifier", "kind", "customer"]
