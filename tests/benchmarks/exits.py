"""How long after a window has ended a running server says so, while nothing comes in.

Run ``python tests/benchmarks/exits.py [customers]``; each line of output is one JSON object. Customers buy once;
each buyer stays for one minute, which ends at a moment known beforehand. Told are the milliseconds from that moment
until the API counts her no more, and until her exit lies in the topic of changes: a few exits now and then, many
spread over seconds, and all at one instant. The asking process shares the machine's cores with the server.
"""

import http.client
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

KEY = "k1"
MINUTE = 60.0
SIZE = 500
COMPANY = f"""
company: {{name: Exits, time zone: UTC}}
systems:
  shop: {{kind: touchpoint, write key: {KEY}}}
identifiers:
  user_id: {{unique: true}}
traits:
  few orders: {{count: true, of: Few Bought, window: 1 min}}
  many orders: {{count: true, of: Many Bought, window: 1 min}}
  all orders: {{count: true, of: All Bought, window: 1 min}}
segments:
  few: {{when: few orders > 0}}
  many: {{when: many orders > 0}}
  all: {{when: all orders > 0}}
streams:
  out: {{topic: changes}}
"""


def moments(customers: int, began: float) -> dict[str, list[float]]:
    """When buyers leave, in seconds since 1970: case by case, with a pause between."""
    chance = random.Random(7)
    few = sorted(began + chance.uniform(0, 20) for _ in range(40))
    many = sorted(began + 22 + chance.uniform(0, 20) for _ in range(customers))
    return {"few": few, "many": many, "all": [began + 46] * customers}


def send(port: int, case: str, dues: list[float]) -> None:
    """Let each customer have bought so that her minute ends when it is due."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": "Basic azE6", "Content-Type": "application/json"}
    for start in range(0, len(dues), SIZE):
        events = [
            {
                "type": "track", "event": f"{case.capitalize()} Bought", "userId": f"u{n}",
                "messageId": f"{case}-{n}",
                "timestamp": datetime.fromtimestamp(dues[n] - MINUTE, UTC).isoformat(timespec="milliseconds"),
            }
            for n in range(start, min(start + SIZE, len(dues)))
        ]  # fmt: skip
        connection.request("POST", "/v1/batch", json.dumps({"batch": events}), headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status} {said!r}")
    connection.close()


def ask(connection: http.client.HTTPConnection, path: str):
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())


class Told:
    """The topic of changes, read as it grows, from outside the server."""

    def __init__(self, path: Path) -> None:
        self._log = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self._seen: dict[int, int] = {}
        self.exits: dict[str, int] = {}

    def look(self) -> None:
        """Count the exits that are new."""
        rows = "SELECT part, off, value FROM log WHERE part = ? AND off > ? AND topic = ("
        rows += "SELECT id FROM topic WHERE name = 'changes')"
        for part in range(4):
            for _, off, value in self._log.execute(rows, (part, self._seen.get(part, -1))):
                self._seen[part] = off
                change = json.loads(value)
                if change["kind"] == "left":
                    self.exits[change["segment"]] = self.exits.get(change["segment"], 0) + 1


def watch(port: int, told: Told, dues: dict[str, list[float]]) -> dict[str, dict[str, list[float]]]:
    """Ask again and again; return for each case how late each exit was seen, in the API and in the topic."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    late = {case: {"api": [], "topic": []} for case in dues}
    until = max(max(each) for each in dues.values()) + 30
    while time.time() < until:
        sizes = {row["name"]: row["size"] for row in ask(connection, "/api/cic/segments")}
        at_api = time.time()
        told.look()
        at_topic = time.time()
        for case, moments_ in dues.items():
            for name, out, at in (
                ("api", len(moments_) - sizes[case], at_api),
                ("topic", told.exits.get(case, 0), at_topic),
            ):
                seen = late[case][name]
                seen += [1000 * (at - due) for due in moments_[len(seen) : out]]
        if all(len(each) == len(dues[case]) for case in dues for each in late[case].values()):
            break
        time.sleep(0.1)
    connection.close()
    return late


def say(**figures) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def main(customers: int) -> None:
    code = "from icustomer.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "company.yaml").write_text(COMPANY)
        server = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--dir", folder, "--port", "0"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            port = int(server.stderr.readline().rsplit(":", 1)[1].strip("/\n"))
            # Nobody's minute may be over before all have been taken in.
            dues = moments(customers, time.time() + 12)
            for case, each in dues.items():
                if case != "few" and each[0] - time.time() > MINUTE:
                    time.sleep(each[0] - time.time() - MINUTE)
                send(port, case, each)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            while ask(connection, "/api/cii/ledger")["pending"]:
                time.sleep(0.1)
            early = dues["few"][0] - time.time()
            late = watch(port, Told(Path(folder, "data", "log.sqlite")), dues)
            for case, found in late.items():
                for where, taken in found.items():
                    ordered = sorted(taken) or [0.0]
                    say(
                        case=case, seen_in=where, exits=len(dues[case]), seen=len(taken),
                        least_ms=round(ordered[0], 1),
                        p50_ms=round(ordered[len(ordered) // 2], 1),
                        p99_ms=round(ordered[int(len(ordered) * 0.99)], 1),
                        max_ms=round(ordered[-1], 1), goal_ms=1000, ready_before_s=round(early, 1),
                    )  # fmt: skip
            mismatches = _verified(port)
            say(case="verify", mismatches=mismatches)
        finally:
            server.terminate()
            server.communicate()


def _verified(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("POST", "/api/cic/verify", "", {"Content-Type": "application/json"})
    found = json.loads(connection.getresponse().read())
    return found["mismatches"]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
