"""The real client of Segment against a real server: what it sent is in the log, nothing is lost."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field

import orjson
import pytest
import uvicorn
from fastapi import FastAPI
from segment.analytics.client import Client

from cid.kit.clock import SystemClock
from cid.kit.errors import Unavailable
from cii.api import collect
from cii.ports import TRANSPORTS, CollectLimits, Transport
from cii.testing import everything


@dataclass
class Facade:
    transport: Transport
    topic: str = "facts"
    keys: dict[str, str] = field(default_factory=lambda: {"k1": "shop"})
    lenient: bool = False
    limits: CollectLimits = field(default_factory=CollectLimits)
    clock: SystemClock = field(default_factory=SystemClock)
    about_things: frozenset[str] = frozenset()


@contextlib.contextmanager
def serving(facade):
    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield {"cii": facade}

    app = FastAPI(lifespan=lifespan)
    app.include_router(collect)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def facade(tmp_path):
    log = TRANSPORTS.load("sqlite")(tmp_path / "log.sqlite")
    log.create("facts", 4)
    yield Facade(log)
    log.close()


@contextlib.contextmanager
def sending(host, errors, **options):
    client = Client(
        "k1",
        host=host,
        on_error=lambda error, batch: errors.append(error),
        upload_interval=0.05,
        max_retries=3,
        **options,
    )
    yield client
    client.flush()
    client.join()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_nothing_that_segments_client_sends_is_lost(facade, packed):
    errors = []
    with serving(facade) as host, sending(host, errors, gzip=packed) as client:
        for n in range(500):
            client.track(f"u{n % 7}", "Product Viewed", {"n": n, "name": "帐篷 Zelt"})
    assert errors == []
    records = everything(facade.transport)
    bodies = [orjson.loads(record.value) for record in records]
    assert sorted(body["properties"]["n"] for body in bodies) == list(range(500))
    assert len({body["messageId"] for body in bodies}) == 500
    for user in range(7):
        mine = [body["properties"]["n"] for body in bodies if body["userId"] == f"u{user}"]
        assert mine == sorted(mine)


def test_every_kind_of_event_of_segments_client_arrives_whole(facade):
    errors = []
    with serving(facade) as host, sending(host, errors) as client:
        client.identify("u1", {"email": "ann@example.org"})
        client.track("u1", "Order Completed", {"total": 12.5})
        client.page("u1", "Docs", "Start", {"url": "https://example.org/"})
        client.screen("u1", "Apps", "Cart")
        client.group("u1", "g1", {"name": "ACME"})
        client.alias("anonymous", "u1")
    assert errors == []
    records = everything(facade.transport)
    assert {record.headers["source"] for record in records} == {"shop"}
    assert not any("fault" in record.headers for record in records)
    by_type = {body["type"]: body for body in (orjson.loads(record.value) for record in records)}
    assert by_type["identify"]["traits"] == {"email": "ann@example.org"}
    assert by_type["track"]["properties"] == {"total": 12.5}
    assert (by_type["page"]["category"], by_type["page"]["name"]) == ("Docs", "Start")
    assert by_type["screen"]["name"] == "Cart"
    assert by_type["group"]["groupId"] == "g1"
    assert (by_type["alias"]["previousId"], by_type["alias"]["userId"]) == ("anonymous", "u1")
    for body in by_type.values():
        assert body["context"]["library"]["name"] == "analytics-python"
        assert "anonymousId" not in body
        assert {"timestamp", "sentAt", "receivedAt", "messageId"} <= set(body)
        assert "writeKey" not in body


def test_segments_client_does_not_repeat_what_was_refused(facade):
    errors = []
    with serving(facade) as host, sending(host, errors) as client:
        client.write_key = "bad"
        for consumer in client.consumers:
            consumer.write_key = "bad"
        client.track("u1", "Product Viewed")
    [error] = errors
    assert "unknown_write_key" in str(error)
    assert everything(facade.transport) == []


def test_segments_client_delivers_after_a_moment_of_trouble(facade):
    errors = []
    working = facade.transport.append_soon
    failures = iter([True, False])

    class Recovering:
        def append_soon(self, topic, messages):
            if next(failures, False):
                raise Unavailable("Too much is waiting for the log.")
            return working(topic, messages)

    whole, facade.transport = facade.transport, Recovering()
    with serving(facade) as host, sending(host, errors) as client:
        client.track("u1", "Product Viewed")
    facade.transport = whole
    assert errors == []
    assert len(everything(whole)) == 1
