"""The contract kits of all sockets, over plugins that were installed as a package of their own.

Run in an environment where `tea-goods` is installed beside iCustomer: ``pytest kits.py``.
"""

import sqlite3
from contextlib import closing

import pytest

from cbc.testing import CapabilityContract
from cfa.testing import AppContract
from cfa.testing import StoreContract as CfaContract
from cic.testing import EngineContract, ScorerContract
from cic.testing import StoreContract as CicContract
from cic.testing.kernels import KernelContract
from cid.kit.db import Database
from cid.testing import ExtensionContract
from cid.testing import StoreContract as CidContract
from cii.testing import ConnectorContract, TransportContract
from cii.testing import StoreContract as CiiContract
from context.testing import ActionContract, NotationContract, SheetContract
from context.testing import StoreContract as ContextContract
from icustomer import migrations
from icustomer.sockets import PORTS

BY_GROUP = {port.group: port for port in PORTS}


def tea(socket):
    return BY_GROUP[f"icustomer.{socket}"].load("tea")


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    path = tmp_path_factory.mktemp("empty") / "records.sqlite"
    database = Database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path.read_bytes()


@pytest.fixture
def database(empty, tmp_path):
    (tmp_path / "records.sqlite").write_bytes(empty)
    database = Database(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield database
    database.close()


class Stored:
    """The fixtures of every kit of stores."""

    socket = ""

    @pytest.fixture
    def database(self, database):
        return database

    @pytest.fixture
    def store(self, database):
        return tea(self.socket)(database)


class Test_cid_stores(Stored, CidContract):
    socket = "cid.stores"


class Test_cii_stores(Stored, CiiContract):
    socket = "cii.stores"


class Test_cic_stores(Stored, CicContract):
    socket = "cic.stores"


class Test_cfa_stores(Stored, CfaContract):
    socket = "cfa.stores"


class Test_context_stores(Stored, ContextContract):
    socket = "context.stores"


class Test_cid_extensions(ExtensionContract):
    @pytest.fixture
    def plugin(self):
        return tea("cid.extensions")()


class Test_cii_transports(TransportContract):
    def open(self, directory):
        return tea("cii.transports")(directory / "log")


class Test_cii_connectors(ConnectorContract):
    suffix = ".sqlite"
    text = False

    def connector(self):
        return tea("cii.connectors")()

    def write(self, path, rows):
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE rows (id TEXT, name TEXT)")
            database.executemany("INSERT INTO rows VALUES (:id, :name)", rows)


class Test_cic_engines(EngineContract):
    def make(self, path):
        return tea("cic.engines")(path)


class Test_cic_kernels(KernelContract):
    def make(self, plans, count):
        return tea("cic.kernels")(plans, count)


class Test_cic_scorers(ScorerContract):
    def make(self):
        return tea("cic.scorers")()


class Test_cfa_apps(AppContract):
    @pytest.fixture
    def factory(self):
        return tea("cfa.apps")


class Test_context_actions(ActionContract):
    @pytest.fixture
    def plugin(self):
        return tea("context.actions")()

    @pytest.fixture
    def parameters(self):
        return {"text": "Thank you!"}


class Test_context_notations(NotationContract):
    @pytest.fixture
    def plugin(self):
        return tea("context.notations")()


class Test_context_sheets(SheetContract):
    @pytest.fixture
    def plugin(self):
        return tea("context.sheets")()

    @pytest.fixture
    def written(self):
        return "\n".join("|".join(row) for row in self.CELLS).encode()


class Test_cbc_capabilities(CapabilityContract):
    @pytest.fixture
    def plugin(self):
        return tea("cbc.capabilities")()


def test_every_socket_has_a_kit():
    kits = {name.removeprefix("Test_").replace("_", ".") for name in globals() if "Test_" in name}
    assert {f"icustomer.{kit}" for kit in kits} == set(BY_GROUP)
