"""What reaches the sample company, as messages for the log; made ahead on another core.

The generator and the coding of its records take about as long as a third of their application. A second
process does that work while the first one applies what is there already; the order stays the generator's.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
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

CHUNK = 2_000


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

    def __iter__(self) -> Iterator[tuple[Message, Prepared | None]]:
        """Yield the messages in their order, mapped already where that can be.

        Raises:
            Unavailable: the other process ended before it had finished.
        """
        while True:
            try:
                some = self._here.recv()
            except EOFError:
                raise Unavailable(
                    "The sample company's records could not be made.", hint="Try again."
                ) from None
            if not some:
                return
            for message, packed in some:
                yield Message(*message), None if packed is None else unpack(packed)

    def close(self) -> None:
        """End the other process."""
        self._here.close()
        self._maker.join(timeout=1)
        if self._maker.is_alive():
            self._maker.terminate()


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
