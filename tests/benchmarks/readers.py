"""What 50 concurrent readers do to the collect endpoint of a whole server, and it to them.

Run ``python tests/benchmarks/readers.py [seconds [readers [events per second]]]``; each line of output is one JSON
object: collecting alone, then with readers. Events are sent at a steady rate; the load generator shares the
machine's cores with the server, so ``ratio`` tells more than milliseconds.
"""

import contextlib
import http.client
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

KEY = "k1"
COMPANY = f"""
company: {{name: Readers, time zone: UTC}}
systems:
  shop: {{kind: touchpoint, write key: {KEY}}}
identifiers:
  user_id: {{unique: true}}
traits:
  orders: {{count: true, of: Order Completed}}
segments:
  buyers: {{when: orders > 0}}
"""
QUESTIONS = [
    {"measures": ["orders", "revenue"], "dimensions": ["channel"]},
    {"measures": ["customers"], "dimensions": ["event"]},
    {"kind": "funnel", "steps": [{"event": "Product Viewed"}, {"event": "Order Completed"}]},
    {"kind": "rfm", "groups": 5},
    {"kind": "sql", "sql": "SELECT event, count(*) AS n FROM facts GROUP BY event"},
]
SIZE = 100
WARM = 3.0
"""Seconds for which everybody is at it before anything is timed."""


def body(number: int) -> bytes:
    events = []
    for n in range(number * SIZE, (number + 1) * SIZE):
        event = "Order Completed" if n % 10 == 0 else "Product Viewed"
        said = {"channel": ("web", "app")[n % 2], "sku": f"p{n % 500}", "total": n % 300}
        events.append(
            {
                **{"type": "track", "event": event, "messageId": f"{number}-{n}"},
                **{"userId": f"u{n % 5000}", "properties": said},
            }
        )
    return json.dumps({"batch": events}).encode()


def collect(port: int, seconds: float, rate: int, first: int, workers: int = 4) -> dict:
    """Send batches at a steady rate; return how long answers took from the moment each was due."""
    taken: list[float] = []
    failed: list[int] = []
    began = time.monotonic() + 0.2

    def work(worker: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        headers = {"Authorization": "Basic azE6", "Content-Type": "application/json"}
        for number in range(worker, int(seconds * rate / SIZE), workers):
            content = body(first + number)
            due = began + number * SIZE / rate
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("POST", "/v1/batch", content, headers)
            answer = connection.getresponse()
            answer.read()
            taken.append(time.monotonic() - due)
            if answer.status != 200:
                failed.append(answer.status)
        connection.close()

    _together(work, workers)
    return {"errors": len(failed), **_times(taken)}


def read(port: int, stop: threading.Event, taken: list[float], failed: list[str]) -> None:
    """Ask one question after the other, with a little thought between them."""
    chance = random.Random()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    while not stop.is_set():
        question = chance.choice(QUESTIONS)
        began = time.monotonic()
        text = json.dumps(question)
        connection.request("POST", "/api/cic/query", text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        taken.append(time.monotonic() - began)
        if answer.status != 200:
            failed.append(f"{answer.status} {said[:200].decode()}")
        stop.wait(chance.random())
    connection.close()


def _together(work, count: int) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _times(taken: list[float]) -> dict:
    ordered = sorted(taken) or [0.0]
    return {
        "requests": len(taken),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 1),
    }


def say(**figures) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def main(seconds: float, readers: int, rate: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "company.yaml").write_text(COMPANY)
        code = "from icustomer.cli import main; main()"
        command = [sys.executable, "-c", code, "serve", "--dir", folder, "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while server.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.1)
            collect(port, WARM, rate, 0)
            quiet = collect(port, seconds, rate, 10_000)
            say(case="collect alone", events_per_second=rate, **quiet)
            stop, taken, failed = threading.Event(), [], []
            asking = [
                threading.Thread(target=read, args=(port, stop, taken, failed))
                for _ in range(readers)
            ]
            for each in asking:
                each.start()
            collect(port, WARM, rate, 30_000)
            taken.clear()
            busy = collect(port, seconds, rate, 20_000)
            stop.set()
            for each in asking:
                each.join()
            ratio = round(busy["p99_ms"] / max(quiet["p99_ms"], 0.1), 2)
            say(case="collect with readers", events_per_second=rate, ratio=ratio, goal=2, **busy)
            say(
                case="readers",
                readers=readers,
                errors=len(failed),
                told=sorted(set(failed))[:3],
                **_times(taken),
            )
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    given = [float(each) for each in sys.argv[1:]]
    seconds, readers, rate = [*given, *(10.0, 50, 10_000)[len(given) :]]
    main(seconds, int(readers), int(rate))
