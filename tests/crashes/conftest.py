"""What crashes need: a process that forks, a system that is called, and a history nothing interrupted."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.crashes import story
from tests.crashes.checking import History, Verdict, compare, history
from tests.crashes.forking import Zygote


class Receiver:
    """Another system that is told things over HTTP; it counts what it is told, by idempotency key."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.caller = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                receiver.calls[receiver.caller, self.headers["Idempotency-Key"]] += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def told(self, caller: str) -> set[str]:
        """Return what a company has told, each once."""
        return {key for name, key in self.calls if name == caller}

    def repeated(self, caller: str) -> int:
        """Return how many calls came again, with the key of an earlier one."""
        return sum(n - 1 for (name, _), n in self.calls.items() if name == caller)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Lives:
    """Companies that live the same story, wherever their log and records are."""

    root: Path
    zygote: Zygote
    receiver: Receiver
    settings: dict[str, Any] = field(default_factory=dict)
    fresh: Callable[[str], dict[str, Any]] = lambda name: {}
    """What a new company is given besides: its own database, its own part of a broker."""
    to_the_moment: bool = True
    given: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected: History = field(default_factory=History)

    def begin(self, name: str) -> Path:
        path = self.root / name
        story.begin(path, self.receiver.url)
        self.given[name] = {"settings": self.settings, **self.fresh(name)}
        return path

    def history(self, path: Path) -> History:
        """Read the history of a company that nobody has open."""
        settings = self.given.get(path.name, {}).get("settings", {})
        return history(path, settings.get("database_url", ""))

    def begin_living(self, path: Path, failpoint: str = "", **more: Any) -> int:
        """Let a company live on in a child; return its process id."""
        self.receiver.caller = str(path)
        order = {"what": "live", "failpoint": failpoint, **self.given[path.name], **more}
        order["error"] = str(self.root / "error")
        return self.zygote.begin(directory=str(path), **order)

    def live(self, path: Path, failpoint: str = "", **more: Any) -> int:
        """Let a company live on until its end, or until a place where it is killed."""
        self.begin_living(path, failpoint, **more)
        return self.zygote.ended()

    def judge(self, path: Path) -> Verdict:
        """Compare a company that has come to its end with the one that nothing interrupted."""
        found = self.history(path)
        verdict = compare(self.expected, found, story.sent(), to_the_moment=self.to_the_moment)
        calls, wanted = (self.receiver.told(str(each)) for each in (path, self.root / "expected"))
        if calls != wanted:
            verdict.different["calls"] = (len(wanted), len(calls))
        return verdict


@pytest.fixture(scope="session")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def zygote():
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.fixture(scope="module")
def lives(tmp_path_factory, zygote, receiver):
    """Companies on the embedded log and records."""
    lives = Lives(tmp_path_factory.mktemp("lives"), zygote, receiver)
    expected = lives.begin("expected")
    assert lives.live(expected) == 0
    lives.expected = lives.history(expected)
    return lives
