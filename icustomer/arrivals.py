"""What reaches the sample company, as messages for the log; made ahead on another core.

The generator and the coding of its records take about as long as a third of their application. A second
process does that work while the first one applies what is there already; the order stays the generator's.
"""

from __future__ import annotations

import gc
import multiprocessing
import pickle
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from cid.kit.errors import Unavailable
from cid.kit.ids import stable_id
from cii.collection import collect
from cii.mapping import Mapper
from cii.ports import CollectLimits, Message
from cii.preparation import Prepared, pack, unpack
from cii.reception import Batch
from icustomer.samples import northlake
from icustomer.samples.northlake.tape import Delivery

CHUNK = 1_000
AHEAD = 20
"""How many chunks wait at most; a pipe alone holds less than one, and its maker would wait in turn."""


def arriving(
    mapper: Mapper, limits: CollectLimits, deliveries: Iterable[Delivery]
) -> Iterator[Message]:
    """Turn deliveries into messages, just as the endpoints and flows would."""
    for number, delivery in enumerate(deliveries):
        if delivery.flow:
            plan = mapper.flow(delivery.flow)
            yield from plan.messages([delivery.body], "sample", delivery.received)
        elif delivery.raw is not None:
            headers = {"source": delivery.source, "protocol": "segment"}
            yield Message(b"", delivery.raw, delivery.received, headers)
        else:
            nameless = stable_id("m", delivery.received, number)
            found = collect(
                Batch([delivery.body]),
                "",
                delivery.source,
                delivery.received,
                limits,
                about_things=mapper.about_things,
                new_id=lambda nameless=nameless: nameless,  # type: ignore[misc]
            )
            yield from found.messages


class Ahead:
    """The sample company's messages, made by another process from the moment this is made."""

    def __init__(self, directory: Path, now: int, seed: int, scale: float) -> None:
        starting: Any = multiprocessing.get_context(_way())
        self._here, there = starting.Pipe(duplex=False)
        # A fork has our end of the pipe, too, and would not notice that we are gone.
        ours = self._here if starting.get_start_method() == "fork" else None
        arguments = (ours, there, str(directory), now, seed, scale)
        self._maker = starting.Process(target=_make, args=arguments, daemon=True)
        self._maker.start()
        there.close()
        self._waiting: Queue[bytes] = Queue(AHEAD)
        self._fetching = threading.Thread(target=self._fetch, name="arrivals", daemon=True)
        self._fetching.start()

    def __iter__(self) -> Iterator[tuple[Message, Prepared | None]]:
        """Yield the messages in their order, mapped already where that can be.

        Raises:
            Unavailable: the other process ended before it had finished.
        """
        while True:
            coded = self._waiting.get()
            if not coded:
                raise Unavailable(
                    "The sample company's records could not be made.", hint="Try again."
                )
            # Our own process made it.
            some = pickle.loads(coded)
            if not some:
                return
            for message, packed in some:
                yield Message(*message), None if packed is None else unpack(packed)

    def close(self) -> None:
        """End the other process."""
        self._maker.terminate()
        self._maker.join()
        while self._fetching.is_alive():
            with suppress(Empty):
                self._waiting.get(timeout=0.1)

    def _fetch(self) -> None:
        """Take what is made out of the pipe; the end, or a failure, is an empty text."""
        try:
            while True:
                self._waiting.put(self._here.recv_bytes())
        except (EOFError, OSError):
            self._waiting.put(b"")
        finally:
            self._here.close()


def _way() -> str:
    """Say how to start another process: by a fork, which has all imports done, where that is safe."""
    alone = Path("/proc/self/task")
    return "fork" if alone.is_dir() and len(list(alone.iterdir())) == 1 else "spawn"


def _make(
    theirs: Connection | None, out: Connection, directory: str, now: int, seed: int, scale: float
) -> None:
    if theirs is not None:
        theirs.close()
    from icustomer.definitions import read

    # This process is short-lived and makes no garbage in circles: looking for it is time lost.
    gc.disable()
    definitions, _ = read(Path(directory))
    mapper = Mapper(definitions)
    stream = arriving(mapper, CollectLimits(), northlake.company(now, seed, scale))
    # Records of one source have the same headers: they are coded once.
    same: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    try:
        while some := [
            (
                (each.key, each.value, each.timestamp, same.setdefault(alike, dict(alike))),
                pack(mapper, each),
            )
            for each in islice(stream, CHUNK)
            for alike in (tuple(each.headers.items()),)
        ]:
            out.send(some)
        out.send([])
    except (BrokenPipeError, KeyboardInterrupt):
        # Whoever wanted the records is gone.
        return
