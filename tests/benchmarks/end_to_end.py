"""How many events per second go all the way in one process: JSON, durable log, customer, 21 traits, 100 segments.

Run ``python tests/benchmarks/end_to_end.py [customers [events [kernel [batch [rate]]]]]``; each line of output is one
JSON object. Nothing is left out: contracts, duplicates, identity, the ledger and all layers' records are in the figure.
First events come as fast as they are taken, then evenly, so many a second: how long does each of these take?
"""

import gc
import json
import sys
import tempfile
import threading
import time
from bisect import bisect
from pathlib import Path
from typing import Any

import orjson

from cid.kit.clock import DAY, ManualClock, format_time, parse_time
from cii.ports import Message
from icustomer import ICustomer, Settings
from icustomer.starting import init_company

START = parse_time("2026-01-01T00:00:00Z")
WINDOWS = (1, 7, 30, 365)
DEFAULTS = ("20000", "100000", "pure", "1000", "10000")
AHEAD = 4
"""Batches that wait in the log while another is applied."""
SECONDS = 4
"""How long events come evenly."""
STEP = 0.01
"""Seconds between two requests; each brings the events that have come since."""


def definitions() -> str:
    traits, segments = (
        {"my last channel": {"of": ["Product Viewed", "Order Completed"], "last": "channel"}},
        {},
    )
    for n in WINDOWS:
        window = f"{n} d"
        traits |= {
            f"my events {n}d": {
                "of": ["Product Viewed", "Order Completed"],
                "count": True,
                "window": window,
            },
            f"my orders {n}d": {"of": "Order Completed", "count": True, "window": window},
            f"my spend {n}d": {"of": "Order Completed", "sum": "total", "window": window},
            f"my largest {n}d": {"of": "Order Completed", "max": "total", "window": window},
            f"my kinds {n}d": {"of": "Order Completed", "distinct": "sku", "window": window},
        }
        for edge in range(1, 26):
            what, times = (("events", 2), ("orders", 1), ("spend", 40), ("kinds", 1))[edge % 4]
            segments[f"my {what} {n}d over {edge}"] = {"when": f"my {what} {n}d > {edge * times}"}
    return json.dumps({"traits": traits, "segments": segments}, indent=1)


def messages(customers: int, count: int) -> list[Message]:
    found = []
    for n in range(count):
        who, at = f"u{n * 7_919 % customers}", START + n * 20 * DAY // count
        order = n % 10 == 0
        body = {
            "type": "track", "messageId": f"m{n}", "userId": who, "timestamp": format_time(at),
            "event": "Order Completed" if order else "Product Viewed",
            "properties": {
                "channel": f"c{n % 8}", "sku": f"s{n % 500}",
                **({"order_id": f"o{n}", "total": n % 300 + 1} if order else {}),
            },
        }  # fmt: skip
        headers = {"source": "shop", "protocol": "segment"}
        found.append(Message(who.encode(), orjson.dumps(body), at, headers))
    return found


def all_at_once(company: ICustomer, some: list[Message], batch: int) -> dict[str, Any]:
    """One thread appends as fast as the log keeps it, at most a few batches ahead; another applies."""
    free = threading.Semaphore(AHEAD)

    def produce() -> None:
        for start in range(0, len(some), batch):
            free.acquire()
            company.cii.append(some[start : start + batch])

    counters, log = company.pipeline.counters, company.cii.transport
    first = counters.records
    began, used = time.perf_counter(), time.process_time()
    producing = threading.Thread(target=produce)
    producing.start()
    seen = first
    while counters.records - first < len(some):
        known = log.ends("facts")
        if not company.pipeline.run(batch):
            log.wait("facts", known, 1.0)
        for _ in range((counters.records - first) // batch - (seen - first) // batch):
            free.release()
        seen = counters.records
    producing.join()
    seconds, used = time.perf_counter() - began, time.process_time() - used
    return {
        "events_per_second": round(len(some) / seconds),
        "events_per_second_of_processor": round(len(some) / used),
    }


def paced(company: ICustomer, some: list[Message], rate: int) -> dict[str, Any]:
    """Events come evenly; for each it counts from then until what it changed is kept."""
    due = [n / rate for n in range(len(some))]
    began = time.perf_counter()

    def produce() -> None:
        sent = 0
        while sent < len(some):
            until = min(bisect(due, time.perf_counter() - began), len(some))
            if until > sent:
                company.cii.append(some[sent:until])
                sent = until
            else:
                time.sleep(STEP)

    counters, log = company.pipeline.counters, company.cii.transport
    first = counters.records
    producing = threading.Thread(target=produce)
    producing.start()
    kept: list[float] = []
    while len(kept) < len(some):
        known = log.ends("facts")
        if not company.pipeline.run(1_000):
            log.wait("facts", known, 1.0)
        now = time.perf_counter() - began
        kept += [now] * (counters.records - first - len(kept))
    producing.join()
    waits = sorted(now - at for now, at in zip(kept, due, strict=True))
    return {
        "rate": rate,
        "p50_ms": round(1000 * waits[len(waits) // 2], 1),
        "p99_ms": round(1000 * waits[len(waits) * 99 // 100], 1),
    }


def main() -> None:
    # As the command line has it.
    gc.set_threshold(20_000, 5, 100)
    sys.setswitchinterval(0.0005)
    given = sys.argv[1:6]
    customers, count, kernel, size, rate = [*given, *DEFAULTS[len(given) :]]
    some = messages(int(customers), int(count))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop"
        init_company(path)
        (path / "benchmark.yaml").write_text(definitions(), encoding="utf-8")
        clock = ManualClock(START + 21 * DAY)
        with ICustomer.open(path, clock=clock, settings=Settings(kernel=kernel)) as company:
            company.pipeline.load()
            rest = min(int(rate) * SECONDS, len(some) // 2)
            figures = {
                "case": "end to end", "kernel": kernel, "customers": int(customers), "events": len(some),
                "batch": int(size), **all_at_once(company, some[: len(some) - rest], int(size)),
                **paced(company, some[len(some) - rest :], int(rate)),
                "segments_changed": company.cic.store.count(),
                "mismatches": company.cic.verify()["mismatches"],
            }  # fmt: skip
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
