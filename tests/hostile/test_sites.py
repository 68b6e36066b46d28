"""Other sites, frames, hosts and texts: pages obey nobody but those who read them."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute

from icustomer.app import create_app
from icustomer.settings import Settings
from tests.hostile.conftest import KEY

WIRE = ("/v1/", "/api/s/", "/beacon/", "/sourceConfig")
EVIL = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://127.0.0.1@evil.example"},
    {"Origin": "http://[evil"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


def routes(company, method):
    app = create_app(company, beat=False)
    found = [route for route in _all(app.routes) if isinstance(route, APIRoute)]
    return [route.path for route in found if method in route.methods]


def _all(routes):
    for route in routes:
        below = getattr(getattr(route, "original_router", None), "routes", None)
        if below is None:
            yield route
        else:
            yield from _all(below)


def filled(path):
    return re.sub(r"\{[^}]*\}", "x", path)


def test_no_other_site_can_change_anything(client, company):
    paths = [path for path in routes(company, "POST") if not path.startswith(WIRE)]
    assert len(paths) > 15
    before = company.cii.ledger()["received"]
    for path in paths:
        for headers in EVIL:
            answer = client.post(filled(path), headers=headers, data={"reason": "x"})
            assert answer.status_code == 403, (path, headers)
    company.catch_up()
    assert company.cii.ledger()["received"] == before


def test_nothing_changes_by_being_looked_at(client, company):
    before = company.cii.transport.ends(company.cii.topic)
    for path in routes(company, "GET"):
        client.get(filled(path))
    assert company.cii.transport.ends(company.cii.topic) == before


def test_no_answer_can_be_framed_sniffed_or_given_foreign_scripts(client, company):
    paths = [filled(path) for path in routes(company, "GET")]
    for path in [*paths, "/nothing", "/static/app.css", "/static/none", "/openapi.json"]:
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe-eval" not in policy
        assert "script-src" not in policy or "'unsafe-inline'" not in policy.split("script-src")[1]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8000",
        "127.0.0.1@evil.example",
        "evil@127.0.0.1",
        "[evil",
        "127.0.0.1:port",
        "127.0.0.1/evil",
        "127.0.0.1#evil",
        "",
        "LOCALHOST.evil.example",
    ],
)
def test_a_foreign_host_is_refused_on_every_path(client, host):
    for path in ("/", "/api/cid/customers", f"/v1/projects/{KEY}/settings", "/static/app.css"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 403, path
        assert "evil" not in answer.text


def test_what_a_proxy_is_said_to_say_is_not_believed(client):
    for name in ("X-Forwarded-Host", "X-Forwarded-For", "Forwarded", "X-Original-URL"):
        answer = client.get(f"/v1/projects/{KEY}/settings", headers={name: "host=evil.example"})
        assert "evil" not in answer.text


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:a=b",
        "/x\r\nSet-Cookie: a=b",
    ],
)
def test_a_way_back_never_leads_to_another_site_or_into_a_header(client, back):
    answer = client.post("/settings", data={"theme": "dark", "back": back}, follow_redirects=False)
    location = answer.headers["location"]
    assert location.startswith("/")
    assert location[1:2] not in ("/", "\\", "\t", "\n")
    assert [name for name, value in answer.headers.items() if value.startswith("a=b")] == []


@pytest.mark.parametrize(
    "text",
    [
        "{{ 7 * 7 }}",
        "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
        "{name.__class__}",
        "%(name)s %s ${7*7} #{7*7}",
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "javascript:alert(1)",
        "</title><svg onload=alert(1)>",
    ],
)
def test_a_name_is_never_a_template_nor_a_script(client, company, send, text):
    user = f"user-{abs(hash(text))}"
    send(
        {"type": "identify", "userId": user, "traits": {"name": text}},
        {"type": "track", "event": text, "userId": user, "properties": {"note": text, text: text}},
    )
    id = company.cid.customer(f"user_id:{user}")["id"]
    for path in (
        f"/customers/{id}",
        f"/customers/{id}/evidence",
        "/customers",
        "/",
        f"/search?q={user}",
    ):
        page = client.get(path)
        assert page.status_code == 200
        assert "49" not in re.sub(
            r"[0-9a-f]{6,}|\d{3,}|\d\d:\d\d", "", re.sub(r"<[^>]*>", "", page.text)
        )
        for evil in ("<script>alert", "<img src=x", "<svg onload", 'href="javascript'):
            assert evil not in page.text
    assert text in client.get(f"/api/cid/customers/{id}").json()["name"]
    page = client.get("/search", params={"q": text}).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_a_role_that_may_not_see_personal_data_does_not_get_it_by_the_api_either(
    client, company, send
):
    send(
        {
            "type": "identify",
            "userId": "masked",
            "traits": {"name": "Ann Keller", "email": "ann.k@example.org"},
        }
    )
    id = company.cid.customer("user_id:masked")["id"]
    paths = [
        "/api/cid/customers?q=ann",
        f"/api/cid/customers/{id}",
        f"/api/cid/customers/{id}/timeline",
        f"/api/cii/customers/{id}/evidence",
        f"/api/cic/segments/buyers/why/{id}",
    ]

    def said(role):
        cookies = {"Cookie": f"role={role}"}
        texts = [client.get(path, headers=cookies).text for path in paths]
        sql = {"sql": "select name, email, customer from customers"}
        return "".join([*texts, client.post("/api/cic/sql", json=sql, headers=cookies).text])

    assert "Ann Keller" in said("agent")
    assert "ann.k@example.org" in said("agent")
    for role in ("analyst", "architect"):
        assert "Ann Keller" not in said(role)
        assert "ann.k@example.org" not in said(role)
        assert "A•• K•••••" in said(role)


def test_who_logs_in_as_an_analyst_cannot_choose_to_be_an_agent(company, send):
    from fastapi.testclient import TestClient

    send({"type": "identify", "userId": "login", "traits": {"name": "Ben Weiss"}})
    login = Settings(
        credentials={"ann/analyst": "a long password", "bob/agent": "another password"}
    )
    before, company.settings = company.settings, login
    try:
        app = create_app(company, beat=False)
    finally:
        company.settings = before
    with TestClient(app, base_url="http://127.0.0.1", cookies={"role": "agent"}) as client:
        for path in ("/api/cid/customers?q=ben", "/customers?q=ben"):
            assert client.get(path).status_code == 401
            assert "Ben Weiss" not in client.get(path, auth=("ann", "a long password")).text
            assert "Ben Weiss" in client.get(path, auth=("bob", "another password")).text
        assert client.get("/", auth=("ann", "wrong password")).status_code == 401
        assert client.get("/", auth=("", "")).status_code == 401
