"""The examples of the how-to pages keep the contract kits that we give to everybody."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cbc.testing import CapabilityContract
from cfa.testing import AppContract
from cic.testing import EngineContract, ScorerContract
from cid.kit.definitions import load
from cii.testing import ConnectorContract, TransportContract
from context.ports import Action, ActionRow, Effects
from docs.examples.folder_log import FolderLog
from docs.examples.halves import Halves
from docs.examples.letter import Letter
from docs.examples.repairs import Repairs
from docs.examples.sqlite_rows import SqliteRows
from docs.examples.tea_ability import TeaAbility
from docs.examples.tea_trade import TeaTrade
from docs.examples.watched_history import WatchedHistory
from icustomer.definitions import SECTIONS


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


def test_the_extension_s_definitions_are_in_order(tmp_path):
    definitions, errors = load(tmp_path, SECTIONS, TeaTrade().definitions())
    assert errors == []
    assert "favourite_tea" in definitions.sections["attributes"]


def test_a_letter_written_twice_is_one_letter(tmp_path: Path):
    parameters = {"text": "Thank you!"}
    row = ActionRow(
        "a1", "d1", "thank", "letter", "c1", "user_id:ann", 0, "pending", 0, 0, "", parameters, "l1"
    )
    letter = Letter()
    assert isinstance(letter, Action)
    assert letter.check({}) is not None
    assert letter.check(parameters) is None
    for _ in range(2):
        letter.perform(row, Effects(None, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["a1.letter"]
