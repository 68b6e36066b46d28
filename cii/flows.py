"""Flows: rows of files become messages for the log, and such messages become facts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from cid.feel import FeelError
from cid.kit.definitions import Entry
from cid.kit.errors import suggestion
from cid.model.fact import Fact
from cii.collected import TYPES, ids_of
from cii.identifiers import Identifiers
from cii.model import Flow
from cii.ports import CONNECTORS, LogRecord, Message
from cii.reasons import Reason, quarantined, rejected
from cii.rows import Layouts, Row
from cii.times import moment_reader

FAULT = "_fault"
"""Key under which a connector says why a line could not be read; ``_line``, ``_raw`` say which."""

PROGRESS_EVERY = 1_000


class FlowPlan:
    """One flow, ready to read rows."""

    def __init__(
        self, name: str, entry: Entry[Flow], identifiers: Identifiers, time_zone: str = "UTC"
    ) -> None:
        self.name = name
        self.flow = entry.value
        self._identifiers = identifiers
        self._layouts = Layouts(entry.value)
        if entry.value.format not in CONNECTORS.names():
            raise entry.error(
                f"no connector reads the format {entry.value.format!r}.",
                hint=suggestion(entry.value.format, CONNECTORS.names()),
            )
        try:
            self._moment = moment_reader(
                entry.value.time_zone or time_zone, entry.value.time_format
            )
        except ValueError as error:
            raise entry.error(f"{error}.") from None

    def fact(self, record: LogRecord, row: dict[str, Any]) -> Fact:
        """Return the fact that a row of the log tells.

        Raises:
            RecordFault: it has no valid type, event or time, or does not fit the expressions.
        """
        try:
            layout = self._layouts.of(row)
        except FeelError as error:
            raise quarantined(Reason.MAPPING, f"flow {self.name!r}: {error}") from None
        type_ = layout.type(row)
        if type_ not in TYPES:
            raise rejected(Reason.UNKNOWN_TYPE, f"type {type_!r}")
        event = layout.event(row) or TYPES[type_]
        if type(event) is not str or not event:
            raise rejected(Reason.NO_EVENT, "the row does not say what happened")
        time = record.timestamp
        if layout.time is not None:
            said = layout.time(row)
            moment = self._moment(said)
            if moment is None:
                shown = "missing" if said is None else f"not a moment: {said!r:.60}"
                raise rejected(Reason.INVALID_TIME, f"the time is {shown}")
            time = moment
        attributes = layout.attributes.of(row)
        return Fact(
            0,
            record.headers.get("id") or f"{record.topic}/{record.partition}/{record.offset}",
            record.headers.get("source") or self.flow.source,
            type_,
            event,
            time,
            record.timestamp,
            self._identifiers.identifiers_of(layout.identifiers.of(row).items(), attributes),
            layout.properties.of(row),
            attributes,
        )

    def messages(self, rows: Iterable[Row], digest: str, received: int) -> Iterator[Message]:
        """Turn rows into messages for the log, leaving out those that the flow does not want.

        A row without an id of its own is named after the file's content and its place in it: the
        same file loaded twice gives duplicates, and equal rows of one file stay apart.
        """
        previous: Row | None = None
        for number, row in enumerate(rows, 1):
            message_id = f"{digest}:{number}"
            if FAULT in row:
                detail = f"line {row.get('_line', number)}: {row[FAULT]}"
                headers = self._headers(message_id) | {
                    "fault": str(Reason.UNREADABLE_ROW),
                    "detail": detail,
                }
                yield Message(message_id.encode(), _json(row), received, headers)
                continue
            message = self._message(row, previous, message_id, received)
            previous = row
            if message is not None:
                yield message

    def _message(
        self, row: Row, previous: Row | None, message_id: str, received: int
    ) -> Message | None:
        ids: list[tuple[str, Any]] = []
        try:
            layout = self._layouts.of(row)
        except FeelError:
            # It waits in quarantine, where the mapping says why, until the flow is mended.
            pass
        else:
            if layout.when is not None and not layout.when(row, previous):
                return None
            if layout.received is not None:
                received = self._moment(layout.received(row)) or received
            if layout.id is not None:
                own = layout.id(row)
                message_id = str(own) if own is not None else message_id
            ids = [*layout.identifiers.of(row).items()]
        headers = self._headers(message_id)
        if self.flow.protocol == "segment":
            headers["protocol"] = "segment"
            ids = ids_of(dict(row))
        found = self._identifiers.identifiers_of(ids)
        key = found[0] if found else message_id
        return Message(key.encode("utf-8", "replace"), _json(row), received, headers)

    def _headers(self, message_id: str) -> dict[str, str]:
        return {
            "source": self.flow.source,
            "protocol": "flow",
            "flow": self.name,
            "id": message_id,
        }

    def prepare(
        self, path: Path, received: int, on_progress: Callable[[int], None] | None = None
    ) -> Iterator[Message]:
        """Read a file into messages for the log, telling from time to time how many rows were read.

        Raises:
            InvalidInput: the file cannot be read in the flow's format; says where.
        """
        connector = CONNECTORS.load(self.flow.format)()
        options = {"delimiter": self.flow.delimiter, "encoding": self.flow.encoding}
        rows: Iterable[Row] = connector.rows(path, options)
        if on_progress is not None:
            rows = _counted(rows, on_progress)
        return self.messages(rows, file_digest(path), received)


def file_digest(path: Path) -> str:
    """Return 16 hex digits that stand for a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _counted(rows: Iterable[Row], tell: Callable[[int], None]) -> Iterator[Row]:
    number = 0
    for number, row in enumerate(rows, 1):
        yield row
        if number % PROGRESS_EVERY == 0:
            tell(number)
    tell(number)


def _json(row: Row) -> bytes:
    return orjson.dumps(
        row, default=_readable, option=orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS
    )


def _readable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.hex() if isinstance(value, bytes) else str(value)
