"""Customer information integration: how records come in, in step, and to whom they belong.

Everything that reaches the company goes into the log once, in order, before it is answered; every
record ends in exactly one state, and the evidence of who is who is kept so that it can be undone.
"""

from cii.model import (
    CONTRACTS,
    FLOWS,
    IDENTIFIERS,
    Contract,
    Flow,
    IdentifierKind,
    RecordFault,
    State,
)
from cii.ports import (
    CONNECTORS,
    STORES,
    TRANSPORTS,
    Connector,
    LogRecord,
    Message,
    Place,
    Stage,
    Store,
    Transport,
)

__all__ = [
    "CONNECTORS",
    "CONTRACTS",
    "FLOWS",
    "IDENTIFIERS",
    "STORES",
    "TRANSPORTS",
    "Connector",
    "Contract",
    "Flow",
    "IdentifierKind",
    "LogRecord",
    "Message",
    "Place",
    "RecordFault",
    "Stage",
    "State",
    "Store",
    "Transport",
]
