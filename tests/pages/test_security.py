"""The pages run no foreign script, obey no foreign site and answer under no foreign name."""

from __future__ import annotations

import hashlib

import pytest

from icustomer.web import STATIC


def test_every_answer_forbids_foreign_scripts_and_frames(client):
    for path in ("/", "/static/app.css", "/customers/nobody", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "script-src" not in policy
        assert client.get(path).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_writes_from_other_sites_are_refused(client, headers):
    assert client.post("/settings", data={"theme": "dark"}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://127.0.0.1"}, {"sec-fetch-site": "same-origin"}]
)
def test_writes_from_our_own_pages_and_from_programs_pass(client, headers):
    answer = client.post(
        "/settings", data={"theme": "dark"}, headers=headers, follow_redirects=False
    )
    assert answer.status_code == 303


def test_touchpoints_on_other_sites_may_write_to_the_collect_paths(client):
    for path in ("/v1/track", "/api/s/x"):
        answer = client.post(path, headers={"origin": "https://shop.example"})
        assert answer.status_code == 404


def test_a_foreign_host_is_refused(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/", headers={"host": "localhost:8080"}).status_code == 200
    assert client.get("/", headers={"host": "[::1]:8080"}).status_code == 200


def test_hostile_text_stays_text(client):
    text = client.get("/search", params={"q": "<script>alert(1)</script>"}).text
    assert "<script>alert" not in text


def test_no_page_brings_a_script_of_its_own(client):
    for path in ("/", "/segments", "/explore", "/rules"):
        text = client.get(path).text
        assert " onclick" not in text
        assert text.count("<script") == text.count("<script src=")


def test_vendored_scripts_are_what_their_makers_published():
    folder = STATIC / "vendor"
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        assert (folder / name.replace(".min.js", ".LICENSE")).exists()
