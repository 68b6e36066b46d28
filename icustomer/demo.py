"""The sample company, or real data sets: built step by step, resumed after a crash, the same every time.

The sample company relives its eighteen months: records are applied in the order in which they were received,
time passes as it passed, rules fire when they would have fired, and its staff (`samples.northlake.staff`) do
what they have to do every few days. Which record comes next follows from what the log holds already, so the
same command after a crash goes on where the last one was stopped and ends in the same state.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from cic.ports import SCORERS
from cid.kit.clock import DAY, HOUR, ManualClock, SystemClock, format_time, parse_time
from cid.kit.errors import Conflict, NotFound
from cid.kit.ids import stable_id
from cii.ports import Message
from cii.preparation import Prepared
from icustomer.arrivals import Ahead, arriving
from icustomer.company import ICustomer
from icustomer.progress import Progress, progress
from icustomer.samples import northlake, real
from icustomer.samples.northlake import staff
from icustomer.samples.northlake.tape import Delivery

STATE = "demo.json"
STEP = 7 * DAY
"""How often the sample company's staff look at their desks."""
CHUNK = 5_000
TOGETHER = 8
"""How many steps are written in one transaction."""

Arrived = tuple[Message, Prepared | None]
Step = tuple[int, list[Arrived], bool]


def build_demo(
    directory: Path,
    *,
    data: Path | None = None,
    scale: float = 1.0,
    seed: int = 7,
    now: str = "",
    failpoint: Callable[[str], None] = lambda name: None,
) -> dict[str, Any]:
    """Build the demonstration in a directory, or go on building it; return its figures.

    ``records_per_second`` counts the whole time with opening, learning, verifying and delivering;
    ``applied_per_second`` from the first record's receipt until the last one is applied in all layers.

    Raises:
        NotFound: the data directory does not exist or holds nothing that is known.
        Conflict: the directory holds something else.
    """
    began = time.perf_counter()
    state = _begin(directory, data, scale, seed, now)
    clock = None if data else ManualClock(state["now"])
    arrivals = None
    if data is None and not state.get("complete"):
        # The other process begins while the company is being opened.
        arrivals = Ahead(directory, state["now"], state["seed"], state["scale"])
    try:
        with ICustomer.open(directory, clock=clock, failpoint=failpoint) as company:
            before = company.pipeline.counters.records
            opened = time.perf_counter()
            with progress() as bars, nullcontext() if data else _not_collecting():
                if not state.get("complete"):
                    if arrivals is not None:
                        _relive(company, state, arrivals, bars)
                    elif data is not None:
                        _load(company, data, bars)
                lived = time.perf_counter()
                through = company.pipeline.counters.records - before
                _finish(company, state, bars)
            as_of = company.pipeline.moment
            seconds = time.perf_counter() - began
            applied = company.pipeline.counters.records - before
            summary = company.summary()
    finally:
        if arrivals is not None:
            arrivals.close()
    state["complete"] = True
    _write(directory, state)
    return {
        **summary,
        "as_of": format_time(as_of),
        "seconds": round(seconds, 2),
        "records_per_second": round(applied / seconds),
        "phases": {
            "opening": round(opened - began, 2),
            "receiving_and_applying": round(lived - opened, 2),
            "learning_verifying_delivering": round(seconds - (lived - began), 2),
        },
        "applied_per_second": round(through / (lived - opened)),
    }


def messages(company: ICustomer, deliveries: Iterable[Delivery]) -> Iterator[Message]:
    """Turn what reaches the sample company into messages, just as its endpoints would."""
    return arriving(company.cii.mapper, company.cii.limits, deliveries)


def _begin(directory: Path, data: Path | None, scale: float, seed: int, now: str) -> dict[str, Any]:
    path = directory / "data" / STATE
    wanted = {"data": str(data.resolve()) if data else "", "scale": scale, "seed": seed}
    if path.is_file():
        state: dict[str, Any] = orjson.loads(path.read_bytes())
        if {name: state[name] for name in wanted} != wanted:
            raise Conflict(
                f"{directory} holds a demonstration of another kind.",
                hint="Choose another --dir, or remove that one.",
            )
        return state
    if directory.exists() and any(directory.iterdir()):
        raise Conflict(
            f"{directory} is not empty and not a demonstration.", hint="Choose another --dir."
        )
    if data is not None and not data.is_dir():
        raise NotFound("data directory", str(data))
    source = real.DEFINITIONS if data else Path(northlake.__file__).parent / "definitions"
    shutil.copytree(source, directory, ignore=shutil.ignore_patterns("__pycache__"))
    moment = parse_time(now) if now else SystemClock().now() // HOUR * HOUR
    state = {**wanted, "now": moment}
    _write(directory, state)
    return state


def _write(directory: Path, state: dict[str, Any]) -> None:
    path = directory / "data" / STATE
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_bytes(orjson.dumps(state))
    draft.replace(path)


def _relive(company: ICustomer, state: dict[str, Any], arrivals: Ahead, bars: Progress) -> None:
    """Let the sample company's eighteen months pass, as far as they have not yet."""
    # Slow to import and needed at the end; the other process has nothing to deliver yet.
    SCORERS.load("sklearn")
    company.pipeline.run(CHUNK)
    ledger = company.cii.ledger()
    by_staff = sum(
        source["received"] for source in ledger["sources"] if source["source"] in ("staff", "cic")
    )
    there = ledger["received"] - by_staff
    bar = bars.add("sample company", None)
    steps = _Ahead(_steps(arrivals, there, state["now"]))
    while _live(company, steps, bars, bar):
        # History takes in only what will never be applied anew; just before the end, the small tables as
        # well: then little is left to copy when everybody waits for it.
        if state["now"] - company.pipeline.moment < TOGETHER * STEP:
            company.history.fresh_beside()
        else:
            company.history.take_facts_beside(20_000)
    company.pipeline.tick(state["now"])


@contextmanager
def _not_collecting() -> Iterator[None]:
    """Do not look for garbage in circles: all these records make next to none, and what they make stays."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _steps(arrivals: Iterable[Arrived], there: int, now: int) -> Iterator[Step]:
    """Yield (edge, what arrives before it and is not in the log, whether more is to come) by step."""
    edge = 0
    waiting: list[Arrived] = []
    for number, each in enumerate(arrivals):
        moment = each[0].timestamp
        if not edge:
            edge = moment + STEP
        while moment >= edge:
            yield edge, waiting, number >= there
            waiting = []
            edge += STEP
        if number >= there:
            waiting.append(each)
    yield now, waiting, True


class _Ahead:
    """Steps of which the next one may be decoded before it is its turn."""

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._next: Step | None = None

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps in their order."""
        while True:
            self.look()
            step, self._next = self._next, None
            if step is None:
                return
            yield step

    def look(self) -> None:
        """Have the next step ready."""
        if self._next is None:
            self._next = next(self._steps, None)


def _live(company: ICustomer, steps: _Ahead, bars: Progress, bar: Any) -> int:
    """Apply what arrives in some steps, let the staff do after each what is due; return how many steps."""
    taken = 0
    with company.pipeline.together():
        for edge, arrived, new in islice(steps, TOGETHER):
            taken += 1
            if not new:
                # Before a crash this step was lived through to its end.
                continue
            company.cii.append_prepared(arrived, meanwhile=steps.look)
            company.pipeline.run(CHUNK)
            while done := list(_staff(company, edge)):
                company.cii.append(done)
                company.pipeline.run(CHUNK)
            bars.advance(bar, len(arrived))
    return taken


def _staff(company: ICustomer, edge: int) -> Iterator[Message]:
    for task in company.cfa.open_tasks():
        decided = staff.outcome(task)
        if decided is None:
            continue
        outcome, note, delay = decided
        at = task["opened_at"] + delay
        if at >= edge:
            continue
        told = company.cii.own_message(
            "Task Completed",
            customer=task["identity"],
            properties={"task_id": task["id"], "outcome": outcome, "note": note},
            actor=f"{task['queue']} desk",
            loop=task["loop"],
            message_id=stable_id("done", task["id"]),
            at=at,
        )
        # They hand in at the end of the step what they did in it. So it lies behind all that arrived
        # before, also for a pipeline that takes both from the log in one go.
        yield told._replace(timestamp=edge - 1)


def _load(company: ICustomer, data: Path, bars: Progress) -> None:
    """Load all known sets of a directory in the order of their own time; go on after a crash."""
    if not real.find(data):
        raise NotFound("known data set below", str(data))
    there = company.cii.ledger()["received"]
    bar = bars.add("reading the files", None)
    read: dict[str, int] = {}

    def told(file: str, rows: int) -> None:
        bars.advance(bar, rows - read.get(file, 0))
        read[file] = rows

    rows = real.relive(company.cii.mapper, data, SystemClock().now(), told)
    applying = bars.add("applying the records", None)
    while some := list(islice(rows, CHUNK)):
        # What the log holds already came from this very sequence.
        skipped = min(there, len(some))
        there -= skipped
        company.cii.append(some[skipped:])
        company.pipeline.run(CHUNK)
        company.history.take_facts_beside(20_000)
        bars.advance(applying, len(some))


def _finish(company: ICustomer, state: dict[str, Any], bars: Progress) -> None:
    # Letters wait for the disk, models for the processor.
    with ThreadPoolExecutor(1, "delivery") as beside:
        sending = beside.submit(company.delivery.run, 100_000)
        if not state.get("complete"):
            for name in company.cic.score_names():
                bar = bars.add(f"learning: {name}", 1)
                company.cic.score(name)
                bars.advance(bar, 1)
        company.history.fresh()
        sending.result()
    bar = bars.add("verifying every trait and segment", 1)
    company.cic.verify()
    bars.advance(bar, 1)
    company.delivery.run(100_000)
