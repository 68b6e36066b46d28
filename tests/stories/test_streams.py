"""Whoever outside wants to hear of entries and exits hears of each, in order, at least once."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cid.kit import failpoints
from cid.kit.clock import DAY
from icustomer.rebuilding import rebuild_company
from icustomer.streaming import Telling
from tests.company import opened

TOPIC = """
streams:
  to the warehouse:
    title: {en: Changes for the data warehouse}
    topic: segment-changes
    past: true
  to the mailer:
    webhook: %s
    segments: [active, vip]
    past: true
"""


class Other(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        server.heard.append((self.headers["Idempotency-Key"], body["customer"], body["parameters"]))
        server.asked += 1
        self.send_response(503 if server.asked in server.down else 204)
        self.end_headers()

    def log_message(self, *given):
        pass


@pytest.fixture
def other():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    server.heard, server.asked, server.down = [], 0, set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def path(northlake, tmp_path, other):
    path = northlake.copy(tmp_path / "company")
    url = f"http://127.0.0.1:{other.server_port}/changes"
    (path / "streams.yaml").write_text(TOPIC % url)
    return path


def topic(company):
    """Return what the topic holds, in the order of each customer."""
    transport, found = company.cii.transport, []
    for partition, end in transport.ends("segment-changes").items():
        records = transport.read("segment-changes", partition, 0, end)
        found += [(record.headers["id"], json.loads(record.value)) for record in records]
    return found


def changes(company, *segments):
    rows = company.cic.store.changes_after(0, 1_000_000)
    return [row for row in rows if not segments or row["segment"] in segments]


def by_customer(pairs):
    found = {}
    for customer, name in pairs:
        found.setdefault(customer, []).append(name)
    return found


def test_a_topic_holds_every_change_once_and_in_order(path):
    with opened(path) as company:
        telling = Telling(company.cic.streams)
        assert telling.look() > 100
        assert telling.look() == 0
        company.pipeline.tick(company.clock.now() + 30 * DAY)
        telling.look()
        told, wanted = topic(company), changes(company)
        assert by_customer((one["customer"], id) for id, one in told) == by_customer(
            (row["customer"], row["loop"]) for row in wanted
        )
        # What decided may be personal: it is told only where that is wished.
        assert all("values" not in one for _, one in told)
        shown = {one["name"]: one for one in company.cic.outgoing()}
        assert shown["to the warehouse"]["behind"] == 0


def test_who_cannot_be_reached_hears_everything_later_and_in_order(path, other):
    other.down = {3}
    with opened(path) as company:
        telling = Telling(company.cic.streams)
        telling.look()
        assert "503" in company.cic.outgoing()[1]["trouble"]
        assert company.cic.outgoing()[1]["behind"] > 0
        telling._not_before.clear()
        telling.look()
        wanted = [row["loop"] for row in changes(company, "active", "vip")]
        heard = [id for id, _, _ in other.heard]
        assert heard == [*wanted[:3], *wanted[2:]]
        assert company.cic.outgoing()[1]["trouble"] == ""


def test_stopped_at_any_place_it_goes_on_and_tells_nothing_wrong(path, other):
    class Stopped(BaseException):
        pass

    for point in ("before telling", "after telling"):
        passed = 0

        def reached(name, point=point):
            nonlocal passed
            passed += name == point
            if passed == 5:
                raise Stopped

        failpoints.arm(reached)
        try:
            with opened(path) as company, pytest.raises(Stopped):
                Telling(company.cic.streams).look()
        finally:
            failpoints.arm(None)
    with opened(path) as company:
        Telling(company.cic.streams).look()
        wanted = [row["loop"] for row in changes(company, "active", "vip")]
        heard = list(dict.fromkeys(id for id, _, _ in other.heard))
        assert heard == wanted
        assert len(other.heard) <= len(wanted) + 2


def test_records_made_anew_tell_nothing_twice(path):
    with opened(path) as company:
        Telling(company.cic.streams).look()
        before = len(topic(company))
    rebuild_company(path)
    with opened(path) as company:
        Telling(company.cic.streams).look()
        assert len(topic(company)) == before


def test_a_new_stream_begins_now(northlake, tmp_path):
    path = northlake.copy(tmp_path / "company")
    (path / "streams.yaml").write_text("streams:\n  out:\n    topic: segment-changes\n")
    with opened(path) as company:
        telling = Telling(company.cic.streams)
        assert telling.look() == 0
        company.pipeline.tick(company.clock.now() + 30 * DAY)
        assert telling.look() == len(topic(company)) > 0
