"""The examples of the how-to pages keep the contract kits that we give to everybody."""

import sqlite3
from contextlib import closing

import pytest

from cbc.testing import CapabilityContract
from cfa.testing import AppContract
from cic.testing import EngineContract, ScorerContract
from cid.testing import ExtensionContract
from cii.testing import ConnectorContract, TransportContract
from context.testing import ActionContract
from docs.examples.folder_log import FolderLog
from docs.examples.halves import Halves
from docs.examples.letter import Letter
from docs.examples.repairs import Repairs
from docs.examples.sqlite_rows import SqliteRows
from docs.examples.tea_ability import TeaAbility
from docs.examples.tea_trade import TeaTrade
from docs.examples.watched_history import WatchedHistory


class TestFolderLog(TransportContract):
    def open(self, directory):
        return FolderLog(directory / "log")


class TestSqliteRows(ConnectorContract):
    suffix = ".sqlite"
    text = False

    def connector(self):
        return SqliteRows()

    def write(self, path, rows):
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE rows (id TEXT, name TEXT)")
            database.executemany("INSERT INTO rows VALUES (:id, :name)", rows)


class TestWatchedHistory(EngineContract):
    def make(self, path):
        return WatchedHistory(path)


class TestHalves(ScorerContract):
    def make(self):
        return Halves()


class TestRepairs(AppContract):
    @pytest.fixture
    def factory(self):
        return Repairs


class TestTeaAbility(CapabilityContract):
    @pytest.fixture
    def plugin(self):
        return TeaAbility()


class TestLetter(ActionContract):
    @pytest.fixture
    def plugin(self):
        return Letter()

    @pytest.fixture
    def parameters(self):
        return {"text": "Thank you!"}


class TestTeaTrade(ExtensionContract):
    @pytest.fixture
    def plugin(self):
        return TeaTrade()
