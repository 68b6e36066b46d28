"""How many events per second the collect endpoint takes, each batch durable before its answer.

Run ``python tests/benchmarks/collect.py [seconds [cases]]``; each line of output is one JSON object. The
load generator is a process of its own and shares the machine's cores with the server.
"""

import contextlib
import gzip
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CASES = [(100, 4, False), (100, 4, True), (20, 4, False), (1, 4, False), (1000, 4, False)]


def serve(path: str, port: int) -> None:
    import uvicorn
    from fastapi import FastAPI

    from cid.kit.clock import SystemClock
    from cii.api import collect
    from cii.ports import TRANSPORTS, CollectLimits

    class Facade:
        transport = TRANSPORTS.load("sqlite")(Path(path))
        topic = "facts"
        keys = {"k1": "shop"}
        lenient = False
        limits = CollectLimits()
        clock = SystemClock()
        about_things = frozenset()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        Facade.transport.create("facts", 4)
        yield {"cii": Facade}
        Facade.transport.close()

    app = FastAPI(lifespan=lifespan)
    app.include_router(collect)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", ws="none")


def event(number: int) -> dict:
    return {
        "integrations": {},
        "anonymousId": None,
        "properties": {
            "sku": f"S{number % 500}",
            "name": "Zelt",
            "category": "camp",
            "price": 99.5,
        },
        "timestamp": "2026-01-31T12:00:00.000+00:00",
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        "userId": f"user-{number % 5000}",
        "type": "track",
        "event": "Product Viewed",
        "messageId": f"0d9f8c1e-aaaa-bbbb-cccc-{number:012d}",
    }


def body(start: int, size: int, packed: bool) -> bytes:
    batch = {"batch": [event(n) for n in range(start, start + size)], "sentAt": None}
    text = json.dumps(batch).encode()
    return gzip.compress(text, 6) if packed else text


def measure(port: int, size: int, threads: int, packed: bool, seconds: float) -> dict:
    headers = {"Authorization": "Basic azE6", "Content-Type": "application/json"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    bodies = [body(n * size, size, packed) for n in range(50)]
    taken: list[float] = []
    stop = time.monotonic() + seconds

    def work(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while time.monotonic() < stop:
            began = time.monotonic()
            connection.request("POST", "/v1/batch", bodies[len(taken) % 50], headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{answer.status} {content!r}")
            taken.append(time.monotonic() - began)
        connection.close()

    workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    passed = time.monotonic() - began
    taken.sort()
    return {
        "batch": size,
        "gzip": packed,
        "threads": threads,
        "events_per_second": round(len(taken) * size / passed),
        "requests_per_second": round(len(taken) / passed),
        "p50_ms": round(taken[len(taken) // 2] * 1000, 1),
        "p99_ms": round(taken[int(len(taken) * 0.99)] * 1000, 1),
    }


def memory(pid: int) -> int:
    """Return the most memory that a process has held, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def main(seconds: float, cases: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/log.sqlite"
        server = subprocess.Popen([sys.executable, __file__, "serve", path, str(port)])
        try:
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            for size, threads, packed in CASES[:cases]:
                found = measure(port, size, threads, packed, seconds)
                found["memory_mib"] = memory(server.pid)
                sys.stdout.write(json.dumps(found) + "\n")
                sys.stdout.flush()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        main(
            float(sys.argv[1]) if sys.argv[1:] else 5,
            int(sys.argv[2]) if sys.argv[2:] else len(CASES),
        )
