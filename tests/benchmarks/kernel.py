"""How fast live traits take in events, come back after a stop, and how much memory they need.

Run ``python tests/benchmarks/kernel.py [customers [events]]``; each line of output is one JSON object. Every
customer's 21 traits are compared with one DuckDB query over the same events, and what a user might take
instead (DuckDB asked again for changed customers; Bytewax, where it is installed) runs on the same events.

Rates are per second of processor time of one thread, so that what else runs on the machine matters little;
``wall_…`` is by the clock on the wall.

The events: 400 days, 8 kinds of which a tenth are orders, few customers do much and many do little, 5 % arrive
up to 45 days late (or none, where ``late`` is 0). Those that come after the last day, late ones only, are no steady
stream: the kernel gets them, but they are not timed. The traits: how many events of any kind, and how many orders,
their sum, largest and different products, each over 1, 7, 30 and 365 days; and the last channel.
"""

import gc
import json
import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np

from cic.adapters.numba_kernel import NumbaKernel
from cic.kernel import Kernel, plan
from cic.model import Trait
from cic.snapshot import read, written
from cic.testing import entries
from cid.kit.clock import DAY
from cid.model.fact import Fact
from icustomer.snapshots import SnapshotFile

SEED = 5
KINDS = tuple(f"E{n}" for n in range(8))
ORDER = KINDS[0]
CHANNELS = [f"channel {n}" for n in range(8)]
DAYS = 400
WINDOWS = (1, 7, 30, 365)
LATE = 0.05
TRAITS = entries(
    **{f"events_{n}d": Trait(of=KINDS, count=True, window=f"{n} d") for n in WINDOWS},
    **{f"orders_{n}d": Trait(of=(ORDER,), count=True, window=f"{n} d") for n in WINDOWS},
    **{f"spend_{n}d": Trait(of=(ORDER,), sum="total", window=f"{n} d") for n in WINDOWS},
    **{f"largest_{n}d": Trait(of=(ORDER,), max="total", window=f"{n} d") for n in WINDOWS},
    **{f"products_{n}d": Trait(of=(ORDER,), distinct="sku", window=f"{n} d") for n in WINDOWS},
    last_channel=Trait(of=KINDS, last="channel"),
)
PLANS = plan(TRAITS)


class Events:
    """Events in columns, in order of arrival."""

    def __init__(self, customers: int, count: int, share: float = LATE) -> None:
        self.share = share
        chance = np.random.default_rng(SEED)
        time_ = np.sort(chance.integers(0, DAYS * DAY, count))
        late = chance.random(count) < share
        arrival = time_ + late * chance.integers(0, 45 * DAY, count)
        order = np.argsort(arrival, kind="stable")
        self.count, self.customers = count, customers
        self.arrival, self.time = arrival[order], time_[order]
        self.customer = (customers * chance.random(count) ** 2.5).astype(np.int32)
        self.kind = np.where(chance.random(count) < 0.1, 0, chance.integers(1, 8, count))
        self.kind = self.kind.astype(np.int32)
        self.total = chance.integers(1, 50_000, count)
        self.sku = chance.integers(0, 5_000, count)
        self.channel = chance.integers(0, 8, count)
        self.names = [f"user_id:{n:07}" for n in range(customers)]
        digits = np.arange(count)
        text = np.zeros((count, 14), np.uint8)
        text[:, :6] = np.frombuffer(b"shop\0m", np.uint8)
        for place in range(13, 5, -1):
            text[:, place] = 48 + digits % 10
            digits //= 10
        self.text = text

    def facts(self, start: int, end: int) -> list[Fact]:
        names = self.names
        return [
            Fact(
                n, f"m{n:08}", "shop", "track", KINDS[kind], at, at, (),
                {"total": total / 100, "sku": f"sku {sku}", "channel": CHANNELS[channel]}
                if not kind else {"channel": CHANNELS[channel]},
                {}, identity=names[who], customer=names[who],
            )
            for n, who, kind, at, total, sku, channel in zip(
                range(start, end),
                *(
                    column[start:end].tolist()
                    for column in (
                        self.customer, self.kind, self.time, self.total, self.sku, self.channel
                    )
                ),
                strict=True,
            )
        ]  # fmt: skip


class Feeder:
    """Gives events to a kernel as columns, a batch at a time."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.kernel = NumbaKernel(PLANS, len(TRAITS))
        self.identities = self.kernel.numbers(events.names, events.names)
        self.skus = np.array([self.kernel._code(f"sku {n}") for n in range(5_000)])
        self.channels = np.array([self.kernel._code(each) for each in CHANNELS])
        self.bits, self.places = [], []
        for number, (question, of) in enumerate(self.kernel.signals):
            said = json.loads(question)[1] if question else ""
            self.bits.append((np.uint64(1 << number), len(of) > 1))
            if said:
                self.places.append((said, len(of) > 1))
        self.kinds = np.array([list(PLANS).index(kind) for kind in KINDS], np.int32)

    def step(self, start: int, end: int) -> float:
        """Give a batch; return how long the kernel took, without making the columns."""
        events = self.events
        kind = events.kind[start:end]
        order = kind == 0
        said = np.zeros(end - start, np.uint64)
        for bit, every in self.bits:
            said |= bit if every else np.where(order, bit, np.uint64(0))
        given = {
            "total": events.total[start:end] * 100,
            "sku": self.skus[events.sku[start:end]],
            "channel": self.channels[events.channel[start:end]],
        }
        table = np.stack([given[name] for name, _ in self.places], axis=1)
        there = np.stack([order | every for _, every in self.places], axis=1)
        columns = (
            int(events.arrival[end - 1]),
            events.time[start:end],
            self.kinds[kind],
            self.identities[events.customer[start:end]],
            said,
            table[there],
            np.full(end - start, 14),
            events.text[start:end].ravel(),
        )
        began = time.process_time()
        self.kernel.step(*columns)
        return time.process_time() - began


def told(**figures: object) -> None:
    sys.stdout.write(json.dumps(figures, default=float) + "\n")
    sys.stdout.flush()


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def rate(count: int, seconds: float) -> int:
    return round(count / seconds)


def warm() -> None:
    began = time.process_time()
    feeder = Feeder(Events(1_000, 20_000))
    for start in range(0, 20_000, 1_000):
        feeder.step(start, start + 1_000)
    told(case="compiling, or reading what was compiled", seconds=time.process_time() - began)


def compiled(events: Events) -> tuple[Feeder, int]:
    """The compiled kernel alone: most events at once, then small, middle and large batches; nobody looks."""
    gc.collect()
    before = resident()
    feeder = Feeder(events)
    feeder.kernel.watch({})
    last = int(np.searchsorted(events.arrival, DAYS * DAY))
    part = events.count // 40
    at = last - 3 * part
    starts = range(0, at, 100_000)
    seconds = sum(feeder.step(start, min(at, start + 100_000)) for start in starts)
    told(case="numba, filling", late=events.share, events=at, events_per_second=rate(at, seconds))
    fast = 0
    for size in (1_000, 10_000, 100_000):
        end, times = at + part, []
        for start in range(at, end, size):
            times.append(feeder.step(start, min(end, start + size)))
        fast = rate(part, sum(times))
        told(
            case="numba, steady", batch=size, late=events.share, events=part,
            events_per_second=fast, p50_ms=1000 * float(np.median(times)),
        )  # fmt: skip
        at = end
    if at < events.count:
        feeder.step(at, events.count)
    gc.collect()
    each = (resident() - before) / events.customers
    told(
        case="memory",
        bytes_per_customer=round(each),
        bytes_per_event=round((resident() - before) / events.count),
    )
    return feeder, fast


def database(events: Events) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    columns = {  # noqa: F841 - DuckDB finds it by its name
        name: getattr(events, name)
        for name in ("time", "customer", "kind", "total", "sku", "channel")
    } | {"n": np.arange(events.count)}
    db.execute("CREATE TABLE events AS SELECT * FROM columns")
    return db


def question(clock: int, some: str = "") -> str:
    parts = []
    for kind in ("events", "orders", "spend", "largest", "products"):
        for n in WINDOWS:
            inside = f"time > {clock - n * DAY}" + ("" if kind == "events" else " AND kind = 0")
            what = {
                "spend": "sum(total)",
                "largest": "max(total)",
                "products": "count(DISTINCT sku)",
            }
            parts.append(f"{what.get(kind, 'count(*)')} FILTER ({inside})")
    parts.append("arg_max(channel, (time, n))")
    return f"SELECT customer, {', '.join(parts)} FROM events {some} GROUP BY customer"


def mismatches(feeder: Feeder, db: duckdb.DuckDBPyConnection) -> tuple[int, float]:
    """Compare all values with one query; return how many differ, and how long the query took."""
    kernel, events = feeder.kernel, feeder.events
    began = time.process_time()
    said = db.execute(question(kernel.clock)).fetchnumpy()
    seconds = time.process_time() - began
    columns = list(said.values())
    who, wrong = columns[0], 0
    for index, name in enumerate(TRAITS):
        _, live = kernel.everybody(index)
        column = np.ma.asarray(columns[index + 1])
        filled = np.ma.filled(column.astype(float), np.nan)
        expected = np.full(
            events.customers, 0.0 if name.startswith(("e", "o", "s", "p")) else np.nan
        )
        expected[who] = filled
        if name.startswith("spend"):
            expected = np.nan_to_num(expected) / 100
        elif name.startswith("largest"):
            expected /= 100
        places = {each: n for n, each in enumerate(CHANNELS)}
        found = np.array([
            np.nan if each is None else places[each] if index == len(TRAITS) - 1 else float(each)
            for each in live
        ])  # fmt: skip
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        wrong += int((~same).sum())
    return wrong, seconds


def after_a_stop(feeder: Feeder, folder: Path) -> None:
    kernel, file = feeder.kernel, SnapshotFile(folder / "traits.snapshot")
    began = time.process_time()
    columns = kernel.columns()
    taken = time.process_time() - began
    file.write(written(columns, {}))
    wrote = time.process_time() - began
    size = (folder / "traits.snapshot").stat().st_size
    del columns
    began, wall = time.process_time(), time.perf_counter()
    fresh = NumbaKernel(PLANS, len(TRAITS))
    fresh.clock = kernel.clock
    data = file.read()
    fresh.restore(read(data), lambda identity: identity)
    seconds, wall = time.process_time() - began, time.perf_counter() - wall
    wrong = 0
    for index in (0, 9, 19, 20):
        before = dict(zip(*kernel.everybody(index), strict=True))
        after = zip(*fresh.everybody(index), strict=True)
        wrong += sum(before[name] != value for name, value in after)
    told(
        case="snapshot", taken_seconds=taken, written_seconds=wrote, megabytes=size / 1e6,
        recovery_seconds=seconds, facts=kernel.facts(), mismatches=wrong,
    )  # fmt: skip
    fresh.watch({index: None for index in range(len(TRAITS))})
    began = time.process_time()
    end, instants, touched = fresh.clock + DAY, 0, 0
    while fresh.clock < end:
        fresh.advance_until_touched(end)
        touched += len(fresh.drain())
        instants += 1
    seconds = time.process_time() - began
    told(
        case="catch-up after 24 h",
        seconds=seconds,
        instants=instants,
        exits_per_second=rate(touched, seconds),
    )


def new_trait(events: Events, db: duckdb.DuckDBPyConnection, feeder: Feeder) -> None:
    """Fill one new trait from the columns of history."""
    clock = feeder.kernel.clock
    traits = entries(big_90d=Trait(of=(ORDER,), sum="total", where="total > 50", window="90 d"))
    began = time.process_time()
    found = db.execute(
        f"SELECT customer, time, total, n FROM events WHERE kind = 0 AND total > 5000"
        f" AND time > {clock - 90 * DAY} ORDER BY time"
    ).fetchnumpy()
    kernel = NumbaKernel(plan(traits), 1)
    kernel.clock = clock
    numbers = kernel.numbers(events.names, events.names)
    count = len(found["time"])
    kernel.step(
        clock, found["time"], np.zeros(count, np.int32), numbers[found["customer"]],
        np.full(count, 1, np.uint64), found["total"] * 100,
        np.full(count, 14), events.text[found["n"]].ravel(),
    )  # fmt: skip
    seconds = time.process_time() - began
    said = dict(db.execute(
        f"SELECT customer, sum(total) FROM events WHERE kind = 0 AND total > 5000"
        f" AND time > {clock - 90 * DAY} GROUP BY 1"
    ).fetchall())  # fmt: skip
    _, live = kernel.everybody(0)
    wrong = sum(value * 100 != said.get(n, 0) for n, value in enumerate(live))
    told(
        case="backfill of one trait", customers=events.customers, seconds=seconds, mismatches=wrong
    )


def one_by_one(events: Events, count: int) -> dict[str, int]:
    """Facts one at a time, as the live path gives them; the clock moves with each thousand."""
    facts = events.facts(0, count)
    rates = {}
    for name, make in (("pure", Kernel), ("numba, one by one", NumbaKernel)):
        kernel = make(PLANS, len(TRAITS))
        kernel.watch({index: None for index in range(len(TRAITS))})
        half, began = count // 2, 0.0
        for start in range(0, count, 1_000):
            if start >= half and not began:
                began = time.process_time()
            kernel.advance(int(events.arrival[min(count, start + 1_000) - 1]))
            for fact in facts[start : start + 1_000]:
                kernel.apply(fact)
            kernel.drain()
        rates[name] = rate(count - half, time.process_time() - began)
        told(case=name, events=count - half, events_per_second=rates[name])
    return rates


def asked_again(events: Events, db: duckdb.DuckDBPyConnection, fast: int) -> None:
    """DuckDB, asked again for the customers whom a batch has changed."""
    size = 10_000
    clock = int(events.arrival[-1])
    began = time.process_time()
    changed = {"customer": np.unique(events.customer[-size:])}  # noqa: F841 - found by its name
    db.execute(question(clock, "SEMI JOIN changed USING (customer)")).fetchall()
    each = rate(size, time.process_time() - began)
    told(case="DuckDB, changed customers asked again", batch=size, events_per_second=each,
         times_as_fast=round(fast / each, 1))  # fmt: skip


def bytewax(events: Events, fast: int) -> None:
    """Bytewax, sliding windows by customer: counts and sums only, on a part of the events."""
    try:
        from bytewax.dataflow import Dataflow
        from bytewax.operators import input as source
        from bytewax.operators import key_on, output
        from bytewax.operators.windowing import EventClock, TumblingWindower, fold_window
        from bytewax.testing import TestingSink, TestingSource, run_main
    except ImportError:
        told(case="Bytewax", skipped="not installed")
        return
    from datetime import UTC, datetime

    count, epoch = 2_000, datetime(2025, 1, 1, tzinfo=UTC)
    rows = [
        (f"{who % 100}", epoch + timedelta(milliseconds=at), total)
        for who, at, total in zip(
            events.customer[:count].tolist(), np.sort(events.time[:count]).tolist(),
            events.total[:count].tolist(), strict=True,
        )
    ]  # fmt: skip
    flow, out = Dataflow("traits"), []
    stream = key_on("key", source("in", flow, TestingSource(rows)), lambda row: row[0])
    clock = EventClock(lambda row: row[1], wait_for_system_duration=timedelta(0))
    windower = TumblingWindower(length=timedelta(days=1), align_to=epoch)
    found = fold_window(
        "fold", stream, clock, windower, lambda: (0, 0),
        lambda state, row: (state[0] + 1, state[1] + row[2]),
        lambda one, other: (one[0] + other[0], one[1] + other[1]),
    )  # fmt: skip
    output("out", found.down, TestingSink(out))
    began = time.process_time()
    run_main(flow)
    each = rate(count, time.process_time() - began)
    told(case="Bytewax, 100 keys, tumbling count and sum of one day", events=count,
         events_per_second=each, times_as_fast=round(fast / each, 1))  # fmt: skip


def main() -> None:
    customers, count = (int(each) for each in (*sys.argv[1:3], 1_000_000, 10_000_000)[:2])
    events = Events(customers, count)
    told(case="events", customers=customers, events=count, traits=len(TRAITS))
    rates = one_by_one(Events(100_000, min(400_000, count)), min(400_000, count))
    warm()
    in_order, fast = compiled(Events(customers, count, 0.0))
    del in_order
    feeder, fast = compiled(events)
    db = database(events)
    wrong, seconds = mismatches(feeder, db)
    told(
        case="correct", values=customers * len(TRAITS), mismatches=wrong, one_query_seconds=seconds
    )
    told(case="ratio", numba_to_pure=round(fast / rates["pure"], 1))
    with tempfile.TemporaryDirectory() as folder:
        after_a_stop(feeder, Path(folder))
    new_trait(events, db, feeder)
    asked_again(events, db, fast)
    bytewax(events, fast)


if __name__ == "__main__":
    main()
