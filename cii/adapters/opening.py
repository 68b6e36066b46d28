"""How files are opened: packed or not, in their encoding, with errors that name the place."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, cast

from cid.kit.errors import InvalidInput

MAX_RAW = 10_000
"""How much of an unreadable line is kept."""

CHUNK = 1 << 20

_GZIP = b"\x1f\x8b"
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacked on the way if it was packed with gzip.

    A packed file is read once to its end before: rows of a file that ends too early would be named
    after other content than those of the whole file, and count twice when that arrives.

    Raises:
        InvalidInput: the file cannot be opened, or is damaged.
    """
    try:
        file: IO[bytes] = path.open("rb")
    except OSError as error:
        said = error.strerror or str(error)
        raise InvalidInput(f"{path}: {said[:1].lower()}{said[1:]}.") from error
    with file:
        packed = file.read(2) == _GZIP
        file.seek(0)
        if not packed:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as content:
                while content.read(CHUNK):
                    pass
        except _DAMAGED as error:
            raise InvalidInput(
                f"{path.name}: the packed file is damaged or ends too early; none of it was loaded."
            ) from error
        file.seek(0)
        with gzip.GzipFile(fileobj=file) as content:
            yield cast("IO[bytes]", content)


@contextmanager
def text(file: IO[bytes], path: Path, options: Mapping[str, str]) -> Iterator[TextIOWrapper]:
    """Read a file as text in the flow's encoding."""
    encoding = options.get("encoding") or "utf-8"
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        # Bytes that are no text become lone surrogates: one line is lost and not the file.
        content = TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")
    except LookupError as error:
        raise InvalidInput(f"{path.name}: {encoding!r} is not an encoding.") from error
    try:
        yield content
    finally:
        content.detach()


def legible(line: str) -> bool:
    """Say whether a line is text in the flow's encoding."""
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def fault(message: str, line: int, raw: str) -> dict[str, Any]:
    """Make the row that stands for a line which could not be read."""
    shown = raw.rstrip("\r\n")[:MAX_RAW].encode("utf-8", "surrogateescape")
    return {"_fault": message, "_line": line, "_raw": shown.decode("utf-8", "replace")}


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give a file's path, or that of an unpacked copy for readers that jump about in it."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    if not packed:
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".parquet") as target:
        with opened(path) as source:
            shutil.copyfileobj(source, target)
        target.flush()
        yield Path(target.name)
