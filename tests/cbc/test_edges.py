"""Capabilities over HTTP, on pages and on the command line."""

import csv
import io
import re
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from cbc.api import router as api
from cbc.cli import app as commands
from cbc.pages import router as pages
from cid.kit.clock import ManualClock
from cid.kit.errors import ICustomerError
from cid.model.definition import Company as CompanyDefinition
from icustomer.web.rendering import WebFrame
from tests.pages.fakes import NOW
from tests.pages.fakes_cbc import PAGES, Cbc


class Rest:
    """The other layers, as far as the frame asks them."""

    def ledger(self):
        return {"received": 0, "states": {}, "last_received": None, "balanced": True, "sources": []}

    def last_verification(self):
        return None


@pytest.fixture(scope="module")
def client():
    frame = WebFrame(CompanyDefinition(name="Northlake", currency="EUR"), clock=ManualClock(NOW))
    rest = Rest()
    rest.cii = rest.cic = rest

    @asynccontextmanager
    async def lifespan(app):
        yield {"company": rest, "render": frame, "cbc": Cbc()}

    app = FastAPI(lifespan=lifespan)
    app.include_router(api)
    app.include_router(pages)

    @app.exception_handler(ICustomerError)
    def failed(request: Request, error: ICustomerError):
        return JSONResponse({"title": error.message}, error.status)

    with TestClient(app, "http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_in_the_readers_language_with_one_heading(client, path, language):
    answer = client.get(path, headers={"accept-language": language})

    assert answer.status_code == 200
    assert len(re.findall(r"<h1[ >]", answer.text)) == 1


def test_the_rows_of_a_page_add_up_to_its_number(client):
    text = client.get("/measures/retention").text
    found = client.get("/api/cbc/measures/retention").json()

    assert f"{found['numerator']:g} / {found['denominator']:g}" in text
    assert text.count("<tr data-href=") == found["n"]


def test_the_chart_of_a_measure_comes_after_its_page(client):
    page = client.get("/measures/retention?as_of=2026-11-01").text
    assert 'hx-get="/measures/retention/trend?as_of=2026-11-01"' in page

    chart = client.get("/measures/retention/trend").text
    assert "data-chart=" in chart
    assert "<h1" not in chart
    assert "data-chart=" not in client.get("/measures/offer%20acceptance/trend").text


def test_personal_data_is_masked_for_those_who_do_not_serve_customers(client):
    for role, sees in (("agent", True), ("analyst", False)):
        client.cookies.set("role", role)
        for path in ("/measures/retention", "/measures/tasks%20on%20time", "/loops/l_81"):
            assert (
                "Emma Roth" in client.get(path).text or "Jonas Brandt" in client.get(path).text
            ) is sees
    client.cookies.clear()


@pytest.mark.parametrize(
    "path",
    [
        "/api/cbc/measures",
        "/api/cbc/measures?as_of=2026-11-01",
        "/api/cbc/measures/retention",
        "/api/cbc/measures/broken",
        "/api/cbc/measures/win-back%20success/drill?limit=5",
        "/api/cbc/capabilities",
        "/api/cbc/capabilities/loyalty",
        "/api/cbc/loops/l_81",
    ],
)
def test_every_answer_keeps_its_schema(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/cbc/measures/retenton", 404),
        ("/api/cbc/capabilities/flying", 404),
        ("/api/cbc/loops/none", 404),
        ("/measures/retenton", 404),
        ("/api/cbc/measures/retention?as_of=soon", 422),
        ("/api/cbc/measures/retention/drill?limit=0", 422),
        ("/api/cbc/measures/retention/drill?format=xls", 422),
    ],
)
def test_what_is_wrong_with_a_question_is_said(client, path, status):
    assert client.get(path).status_code == status


def test_the_file_of_a_number_adds_up_to_it(client):
    found = client.get("/api/cbc/measures/average%20order%20value").json()
    answer = client.get("/api/cbc/measures/average%20order%20value/drill?format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.headers["content-type"].startswith("text/csv")
    assert sum(Decimal(row["numerator"]) for row in rows) == Decimal(str(found["numerator"]))
    assert len(rows) == found["n"]


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("measures", ("cbc.measures", {"as_of": ""})),
        ("measure nps", ("cbc.measure", {"name": "nps", "as_of": ""})),
        ("drill nps --limit 5", ("cbc.drill", {"name": "nps", "as_of": "", "limit": 5})),
        ("capabilities", ("cbc.capabilities", {})),
        ("capability loyalty", ("cbc.capability", {"name": "loyalty", "as_of": ""})),
        ("loop l_81", ("cbc.loop", {"loop_id": "l_81"})),
    ],
)
def test_a_command_asks_the_company(line, asked):
    heard = []

    def hear(command, parameters):
        heard.append((command, dict(parameters)))
        return {}

    answer = CliRunner().invoke(commands, line.split(), obj={"ask": hear, "json": True})

    assert answer.exit_code == 0, answer.output
    assert heard == [asked]
