"""Readers of CSV, JSON Lines, JSON and Parquet files, each also where it was packed with gzip.

A line that cannot be read does not lose the others: it is given on as a row that says why
(``_fault``, ``_line``, ``_raw``) and ends as a rejected record in the ledger.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import duckdb
import orjson

from cid.kit.errors import InvalidInput
from cii.adapters.opening import fault, legible, opened, text, unpacked

MAX_LINE = 16 << 20
"""Longest line that is read, in characters."""
MAX_DOCUMENT = 512 << 20
"""Largest JSON document that is read as a whole, in characters."""
BATCH = 2_000

_SPACE = re.compile(r"\s*")


class Csv:
    """Reads comma-separated values: the first line names the columns, empty fields are null."""

    def rows(self, path: Path, options: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the rows of a file, in order.

        Raises:
            InvalidInput: the file cannot be read, or its first line names no columns.
        """
        delimiter = {"tab": "\t", "\\t": "\t", "": ","}.get(
            options.get("delimiter", ","), options.get("delimiter", ",")
        )
        if len(delimiter) != 1:
            raise InvalidInput(
                f"{delimiter!r} is no delimiter.", hint="It is one character, e.g. `;` or `tab`."
            )
        with opened(path) as file, text(file, path, options) as content:
            lines = _Lines(_limited(content))
            # Strict: what is quoted wrongly is said, not guessed.
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            columns = _columns(path, reader, lines, delimiter)
            yield from _records(reader, lines, columns)


def _columns(path: Path, reader: Iterator[list[str]], lines: _Lines, used: str) -> list[str]:
    try:
        header = next(reader, None)
    except csv.Error as error:
        raise InvalidInput(f"{path.name}:1: the names of the columns: {error}.") from error
    if header is None or not any(header):
        raise InvalidInput(f"{path.name}:1: the first line has to name the columns.")
    if lines.illegible:
        raise InvalidInput(
            f"{path.name}:1: not text in the flow's encoding.",
            hint="Say which one it is in the flow, e.g. `encoding: gb18030`.",
        )
    other = next((each for each in ";\t|," if each != used and each in header[0]), None)
    if len(header) == 1 and other is not None:
        raise InvalidInput(
            f"{path.name}:1: only one column, {header[0]!r}.",
            hint=f"Say in the flow how columns are divided: `delimiter: {other!r}`.",
        )
    columns: list[str] = []
    for number, name in enumerate(header, 1):
        name = name.strip() or f"column {number}"
        columns.append(name if name not in columns else f"{name} {number}")
    lines.taken.clear()
    return columns


def _records(
    reader: Iterator[list[str]], lines: _Lines, columns: list[str]
) -> Iterator[dict[str, Any]]:
    width = len(columns)
    while True:
        number = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield fault(str(error), number, lines.taken[0] if lines.taken else "")
            # A quote that is never closed swallows what follows; only its own line is lost.
            lines.give_back()
            continue
        if lines.illegible:
            yield fault("not text in the flow's encoding", number, "".join(lines.taken))
        elif any(len(line) == MAX_LINE for line in lines.taken):
            yield fault(f"longer than {MAX_LINE} characters", number, lines.taken[0])
        elif len(fields) == width:
            yield {name: value or None for name, value in zip(columns, fields, strict=True)}
        elif fields:
            said = f"{len(fields)} fields where the first line names {width} columns"
            yield fault(said, number, "".join(lines.taken))
        lines.taken.clear()
        lines.illegible = False


def _limited(content: IO[str]) -> Iterator[str]:
    """Give out lines; of one without an end only the first characters, so that memory has one."""
    while line := content.readline(MAX_LINE):
        yield line
        while len(line) == MAX_LINE and not line.endswith("\n"):
            line = content.readline(MAX_LINE)


class _Lines:
    """Gives out lines, remembers those of the present record, and takes them back."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._returned: list[str] = []
        self.taken: list[str] = []
        self.number = 0
        """Number of the line given out last."""
        self.illegible = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._returned.pop() if self._returned else next(self._source)
        self.number += 1
        self.taken.append(line)
        if not line.isascii() and not legible(line):
            self.illegible = True
        return line

    def give_back(self) -> None:
        """Take back all lines of the present record but its first."""
        self.number -= len(self.taken) - 1
        self._returned.extend(reversed(self.taken[1:]))
        self.taken.clear()
        self.illegible = False


class JsonLines:
    """Reads one JSON object per line."""

    def rows(self, path: Path, options: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the rows of a file, in order.

        Raises:
            InvalidInput: the file cannot be read.
        """
        with opened(path) as file, text(file, path, options) as content:
            yield from _objects(content)


def _objects(content: IO[str]) -> Iterator[dict[str, Any]]:
    number = 0
    while line := content.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith("\n"):
            yield fault(f"longer than {MAX_LINE} characters", number, line)
            while line and not line.endswith("\n"):
                line = content.readline(MAX_LINE)
            continue
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield fault(f"not JSON: {error}", number, line)
            continue
        yield row if isinstance(row, dict) else fault("not a JSON object", number, line)


class Json:
    """Reads a JSON array of objects, or objects one after the other."""

    def rows(self, path: Path, options: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the rows of a file, in order.

        Raises:
            InvalidInput: the file cannot be read or is not JSON.
        """
        with opened(path) as file, text(file, path, options) as content:
            first = content.readline(MAX_LINE)
            while first and not first.strip():
                first = content.readline(MAX_LINE)
            if not first.lstrip().startswith("[") and _is_object(first):
                with opened(path) as again, text(again, path, options) as lines:
                    yield from _objects(lines)
                return
            document = first + content.read(MAX_DOCUMENT)
            if content.read(1):
                raise InvalidInput(
                    f"{path.name}: too large to be read as one document.",
                    hint="Write one object per line and give the flow `format: jsonl`.",
                )
        for number, row in enumerate(_elements(document, path), 1):
            if isinstance(row, dict):
                yield row
            else:
                yield fault(f"element {number} is not an object", number, json.dumps(row))


def _is_object(line: str) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _elements(document: str, path: Path) -> Iterator[Any]:
    """Yield the elements of an array, or values that stand one after the other."""
    decoder = json.JSONDecoder()
    position = _SPACE.match(document).end()  # type: ignore[union-attr]
    try:
        if document[position : position + 1] == "[":
            yield from orjson.loads(document)
            return
        while position < len(document):
            value, position = decoder.raw_decode(document, position)
            yield value
            position = _SPACE.match(document, position).end()  # type: ignore[union-attr]
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        said = getattr(error, "msg", error)
        raise InvalidInput(f"{path.name}:{line}: not JSON: {said}.") from error


class Parquet:
    """Reads Parquet files through DuckDB, a batch at a time."""

    def rows(self, path: Path, options: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the rows of a file, in order.

        Raises:
            InvalidInput: the file is not a readable Parquet file.
        """
        with opened(path), unpacked(path) as plain, duckdb.connect(":memory:") as connection:
            try:
                # Moments with a zone become text in UTC: nothing else needs to know of zones then.
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute("SET preserve_insertion_order = true")
                connection.execute("SELECT * FROM read_parquet(?) LIMIT 0", [str(plain)])
                columns = [(str(each[0]), str(each[1])) for each in connection.description or ()]
                chosen = ", ".join(_selected(name, type_) for name, type_ in columns)
                connection.execute(f"SELECT {chosen} FROM read_parquet(?)", [str(plain)])
                names = [name for name, _ in columns]
                while batch := connection.fetchmany(BATCH):
                    for values in batch:
                        yield dict(zip(names, values, strict=True))
            except duckdb.Error as error:
                said = str(error).splitlines()[0]
                raise InvalidInput(f"{path.name}: not a readable Parquet file: {said}") from error


def _selected(name: str, type_: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if "TIME ZONE" in type_.upper():
        return f"CAST({quoted} AS VARCHAR) AS {quoted}"
    return quoted
