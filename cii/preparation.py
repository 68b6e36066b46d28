"""Preparation: what can be done with a record before its turn comes, by anybody, anywhere.

Mapping reads nothing but the record and the definitions. So another process may map records ahead, e.g. the one
that makes or receives them; the pipeline takes its word instead of mapping the same record again.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

from cid.model.fact import Fact
from cii.model import RecordFault
from cii.ports import LogRecord, Message

NOWHERE = "nowhere"


class Maps(Protocol):
    """Turns records into facts."""

    def map(self, record: LogRecord) -> Fact:
        """Return the fact, or raise RecordFault."""


class Prepared(NamedTuple):
    """A record as the pipeline takes it in: its fact with the key that tells duplicates, or its fault."""

    fact: Any
    key: bytes
    fault: RecordFault | None


def prepare(mapper: Maps, record: LogRecord) -> Prepared:
    """Map a record."""
    try:
        fact = mapper.map(record)
    except RecordFault as fault:
        # Its traceback holds the frames that hold it, and with them all of the batch.
        fault.__context__ = None
        return Prepared(None, b"", fault.with_traceback(None))
    # Spares a call, and this is called for every record.
    return tuple.__new__(Prepared, (fact, key_of(fact.source, fact.message_id), None))


def key_of(source: str, message_id: str) -> bytes:
    """Return what tells a record from all others: 16 bytes made of its source and its id there.

    >>> key_of("shop", "m1").hex()
    '525649762de42b4397095c6d90eb5c9c'
    """
    key = _begun(source).copy()
    key.update(message_id.encode("utf-8", "surrogatepass"))
    digest: bytes = key.digest()
    return digest


@lru_cache(maxsize=1_000)
def _begun(source: str) -> Any:
    """Begin the keys of a source: all of them begin alike."""
    return blake2b(f"{source}\x1f".encode("utf-8", "surrogatepass"), digest_size=16)


def pack(mapper: Maps, message: Message) -> tuple[Any, ...] | None:
    """Map a message ahead into plain values that travel between processes.

    None where that cannot be: where it has a fault, or is named after its place in the log.
    """
    record = LogRecord(
        NOWHERE, 0, 0, message.timestamp, message.key, message.value, message.headers
    )
    fact, key, _ = prepare(mapper, record)
    if fact is None or fact.message_id.startswith(NOWHERE):
        return None
    return (
        key,
        fact.message_id,
        fact.source,
        fact.type,
        fact.event,
        fact.time,
        fact.received,
        fact.identifiers,
        fact.properties,
        fact.attributes,
        fact.actor,
        fact.loop,
    )


def unpack(packed: tuple[Any, ...]) -> Prepared:
    """Return what was mapped ahead.

    >>> from cid.model.fact import Fact
    >>> class Maps:
    ...     def map(self, record): return Fact(0, "m1", "shop", "track", "Order", 5, 6, ("card:1",))
    >>> unpack(pack(Maps(), Message(b"k", b"{}", 6))).fact.identifiers
    ('card:1',)
    """
    return Prepared(Fact(0, *packed[1:]), packed[0], None)
