"""More than the house can take: it says so, and loses nothing that it has accepted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from tests.clients.serving import KEY, Shop, listening
from tests.clients.test_python_clients import sending

SENDERS = 8
BATCHES = 12
SIZE = 20
FILLER = "x" * 400


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Shop]:
    """A house with room for hardly more than one request at a time."""
    with listening(tmp_path / "small", held_limit=25_000) as shop:
        yield shop


def batch(shop: Shop, sender: int, number: int) -> bytes:
    events = [
        {
            "type": "track",
            "event": "Product Viewed",
            "userId": shop.user(sender),
            "messageId": f"{shop.name}-{sender}-{number}-{n}",
            "properties": {"n": number * SIZE + n, "text": FILLER},
        }
        for n in range(SIZE)
    ]
    return orjson.dumps({"batch": events})


def crowd(shop: Shop, work: Any) -> None:
    threads = [threading.Thread(target=work, args=(sender,)) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_was_accepted_is_there_and_what_was_not_is_told(small: Shop) -> None:
    accepted: list[str] = []
    told: list[tuple[int, str]] = []

    def work(sender: int) -> None:
        with requests.Session() as session:
            for number in range(BATCHES):
                body = batch(small, sender, number)
                answer = session.post(f"{small.host}/v1/batch", body, auth=(KEY, ""), timeout=30)
                if answer.status_code == 200:
                    accepted.extend(f"{small.name}-{sender}-{number}-{n}" for n in range(SIZE))
                else:
                    told.append((answer.status_code, answer.headers.get("Retry-After", "")))

    crowd(small, work)
    assert accepted
    assert {status for status, _ in told} == {429}
    assert {later for _, later in told} == {"1"}
    assert {body["messageId"] for body in small.bodies()} == set(accepted)
    assert small.fates() == {"applied": len(accepted)}


def test_clients_that_come_back_bring_everything_once(small: Shop) -> None:
    errors: list[Any] = []

    def work(sender: int) -> None:
        vendor = "segment" if sender % 2 else "rudderstack"
        options = {"upload_size": SIZE, "max_retries": 10, "gzip": False}
        with sending(small, vendor, errors, **options) as client:
            for n in range(SIZE * 2):
                client.track(small.user(sender), "Product Viewed", {"n": n, "text": FILLER})
                time.sleep(0.002)

    crowd(small, work)
    assert errors == []
    assert 429 in small.faults.refused
    assert small.fates() == {"applied": SENDERS * SIZE * 2}
    assert all(small.seen(sender) == list(range(SIZE * 2)) for sender in range(SENDERS))
