import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfa.adapters.sql import SqlStore
from cfa.desk import Desk, install
from cfa.facade import Applications
from cfa.model import SECTIONS
from cfa.sales import Sales
from cfa.service import Service
from cid.kit.clock import ManualClock, parse_time
from cid.kit.db import Database, metadata
from cid.kit.definitions import Definitions, load
from cid.kit.ids import new_id
from cid.model.fact import Fact

YAML = """
calendars:
  lyon:
    time zone: Europe/Paris
    hours:
      mon: ["09:00-12:00", "13:00-17:00"]
      tue: ["09:00-12:00", "13:00-17:00"]
      wed: ["09:00-12:00", "13:00-17:00"]
      thu: ["09:00-12:00", "13:00-17:00"]
      fri: ["09:00-12:00", "13:00-17:00"]
    holidays: ["2026-12-25"]
queues:
  service: {app: service, calendar: lyon}
  night: {app: service}
  deals: {app: sales}
pipelines:
  business:
    stages:
      prospecting: {probability: 0.1}
      qualified: {probability: 0.5}
      quoted: {probability: 0.6}
      won: {probability: 1, closed: true, won: true}
      lost: {closed: true}
"""


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "apps.yaml").write_text(YAML)
    found, errors = load(folder, SECTIONS)
    assert not errors
    return found


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'records.sqlite'}")
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> SqlStore:
    return SqlStore(database)


class Gold:
    """An advisor who promises gold customers an hour."""

    def decide(self, table: str, inputs: Any) -> dict[str, Any] | None:
        if table == "SLA" and inputs["customer"] == "c_gold":
            return {"first response": "1 h", "resolve": "PT4H"}
        return None

    def next_best_action(self, customer: str) -> dict[str, Any] | None:
        return {"offer": "tea", "reason": "it is cold"} if customer == "c_gold" else None


class Office:
    """A desk with its store, as one process runs it."""

    def __init__(self, database: Database, store: SqlStore, definitions: Definitions) -> None:
        self.database, self.store = database, store
        self.desk = Desk(store, install(definitions, Gold(), [Sales, Service]))

    def hear(self, *facts: Fact) -> None:
        for fact in facts:
            self.desk.apply(fact)
        self.flush()

    def flush(self) -> None:
        with self.database.write() as connection:
            self.desk.flush(connection)

    def restart(self) -> None:
        with self.database.read() as connection:
            self.desk.load(connection)


@pytest.fixture
def new_office(definitions: Definitions) -> Callable[[], Office]:
    def make() -> Office:
        database = Database("sqlite://")
        metadata.create_all(database.engine)
        return Office(database, SqlStore(database), definitions)

    return make


@pytest.fixture
def office(database: Database, store: SqlStore, definitions: Definitions) -> Office:
    return Office(database, store, definitions)


@pytest.fixture
def fact() -> Callable[..., Fact]:
    numbers = itertools.count(1)

    def make(event: str, at: str, customer: str = "c_ann", **properties: Any) -> Fact:
        number = next(numbers)
        identity = properties.pop("identity", f"user_id:{customer[2:]}")
        actor = properties.pop("actor", "")
        return Fact(
            position=number,
            message_id=f"m{number}",
            source="callcentre",
            type="track",
            event=event,
            time=parse_time(at),
            received=parse_time(at),
            identifiers=(identity,),
            properties=properties,
            actor=actor,
            identity=identity,
            customer=customer,
        )

    return make


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(parse_time("2026-11-22T12:00Z"))


@pytest.fixture
def said() -> list[Fact]:
    """What people did in the applications, as facts."""
    return []


@pytest.fixture
def acme(
    office: Office, definitions: Definitions, clock: ManualClock, said: list[Fact]
) -> Applications:
    def submit(
        event: str,
        *,
        customer: str,
        properties: Any,
        actor: str,
        loop: str = "",
        message_id: str | None = None,
    ) -> dict[str, Any]:
        heard = Fact(
            position=len(said),
            message_id=message_id or new_id(),
            source="staff",
            type="track",
            event=event,
            time=clock.now(),
            received=clock.now(),
            identifiers=(),
            properties=dict(properties),
            actor=actor,
            loop=loop,
            identity=f"user_id:{customer[2:]}",
            customer=customer,
        )
        clock.moment += 1
        said.append(heard)
        office.hear(heard)
        return {"state": "applied"}

    def names(customers: list[str]) -> dict[str, str]:
        return {customer: customer[2:].title() for customer in customers}

    manifests = [Sales.manifest, Service.manifest]
    return Applications(definitions, office.store, submit, Gold(), clock, names, manifests)
