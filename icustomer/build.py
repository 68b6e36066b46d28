"""The wiring, on one page: definitions and settings become six layers in step."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cbc.facade import Capabilities
from cfa.desk import Desk, install
from cfa.facade import Applications
from cfa.model import QUEUES
from cfa.ports import STORES as CFA_STORES
from cic.conditions import Vocabulary
from cic.facade import Intelligence
from cic.model import SEGMENTS, TRAITS
from cic.ports import ENGINES
from cic.ports import STORES as CIC_STORES
from cic.reliving import Reliving
from cic.segmentation import Segmentation
from cic.streams import Streams
from cid.customers import Customers
from cid.facade import CustomerDefinition
from cid.kit.clock import Clock, parse_duration
from cid.kit.db import Database
from cid.kit.definitions import Definitions
from cid.kit.errors import Refused
from cid.kit.events import Bus
from cid.kit.plugins import Port
from cid.model.definition import ATTRIBUTES, ENTITIES, SYSTEMS
from cid.model.relationship import Regrouped
from cid.ports import STORES as CID_STORES
from cid.projection import Projection
from cii.facade import Integration
from cii.mapping import Mapper
from cii.model import IDENTIFIERS
from cii.ports import STORES as CII_STORES
from cii.ports import CollectLimits
from cii.synchronization import Pipeline
from context.backtest import Backtests
from context.decision import Table, ready_rules
from context.delivery import Delivery
from context.execution import Execution
from context.facade import CustomerContext
from context.model import RULES, SCENARIOS, TABLES
from context.ports import ACTIONS, Effects
from context.ports import STORES as CONTEXT_STORES
from context.publishing import Lives
from context.replay import Past
from context.workbench import Workbench
from icustomer import migrations
from icustomer.adopting import adoption
from icustomer.definitions import read
from icustomer.history import History, Recorder, Source
from icustomer.lineage import Lineage
from icustomer.models import Models
from icustomer.settings import Layer, Settings, records_url
from icustomer.snapshots import NAME as SNAPSHOT
from icustomer.snapshots import AppliedPast, Keeper, SnapshotFile, kernel_of, read_by
from icustomer.streaming import to_topic, to_webhook
from icustomer.transports import open_log

STORES: dict[Layer, Port[Any]] = {
    "cid": CID_STORES,
    "cii": CII_STORES,
    "cic": CIC_STORES,
    "cfa": CFA_STORES,
    "context": CONTEXT_STORES,
}


@dataclass(frozen=True)
class Layers:
    """The six layers in step, and what carries them."""

    database: Database
    pipeline: Pipeline
    delivery: Delivery
    history: History
    keeper: Keeper
    cid: CustomerDefinition
    cii: Integration
    cic: Intelligence
    cfa: Applications
    context: CustomerContext
    cbc: Capabilities


def build(
    directory: Path,
    definitions: Definitions,
    settings: Settings,
    clock: Clock,
    failpoint: Callable[[str], None] = lambda name: None,
    data: Path | None = None,
    log: Any = None,
) -> Layers:
    """Put the layers of a company together from its definitions; what fails half-way lets go of all."""
    data = data or directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        layers = _build(directory, definitions, settings, clock, failpoint, data, log, opened)
        opened.pop_all()
    return layers


def _build(
    directory: Path,
    definitions: Definitions,
    settings: Settings,
    clock: Clock,
    failpoint: Callable[[str], None],
    data: Path,
    log: Any,
    opened: ExitStack,
) -> Layers:
    database = Database(records_url(settings, data))
    opened.callback(database.close)
    migrations.upgrade(database)
    stores: dict[str, Any] = {
        layer: port.load(settings.stores.get(layer, "sql"))(database)
        for layer, port in STORES.items()
    }
    transport: Any = log or open_log(settings, data)
    if log is None:
        opened.callback(transport.close)
    transport.create("facts", settings.partitions)
    bus = Bus()

    # cid, cic, cfa and context hear of every fact in this order; regrouping reaches them the same way.
    attributes = definitions.of(ATTRIBUTES)
    customers = Customers(attributes, Projection(definitions.of(ENTITIES)), stores["cid"], bus)
    vocabulary = Vocabulary(attributes, definitions.of(TRAITS), definitions.of(SEGMENTS))
    mapper = Mapper(definitions)
    kinds = {name: entry.value for name, entry in definitions.of(IDENTIFIERS).items()}
    segmentation = Segmentation(
        definitions.of(TRAITS),
        definitions.of(SEGMENTS),
        vocabulary,
        customers,
        stores["cic"],
        bus,
        lambda: pipeline.facts(),
        kernel_of(settings, lambda: _records(stores["cii"], database)),
    )
    apps = install(definitions)
    desk = Desk(stores["cfa"], apps)
    bus.subscribe(Regrouped, desk.regroup)
    actions: dict[str, Any] = {name: ACTIONS.load(name)() for name in ACTIONS.names()}
    tables = {name: Table(entry, vocabulary) for name, entry in definitions.of(TABLES).items()}
    rules = ready_rules(definitions.of(RULES), tables, vocabulary, actions)
    queues = {name: entry.value.app for name, entry in definitions.of(QUEUES).items()}
    effects = Effects(desk, data / "outbox", queues, _address_book(customers))
    execution = Execution(rules, segmentation, customers, actions, effects, stores["context"], bus)
    recorder = Recorder(customers, lambda: pipeline.graph.known)
    pipeline = Pipeline(
        transport,
        stores["cii"],
        database,
        mapper,
        kinds,
        [customers, segmentation, desk, execution, Lives(stores["context"]), recorder],
        bus,
        failpoint,
    )
    customers.read_by = read_by(definitions)
    customers.past = lambda events: pipeline.facts(0, events)
    relived = Reliving(AppliedPast(pipeline, definitions, database), SnapshotFile(data / SNAPSHOT))
    segmentation.refill = relived.fill
    keeper = Keeper(relived, pipeline, segmentation, settings)

    selects = {name: sql for store in stores.values() for name, sql in store.mirrors().items()}
    source = Source(pipeline, customers, database, definitions, selects, recorder, segmentation)
    engine = ENGINES.load(settings.engine)(data / "history.duckdb", memory=settings.query_memory)
    history = History(engine, source, settings.query_rows, settings.query_seconds)

    lineage = Lineage(definitions, segmentation, rules)
    limits = CollectLimits(
        request=settings.request_limit,
        inflated=settings.request_limit,
        event=settings.event_limit,
        held=settings.held_limit,
        seconds=settings.request_seconds,
    )
    cii = Integration(
        definitions,
        pipeline,
        transport,
        stores["cii"],
        mapper,
        clock,
        limits=limits,
        lenient=settings.lenient_keys,
        customers=customers,
    )
    cid = CustomerDefinition(
        definitions,
        customers,
        stores["cid"],
        clock,
        lambda name: pipeline.graph.customer(name),
        lineage.readers_of,
        cii.timeline,
    )
    models = Models(definitions, history, segmentation, cii, data, settings.scorer)
    cic = Intelligence(
        definitions,
        segmentation,
        customers,
        stores["cic"],
        history,
        clock,
        pipeline.facts,
        cii.facts_of,
        cii.customer,
        lineage.readers_of,
        models.report,
        pipeline.lock,
    )
    past = Past(
        attributes,
        definitions.of(TRAITS),
        definitions.of(SEGMENTS),
        vocabulary,
        pipeline.facts,
    )
    cic.proof.regrouped = lambda customer: bool(stores["cii"].regroupings(customer, 1))
    # More than the processors can answer make each slower, and collecting with them.
    cic.queries.at_once = settings.query_at_once or max(2, os.cpu_count() or 2)
    context = CustomerContext(
        definitions,
        rules,
        tables,
        execution,
        segmentation,
        customers,
        stores["context"],
        cii.customer,
        Backtests(
            history,
            past,
            vocabulary,
        ),
        lambda entry: ready_rules({entry.name: entry}, context.ready()[1], vocabulary, actions)[
            entry.name
        ],
    )

    def renew() -> None:
        """Let the rules and decision tables that stand in the files now be in force from the next fact on."""
        found, errors = read(directory)
        if errors:
            raise errors[0]
        tables = {name: Table(entry, vocabulary) for name, entry in found.of(TABLES).items()}
        rules = ready_rules(found.of(RULES), tables, vocabulary, actions)
        with pipeline.lock:
            execution.publish(rules)
            context.renew(rules, tables)
            for section in (RULES, TABLES, SCENARIOS):
                definitions.sections[section.name] = found.sections[section.name]
            lineage.read(rules)

    def adopted() -> None:
        """Let others hear that traits and segments have changed."""
        lineage.read(context.ready()[0])
        stores["cid"].declare(_systems(definitions), _segments(definitions))

    cic.adoption = adoption(definitions, segmentation, customers, pipeline, cii, past, adopted)
    context.workbench = Workbench(
        definitions,
        segmentation,
        context.ready,
        actions,
        stores["context"],
        cii.submit,
        renew,
        lambda: list(customers.members),
    )
    cic.streams = Streams(
        definitions,
        stores["cic"],
        to_topic(transport, settings.partitions, clock),
        to_webhook(actions, effects, clock),
    )
    desk.advise(context)
    cfa = Applications(
        definitions,
        stores["cfa"],
        cii.submit,
        context,
        clock,
        cid.names,
        [app.manifest for app in apps],
        cii.customer,
    )
    cbc = Capabilities(definitions, history, clock)
    delivery = Delivery(stores["context"], actions, effects, clock)
    stores["cid"].declare(_systems(definitions), _segments(definitions))
    return Layers(database, pipeline, delivery, history, keeper, cid, cii, cic, cfa, context, cbc)


def _records(store: Any, database: Database) -> int:
    with database.read() as connection:
        return int(store.position(connection))


def _address_book(customers: Customers) -> Callable[[str, str, str], str]:
    def address(customer: str, purpose: str, channel: str) -> str:
        if purpose != "service" and not customers.consents(customer, purpose, channel):
            raise Refused(f"She does not consent to {purpose} by {channel}.")
        held = customers.profile(customer).get("email" if channel == "email" else "phone")
        if held is None:
            raise Refused(f"No address for {channel} is known.")
        return str(held.value)

    return address


def _systems(definitions: Definitions) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "channel": entry.value.channel or None,
            "kind": entry.value.kind,
            "expected_ms": parse_duration(entry.value.expected_every)
            if entry.value.expected_every
            else None,
        }
        for name, entry in definitions.of(SYSTEMS).items()
    ]


def _segments(definitions: Definitions) -> list[dict[str, Any]]:
    return [
        {"name": name, "version": entry.version, "condition": entry.value.when, "active": True}
        for name, entry in definitions.of(SEGMENTS).items()
    ]
