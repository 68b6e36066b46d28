"""How fast records go from Kafka into the records of all layers, beside a bare loop that only consumes them.

``python -m tests.benchmarks.kafka [RECORDS]``: one broker, one topic of four partitions, the starter company with
its definitions, the records in SQLite. All in one process on the same machine, broker included.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from cid.kit.clock import format_time
from cii.ports import Message
from icustomer import ICustomer, Settings
from icustomer.starting import init_company
from tests.services.kafka import Broker, prepare

DAY = 86_400_000
CUSTOMERS = 2_000
ROUNDS = 3


def events(count: int, received: int) -> list[Message]:
    """Make orders of some customers over the last thirty days, as clients send them."""
    made = []
    for n in range(count):
        who = f"ann{n * 7919 % CUSTOMERS}@example.org"
        body = {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"bench-{n}",
            "timestamp": format_time(received - 30 * DAY + n * 30 * DAY // count),
            "properties": {"order_id": f"o{n}", "total": 10 + n % 90, "currency": "EUR"},
            "context": {"externalIds": [{"type": "email", "id": who}]},
        }
        headers = {"source": "website", "protocol": "segment", "id": f"bench-{n}"}
        made.append(Message(who.encode(), json.dumps(body).encode(), received + n, headers))
    return made


def bare(servers: str, topic: str, count: int) -> float:
    """Consume everything with the client alone; return the seconds."""
    consumer: Any = KafkaConsumer(
        bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    consumer.assign([TopicPartition(topic, part) for part in range(4)])
    consumer.seek_to_beginning()
    began, found = time.perf_counter(), 0
    while found < count:
        found += sum(len(some) for some in consumer.poll(1_000, max_records=5_000).values())
    seconds = time.perf_counter() - began
    consumer.close()
    return seconds


def read(log: Any, count: int) -> float:
    """Read everything through our adapter; return the seconds."""
    began, found = time.perf_counter(), 0
    offsets = dict.fromkeys(range(4), 0)
    while found < count:
        for part, end in log.ends("facts").items():
            if offsets[part] < end:
                some = log.read("facts", part, offsets[part], 1_000)
                offsets[part] = some[-1].offset + 1
                found += len(some)
    return time.perf_counter() - began


def on_the_embedded_log(path: Path, messages: list[Message]) -> float:
    """Apply the same records from the log that needs no server; return the seconds."""
    init_company(path)
    with ICustomer.open(path, settings=Settings(transport="sqlite", fold_batch=5_000)) as company:
        company.cii.append(messages)
        began = time.perf_counter()
        company.catch_up()
        return time.perf_counter() - began


def main(count: int) -> None:
    prepare()
    broker = Broker()
    try:
        broker.start()
        with tempfile.TemporaryDirectory() as directory:
            init_company(Path(directory) / "shop")
            settings = Settings(
                transport="kafka",
                kafka_servers=broker.servers,
                kafka_prefix="bench.",
                fold_batch=5_000,
            )
            with ICustomer.open(Path(directory) / "shop", settings=settings) as company:
                log: Any = company.cii.transport
                messages = events(count, int(time.time() * 1000) - DAY)
                began = time.perf_counter()
                for start in range(0, count, 5_000):
                    log.append("facts", messages[start : start + 5_000])
                appended = time.perf_counter() - began
                alone = min(bare(broker.servers, "bench.facts", count) for _ in range(ROUNDS))
                ours = min(read(log, count) for _ in range(ROUNDS))
                began = time.perf_counter()
                company.catch_up()
                applied = time.perf_counter() - began
                states = company.cii.ledger()["states"]
            embedded = on_the_embedded_log(Path(directory) / "other", messages)
    finally:
        broker.close()
    rates = {
        "appended_per_second": round(count / appended),
        "bare_consume_per_second": round(count / alone),
        "read_by_adapter_per_second": round(count / ours),
        "applied_per_second": round(count / applied),
        "applied_from_embedded_log_per_second": round(count / embedded),
        "applied_to_embedded": round(embedded / applied, 3),
        "applied_to_bare": round(alone / applied, 3),
        "adapter_to_bare": round(alone / ours, 3),
    }
    sys.stdout.write(json.dumps({"records": count, "states": states, **rates}, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 50_000)
