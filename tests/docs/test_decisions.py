"""The decisions in docs/decisions that no other test guards."""

import ast
import re
from pathlib import Path

import pytest

import cic.tables
from cid.kit.db import metadata
from cid.kit.errors import Conflict
from cii.ports import Message
from icustomer import ICustomer
from icustomer.app import create_app
from icustomer.commands import ask
from icustomer.definitions import read
from icustomer.ownership import announce, withdraw
from icustomer.starting import init_company
from tests.docs.serving import serving

ROOT = Path(__file__).parents[2]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
PACKAGES = ("cid", "cii", "cic", "cfa", "context", "cbc", "icustomer")
EDGES = re.compile(
    r"[a-z]+/api(/\w+)?\.py|[a-z]+/pages(/\w+)?\.py|icustomer/(app|web/security|web/limits|web/rendering|web/reading)\.py|cid/kit/web\.py"
)


@pytest.fixture
def acme(tmp_path):
    init_company(tmp_path / "acme")
    return tmp_path / "acme"


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_each_decision_names_a_test(decision):
    assert re.search(r"`tests/[\w/]+\.py::test_\w+`", decision.read_text("utf-8"))


def test_async_lives_only_at_the_http_edge():
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            if any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree)):
                found.add(str(path.relative_to(ROOT)))
    assert {path for path in found if not EDGES.fullmatch(path)} == set()


def test_accepting_a_record_does_not_wait_for_applying(acme):
    with ICustomer.open(acme) as company, company.database.write():
        before = company.cii.ledger()["received"]
        company.cii.append([Message(b"ann", b"{}", 0, {"source": "shop"})])
        assert company.cii.ledger()["received"] == before + 1


def test_no_table_holds_a_trait():
    assert cic.tables
    assert [table.name for table in metadata.sorted_tables if "trait" in table.name] == []


def test_a_directory_has_one_owner(acme):
    with ICustomer.open(acme), pytest.raises(Conflict, match="Another process"):
        ICustomer.open(acme)
    ICustomer.open(acme).close()


def test_a_command_beside_a_server_is_carried_out_by_it(acme):
    with ICustomer.open(acme) as company:
        with serving(create_app(company, token="secret", beat=False)) as address:
            announce(acme / "data", "127.0.0.1", int(address.rpartition(":")[2]), "secret")
            told = ask(acme, "cic.segments", {})
            withdraw(acme / "data")
        assert [each["name"] for each in told] == ["active", "vip"]


def test_any_file_may_hold_any_section(acme):
    before = read(acme)[0].version()
    pieces = re.split(r"^(?=\w+:)", (acme / "definitions.yaml").read_text("utf-8"), flags=re.M)
    (acme / "definitions.yaml").unlink()
    for number, piece in enumerate(pieces):
        path = acme / "parts" / f"{number}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(piece, encoding="utf-8")
    definitions, errors = read(acme)
    assert errors == []
    assert definitions.version() == before


def test_a_score_is_a_trait(acme):
    (acme / "scores.yaml").write_text(
        "scores:\n  buys again: {event: Order Completed, features: [orders 90d]}\n"
    )
    trait = read(acme)[0].sections["traits"]["buys again"].value
    assert (trait.of, trait.aggregate) == (("Score Updated",), "last")
