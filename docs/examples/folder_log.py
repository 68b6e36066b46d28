"""A transport: a folder with one file for each partition, each record a line of JSON.

It keeps what a log has to keep and nothing more; one process at a time may write into the folder.
"""

import json
import os
import threading
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, BinaryIO

from cid.kit.errors import Conflict, NotFound, Unavailable
from cid.kit.ids import murmur2, new_id
from cii.ports import Lease, LogRecord, Message, Place


class FolderLog:
    """Durable when `append` returns: each partition is flushed to the disk before."""

    def __init__(self, folder: Path, partitions: int = 4) -> None:
        self._folder = folder
        self._usual = partitions
        self._topics: dict[str, list[list[LogRecord]]] = {}
        self._files: dict[tuple[str, int], BinaryIO] = {}
        self._members: dict[tuple[str, str], dict[str, int]] = {}
        self._shares: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self._grown = threading.Condition()
        self._closed = False
        folder.mkdir(parents=True, exist_ok=True)
        for place in sorted(folder.iterdir()):
            self._topics[place.name] = [
                _read(place.name, number, place / f"{number}.jsonl")
                for number in range(len(list(place.glob("*.jsonl"))))
            ]

    def create(self, topic: str, partitions: int) -> int:
        """Make a topic if it does not exist; return how many partitions it has."""
        if topic not in self._topics:
            (self._folder / topic).mkdir()
            for number in range(partitions):
                (self._folder / topic / f"{number}.jsonl").touch()
            (self._folder / topic / "id").write_text(new_id())
            self._topics[topic] = [[] for _ in range(partitions)]
        return len(self._topics[topic])

    def identity(self, topic: str) -> str:
        """Say which log this is: a folder made anew is another one."""
        partitions = len(self._parts(topic))
        return f"folder:{(self._folder / topic / 'id').read_text()}/{partitions}"

    def append(self, topic: str, messages: Sequence[Message]) -> list[Place]:
        """Append messages: durable, in order per key and without gaps when this returns."""
        with self._grown:
            if self._closed:
                raise Unavailable("The log is closed.")
            self.create(topic, self._usual)
            parts = self._topics[topic]
            places, files = [], set()
            for key, value, timestamp, headers in messages:
                number = murmur2(key) % len(parts)
                record = LogRecord(
                    topic, number, len(parts[number]), timestamp, key, value, dict(headers)
                )
                file = self._file(topic, number)
                file.write(_line(record))
                files.add(file)
                parts[number].append(record)
                places.append(Place(number, record.offset))
            for file in files:
                file.flush()
                os.fsync(file.fileno())
            self._grown.notify_all()
            return places

    def append_soon(self, topic: str, messages: Sequence[Message]) -> Future[list[Place]]:
        """Append; this log has no group commit, so the future is done at once."""
        future: Future[list[Place]] = Future()
        future.set_result(self.append(topic, messages))
        return future

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[LogRecord]:
        """Read up to ``limit`` records of one partition from an offset on."""
        records = self._parts(topic)[partition]
        if offset > len(records):
            raise Conflict(f"{topic!r} ends at {len(records)}, but {offset} is to be read next.")
        return records[offset : offset + limit]

    def begins(self, topic: str) -> dict[int, int]:
        """Return the first offset still kept, by partition."""
        return dict.fromkeys(range(len(self._parts(topic))), 0)

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        return {number: len(part) for number, part in enumerate(self._parts(topic))}

    def wait(self, topic: str, known: Mapping[int, int], timeout: float) -> bool:
        """Wait until some partition has grown past the known ends."""

        def grown() -> bool:
            return any(end > known.get(number, 0) for number, end in self.ends(topic).items())

        with self._grown:
            return self._grown.wait_for(grown, timeout)

    def join(self, topic: str, group: str, member: str, now: int, ttl: int) -> Lease:
        """Take or renew a share of the partitions for a member of a group."""
        members = self._members.setdefault((topic, group), {})
        members[member] = now + ttl
        for other in [name for name, until in members.items() if until <= now]:
            del members[other]
        return self._lease(topic, group, member)

    def leave(self, topic: str, group: str, member: str) -> None:
        """Give the member's share back."""
        self._members.get((topic, group), {}).pop(member, None)
        self._lease(topic, group, member)

    def trouble(self) -> str:
        """Say why nothing can be appended now; empty when all is well."""
        return "the log is closed" if self._closed else ""

    def close(self) -> None:
        """Let go of all files."""
        with self._grown:
            self._closed = True
            for file in self._files.values():
                file.close()

    def _lease(self, topic: str, group: str, member: str) -> Lease:
        members = self._members.get((topic, group), {})
        names = sorted(members)
        epoch, before = self._shares.get((topic, group), (0, []))
        if names != before:
            epoch += 1
            self._shares[topic, group] = epoch, names
        every = range(len(self._parts(topic)))
        mine = [n for n in every if names and names[n % len(names)] == member]
        return Lease(tuple(mine), epoch, members.get(member, 0))

    def _parts(self, topic: str) -> list[list[LogRecord]]:
        if topic not in self._topics:
            raise NotFound("topic", topic, self._topics)
        return self._topics[topic]

    def _file(self, topic: str, number: int) -> BinaryIO:
        if (topic, number) not in self._files:
            path = self._folder / topic / f"{number}.jsonl"
            self._files[topic, number] = path.open("ab")
        return self._files[topic, number]


def _line(record: LogRecord) -> bytes:
    said = [
        record.timestamp,
        b64encode(record.key).decode(),
        b64encode(record.value).decode(),
        dict(record.headers),
    ]
    return json.dumps(said).encode() + b"\n"


def _read(topic: str, number: int, path: Path) -> list[LogRecord]:
    """Read a partition; half a line at its end was never acknowledged and is cut off."""
    content = path.read_bytes()
    whole = content.rpartition(b"\n")[0] + b"\n" if b"\n" in content else b""
    if whole != content:
        with path.open("r+b") as file:
            file.truncate(len(whole))
    records = []
    for offset, line in enumerate(whole.splitlines()):
        timestamp, key, value, headers = _fields(line)
        records.append(LogRecord(topic, number, offset, timestamp, key, value, headers))
    return records


def _fields(line: bytes) -> tuple[int, bytes, bytes, dict[str, str]]:
    said: list[Any] = json.loads(line)
    return said[0], b64decode(said[1]), b64decode(said[2]), said[3]
