"""Every socket of the architecture, and what is plugged in."""

from __future__ import annotations

from typing import Any

import cbc.ports
import cfa.ports
import cic.ports
import cid.ports
import cii.ports
from cid.kit.plugins import Port
from context import ports as context_ports

PORTS: tuple[Port[Any], ...] = tuple(
    sorted(
        {
            value.group: value
            for module in (
                cid.ports,
                cii.ports,
                cic.ports,
                cfa.ports,
                context_ports,
                cbc.ports,
            )
            for value in vars(module).values()
            if isinstance(value, Port)
        }.values(),
        key=lambda port: port.group,
    )
)


def installed() -> list[dict[str, Any]]:
    """List every plugin of every socket."""
    return [row for port in PORTS for row in port.describe()]
