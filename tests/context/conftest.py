"""Small companies whose rules are looked at one by one."""

from contextlib import contextmanager

import orjson
import pytest

from cid.kit.clock import ManualClock, format_time, parse_time
from cii.ports import Message
from icustomer import ICustomer

START = parse_time("2026-03-02T09:00:00Z")
BASE = """
company: {name: Corner shop}
systems: {web: {}, consent: {}}
identifiers: {user_id: {unique: true}, email: {normalise: email, attributes: [email], limit: 2}}
traits:
  orders 60d: {count: true, of: Order Completed, window: 60 d}
  spend: {sum: total, of: Order Completed}
segments:
  active: {when: orders 60d > 0}
queues: {loyalty: {app: sales}, service: {app: service}}
"""


class World:
    """A company at a standing clock, and what happens to it."""

    def __init__(self, company: ICustomer) -> None:
        self.company = company
        self.count = 0

    @property
    def now(self) -> str:
        return format_time(self.company.clock.now())

    def happens(self, event, *, who="ann", actor="", at=None, kind="track", ids=(), **said):
        """Let something happen now, and be applied."""
        self.count += 1
        clock = self.company.clock
        body = {
            "type": kind,
            "event": event,
            "messageId": f"m{self.count}-{clock.now()}",
            "timestamp": format_time(clock.now() if at is None else at),
            "userId": who,
            "properties": said,
            "traits": said,
            "context": {
                "actor": actor,
                "externalIds": [{"type": k, "id": v} for k, v in ids],
            },
        }
        headers = {"source": "consent" if event.startswith("Consent") else "web"}
        message = Message(
            who.encode(), orjson.dumps(body), clock.now(), {**headers, "protocol": "segment"}
        )
        self.company.cii.append([message])
        self.company.catch_up()
        return body["messageId"]

    def passes(self, duration):
        """Let time pass."""
        self.company.clock.moment += duration
        self.company.catch_up()

    def decisions(self, rule=""):
        """Return what was decided, oldest first."""
        return self.company.context.decisions(rule=rule)[::-1]

    def actions(self):
        return [action for decision in self.decisions() for action in decision["actions"]]


@pytest.fixture
def world(tmp_path):
    """Open a company with these further definitions; the same place can be opened again."""

    @contextmanager
    def make(definitions="", place="shop", at=None):
        path = tmp_path / place
        path.mkdir(exist_ok=True)
        (path / "base.yaml").write_text(BASE, encoding="utf-8")
        if definitions:
            (path / "more.yaml").write_text(definitions, encoding="utf-8")
        clock = ManualClock(START if at is None else at)
        with ICustomer.open(path, clock=clock) as company:
            yield World(company)

    return make
