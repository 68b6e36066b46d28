"""How many events per second go all the way in one process: JSON, durable log, customer, 21 traits, 100 segments.

Run ``python tests/benchmarks/end_to_end.py [customers [events [kernel [batch]]]]``; each line of output is one JSON
object. Nothing is left out: contracts, duplicates, identity, the ledger and all layers' records are in the figure.
"""

import gc
import json
import sys
import tempfile
import time
from pathlib import Path

import orjson

from cid.kit.clock import DAY, ManualClock, format_time, parse_time
from cii.ports import Message
from icustomer import ICustomer, Settings
from icustomer.starting import init_company

START = parse_time("2026-01-01T00:00:00Z")
WINDOWS = (1, 7, 30, 365)


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


def main() -> None:
    # As the command line has it.
    gc.set_threshold(200_000, 10, 10)
    sys.setswitchinterval(0.0005)
    given = sys.argv[1:5]
    customers, count, kernel, size = [*given, *("20000", "40000", "pure", "1000")[len(given) :]]
    batch_size = int(size)
    some = messages(int(customers), int(count))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop"
        init_company(path)
        (path / "benchmark.yaml").write_text(definitions(), encoding="utf-8")
        clock = ManualClock(START + 21 * DAY)
        with ICustomer.open(path, clock=clock, settings=Settings(kernel=kernel)) as company:
            times = []
            began, used = time.perf_counter(), time.process_time()
            for start in range(0, len(some), batch_size):
                batch = time.perf_counter()
                company.cii.append(some[start : start + batch_size])
                company.pipeline.run(batch_size)
                times.append(time.perf_counter() - batch)
            seconds, used = time.perf_counter() - began, time.process_time() - used
            figures = {
                "case": "end to end", "kernel": kernel, "customers": int(customers), "events": len(some),
                "batch": batch_size, "events_per_second": round(len(some) / seconds),
                "events_per_second_of_processor": round(len(some) / used),
                "p50_ms": round(1000 * sorted(times)[len(times) // 2], 1),
                "p99_ms": round(1000 * sorted(times)[len(times) * 99 // 100], 1),
                "segments_changed": company.cic.store.count(),
                "mismatches": company.cic.verify()["mismatches"],
            }  # fmt: skip
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
