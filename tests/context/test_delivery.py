"""The outbox: sent at least once, never without consent, never forgotten, never twice in effect."""

import json
import threading
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cid.kit.clock import DAY, HOUR, SECOND
from context.delivery import ATTEMPTS, retry_after

LETTER = """
rules:
  letter:
    on: {event: Order Completed}
    do: [{email: {subject: 'Danke, 谢谢', text: "=\\"You spent \\" + string(event.total)"}}]
"""


def files(w):
    return sorted((w.company.directory / "data" / "outbox").glob("*"))


def test_a_letter_goes_only_to_whom_consents_at_the_moment_of_sending(world):
    with world(LETTER) as w:
        w.happens("Identify", kind="identify", email="ann@example.org")
        w.happens("Order Completed", total=20)
        w.company.delivery.run()
        (refused,) = w.actions()
        assert refused["state"] == "dead"
        assert files(w) == []

        w.happens("Consent Given", purpose="marketing", channel="email")
        w.happens("Order Completed", total=30)
        w.happens("Consent Withdrawn", purpose="marketing", channel="email")
        w.company.delivery.run()
        assert [action["state"] for action in w.actions()] == ["dead", "dead"]
        assert files(w) == []

        w.passes(HOUR)
        w.happens("Consent Given", purpose="marketing", channel="email")
        w.happens("Order Completed", total=40)
        w.company.delivery.run()
        (letter,) = files(w)
        message = message_from_bytes(letter.read_bytes())
        assert message["To"] == "ann@example.org"
        assert str(make_header(decode_header(message["Subject"]))) == "Danke, 谢谢"
        assert message.get_payload(decode=True).decode() == "You spent 40"


def test_a_letter_is_written_once_however_often_it_is_tried(world):
    with world(LETTER) as w:
        w.happens("Identify", kind="identify", email="ann@example.org")
        w.happens("Consent Given", purpose="marketing", channel="email")
        w.happens("Order Completed", total=20)
        rows = w.company.context.store.pending(w.company.clock.now(), 10)
        assert w.company.delivery.run() == 1
        w.company.context.store.delivered(rows)
        assert w.company.delivery.run() == 1, "as after a crash between sending and noting"
        assert len(files(w)) == 1
        assert w.company.delivery.run() == 0


def test_a_customer_whose_address_is_not_known_holds_up_nobody(world):
    with world(LETTER) as w:
        for who in ("ann", "bob"):
            w.happens("Consent Given", who=who, purpose="marketing", channel="email")
            w.happens("Order Completed", who=who, total=20)
        w.happens("Identify", who="bob", kind="identify", email="bob@example.org")
        w.company.delivery.run()
        assert sorted(action["state"] for action in w.actions()) == ["dead", "done"]


class Other:
    """Another system that answers what it is told to."""

    def __init__(self):
        self.answers, self.heard = [], []
        other = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                other.heard.append((self.headers["Idempotency-Key"], body))
                self.send_response(other.answers.pop(0) if other.answers else 200)
                self.end_headers()

            def log_message(self, *_):
                """Be quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def other():
    system = Other()
    yield system
    system.close()


def hook(url):
    return (
        "rules:\n  hook:\n    on: {event: Order Completed}\n"
        f"    do: [{{webhook: {{url: '{url}', total: '=event.total'}}}}]\n"
    )


def test_another_system_is_told_again_until_it_has_heard(world, other):
    other.answers = [503, 500, 200]
    with world(hook(other.url)) as w:
        w.happens("Order Completed", total=20)
        assert w.company.delivery.run() == 1
        assert w.company.delivery.run() == 0, "not before its time"
        for _ in range(2):
            w.passes(HOUR)
            w.company.delivery.run()
        (action,) = w.actions()
        assert action["state"] == "done"
        keys = {key for key, _ in other.heard}
        assert len(other.heard) == 3
        assert len(keys) == 1, "the same key, so that it counts once"
        body = other.heard[0][1]
        assert body["parameters"] == {"total": 20}
        assert body["loop"] == w.decisions()[0]["loop"]


def test_what_the_other_system_refuses_is_not_tried_again(world, other):
    other.answers = [422]
    with world(hook(other.url)) as w:
        w.happens("Order Completed", total=20)
        w.company.delivery.run()
        w.passes(DAY)
        assert w.company.delivery.run() == 0
        assert [action["state"] for action in w.actions()] == ["dead"]
        assert w.company.context.rules()[0]["dead"] == 1


def test_after_eight_attempts_it_is_given_up_and_told(world):
    with world(hook("http://127.0.0.1:9/nobody")) as w:
        w.happens("Order Completed", total=20)
        for _ in range(ATTEMPTS):
            assert w.company.delivery.run() == 1
            w.passes(2 * HOUR)
        assert w.company.delivery.run() == 0
        assert [action["state"] for action in w.actions()] == ["dead"]


def test_the_pauses_grow_but_never_beyond_an_hour():
    pauses = [retry_after(attempt) for attempt in range(1, 30)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 10 * SECOND
    assert max(pauses) == HOUR
