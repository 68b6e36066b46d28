"""Bodies that are bombs, riddles or lies: refused in words, and nothing falls over."""

from __future__ import annotations

import gzip
import json
import zlib
from functools import partial

import orjson
import pytest

from cii.testing import everything
from tests.hostile.conftest import KEY, refused

TRACK = {"type": "track", "event": "Order Completed", "userId": "u1", "properties": {"total": 1}}
zipped = partial(gzip.compress, mtime=0)
POSTS = ["/api/cic/sql", "/api/cic/query", "/api/cii/identity/merge", "/api/cfa/tasks/x/completion"]


def post(client, body, path="/v1/batch", **headers):
    return client.post(path, content=body, headers=headers, auth=(KEY, ""))


def stored(company):
    return len(everything(company.cii.transport))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (zipped(bytes(200 << 20)), 413),
        (zipped(zipped(bytes(200 << 20))), 400),
        (zipped(zipped(zipped(orjson.dumps({"batch": [TRACK]})))), 400),
        (zipped(bytes(9 << 20)) * 3, 413),
        (zipped(b" ") * 5_000, 400),
        (zipped(b"{}")[:-1], 400),
        (zlib.compress(b"{}"), 400),
        (b"\x1f\x8b" + bytes(100), 400),
    ],
    ids=["bomb", "nested bomb", "nested", "parts", "many parts", "cut", "not gzip", "no gzip"],
)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(client, company, body, status):
    before = stored(company)
    assert refused(post(client, body, **{"Content-Encoding": "gzip"}), status)
    assert stored(company) == before


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip\t", "x" * 5_000])
def test_an_encoding_that_we_do_not_know_is_refused(client, encoding):
    answer = post(client, zipped(b"{}"), **{"Content-Encoding": encoding})
    assert refused(answer, 400)
    assert len(answer.text) < 500 or "x" * 5_000 not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"batch": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"batch": ["\xff\xfe"]}',
        b"\xed\xa0\x80",
        b"\x00",
        '{"batch": []}'.encode("utf-16"),
        b'{"batch": [NaN]}',
        b'{"batch": [1e999999]}',
        b"null",
    ],
    ids=range(10),
)
@pytest.mark.parametrize("path", ["/v1/batch", *POSTS])
def test_a_body_that_is_no_sound_json_is_refused_everywhere(client, path, body):
    kind = {"Content-Type": "application/json"}
    assert refused(post(client, body, path, **kind), 400, 422)


def test_an_event_that_is_too_deep_costs_only_itself(client, company, send):
    deep: dict = {}
    for _ in range(150):
        deep = {"a": deep}
    said = send(TRACK | {"messageId": "deep", "properties": deep}, TRACK | {"messageId": "flat"})
    assert [each["messageId"] for each in said["rejected"]] == ["deep"]
    assert [row["state"] for row in company.cii.find("flat")] == ["applied"]


def test_of_a_key_that_comes_twice_the_last_counts_everywhere_alike(client, company):
    body = b'{"batch": [{"type": "identify", "type": "track", "event": "A", "event": "B", '
    body += b'"userId": "twice-1", "userId": "twice-2", "messageId": "twice"}]}'
    assert post(client, body).status_code == 200
    company.catch_up()
    [row] = company.cii.find("twice")
    assert (row["event"], row["identity"]) == ("B", "user_id:twice-2")
    sql = b'{"sql": "select 1", "sql": "delete from facts"}'
    kind = {"Content-Type": "application/json"}
    assert refused(post(client, sql, "/api/cic/sql", **kind), 403, 422)


@pytest.mark.parametrize(
    "said",
    [
        {"userId": "x" * 30_000},
        {"userId": 10**300},
        {"userId": 1.5e308},
        {"userId": -0.0},
        {"userId": {"$ne": None}},
        {"userId": ["a"]},
        {"userId": True},
        {"userId": "\x00\x1b[31m\u202e\u2028"},
        {"userId": "u1", "messageId": "m" * 10_000},
        {"userId": "u1", "messageId": {"a": 1}},
        {"userId": "u1", "anonymousId": "a" * 20_000},
        {"userId": "' or '1'='1"},
        {"userId": "../../etc/passwd"},
    ],
    ids=range(13),
)
def test_an_odd_or_huge_id_ends_as_one_record_with_a_fate(client, company, send, said):
    before = company.cii.ledger()
    send({**TRACK, **said})
    after = company.cii.ledger()
    assert after["balanced"]
    assert after["received"] == before["received"] + 1
    [found] = company.cid.find("", limit=1) or [None]
    assert found is None or len(found["name"]) < 1_000


def test_ids_in_addresses_may_be_anything(client):
    for odd in (
        "x" * 5_000,
        "%00",
        "%ff%fe",
        "..%2f..%2fetc%2fpasswd",
        "%7B%7B7*7%7D%7D",
        "a%0d%0ab",
    ):
        for path in ("/api/cid/customers/{}", "/api/cii/records/{}", "/api/cbc/loops/{}"):
            answer = client.get(path.format(odd))
            assert refused(answer, 404, 422)
            assert "\r" not in str(answer.headers)
        for path in ("/customers/{}", "/segments/{}", "/rules/{}", "/cases/{}", "/sales/{}"):
            answer = client.get(path.format(odd), headers={"accept": "text/html"})
            assert answer.status_code in (404, 422), (path, odd)
            assert "49" not in answer.text.split("</h1>")[0]


def test_a_body_beyond_the_limit_is_refused_and_not_kept(client, company):
    large = json.dumps({"sql": "x" * company.settings.body_limit})
    for path in (*POSTS, "/settings", "/quarantine/replay"):
        answer = post(client, large, path, **{"Content-Type": "application/json"})
        assert answer.status_code == 413, path


def test_more_events_than_a_batch_may_have_are_refused(client):
    assert refused(post(client, orjson.dumps({"batch": [TRACK] * 2_501})), 413)


@pytest.mark.parametrize(
    "basic",
    ["Basic", "Basic ====", "Basic " + "A" * 60_000, "Bearer x", "Basic /w==", "Negotiate \x01"],
)
def test_an_authorization_that_is_nonsense_is_401(client, basic):
    answer = client.post("/v1/batch", json={"batch": []}, headers={"Authorization": basic})
    assert refused(answer, 401)
