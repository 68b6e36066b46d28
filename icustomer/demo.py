"""The sample company, or real data sets: built step by step, resumed after a crash, the same every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from cii.collection import collect
from cii.ports import Message
from cii.reception import Batch
from icustomer.company import ICustomer
from icustomer.samples.northlake.tape import Delivery


def messages(company: ICustomer, deliveries: Iterable[Delivery]) -> Iterator[Message]:
    """Turn what reaches the sample company into messages, just as its endpoints would."""
    limits = company.cii.limits
    about = company.cii.about_things
    for delivery in deliveries:
        if delivery.flow:
            plan = company.cii.mapper.flow(delivery.flow)
            yield from plan.messages([delivery.body], "sample", delivery.received)
        elif delivery.raw is not None:
            headers = {"source": delivery.source, "protocol": "segment"}
            yield Message(b"", delivery.raw, delivery.received, headers)
        else:
            batch = Batch([delivery.body])
            kind = "batch"
            found = collect(
                batch, kind, delivery.source, delivery.received, limits, about_things=about
            )
            yield from found.messages


__all__ = ["messages", "orjson"]
