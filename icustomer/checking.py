"""What definitions say of each other: a name that nothing bears is a mistake, wherever it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from cfa.model import QUEUES
from cic.model import SCORES, TRAITS, Trait
from cic.policies import wrong
from cid.feel import FeelError, names, parse
from cid.feel.tree import Literal, walk
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import InvalidDefinition, suggestion
from cid.model.definition import ATTRIBUTES, SYSTEMS
from cii.model import CONTRACTS, FLOWS, IDENTIFIERS, Contract
from context.model import RULES

OUR_OWN = ("staff", "cic")
"""Systems that need no definition: our colleagues, and the models."""
OF_EVERY_FACT = {"event", "source", "time"}
NEARLY = 0.87
"""How alike two names are, of which one is probably meant to be the other."""
ON_A_DESK = ("task", "case")


def dead_names(definitions: Definitions) -> Iterator[InvalidDefinition]:
    """Yield every name in a definition that no other definition bears."""
    yield from wrong(definitions)
    systems = {*definitions.of(SYSTEMS), *OUR_OWN}
    attributes = definitions.of(ATTRIBUTES)
    for entry in attributes.values():
        said_by = (*entry.value.masters, *entry.value.contributors)
        yield from _unknown(entry, "system", said_by, systems)
    for flow in definitions.of(FLOWS).values():
        record = flow.value.record
        kinds = definitions.of(IDENTIFIERS)
        yield from _unknown(flow, "system", (flow.value.source,), systems)
        yield from _unknown(flow, "kind of identifier", record.identifiers, kinds)
        yield from _unknown(flow, "attribute", record.attributes, attributes)
    for score in definitions.of(SCORES).values():
        yield from _unknown(score, "trait", score.value.features, definitions.of(TRAITS))
    yield from _misspelt(definitions)
    for rule in definitions.of(RULES).values():
        desks = [
            str(call.parameters.get("queue", ""))
            for call in rule.value.do
            if call.action in ON_A_DESK
        ]
        literal = [desk for desk in desks if desk and not desk.startswith("=")]
        yield from _unknown(rule, "queue", literal, definitions.of(QUEUES))


def _misspelt(definitions: Definitions) -> Iterator[InvalidDefinition]:
    """Yield events and properties in traits that nobody promises, but something nearly the same.

    Contracts need not name everything; so a name that is like none of theirs is left alone.
    """
    contracts = definitions.of(CONTRACTS)
    events = {*contracts, *_events(definitions)}
    for entry in definitions.of(TRAITS).values():
        trait = entry.value
        for event in trait.of:
            yield from _near(entry, "event", event, events)
        promised = {
            name for each in trait.of if each in contracts for name in _promises(contracts[each])
        }
        for word in sorted(_words(trait) - OF_EVERY_FACT):
            yield from _near(entry, "property", word, promised)


def _events(definitions: Definitions) -> Iterator[str]:
    for flow in definitions.of(FLOWS).values():
        try:
            tree = parse(flow.value.record.event)
        except FeelError:
            continue
        for node in walk(tree):
            if isinstance(node, Literal) and isinstance(node.value, str):
                yield node.value


def _promises(contract: Entry[Contract]) -> Collection[str]:
    return contract.value.properties


def _words(trait: Trait) -> set[str]:
    found: set[str] = set()
    for text in (trait.where, trait.value):
        # What is no FEEL is told where it is compiled.
        with suppress(FeelError):
            found |= names(parse(text)) if text else set()
    return found


def _near(
    entry: Entry[Any], kind: str, name: str, known: Collection[str]
) -> Iterator[InvalidDefinition]:
    if name not in known and get_close_matches(name, known, n=1, cutoff=NEARLY):
        yield entry.error(f"no {kind} {name!r} is promised.", hint=suggestion(name, known))


def _unknown(
    entry: Entry[Any],
    kind: str,
    names: Collection[str],
    known: Collection[str],
) -> Iterator[InvalidDefinition]:
    for name in names:
        if name not in known:
            yield entry.error(f"no {kind} {name!r}.", hint=suggestion(name, known))
