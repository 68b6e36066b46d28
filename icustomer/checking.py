"""What definitions say of each other: a name that nothing bears is a mistake, wherever it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from cfa.model import QUEUES
from cic.model import SCORES, TRAITS
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import InvalidDefinition, suggestion
from cid.model.definition import ATTRIBUTES, SYSTEMS
from cii.model import FLOWS, IDENTIFIERS
from context.model import RULES

OUR_OWN = ("staff", "cic")
"""Systems that need no definition: our colleagues, and the models."""
ON_A_DESK = ("task", "case")


def dead_names(definitions: Definitions) -> Iterator[InvalidDefinition]:
    """Yield every name in a definition that no other definition bears."""
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
    for rule in definitions.of(RULES).values():
        desks = [
            str(call.parameters.get("queue", ""))
            for call in rule.value.do
            if call.action in ON_A_DESK
        ]
        literal = [desk for desk in desks if desk and not desk.startswith("=")]
        yield from _unknown(rule, "queue", literal, definitions.of(QUEUES))


def _unknown(
    entry: Entry[Any],
    kind: str,
    names: Collection[str],
    known: Collection[str],
) -> Iterator[InvalidDefinition]:
    for name in names:
        if name not in known:
            yield entry.error(f"no {kind} {name!r}.", hint=suggestion(name, known))
