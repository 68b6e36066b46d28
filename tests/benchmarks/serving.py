"""How many events per second the whole server takes while it applies them, and whether it keeps its word.

``python tests/benchmarks/serving.py [seconds [batch [threads [events a second]]]]`` starts ``icustomer
serve`` on a new company and sends batches from a process of its own on the same cores; without a rate it
sends as fast as answers come. A refusal (429, 503) is waited out as it says. At the end all that was accepted
must have been applied, once. One JSON object on standard output.
"""

import base64
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

COMMAND = [sys.executable, "-c", "from icustomer.cli import main; main()"]
KEY = base64.b64encode(b"shop-key-please-change:").decode()
HEADERS = {"Authorization": f"Basic {KEY}", "Content-Type": "application/json"}
MARK = b"=number="


def events(size: int) -> bytes:
    """A batch of orders and looks, with a mark where each batch puts its own number."""
    made = []
    for number in range(size):
        name, properties = ("Product Viewed", {"sku": f"S{number % 50}", "price": 99.5})
        if number % 10 == 0:
            name = "Order Completed"
            properties = {"order_id": f"o{MARK.decode()}-{number}", "total": 40 + number}
        made.append(
            {
                "type": "track",
                "event": name,
                "userId": f"u{MARK.decode()[:-1]}-{number}",
                "messageId": f"{MARK.decode()}-{number}",
                "properties": properties,
            }
        )
    return json.dumps({"batch": made}).encode()


class Load:
    """Senders that count what they were told."""

    def __init__(self, port: int, size: int, seconds: float, pace: float) -> None:
        self.port, self.size, self.pace = port, size, pace
        self.until = time.monotonic() + seconds
        self.began = time.monotonic()
        self.taken: list[float] = []
        self.refused: dict[int, int] = {}
        self._next = 0
        self._lock = threading.Lock()
        # The same 5,000 customers come again and again.
        self.text = events(size)

    def body(self, number: int) -> bytes:
        user = b"u%07d-" % (number % (5_000 // self.size or 1))
        return self.text.replace(b"u" + MARK[:-1] + b"-", user).replace(MARK, b"%08d" % number)

    def send(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while time.monotonic() < self.until:
            with self._lock:
                self._next += 1
                number = self._next
            if self.pace:
                due = self.began + number * self.size / self.pace
                time.sleep(max(0.0, due - time.monotonic()))
            body, answered = self.body(number), False
            while not answered:
                began = time.monotonic()
                connection.request("POST", "/v1/batch", body, HEADERS)
                answer = connection.getresponse()
                said = answer.read()
                if answer.status == 200:
                    self.taken.append(time.monotonic() - began)
                    answered = True
                elif answer.status in (429, 503):
                    self.refused[answer.status] = self.refused.get(answer.status, 0) + 1
                    time.sleep(float(answer.headers["Retry-After"]))
                else:
                    raise SystemExit(f"{answer.status} {said!r}")
        connection.close()


def ask(port: int, path: str) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    found: dict = json.loads(connection.getresponse().read())
    connection.close()
    return found


def memory(pid: int) -> int:
    """Return the most memory that a process has held, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def main(seconds: float, size: int, threads: int, pace: float) -> None:
    with tempfile.TemporaryDirectory() as root:
        home = f"{root}/shop"
        subprocess.run([*COMMAND, "init", home], check=True, stdout=subprocess.DEVNULL)
        server = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", "--dir", home],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            port = int(server.stderr.readline().rsplit(":", 1)[1].strip("/\n"))
            load = Load(port, size, seconds, pace)
            senders = [threading.Thread(target=load.send) for _ in range(threads)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            passed = time.monotonic() - load.began
            accepted, taken = len(load.taken) * size, sorted(load.taken)
            while (ledger := ask(port, "/api/cii/ledger"))["pending"]:
                time.sleep(0.5)
            caught_up = time.monotonic() - load.began
            states = ledger["states"]
            found = {
                "seconds": round(passed, 1),
                "batch": size,
                "threads": threads,
                "asked_per_second": pace or None,
                "accepted": accepted,
                "events_per_second": round(accepted / passed),
                "p50_ms": round(taken[len(taken) // 2] * 1000, 1),
                "p99_ms": round(taken[int(len(taken) * 0.99)] * 1000, 1),
                "longest_ms": round(taken[-1] * 1000, 1),
                "refused": load.refused,
                "applied": states["applied"],
                "lost": accepted - ledger["received"],
                "doubled": states.get("duplicate", 0),
                "applied_per_second": round(states["applied"] / caught_up),
                "memory_mib": memory(server.pid),
            }
            sys.stdout.write(json.dumps(found) + "\n")
        finally:
            server.terminate()
            server.communicate()


if __name__ == "__main__":
    given = [float(each) for each in sys.argv[1:]]
    seconds, size, threads, pace = (*given, *(10, 100, 4, 0)[len(given) :])
    main(seconds, int(size), int(threads), pace)
