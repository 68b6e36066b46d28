"""Segment's and RudderStack's clients for Python against our server: each event counts once."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from rudderstack.analytics.client import Client as RudderStack
from segment.analytics.client import Client as Segment

from tests.clients.serving import KEY, Fault, Shop

CLIENTS = {"segment": Segment, "rudderstack": RudderStack}
TOO_MANY = Fault(429, retry_after=1)


@pytest.fixture(params=CLIENTS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextlib.contextmanager
def sending(
    shop: Shop, vendor: str, errors: list[Any], key: str = KEY, **options: Any
) -> Iterator[Any]:
    """A client; all that it was given has been sent, or given up, when this ends."""
    client = CLIENTS[vendor](
        key,
        host=shop.host,
        on_error=lambda error, batch: errors.append(error),
        **{"upload_interval": 0.05, "max_retries": 4, **options},
    )
    yield client
    client.flush()
    client.join()


def by_user(bodies: list[dict[str, Any]]) -> dict[str, list[int]]:
    found = defaultdict(list)
    for body in bodies:
        found[body["userId"]].append(body["properties"]["n"])
    return found


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_nothing_is_lost_nothing_doubled_and_each_users_order_kept(shop, vendor, packed):
    errors: list[Any] = []
    with sending(shop, vendor, errors, gzip=packed) as client:
        for n in range(700):
            client.track(shop.user(n % 7), "Product Viewed", {"n": n, "name": "帐篷 Zelt 🏕"})
    assert errors == []
    assert by_user(shop.bodies()) == {shop.user(u): list(range(u, 700, 7)) for u in range(7)}
    assert shop.fates() == {"applied": 700}
    assert shop.seen(3) == list(range(3, 700, 7))


@pytest.mark.parametrize(
    "fault",
    [
        TOO_MANY,
        Fault(429),
        Fault(503, retry_after=1),
        Fault(500),
        Fault(500, stored=True),
        Fault(200, stored=True, seconds=1.5),
    ],
    ids=["429 later", "429", "503 later", "500", "500 but stored", "answer too late"],
)
def test_a_spoilt_answer_loses_nothing_and_doubles_nothing(shop, vendor, fault):
    errors: list[Any] = []
    shop.faults.waiting = [fault]
    patience = 0.5 if fault.seconds else 15
    with sending(shop, vendor, errors, timeout=patience, upload_size=20) as client:
        for n in range(60):
            client.track(shop.user(n % 2), "Product Viewed", {"n": n})
            # The clients say when something happened to the millisecond.
            time.sleep(0.002)
    assert errors == []
    assert len(shop.faults.posts) >= 4
    fates = shop.fates()
    assert fates["applied"] == 60
    assert (fates.get("duplicate", 0) > 0) == fault.stored
    for user in range(2):
        # Segment's client sends what was refused after what waited meanwhile; the time of each
        # event says all the same in which order they happened.
        assert shop.seen(user) == list(range(user, 60, 2))
    if fault.retry_after is None:
        firsts = {user: list(dict.fromkeys(ns)) for user, ns in by_user(shop.bodies()).items()}
        assert firsts == {shop.user(user): list(range(user, 60, 2)) for user in range(2)}


@pytest.mark.parametrize(
    ("status", "posts"),
    [(200, 1), (400, 1), (401, 1), (404, 1), (413, 1), (429, 2), (500, 2), (503, 2)],
)
def test_a_client_asks_as_often_as_the_answer_invites_it_to(shop, vendor, status, posts):
    errors: list[Any] = []
    shop.faults.waiting = [Fault(status)] * posts
    with sending(shop, vendor, errors, max_retries=1, upload_interval=0.02) as client:
        client.track(shop.user(1), "Product Viewed", {"n": 1})
    assert len(shop.faults.posts) == posts
    assert len(errors) == (status != 200)


def test_what_our_server_refuses_is_not_sent_again(shop, vendor):
    errors: list[Any] = []
    with sending(shop, vendor, errors, key="bad") as client:
        client.track(shop.user(1), "Product Viewed", {"n": 1})
    [error] = errors
    assert (error.status, error.code) == (401, "unknown_write_key")
    assert len(shop.faults.posts) == 1
    assert shop.bodies() == []


def test_a_broken_event_costs_only_itself(shop, vendor):
    errors: list[Any] = []
    with sending(shop, vendor, errors) as client:
        client.track(shop.user(1), "Product Viewed", {"n": 1})
        client.track(shop.user(1), " ", {"n": 2})
        client.track(shop.user(1), "Product Viewed", {"n": 3})
    assert errors == []
    assert shop.fates() == {"applied": 2, "rejected": 1}


def test_segments_largest_batches_arrive(shop):
    errors: list[Any] = []
    with sending(shop, "segment", errors, upload_size=5_000, upload_interval=1) as client:
        for n in range(1_200):
            client.track(shop.user(1), "Product Viewed", {"n": n, "text": "x" * 50})
    assert errors == []
    assert shop.fates() == {"applied": 1_200}
    assert len(shop.faults.posts) < 5


def test_rudderstacks_largest_batches_arrive_beyond_four_megabytes(shop):
    errors: list[Any] = []
    options = {"upload_size": 200, "upload_interval": 1.5, "gzip": False}
    with sending(shop, "rudderstack", errors, **options) as client:
        for n in range(150):
            client.track(shop.user(1), "Product Viewed", {"n": n, "text": "x" * 31_000})
    assert errors == []
    assert shop.fates() == {"applied": 150}
    assert len(shop.faults.posts) < 5


def test_every_kind_of_event_arrives_whole(shop, vendor):
    errors: list[Any] = []
    email = f"{shop.name}@example.org"
    with sending(shop, vendor, errors) as client:
        client.identify(shop.user(1), {"email": email})
        client.track(shop.user(1), "Order Completed", {"total": 12.5})
        client.page(shop.user(1), "Docs", "Start", {"url": "https://example.org/"})
        client.screen(shop.user(1), "Apps", "Cart")
        client.group(shop.user(1), "g1", {"name": "ACME"})
        client.alias(shop.user(2), shop.user(1))
    assert errors == []
    by_type = {body["type"]: body for body in shop.bodies()}
    assert by_type["identify"]["traits"] == {"email": email}
    assert by_type["track"]["properties"] == {"total": 12.5}
    assert (by_type["page"]["category"], by_type["page"]["name"]) == ("Docs", "Start")
    assert by_type["screen"]["name"] == "Cart"
    assert (by_type["group"]["groupId"], by_type["group"]["traits"]) == ("g1", {"name": "ACME"})
    assert (by_type["alias"]["previousId"], by_type["alias"]["userId"]) == (
        shop.user(2),
        shop.user(1),
    )
    for body in by_type.values():
        assert body["context"]["library"]["name"] in ("analytics-python", "rudder-analytics-python")
        assert not {"anonymousId", "writeKey"} & set(body)
        assert {"timestamp", "sentAt", "receivedAt", "messageId"} <= set(body)
    assert shop.fates() == {"applied": 6}
    found = shop.company.cid.customer(f"email:{email}")
    assert found["id"] == shop.company.cid.customer(f"user_id:{shop.user(1)}")["id"]
