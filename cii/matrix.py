"""Who may say what: attribute × system, how much each says, and what of it is in force (S2.Q4)."""

from __future__ import annotations

from typing import Any

from cid.customers import Customers
from cid.kit.clock import format_time
from cid.kit.definitions import Definitions
from cid.model.definition import ATTRIBUTES, SYSTEMS


def matrix(definitions: Definitions, customers: Customers) -> dict[str, Any]:
    """Return attribute × system: who may say what, how much each says, what is in force (S2.Q4)."""
    systems = definitions.of(SYSTEMS)
    said = customers.said_by_system()
    attributes = []
    for name, entry in definitions.of(ATTRIBUTES).items():
        cells: dict[str, Any] = {}
        value = entry.value
        for system in {*value.masters, *value.contributors, *said.get(name, {})}:
            values, in_force, last = said.get(name, {}).get(system, (0, 0, 0))
            cells[system] = {
                "role": "master" if system in value.masters else "contributor",
                "values": values,
                "in_force": in_force,
                "last": format_time(last) if last else None,
            }
        title = value.title.model_dump() if value.title else None
        attributes.append({"name": name, "title": title, "cells": cells})
    return {
        "systems": [
            {
                "name": name,
                "title": entry.value.title.model_dump() if entry.value.title else None,
            }
            for name, entry in systems.items()
        ],
        "attributes": attributes,
    }
