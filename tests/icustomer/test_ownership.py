"""One process owns a directory; what it left behind when it died misleads nobody."""

import json
import os

import pytest

from cid.kit.errors import Conflict, Unavailable
from icustomer.ownership import announce, ask_owner, listening, own, withdraw
from tests.company import icustomer, opened


@pytest.fixture
def path(tmp_path):
    icustomer("init", tmp_path / "acme")
    return tmp_path / "acme"


def test_a_directory_belongs_to_one_process_at_a_time(path):
    release = own(path / "data")
    with pytest.raises(Conflict, match="nother process"):
        own(path / "data")
    release()
    own(path / "data")()


def test_closing_a_company_gives_its_directory_back(path):
    with opened(path):
        with pytest.raises(Conflict), opened(path):
            pass
    with opened(path):
        pass


def test_a_company_that_cannot_be_opened_gives_its_directory_back(path):
    (path / "data").mkdir()
    (path / "data" / "records.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Exception, match="database"), opened(path):
        pass
    own(path / "data")()


def test_what_a_server_that_died_left_behind_is_not_believed(path):
    data = path / "data"
    release = own(data)
    announce(data, "127.0.0.1", 1, "token")
    assert listening(data) is not None
    release()
    # Its process id may belong to somebody else by now: only the lock tells.
    assert json.loads((data / "server.json").read_text())["pid"] == os.getpid()
    assert listening(data) is None
    assert icustomer("cii", "ledger", "--dir", path, "--json").code == 0


def test_where_a_server_listens_is_told_to_this_user_only(path):
    release = own(path / "data")
    announce(path / "data", "127.0.0.1", 1, "token")
    assert (path / "data" / "server.json").stat().st_mode & 0o077 == 0
    withdraw(path / "data")
    withdraw(path / "data")
    assert listening(path / "data") is None
    release()


def test_an_owner_that_does_not_answer_is_told(path):
    server = {"host": "127.0.0.1", "port": 1, "token": "x", "pid": os.getpid()}
    with pytest.raises(Unavailable, match="does not answer"):
        ask_owner(server, "cii.ledger", {})
