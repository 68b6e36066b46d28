"""Polling: which records of the log come next, in which order, and those at given places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cii.ports import LogRecord, Transport

NEAR = 50
"""Offsets apart that are still read together."""


def poll(
    transport: Transport, topic: str, offsets: Mapping[int, int], limit: int
) -> tuple[list[LogRecord], dict[int, int]]:
    """Read the next records of all partitions, in order of receipt as far as that is known.

    Returns:
        the records, at most ``limit``, and the offsets to go on from, by partition.
    """
    if not limit:
        return [], dict(offsets)
    read: dict[int, list[LogRecord]] = {}
    empty: dict[int, int] = {}
    horizon: int | None = None
    for partition, end in transport.ends(topic).items():
        offset = offsets.get(partition, 0)
        if offset == end:
            continue
        some = transport.read(topic, partition, offset, limit)
        if not some:
            # The log uses these offsets for itself: no record is there up to its end.
            empty[partition] = end
        read[partition] = some
        if some and some[-1].offset + 1 < end:
            last = some[-1].timestamp
            horizon = last if horizon is None or last < horizon else horizon
    records = [record for some in read.values() for record in some]
    records.sort(key=lambda record: record.timestamp)
    if horizon is not None:
        within = [record for record in records if record.timestamp <= horizon]
        records = within or records
    # Order within a partition holds even where a clock went back.
    records = _in_partition_order(records[:limit], read)
    reached = {**offsets, **empty}
    for record in records:
        reached[record.partition] = record.offset + 1
    return records, reached


def fetch(
    transport: Transport, topic: str, places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], LogRecord]:
    """Read records by (partition, offset), neighbours together; what is gone is left out."""
    found: dict[tuple[int, int], LogRecord] = {}
    by_partition: dict[int, list[int]] = {}
    for partition, offset in places:
        by_partition.setdefault(partition, []).append(offset)
    for partition, offsets in by_partition.items():
        offsets.sort()
        start = 0
        while start < len(offsets):
            stop = start
            while stop + 1 < len(offsets) and offsets[stop + 1] - offsets[stop] < NEAR:
                stop += 1
            place, last = offsets[start], offsets[stop]
            # A log may give fewer than were asked for; only where it gives none there are none.
            while place <= last and (
                some := transport.read(topic, partition, place, last - place + 1)
            ):
                for record in some:
                    found[partition, record.offset] = record
                place = some[-1].offset + 1
            start = stop + 1
    return found


def _in_partition_order(
    chosen: list[LogRecord], read: Mapping[int, list[LogRecord]]
) -> list[LogRecord]:
    """Replace the chosen records of each partition by as many of its first ones, in offset order."""
    queues = {partition: iter(some) for partition, some in read.items()}
    return [next(queues[record.partition]) for record in chosen]
