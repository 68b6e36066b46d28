"""One reader, one answer: as JSON, as SQL, behind a row, as a file, and as what becomes a segment."""

import json

import pytest
from fastapi.testclient import TestClient

from icustomer import ICustomer
from icustomer.app import create_app

COMPANY = """
company: {name: Odd, time zone: Europe/Berlin}
systems:
  shop: {kind: touchpoint, write key: shop-key}
identifiers:
  user_id: {unique: true}
attributes:
  name: {sensitivity: personal}
  email: {sensitivity: personal}
  country: {}
  city: {}
  birth_date: {type: date, sensitivity: sensitive}
traits:
  orders: {count: true, of: Order Completed}
segments:
  buyers: {when: orders > 0}
policies:
  french:
    roles: [analyst]
    purposes: [analysis]
    customers: country = "FR"
  whole:
    roles: [analyst]
    purposes: [audit]
    show: [email]
    hide: [birth_date]
"""
PEOPLE = {"ann": ("FR", "Lyon"), "bob": ("DE", "Ulm"), "cat": ("DE", "")}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    directory = tmp_path_factory.mktemp("same") / "odd"
    directory.mkdir()
    (directory / "company.yaml").write_text(COMPANY)
    batch = []
    for who, (country, city) in PEOPLE.items():
        traits = {"name": who.title(), "email": f"{who}@example.org", "country": country}
        traits |= {"city": city, "birth_date": "1980-01-01"}
        channel = {"channel": "" if who == "ann" else "web"} if who != "cat" else {}
        batch += [
            {"type": "identify", "messageId": f"i{who}", "userId": who, "traits": traits},
            {
                **{"type": "track", "event": "Order Completed", "messageId": f"o{who}"},
                **{"userId": who, "properties": {"total": 5, **channel}},
            },
        ]
    with ICustomer.open(directory) as company:
        app = create_app(company, beat=False)
        with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
            sent = client.post("/v1/batch", json={"batch": batch}, auth=("shop-key", ""))
            assert sent.status_code == 200
            company.catch_up()
            yield client


def asked(client, path, body, role="analyst", purpose="audit"):
    headers = {"Cookie": f"role={role}", "X-Purpose": purpose}
    return client.post(f"/api/cic/{path}", json=body, headers=headers)


@pytest.mark.parametrize("purpose", ["audit", "analysis"])
def test_what_a_reader_is_shown_does_not_depend_on_how_she_asks(client, purpose):
    sql = "SELECT city, email, name FROM customers WHERE city <> '' ORDER BY city"
    whole = purpose == "audit"
    wanted = [["Lyon", "ann@example.org" if whole else "a•••", "A•••"]]
    wanted += [["Ulm", "bob@example.org", "B•••"]] if whole else []
    assert asked(client, "sql", {"sql": sql}, purpose=purpose).json()["rows"] == wanted
    told = asked(client, "query", {"kind": "sql", "sql": sql}, purpose=purpose)
    assert told.json()["rows"] == wanted
    file = asked(client, "export", {"sql": sql}, purpose=purpose).text.splitlines()
    assert [line.split(",") for line in file[1:]] == wanted
    question = {"measures": ["orders"], "dimensions": ["city"], "order": "city"}
    rows = asked(client, "query", question, purpose=purpose).json()["rows"]
    assert [row for row in rows if row[0]] == [[row[0], 1] for row in wanted]
    for city, orders in rows:
        body = {"question": question, "row": {"city": city}}
        assert asked(client, "open", body, purpose=purpose).json()["size"] == orders


def test_a_row_becomes_a_segment_only_for_who_sees_the_customers_as_they_are(client):
    question = {"measures": ["buyers"], "dimensions": ["country"]}
    body = {"question": question, "row": {"country": "FR"}}
    assert asked(client, "open", body).json()["feel"] == 'country = "FR" and orders > 0'
    # To her there are no others: the segment would hold people whom she has not counted.
    assert asked(client, "open", body, purpose="analysis").json()["feel"] is None
    masked = {"measures": ["buyers"], "dimensions": ["name"]}
    body = {"question": masked, "row": {"name": "A•••"}}
    found = asked(client, "open", body).json()
    assert (found["size"], found["feel"]) == (1, None)
    assert "masked" in asked(client, "query", masked).json()["hints"][0]
    assert not asked(client, "query", masked, role="agent", purpose="").json()["hints"]


def test_a_hidden_dimension_is_no_word_of_the_reader(client):
    for question in (
        {"measures": ["orders"], "dimensions": ["birth_date"]},
        {"measures": ["orders"], "filter": 'birth_date = @"1980-01-01"'},
        {
            **{"kind": "funnel", "steps": [{"event": "Order Completed"}] * 2},
            "by": "birth_date",
        },
    ):
        answer = asked(client, "query", question)
        assert (answer.status_code, answer.json()["detail"]) == (404, "No dimension 'birth_date'.")
    headers = {"Cookie": "role=analyst", "X-Purpose": "audit"}
    assert "birth_date" not in client.get("/api/cic/explorable", headers=headers).text
    assert "birth_date" in client.get("/api/cic/explorable").text


def test_nothing_and_an_empty_text_are_two_columns(client):
    question = {"measures": ["orders"], "dimensions": ["channel"], "pivot": "channel"}
    answer = asked(client, "query", question, role="agent", purpose="").json()
    names = [column["name"] for column in answer["columns"]]
    assert (len(set(names)), answer["rows"]) == (3, [[1, 1, 1]])
    titles = [column["title"]["en"] for column in answer["columns"]]
    assert titles == ['""', "web", "unknown"]
    for format in ("csv", "parquet"):
        body = {"question": question, "format": format}
        assert asked(client, "export", body, role="agent", purpose="").status_code == 200


@pytest.mark.parametrize(
    "when",
    [
        {"period": {"from": "0001-01-01"}},
        {"as_of": "0001-01-01"},
        {"as_of": "0001-01-05", "last": "10 d"},
        {"period": {"from": "0001-06-01", "to": "2026-01-01"}, "compare": "previous"},
        {"period": {"from": "0001-06-01", "to": "0001-07-01"}, "compare": "year"},
        {"as_of": "9999-12-31T23:59:59-10:00"},
        {"as_of": "9999-12-31", "dimensions": ["day"]},
    ],
)
def test_the_ends_of_the_calendar_are_answered_or_refused(client, when):
    answer = asked(client, "query", {"measures": ["orders", "visits"], **when}, "agent", "")
    assert answer.status_code in (200, 422), answer.text
    json.loads(answer.text)
    as_of = when.get("as_of", "0001-01-01")
    path = f"/api/cic/segments/buyers/members?as_of={as_of}"
    assert client.get(path).status_code in (200, 422)
