"""Segment's and RudderStack's clients for Node against our server: each event counts once."""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.clients.packages import NODE
from tests.clients.serving import KEY, Fault, Shop, listening

VENDORS = ["segment", "rudderstack"]


@pytest.fixture
def send(shop: Shop, packages: Path) -> Any:
    """Let a client send from a process of its own; return what it reported."""

    def sent(vendor: str, shop: Shop = shop, **asked: Any) -> subprocess.CompletedProcess[str]:
        users = [shop.user(n) for n in range(asked.pop("users", 2))]
        order = {"vendor": vendor, "host": shop.host, "key": KEY, "users": users, "flushAt": 20}
        order |= {"retries": 3, "timeout": 10_000, "gzip": True, "handles": True, **asked}
        return subprocess.run(
            ["node", str(NODE / "send.cjs"), json.dumps(order)],
            env={**os.environ, "NODE_PATH": str(packages / "node_modules")},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return sent


def reported(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    errors: list[str] = json.loads(done.stdout)["errors"]
    return errors


def by_user(shop: Shop) -> dict[str, list[int]]:
    found = defaultdict(list)
    for body in shop.bodies():
        found[body["userId"]].append(body["properties"]["n"])
    return found


@pytest.mark.parametrize(
    ("vendor", "packed"), [("segment", False), ("rudderstack", False), ("rudderstack", True)]
)
def test_nothing_is_lost_and_nothing_doubled(shop, send, vendor, packed):
    assert reported(send(vendor, gzip=packed, events=400, users=4)) == []
    assert shop.fates() == {"applied": 400}
    sets = {user: sorted(numbers) for user, numbers in by_user(shop).items()}
    assert sets == {shop.user(u): list(range(u, 400, 4)) for u in range(4)}


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_users_order_is_kept(shop, send, vendor):
    assert reported(send(vendor, events=60, pause=2)) == []
    shop.fates()
    assert [shop.seen(0), shop.seen(1)] == [list(range(0, 60, 2)), list(range(1, 60, 2))]


@pytest.mark.parametrize(
    ("vendor", "fault"),
    [
        ("segment", Fault(429, retry_after=1)),
        ("rudderstack", Fault(429, retry_after=1)),
        ("segment", Fault(500, stored=True)),
        ("rudderstack", Fault(500, stored=True)),
        ("segment", Fault(503, retry_after=1)),
        ("rudderstack", Fault(503, retry_after=1)),
        ("segment", Fault(200, stored=True, seconds=2)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.status} {value.stored}",
)
def test_a_spoilt_answer_loses_nothing_and_doubles_nothing(shop, send, vendor, fault):
    shop.faults.waiting = [fault]
    timeout = 1_000 if fault.seconds else 10_000
    assert reported(send(vendor, events=60, pause=2, timeout=timeout)) == []
    fates = shop.fates()
    assert fates["applied"] == 60
    assert (fates.get("duplicate", 0) > 0) == fault.stored
    assert [shop.seen(0), shop.seen(1)] == [list(range(0, 60, 2)), list(range(1, 60, 2))]


def test_what_rudderstacks_client_gives_up_at_a_timeout_is_kept_if_it_was_taken_in(shop, send):
    """It does not try again after its own timeout: only what we stored is left of the event."""
    shop.faults.waiting = [Fault(200, stored=True, seconds=2)]
    done = send("rudderstack", events=1, users=1, timeout=700)
    assert "timeout" in reported(done)[0]
    assert shop.fates() == {"applied": 1}


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(("status", "posts"), [(413, 1), (429, 2), (503, 2)])
def test_a_client_asks_as_often_as_the_answer_invites_it_to(shop, send, vendor, status, posts):
    # Without Retry-After Segment's client would wait a minute after 429.
    shop.faults.waiting = [Fault(status, retry_after=1 if status == 429 else None)] * posts
    many = posts if vendor == "rudderstack" or status != 429 else posts + 1
    errors = reported(send(vendor, events=1, users=1, retries=1))
    assert len(shop.faults.posts) == many
    # After 429 with Retry-After Segment's client counts no attempt, and delivers at last.
    assert bool(errors) == (status != 200 and many == posts)


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_kind_of_event_arrives_whole(shop, send, vendor):
    email = f"{shop.name}@example.org"
    assert reported(send(vendor, kinds=True, email=email)) == []
    by_type = {body["type"]: body for body in shop.bodies()}
    assert by_type["identify"]["traits"] == {"email": email}
    assert by_type["track"]["properties"] == {"total": 12.5}
    assert by_type["page"]["name"] == "Start"
    assert by_type["page"].get("category") or by_type["page"]["properties"]["category"] == "Docs"
    assert by_type["screen"]["name"] == "Cart"
    assert (by_type["group"]["groupId"], by_type["group"]["traits"]) == ("g1", {"name": "ACME"})
    assert (by_type["alias"]["previousId"], by_type["alias"]["userId"]) == (
        shop.user(1),
        shop.user(0),
    )
    assert shop.fates() == {"applied": 6}
    found = shop.company.cid.customer(f"email:{email}")
    assert found["id"] == shop.company.cid.customer(f"user_id:{shop.user(0)}")["id"]


def test_a_wrong_key_ends_rudderstacks_process_unless_we_are_lenient(send, tmp_path):
    assert send("rudderstack", events=1, key="bad", handles=False).returncode != 0
    with listening(tmp_path / "lenient", lenient_keys=True) as lenient:
        done = send("rudderstack", shop=lenient, events=3, key="bad", handles=False)
        assert reported(done) == []
        assert lenient.fates() == {"quarantined": 3}
