"""Questions over HTTP, on a company to which nothing has happened yet, and then something."""

import contextlib
import io
import json

import pytest
from fastapi.testclient import TestClient

from icustomer import ICustomer
from icustomer.app import create_app
from icustomer.starting import init_company

VIEWED, ORDERED = {"event": "Product Viewed"}, {"event": "Order Completed"}
KINDS = [
    {"measures": ["revenue", "buyers"], "dimensions": ["month"]},
    {"kind": "funnel", "steps": [VIEWED, ORDERED]},
    {"kind": "retention", "first": ORDERED, "by": "week"},
    {"kind": "paths", "event": "Order Completed"},
    {"kind": "rfm"},
    {"kind": "basket"},
    {"kind": "sql", "sql": "SELECT count(*) AS facts FROM facts"},
]
ROWS = {
    "funnel": {"step": 1},
    "retention": {"age": 1},
    "basket": {"a": "tent", "b": "lamp"},
}


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shop") / "acme"
    init_company(directory)
    with ICustomer.open(directory) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(company):
    with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.mark.parametrize("question", KINDS, ids=lambda each: each.get("kind", "table"))
def test_every_kind_is_answered_and_opens(client, question):
    answer = client.post("/api/cic/query", json=question)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert {"kind", "columns", "rows", "chart", "sql", "python", "position"} <= found.keys()
    assert all(len(row) == len(found["columns"]) for row in found["rows"])
    row = ROWS.get(found["kind"], {})
    behind = client.post("/api/cic/open", json={"question": found["question"], "row": row})
    if found["kind"] == "sql":
        assert behind.status_code == 422
    else:
        assert (behind.status_code, behind.json()["size"]) == (200, 0)


@pytest.mark.parametrize("question", KINDS, ids=lambda each: each.get("kind", "table"))
def test_the_code_of_an_answer_gives_the_answer(company, question, monkeypatch):
    answer = company.cic.query(question)
    # The directory has one owner: the program is given the company that is open.
    monkeypatch.setattr(ICustomer, "open", lambda directory: contextlib.nullcontext(company))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        names: dict = {}
        exec(answer["python"], names)
    assert names["answer"]["rows"] == answer["rows"]
    rows = company.cic.sql(answer["sql"])["rows"]
    if question.get("kind") in ("sql", "rfm"):
        assert json.dumps(rows) == json.dumps(answer["rows"])


def test_a_wrong_question_is_a_problem_with_a_hint(client):
    answer = client.post("/api/cic/query", json={"kind": "funnel", "steps": [VIEWED]})
    assert answer.status_code == 422
    assert "steps" in answer.json()["detail"]
    assert "funnel" in answer.json()["hint"]
