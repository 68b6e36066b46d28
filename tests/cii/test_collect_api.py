import asyncio
import contextlib
import gzip
import sqlite3
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient

from cid.kit.clock import ManualClock, parse_time
from cid.kit.errors import ICustomerError, NotFound
from cii.api import collect, router
from cii.ports import TRANSPORTS, CollectLimits, CollectSettings, Message, Transport
from cii.testing import everything

# Without the moment in it: parallel runs must name the same tests.
zipped = partial(gzip.compress, mtime=0)

TRACK = {"type": "track", "event": "Product Viewed", "userId": "u1", "messageId": "m1"}
SINGLE = ["identify", "i", "track", "t", "page", "p", "screen", "s", "group", "g", "alias", "a"]


@dataclass
class Facade:
    transport: Transport
    topic: str = "facts"
    keys: dict[str, str] = field(default_factory=lambda: {"k1": "shop", "jit": "app"})
    lenient: bool = False
    limits: CollectLimits = field(default_factory=CollectLimits)
    clock: ManualClock = field(default_factory=lambda: ManualClock(parse_time("2026-01-31T12:00Z")))
    about_things: frozenset[str] = frozenset({"Product Updated"})
    asked: list[Any] = field(default_factory=list)

    def ledger(self):
        return {"received": 1}

    def quarantine(self, limit=100):
        return {"total": 0, "limit": limit}

    def replay(self):
        return {"applied": 0}

    def flows(self):
        return []

    def matrix(self):
        return {"systems": []}

    def evidence(self, customer):
        raise NotFound("customer", customer)

    def find(self, message_id):
        return [{"message_id": message_id}]

    def merge(self, a, b, reason, actor):
        self.asked.append(("merge", a, b, reason, actor))
        return {"customer": a}

    def unmerge(self, a, b, reason, actor):
        self.asked.append(("unmerge", a, b, reason, actor))
        return {"customer": a}


def application(facade: CollectSettings) -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield {"cii": facade}

    app = FastAPI(lifespan=lifespan)
    app.include_router(collect)
    app.include_router(router)

    @app.exception_handler(ICustomerError)
    def problem(request: Request, error: ICustomerError):
        return JSONResponse({"title": str(error)}, error.status)

    return app


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.sqlite"


@pytest.fixture
def facade(path):
    log = TRANSPORTS.load("sqlite")(path, patience=0.05, queue_limit=100)
    log.create("facts", 2)
    yield Facade(log)
    log.close()


@pytest.fixture
def client(facade):
    with TestClient(application(facade)) as client:
        yield client


def post(client, content, path="/v1/batch", key="k1", **headers):
    if not isinstance(content, bytes):
        content = orjson.dumps(content)
    auth = (key, "") if key else None
    return client.post(path, content=content, headers=headers, auth=auth)


def stored(facade):
    return everything(facade.transport)


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message"}
    assert answer.json()["message"]
    retry = answer.headers.get("retry-after")
    assert (retry is not None) == (status in (429, 503))
    if retry:
        assert int(retry) > 0
    return True


# Success


def test_success_is_exactly_200_and_says_only_that(client, facade):
    answer = post(client, {"batch": [TRACK]})
    assert (answer.status_code, answer.content) == (200, b'{"success":true}')
    [record] = stored(facade)
    assert record.headers == {"source": "shop", "protocol": "segment"}
    assert orjson.loads(record.value)["receivedAt"] == "2026-01-31T12:00:00.000Z"


@pytest.mark.parametrize("word", ["batch", "b", "import"])
def test_every_path_of_a_batch_is_served(client, facade, word):
    assert post(client, {"batch": [TRACK, TRACK | {"messageId": "m2"}]}, f"/v1/{word}").json() == {
        "success": True
    }
    assert len(stored(facade)) == 2


@pytest.mark.parametrize("word", SINGLE)
def test_every_path_of_a_single_event_is_served(client, facade, word):
    event = {"userId": "u1", "event": "Product Viewed", "previousId": "u0", "groupId": "g"}
    assert post(client, event, f"/v1/{word}").content == b'{"success":true}'
    [record] = stored(facade)
    kind = orjson.loads(record.value)["type"]
    assert kind[0] == word[0]


def test_a_jitsu_client_is_served(client, facade):
    event = {"userId": "u1", "event": "Viewed", "writeKey": "jit:***"}
    answer = post(client, event, "/api/s/track", key="", **{"X-Write-Key": "jit:secret"})
    assert answer.content == b'{"success":true}'
    [record] = stored(facade)
    assert record.headers["source"] == "app"
    assert b"***" not in record.value


def test_a_beacon_with_the_key_in_the_address_is_served(client, facade):
    assert post(client, {"batch": [TRACK]}, "/beacon/v1/batch?writeKey=k1", key="").is_success
    assert len(stored(facade)) == 1


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "image/png", "json", ""]
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_content_type_does_not_matter(client, facade, content_type, packed):
    body = orjson.dumps({"batch": [TRACK]})
    headers = {"Content-Type": content_type} | ({"Content-Encoding": "gzip"} if packed else {})
    assert post(client, zipped(body) if packed else body, **headers).status_code == 200
    assert len(stored(facade)) == 1


def test_the_same_message_twice_is_success_twice(client, facade):
    for _ in range(2):
        assert post(client, {"batch": [TRACK, TRACK]}).content == b'{"success":true}'
    assert len(stored(facade)) == 4


def test_an_empty_batch_is_success(client, facade):
    assert post(client, {"batch": []}).content == b'{"success":true}'
    assert stored(facade) == []


def test_a_broken_event_does_not_cost_the_others(client, facade):
    large = TRACK | {"messageId": "m3", "properties": {"x": "y" * 33_000}}
    answer = post(client, {"batch": [TRACK, {"type": "track", "messageId": "m2"}, large]})
    assert answer.status_code == 200
    rejected = answer.json()["rejected"]
    assert [(each["messageId"], each["reason"]) for each in rejected] == [
        ("m2", "no_event"),
        ("m3", "too_large"),
    ]
    assert all(each["message"] for each in rejected)
    assert sorted(record.headers.get("fault", "") for record in stored(facade)) == [
        "",
        "no_event",
        "too_large",
    ]


# Keys


def test_the_key_of_the_body_counts_where_there_is_no_other(client, facade):
    assert post(client, {"batch": [TRACK], "writeKey": "k1"}, key="").is_success
    assert post(client, TRACK | {"writeKey": "k1"}, "/v1/t", key="").is_success
    assert b"k1" not in b"".join(record.value for record in stored(facade))


def test_the_basic_user_counts_before_the_body(client, facade):
    assert post(client, {"batch": [TRACK], "writeKey": "jit"}, key="k1").is_success
    assert stored(facade)[0].headers["source"] == "shop"


def test_an_unknown_key_is_refused_where_we_are_strict(client, facade):
    assert refused(post(client, {"batch": [TRACK]}, key="bad"), 401, "unknown_write_key")
    assert refused(post(client, {"batch": [TRACK]}, key=""), 401, "missing_write_key")
    basic = {"Authorization": "Basic !!!"}
    assert refused(post(client, {"batch": []}, key="", **basic), 401, "invalid_authorization")
    assert stored(facade) == []


@pytest.mark.parametrize("basic", [{}, {"Authorization": "Basic !!!"}])
def test_an_unknown_key_waits_in_quarantine_where_we_are_lenient(client, facade, basic):
    facade.lenient = True
    key = "" if basic else "bad"
    assert post(client, {"batch": [TRACK]}, key=key, **basic).content == b'{"success":true}'
    [record] = stored(facade)
    assert record.headers["quarantine"] == "unknown_key"
    assert record.headers["write_key"] == key


# Faults of the request


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"\x1f\x8b\x08", 400, "invalid_json"),
        (b'{"batch": ["\xff"]}', 400, "invalid_json"),
        (b"7", 400, "not_an_object"),
        (b"{}", 400, "missing_batch"),
        (b'{"batch": 7}', 400, "missing_batch"),
        (orjson.dumps({"batch": [TRACK] * 2501}), 413, "too_many_events"),
        (bytes(10 << 20), 413, "request_too_large"),
        (bytes(50 << 20), 413, "request_too_large"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_request_that_is_no_batch_is_refused_whole(client, facade, body, status, code):
    assert refused(post(client, body), status, code)
    assert stored(facade) == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{}", 400, "invalid_gzip"),
        (zipped(orjson.dumps({"batch": [TRACK]}))[:-4], 400, "invalid_gzip"),
        (zipped(bytes(100 << 20)), 413, "request_too_large"),
    ],
    ids=["not gzip", "half", "bomb"],
)
def test_a_broken_gzip_text_is_refused_whole(client, facade, body, status, code):
    assert refused(post(client, body, **{"Content-Encoding": "gzip"}), status, code)
    assert stored(facade) == []


def test_a_single_event_that_is_no_object_is_refused(client):
    assert refused(post(client, [TRACK], "/v1/track"), 400, "not_an_object")


def test_what_is_not_served_says_so_in_the_protocols_form(client):
    assert refused(post(client, TRACK, "/v1/nothing"), 404, "not_found")
    assert refused(post(client, TRACK, "/v1/batch/"), 404, "not_found")
    assert refused(post(client, TRACK, "/api/s/nothing"), 404, "not_found")
    assert refused(client.get("/v1/batch"), 405, "method_not_allowed")
    assert refused(client.put("/v1/track"), 405, "method_not_allowed")
    assert refused(client.get("/v1/"), 404, "not_found")


@contextlib.contextmanager
def locked(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_log_that_cannot_be_written_is_503_and_red_until_it_can(client, facade, path):
    assert client.get("/api/cii/health").json() == {"status": "ok"}
    with locked(path):
        assert refused(post(client, {"batch": [TRACK]}), 503, "unavailable")
        health = client.get("/api/cii/health")
        assert (health.status_code, health.json()["status"]) == (503, "trouble")
    assert client.get("/api/cii/health").status_code == 200
    assert stored(facade) == []
    assert post(client, {"batch": [TRACK]}).status_code == 200


def test_a_full_queue_is_429(path):
    log = TRANSPORTS.load("sqlite")(path, queue_limit=100)
    log.create("facts", 2)
    with TestClient(application(Facade(log))) as client, contextlib.closing(log):
        with locked(path):
            waiting = log.append_soon("facts", [Message(b"k", b"{}", 0)] * 99)
            assert refused(post(client, {"batch": [TRACK, TRACK]}), 429, "too_many_requests")
        assert len(waiting.result(10)) == 99


def test_more_than_memory_may_hold_is_429_and_the_room_is_given_back(client, facade):
    facade.limits = CollectLimits(held=1_000)
    large = {"batch": [TRACK | {"properties": {"x": "y" * 2_000}}]}
    for _ in range(3):
        assert refused(post(client, large), 429, "too_many_requests")
    for _ in range(30):
        assert post(client, {"batch": [TRACK]}).status_code == 200


def test_a_request_that_never_ends_is_408(facade):
    facade.limits = CollectLimits(seconds=0.1)
    sent = []

    async def receive():
        await asyncio.sleep(0.04)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message):
        sent.append(message)

    asyncio.run(application(facade)(scope_of(facade), receive, send))
    assert sent[0]["status"] == 408
    assert orjson.loads(sent[1]["body"])["code"] == "request_timeout"
    assert (b"connection", b"close") in sent[0]["headers"]


def scope_of(facade):
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/batch",
        "query_string": b"writeKey=k1",
        "headers": [],
        "state": {"cii": facade},
    }


def test_a_closed_log_is_503(client, facade):
    facade.transport.close()
    assert refused(post(client, {"batch": [TRACK]}), 503, "unavailable")


def test_no_answer_comes_before_the_commit(facade, path):
    """The request waits as long as the commit does."""
    facade.transport.close()
    facade.transport = TRANSPORTS.load("sqlite")(path, patience=30)
    sent = []

    async def receive():
        return {"type": "http.request", "body": orjson.dumps({"batch": [TRACK]})}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/batch",
        "query_string": b"writeKey=k1",
        "headers": [],
        "state": {"cii": facade},
    }

    async def scenario():
        with locked(path):
            task = asyncio.create_task(application(facade)(scope, receive, send))
            await asyncio.sleep(0.2)
            assert sent == []
        await asyncio.wait_for(task, 20)

    asyncio.run(scenario())
    assert sent[0]["status"] == 200
    assert len(stored(facade)) == 1
    facade.transport.close()


def test_a_client_that_hangs_up_is_no_error(facade):
    async def receive():
        return {"type": "http.disconnect"}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/batch",
        "query_string": b"",
        "headers": [],
        "state": {"cii": facade},
    }
    asyncio.run(application(facade)(scope, receive, send))
    assert stored(facade) == []


# Browsers


def test_any_page_may_send(client):
    asked = {
        "Origin": "https://shop.example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,anonymousid,rsa-new",
    }
    for path in ("/v1/batch", "/v1/t", "/api/s/track", "/beacon/v1/batch", "/sourceConfig/"):
        answer = client.options(path, headers=asked)
        assert answer.is_success
        assert answer.headers["access-control-allow-origin"] == "*"
        allowed = answer.headers["access-control-allow-headers"]
        for name in (
            "authorization",
            "content-type",
            "anonymousid",
            "rsa-retry-attempt",
            "rsa-new",
        ):
            assert name in allowed
    assert post(client, {"batch": []}).headers["access-control-allow-origin"] == "*"
    assert post(client, b"").headers["access-control-allow-origin"] == "*"


def test_segments_browser_client_learns_where_to_send(client):
    answer = client.get("/v1/projects/k1/settings")
    assert answer.json()["integrations"]["Segment.io"] == {
        "apiKey": "k1",
        "apiHost": "testserver/v1",
        "protocol": "http",
    }
    assert refused(client.get("/v1/projects/bad/settings"), 401, "unknown_write_key")


def test_rudderstacks_browser_client_learns_its_source(client):
    source = client.get("/sourceConfig/?v=3", auth=("k1", "")).json()["source"]
    assert (source["id"], source["writeKey"], source["enabled"]) == ("shop", "k1", True)
    assert client.get("/sourceConfig/?writeKey=k1").is_success
    assert refused(client.get("/sourceConfig/"), 401, "missing_write_key")


# Our own questions


def test_the_questions_reach_the_company(client):
    assert client.get("/api/cii/ledger").json() == {"received": 1}
    assert client.get("/api/cii/quarantine?limit=5").json() == {"total": 0, "limit": 5}
    assert client.post("/api/cii/quarantine/replay").json() == {"applied": 0}
    assert client.get("/api/cii/records/m1").json() == [{"message_id": "m1"}]
    assert client.get("/api/cii/flows").json() == []
    assert client.get("/api/cii/matrix").json() == {"systems": []}
    assert client.get("/api/cii/customers/nobody/evidence").status_code == 404
    assert client.get("/api/cii/quarantine?limit=0").status_code == 422


@pytest.mark.parametrize("word", ["merge", "unmerge"])
def test_a_judgement_needs_a_reason(client, facade, word):
    said = {"a": "email:x", "b": "card:1", "reason": "they said so", "actor": "ann"}
    assert client.post(f"/api/cii/identity/{word}", json=said).is_success
    assert facade.asked == [(word, "email:x", "card:1", "they said so", "ann")]
    assert client.post(f"/api/cii/identity/{word}", json=said | {"reason": ""}).status_code == 422
    assert client.post(f"/api/cii/identity/{word}", json=said | {"x": 1}).status_code == 422


def test_the_description_of_the_api_can_be_made(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/{kind}", "/api/cii/ledger"} <= set(paths)
    assert "503" in paths["/v1/{kind}"]["post"]["responses"]
