"""Our stores keep the contracts that everybody else's keep, on SQLite and on Postgres."""

import pytest
from sqlalchemy import delete

from cfa.testing import StoreContract as CfaContract
from cic.history import SCHEMA
from cic.testing import StoreContract as CicContract
from cid.kit.db import Database, metadata
from cid.testing import StoreContract as CidContract
from cid.testing import columns_of
from cii.testing import StoreContract as CiiContract
from context.testing import StoreContract as ContextContract
from icustomer import migrations
from icustomer.sockets import PORTS

LAYERS = ("cid", "cii", "cic", "cfa", "context")


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    """A SQLite file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "records.sqlite"
    database = Database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def shared(postgres):
    """A Postgres schema with all tables, to be used one after the other."""
    url = postgres.schema()
    database = Database(url)
    migrations.upgrade(database)
    database.close()
    return url


def opened(request, tmp_path):
    if request.param == "postgres":
        database = Database(request.getfixturevalue("shared"))
        with database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
    else:
        path = tmp_path / "records.sqlite"
        path.write_bytes(request.getfixturevalue("empty").read_bytes())
        database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path):
    yield from opened(request, tmp_path)


def store_of(layer, database):
    (port,) = (each for each in PORTS if each.group == f"icustomer.{layer}.stores")
    return port.load("sql")(database)


class Ours:
    layer = ""

    @pytest.fixture(params=["sqlite", "postgres"])
    def database(self, request, tmp_path):
        yield from opened(request, tmp_path)

    @pytest.fixture
    def store(self, database):
        return store_of(self.layer, database)


class TestCid(Ours, CidContract):
    layer = "cid"


class TestCii(Ours, CiiContract):
    layer = "cii"


class TestCic(Ours, CicContract):
    layer = "cic"


class TestCfa(Ours, CfaContract):
    layer = "cfa"


class TestContext(Ours, ContextContract):
    layer = "context"


def test_together_they_give_history_every_small_table_that_it_offers(database):
    found = {
        name: set(columns_of(database, select))
        for layer in LAYERS
        for name, select in store_of(layer, database).mirrors().items()
    }
    derived = {"customers", "consents", "scores"}
    assert set(SCHEMA) - derived <= set(found)
    for name in set(SCHEMA) - derived:
        assert set(SCHEMA[name]) <= found[name], name
