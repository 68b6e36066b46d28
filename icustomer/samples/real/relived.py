"""Real data sets as they once happened: all rows of all files in the order of their own time.

Sets lie in files one after the other, and some files are sorted by case or by customer. Loaded like
that, a timer would ring before the answer it waits for is known. So everything is brought into the
order in which it happened, in sorted runs on disk, because the sets need not fit into memory.
"""

from __future__ import annotations

import heapq
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from cii.mapping import Mapper
from cii.ports import Message
from icustomer.samples.real.sets import find

RUN = 50_000
"""How many messages are sorted at a time."""

_received = attrgetter("timestamp")


def relive(
    mapper: Mapper,
    data: Path,
    received: int,
    on_rows: Callable[[str, int], None] = lambda file, rows: None,
) -> Iterator[Message]:
    """Yield the messages of all sets in a directory, in the order in which they were received.

    Args:
        mapper: has the flows of the real company.
        data: where the files are; sets that are not there are left out.
        received: when rows count as received whose flow does not say it.
        on_rows: told from time to time how many rows of which file were read.

    Raises:
        InvalidInput: a file is damaged; nothing was yielded yet.
    """

    def rows() -> Iterator[Message]:
        for flow, paths in find(data):
            for path in paths:
                yield from mapper.prepare(flow, path, received, partial(on_rows, path.name))

    yield from in_order(rows())


def in_order(messages: Iterable[Message], run: int = RUN) -> Iterator[Message]:
    """Sort any number of messages by when they were received; equal moments keep their order.

    >>> messages = [Message(b"b", b"", 2), Message(b"a", b"", 1)]
    >>> [each.key for each in in_order(messages, run=1)]
    [b'a', b'b']
    """
    source = iter(messages)
    with ExitStack() as stack:
        files: list[IO[bytes]] = []
        while part := sorted(islice(source, run), key=_received):
            file = stack.enter_context(TemporaryFile())
            for message in part:
                pickle.dump(tuple(message), file, pickle.HIGHEST_PROTOCOL)
            file.seek(0)
            files.append(file)
        yield from heapq.merge(*map(_messages, files), key=_received)


def _messages(file: IO[bytes]) -> Iterator[Message]:
    while True:
        try:
            # Our own file, written a moment ago and open since.
            yield Message(*pickle.load(file))
        except EOFError:
            return
