"""A small company of its own, and somebody who means it no good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from icustomer import ICustomer, Settings
from icustomer.app import create_app

KEY = "shop-key"
COMPANY = f"""
company: {{name: Hostile, time zone: UTC}}
systems:
  shop: {{kind: touchpoint, write key: {KEY}}}
identifiers:
  user_id: {{unique: true}}
  email: {{normalise: email, attributes: [email], limit: 2}}
attributes:
  name: {{sensitivity: personal}}
  email: {{sensitivity: personal}}
traits:
  orders: {{count: true, of: Order Completed}}
segments:
  buyers: {{when: orders > 0}}
queues:
  desk: {{app: sales}}
flows:
  orders:
    source: shop
    format: csv
    files: ["orders*.csv"]
    record: {{event: '"Order Completed"', id: id, identifiers: {{user_id: user}}, properties: {{total: number(total)}}}}
  lines:
    source: shop
    format: jsonl
    files: ["lines*.jsonl"]
    record: {{event: '"Order Completed"', id: id, identifiers: {{user_id: user}}}}
"""
SETTINGS = {"query_seconds": 0.7, "query_memory": "64MB"}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ICustomer]:
    directory = tmp_path_factory.mktemp("hostile") / "company"
    directory.mkdir()
    (directory / "company.yaml").write_text(COMPANY)
    with ICustomer.open(directory, settings=Settings(**SETTINGS)) as company:
        yield company


@pytest.fixture(scope="module")
def client(company: ICustomer) -> Iterator[TestClient]:
    app = create_app(company, beat=False)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def send(client: TestClient, company: ICustomer) -> Any:
    """Send events, apply them, and return what the endpoint said."""

    def sent(*events: dict[str, Any], **more: Any) -> Any:
        answer = client.post("/v1/batch", json={"batch": list(events)}, auth=(KEY, ""), **more)
        assert answer.status_code == 200, answer.text
        company.catch_up()
        return answer.json()

    return sent


def refused(answer: Any, *statuses: int) -> bool:
    """Check that a request was refused politely: a problem document, and nothing of our inside."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    body = answer.json()
    assert {"title", "status", "detail"} <= set(body) or {"code", "message"} == set(body)
    assert "Traceback" not in answer.text
    assert 'File "/' not in answer.text
    return True
