"""Exports: any answer as a file, and the note of who took it and what for."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Literal

from cic.exploration import Exploration
from cic.exploration.answers import told_apart
from cic.ports import Store, plain
from cic.running import Queries, current
from cid.kit.clock import format_time
from cid.kit.errors import InvalidInput
from cid.kit.ids import new_id

Format = Literal["csv", "parquet"]
Rows = Sequence[tuple[Any, ...]]
MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
SECONDS = 300.0
"""Longest time that an export may take."""
LARGEST = 2 << 30
"""Most bytes of one export."""
IN_MEMORY = 4 << 20
PART = 1 << 18


@dataclass(frozen=True)
class Export:
    """An answer as a file, ready to be handed over."""

    id: str
    format: str
    file: IO[bytes]
    rows: int
    size: int
    sha256: str

    def parts(self) -> Iterator[bytes]:
        """Yield the file in parts, and let go of it."""
        with self.file:
            while part := self.file.read(PART):
                yield part


class Exports:
    """Makes files of answers."""

    def __init__(
        self,
        queries: Queries,
        exploration: Exploration,
        store: Store,
        parquet: Callable[[Sequence[tuple[str, str]], Iterable[Rows], Path], None],
        now: Callable[[], int],
    ) -> None:
        self._queries = queries
        self._exploration = exploration
        self._store = store
        self._parquet = parquet
        self._now = now

    def make(
        self,
        format: str,
        question: Mapping[str, Any] | None = None,
        sql: str = "",
        row: Mapping[str, Any] | None = None,
    ) -> Export:
        """Make a file of an answer as far as its reader may see it, and note who took it.

        Args:
            format: ``csv`` or ``parquet``.
            question: a question as JSON …
            sql: … or one SELECT over history.
            row: with a question: the customers behind this row of its answer.

        Raises:
            InvalidInput: there is no question, or it is wrong, or the file gets too large.
            Refused: it may not be asked.
        """
        if format not in MEDIA:
            raise InvalidInput(f"{format!r} is no format.", hint="Ask for csv or parquet.")
        if (question is None) == (not sql):
            raise InvalidInput("Give either a question or SQL.")
        reader = current()
        sight = self._queries.policies.sight(reader)
        columns, parts = self._asked(question, sql, row)
        file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - handed over
        try:
            written = _Counted(file)
            rows = self._write(format, columns, parts, written)
            export = Export(new_id(), format, file, rows, written.size, written.hash.hexdigest())
            self._store.note_export(
                {
                    "id": export.id,
                    "at": self._now(),
                    "person": reader.person,
                    "role": reader.role,
                    "purpose": sight.purpose,
                    "policy": sight.policy,
                    "format": format,
                    "question": sql or json.dumps([question, row] if row else question),
                    "position": self._queries.position(),
                    "rows": rows,
                    "bytes": export.size,
                    "sha256": export.sha256,
                }
            )
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return export

    def to_file(self, path: str, **asked: Any) -> dict[str, Any]:
        """Make a file of an answer under a name; the name's ending says the format.

        Raises:
            InvalidInput: the file is there already or cannot be written.
        """
        target = Path(path)
        try:
            file = target.open("xb")
        except OSError as error:
            raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
        try:
            with file:
                export = self.make(target.suffix.removeprefix(".").lower(), **asked)
                for part in export.parts():
                    file.write(part)
        except BaseException:
            target.unlink()
            raise
        said = {"id": export.id, "rows": export.rows, "bytes": export.size}
        return {"file": path, **said, "sha256": export.sha256}

    def noted(self, limit: int = 100) -> list[dict[str, Any]]:
        """List what was taken out, newest first; who is no architect sees her own."""
        reader = current()
        return [
            {**row, "at": format_time(row["at"])}
            for row in self._store.exports(limit)
            if reader.role in ("", "architect")
            or (row["role"], row["person"]) == (reader.role, reader.person)
        ]

    def _asked(
        self,
        question: Mapping[str, Any] | None,
        sql: str,
        row: Mapping[str, Any] | None,
    ) -> tuple[list[tuple[str, str]], Iterator[Rows]]:
        if question is not None and row is not None:
            # Whoever is behind a row may be many: they come part by part.
            sql = self._exploration.open(question, row, 1)["sql"]
        elif question is not None and question.get("kind") == "sql":
            sql = str(question.get("sql", ""))
        elif question is not None:
            answer = self._exploration.query(question)
            columns = [
                (str(one["name"]), _TYPES.get(one["type"], "VARCHAR")) for one in answer["columns"]
            ]
            return _distinct(columns), iter([[tuple(each) for each in answer["rows"]]])
        parts = self._queries.parts(sql, seconds=SECONDS)
        return _distinct(next(parts)), parts

    def _write(
        self,
        format: str,
        columns: list[tuple[str, str]],
        parts: Iterator[Rows],
        file: _Counted,
    ) -> int:
        counted = _Rows(parts)
        if format == "csv":
            _csv([name for name, _ in columns], counted, file)
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "answer.parquet"
                self._parquet(columns, counted, path)
                with path.open("rb") as written:
                    while part := written.read(PART):
                        file.write(part)
        return counted.count


_TYPES = {
    **dict.fromkeys(("number", "money", "share", "duration"), "DOUBLE"),
    "date": "DATE",
    "moment": "TIMESTAMP",
    "boolean": "BOOLEAN",
}
"""Types of an answer's columns as a file has them."""


class _Rows:
    """Counts the rows that pass."""

    def __init__(self, parts: Iterator[Rows]) -> None:
        self._parts = parts
        self.count = 0

    def __iter__(self) -> Iterator[Rows]:
        for part in self._parts:
            self.count += len(part)
            yield part


class _Counted:
    """Counts and hashes the bytes that pass."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.hash = hashlib.sha256()

    def write(self, part: bytes) -> None:
        self.size += len(part)
        if self.size > LARGEST:
            raise InvalidInput(
                f"The export is larger than {LARGEST >> 30} GB.", hint="Ask for a shorter period."
            )
        self.hash.update(part)
        self._file.write(part)


_RUN = ("=", "+", "-", "@", "\t", "\r")


def _csv(names: list[str], parts: Iterable[Rows], file: _Counted) -> None:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow([_cell(name) for name in names])
    for part in parts:
        rows.writerows([_cell(value) for value in row] for row in part)
        file.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()
    file.write(text.getvalue().encode())


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple | dict):
        return json.dumps(plain(value), ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        # Every digit: a file is for others who count on.
        return format(value.normalize(), "f")
    if isinstance(value, str) and value[:1] in _RUN:
        # A spreadsheet would run it.
        return "'" + value
    return plain(value)


def _distinct(columns: Sequence[tuple[Any, ...]]) -> list[tuple[str, str]]:
    """Tell columns apart that bear the same name."""
    # Engines that read such files do not mind capitals.
    names = told_apart([str(column[0]) for column in columns], str.lower)
    return [(name, str(column[1])) for name, column in zip(names, columns, strict=True)]
