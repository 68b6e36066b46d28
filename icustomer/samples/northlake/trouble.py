"""Trouble on purpose: broken records, broken promises, copies, and clocks from the future."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import orjson

from cid.kit.clock import HOUR, MINUTE, SECOND
from icustomer.samples.northlake.tape import Body, Delivery, Draft, delivery

INVALID = 0.02
OUT_OF_CONTRACT = 0.005
COPIES = 0.0094
"""Besides these the till file that came twice."""
FUTURE = 0.0003
_BREAKABLE = frozenset({"Product Viewed", "Product Added", "Email Opened", "Usage Recorded"})


def _cut_off(body: Body, rng: Random) -> bytes:
    text = orjson.dumps(body)
    return text[: rng.randrange(20, len(text) - 2)]


def _no_name(body: Body) -> None:
    del body["event"]


def _no_ids(body: Body) -> None:
    body.pop("userId", None)
    body.pop("anonymousId", None)
    body.pop("context", None)


def _unknown_type(body: Body) -> None:
    body["type"] = "trak"


def _no_object(body: Body) -> None:
    body["properties"] = [body["properties"]]


def _no_time(body: Body) -> None:
    body["timestamp"] = "gestern abend"


_BREAKS: tuple[Callable[[Body], None], ...] = (
    _no_name,
    _no_ids,
    _unknown_type,
    _no_object,
    _no_time,
)


def _other_price(properties: Body) -> None:
    properties["price"] = f"{properties['price']:.2f} €".replace(".", ",")


def _no_sku(properties: Body) -> None:
    properties.pop("sku", None)


def _negative(properties: Body) -> None:
    properties["price"] = -properties["price"]


_BREACHES: tuple[Callable[[Body], None], ...] = (_other_price, _no_sku, _negative)


def disturb(drafts: list[Draft], rng: Random, now: int) -> Iterator[Draft]:
    """Yield further drafts that repeat some: clients that did not hear our answer send again."""
    for draft in drafts:
        if rng.random() < COPIES:
            wait = 3 * SECOND if rng.random() < 0.7 else int(rng.random() * 30) * HOUR + MINUTE
            if draft.received + wait <= now:
                yield draft._replace(received=draft.received + wait)


def deliver(draft: Draft, rng: Random, share: float) -> Delivery:
    """Write a draft out, sometimes broken.

    Only looks and the like are broken, not orders. ``share`` says how much of all they are.
    """
    sound = delivery(draft)
    if draft.event not in _BREAKABLE or draft.who is None:
        return sound
    chance = rng.random() * share
    if chance > INVALID + OUT_OF_CONTRACT + FUTURE:
        return sound
    body: dict[str, Any] = dict(sound.body)
    if chance < 0.4 * INVALID:
        return sound._replace(body={}, raw=_cut_off(body, rng))
    if chance < INVALID:
        rng.choice(_BREAKS)(body)
    elif chance < INVALID + FUTURE:
        body["timestamp"] = body["timestamp"].replace("20", "21", 1)
    elif "price" in body["properties"]:
        rng.choice(_BREACHES)(body["properties"])
    return sound._replace(body=body)


def share_of_breakable(drafts: list[Draft]) -> float:
    """Return which share of all records is of a kind that gets broken."""
    breakable = sum(draft.event in _BREAKABLE for draft in drafts)
    return breakable / max(1, len(drafts))
