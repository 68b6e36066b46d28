"""The pipeline: one batch, one transaction, one step forward for all, in the order of time."""

import threading
from collections import Counter
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from cid.kit.db import Database, insert
from cid.kit.errors import Conflict
from cid.kit.events import Bus
from cid.model.fact import Fact
from cid.model.relationship import Regrouped
from cii import tables
from cii.model import IdentifierKind, RecordFault, State
from cii.ports import STORES, TRANSPORTS, Message, TimedStage
from cii.preparation import pack, unpack
from cii.synchronization import MERGED, QUIET, SEPARATED, TOPIC, Pipeline
from icustomer import migrations

KINDS = {"user": IdentifierKind(unique=True), "email": IdentifierKind(limit=2)}


class Words:
    """A mapper for tests: `id identifier… event [key=value…]`; what it does not like it says."""

    strict = True

    def map(self, record):
        text = record.value.decode()
        if text.startswith("?") and self.strict:
            raise RecordFault(State.QUARANTINED, "odd", "it begins with a question mark")
        if text.startswith("!"):
            raise RecordFault(State.REJECTED, "loud", "it begins with an exclamation mark")
        words = text.lstrip("?").split()
        said = dict(word.split("=", 1) for word in words if "=" in word)
        plain = [word for word in words[1:] if "=" not in word]
        identifiers = tuple(word for word in plain if ":" in word)
        event = " ".join(word for word in plain if ":" not in word)
        source = record.headers.get("source", "web")
        time = int(said.get("at", record.timestamp))
        return Fact(
            0, words[0], source, "track", event, time, record.timestamp, identifiers, said,
            actor=said.get("actor", ""),
        )  # fmt: skip


class Watcher:
    """A stage that remembers what it was told, and forgets it when it is told to read again."""

    def __init__(self, dues=()):
        self.all_dues = sorted(dues)
        self.told, self.written = [], []
        self.dues = list(self.all_dues)
        self.broken = ""

    def load(self, connection):
        self.told = list(self.written)
        reached = max((at for what, at in self.written if what == "time"), default=-1)
        self.dues = [due for due in self.all_dues if due > reached]

    def next_due(self):
        return self.dues[0] if self.dues else None

    def advance(self, moment):
        while self.dues and self.dues[0] <= moment:
            self.told.append(("time", self.dues.pop(0)))

    def apply(self, fact):
        if self.broken and self.broken == fact.message_id:
            raise ZeroDivisionError(self.broken)
        self.told.append(("fact", fact.message_id))

    def flush(self, connection):
        self.written = list(self.told)


@cache
def empty_records():
    """Make a database without records once; a copy of it is as good as a new one."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "records.sqlite"
        database = Database(f"sqlite:///{path}")
        migrations.upgrade(database)
        database.close()
        return path.read_bytes()


class Line:
    """A log, records, and a pipeline between them."""

    def __init__(self, directory, stages=(), partitions=2, failpoint=lambda name: None):
        self.directory, self.stages = directory, list(stages)
        (directory / "records.sqlite").write_bytes(empty_records())
        self.database = Database(f"sqlite:///{directory / 'records.sqlite'}")
        self.log = TRANSPORTS.load("sqlite")(directory / "log.sqlite", partitions=partitions)
        self.log.create(TOPIC, partitions)
        self.store = STORES.load("sql")(self.database)
        self.bus, self.mapper = Bus(), Words()
        self.regrouped = []
        self.bus.subscribe(Regrouped, self.regrouped.append)
        self.pipeline = self.new(self.stages, failpoint)

    def new(self, stages=(), failpoint=lambda name: None):
        return Pipeline(
            self.log, self.store, self.database, self.mapper, KINDS, stages, self.bus, failpoint
        )

    def say(self, *texts, at=0, key="k", source="web"):
        self.log.append(
            TOPIC, [Message(key.encode(), text.encode(), at, {"source": source}) for text in texts]
        )

    def states(self):
        found = Counter()
        for row in self.store.totals():
            found[row["state"]] += row["records"]
        return dict(found)

    def customer(self, identifier):
        return self.pipeline.graph.customer(identifier)

    def close(self):
        self.log.close()
        self.database.close()


@pytest.fixture
def line(tmp_path):
    @contextmanager
    def make(*stages, place="line", **more):
        (tmp_path / place).mkdir(exist_ok=True)
        made = Line(tmp_path / place, stages, **more)
        try:
            yield made
        finally:
            made.close()

    return make


def test_a_watcher_is_a_timed_stage():
    for name in ("load", "next_due", "advance", "apply", "flush"):
        assert hasattr(TimedStage, name)
        assert hasattr(Watcher, name)


def test_every_record_ends_in_exactly_one_state(line):
    watcher = Watcher()
    with line(watcher) as it:
        it.say("a user:ann saw", "a user:ann saw", "?b user:ann saw", "!c", "d user:bob saw")
        assert it.pipeline.run() == 5
        assert it.states() == {"applied": 2, "duplicate": 1, "quarantined": 1, "rejected": 1}
        assert watcher.written == [("fact", "a"), ("fact", "d")]
        assert it.pipeline.behind() == 0
        assert it.pipeline.run() == 0


def test_the_same_id_from_another_system_is_another_record(line):
    with line(Watcher()) as it:
        it.say("a user:ann saw", source="web")
        it.say("a user:ann saw", source="till")
        it.say("a user:ann saw", source="till")
        it.pipeline.run()
        assert it.states() == {"applied": 2, "duplicate": 1}


def test_a_duplicate_is_known_also_after_a_restart(line):
    with line(Watcher()) as it:
        it.say("a user:ann saw")
        it.pipeline.run()
        it.say("a user:ann saw")
        assert it.new([Watcher()]).run() == 1
        assert it.states() == {"applied": 1, "duplicate": 1}


def test_records_of_all_partitions_are_taken_in_the_order_of_receipt(line):
    watcher = Watcher()
    with line(watcher, partitions=4) as it:
        for number in range(40):
            it.say(f"m{number:02d} user:u{number} saw", at=number, key=f"key{number}")
        it.pipeline.run(7)
        assert watcher.written == [("fact", f"m{number:02d}") for number in range(40)]


def test_order_within_a_partition_holds_even_where_a_clock_went_back(line):
    watcher = Watcher()
    with line(watcher, partitions=1) as it:
        for number, at in enumerate((50, 10, 70, 20)):
            it.say(f"m{number} user:ann saw", at=at)
        it.pipeline.run(2)
        assert [name for _, name in watcher.written] == ["m0", "m1", "m2", "m3"]


def test_what_is_due_happens_before_the_record_and_in_the_order_of_time(line):
    told = []

    class Told(Watcher):
        def __init__(self, name, dues):
            super().__init__(dues)
            self.name = name

        def advance(self, moment):
            # A stage may go on by itself up to what is due elsewhere, but not beyond.
            while self.dues and self.dues[0] <= moment:
                told.append((self.name, self.dues.pop(0)))

        def apply(self, fact):
            told.append((self.name, fact.message_id))

    with line(Told("one", [10, 30, 90]), Told("two", [20, 25, 40])) as it:
        it.say("a user:ann saw", at=35)
        it.say("b user:ann saw", at=50)
        it.pipeline.run()
        it.pipeline.tick(100)
    assert told == [
        ("one", 10), ("two", 20), ("two", 25), ("one", 30), ("one", "a"), ("two", "a"),
        ("two", 40), ("one", "b"), ("two", "b"), ("one", 90),
    ]  # fmt: skip


def test_if_a_stage_fails_nothing_was_written_and_everything_is_tried_again(line):
    first, second = Watcher(), Watcher()
    with line(first, second) as it:
        it.say("a user:ann saw")
        it.pipeline.run()
        it.say("b user:ann email:x@y saw", "c user:bob saw")
        second.broken = "c"
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                it.pipeline.run()
            assert it.states() == {"applied": 1}
        second.broken = ""
        assert it.pipeline.run() == 2
        for watcher in (first, second):
            assert watcher.written == [("fact", "a"), ("fact", "b"), ("fact", "c")]
        assert it.states() == {"applied": 3}
        assert it.pipeline.position == 3


@pytest.mark.parametrize("point", ["before flush", "before commit", "after commit"])
def test_after_a_crash_at_any_point_each_record_was_applied_once(line, point):
    armed = [True]

    def fail(name):
        if name == point and armed[0]:
            raise KeyboardInterrupt(name)

    watcher = Watcher()
    with line(watcher, failpoint=fail) as it:
        it.say("a user:ann saw", "b user:ann saw")
        with pytest.raises(KeyboardInterrupt):
            it.pipeline.run()
        armed[0] = False
        fresh = it.new([Watcher()])
        fresh.run()
        assert it.states() == {"applied": 2}
        assert [row[0] for row in it.store.applied(0, 10)] == [1, 2]


def test_a_record_is_known_again_while_the_batch_before_is_still_being_written(line):
    watcher = Watcher()
    with line(watcher) as it:
        for _ in range(5):
            it.say(*(f"m{n} user:ann saw" for n in range(20)))
        assert it.pipeline.run(10) == 100
        assert it.states() == {"applied": 20, "duplicate": 80}
        assert len(watcher.written) == 20


@pytest.mark.parametrize("batch", [10, 40])
def test_batches_that_could_not_be_kept_are_applied_again(line, batch):
    class Breaks(Watcher):
        wrong = True

        def load(self, connection):
            self.told = []

        def flush(self, connection):
            if self.wrong:
                # Told only when the rows are written, while the next batch is being applied.
                insert(connection, tables.seen, [{"key": b"one", "position": 1}] * 20)

    watcher = Breaks()
    with line(watcher) as it:
        it.say(*(f"m{n} user:ann saw" for n in range(30)))
        for _ in range(2):
            with pytest.raises(IntegrityError):
                it.pipeline.run(batch)
            assert it.states() == {}
        watcher.wrong = False
        assert it.pipeline.run(batch) == 30
        assert it.states() == {"applied": 30}
        assert it.pipeline.position == 30
        assert [name for _, name in watcher.told] == [f"m{n}" for n in range(30)]


def test_whoever_holds_the_lock_finds_all_that_is_in_memory_written(line):
    found = []

    class Looks(Watcher):
        def apply(self, fact):
            super().apply(fact)
            if fact.message_id == "m25":
                thread = threading.Thread(target=self.look)
                thread.start()
                self.thread = thread

        def look(self):
            with it.pipeline.lock:
                found.append((it.pipeline.position, it.states()["applied"]))

    looks = Looks()
    with line(looks) as it:
        it.say(*(f"m{n} user:ann saw" for n in range(2_000)))
        it.pipeline.run(10)
        looks.thread.join()
        ((position, applied),) = found
        assert position == applied


def test_what_comes_while_records_are_applied_has_its_turn_later(line):
    class Busy(Watcher):
        def apply(self, fact):
            super().apply(fact)
            it.say(f"after-{fact.message_id} user:ann saw")

    with line(Busy()) as it:
        it.say(*(f"m{n} user:ann saw" for n in range(30)))
        assert it.pipeline.run(10) == 30
        assert it.pipeline.behind() == 30


def test_the_books_balance_also_while_a_batch_is_being_written(line):
    seen = []

    class Looks(Watcher):
        def apply(self, fact):
            super().apply(fact)
            written = sum(it.states().values())
            seen.append((it.pipeline.behind(), written))

    with line(Looks()) as it:
        it.say(*(f"m{n} user:ann saw" for n in range(30)))
        it.pipeline.run(10)
        # A commit that is under way may be seen before it is told; never the other way round.
        assert all(behind + written >= 30 for behind, written in seen)
        assert it.pipeline.behind() == 0


def test_a_stage_is_told_only_of_what_it_hears(line):
    class Choosy(Watcher):
        listening = True

        def hears(self, event):
            return self.listening and event == "saw"

    choosy, other = Choosy(), Watcher()
    with line(choosy, other) as it:
        it.say("a user:ann saw", "b user:ann bought")
        it.pipeline.run()
        choosy.listening = False
        it.say("c user:ann saw")
        it.pipeline.run()
        assert [name for _, name in choosy.told] == ["a"]
        assert [name for _, name in other.told] == ["a", "b", "c"]


def test_a_second_worker_notices_that_somebody_else_has_moved_on(line):
    with line(Watcher()) as it:
        it.say("a user:ann saw")
        other = it.new([Watcher()])
        other.load()
        it.pipeline.run()
        with pytest.raises((Conflict, IntegrityError)):
            other.run()
        assert it.states() == {"applied": 1}
        it.say("b user:ann saw")
        assert other.run() == 1, "after reading again it goes on"
        assert it.states() == {"applied": 2}


def test_quarantined_records_are_applied_again_once_they_can_be_read(line):
    watcher = Watcher()
    with line(watcher) as it:
        it.say("?a user:ann saw", "b user:ann saw", "?a user:ann saw", "?c user:ann saw")
        it.pipeline.run()
        assert it.states() == {"applied": 1, "quarantined": 3}
        assert it.pipeline.replay() == 3
        assert it.states() == {"applied": 1, "quarantined": 3}
        it.mapper.strict = False
        assert it.pipeline.replay() == 3
        assert it.states() == {"applied": 3, "duplicate": 1}
        assert watcher.written == [("fact", "b"), ("fact", "a"), ("fact", "c")]
        assert it.pipeline.replay() == 0


def test_time_on_a_quiet_system_is_written_once_a_minute_or_when_something_happens(line):
    watcher = Watcher([5_000])
    batches = []
    with line(watcher, failpoint=lambda name: batches.append(name)) as it:
        it.pipeline.load()
        it.pipeline.tick(1_000)
        batches.clear()
        it.pipeline.tick(2_000)
        assert batches == []
        assert it.pipeline.moment == 2_000
        it.pipeline.tick(5_000)
        assert batches
        assert watcher.written == [("time", 5_000)]
        batches.clear()
        it.pipeline.tick(5_000 + QUIET - 1)
        assert batches == []
        it.pipeline.tick(5_000 + QUIET)
        assert batches
        it.pipeline.tick(10)
        assert it.pipeline.moment == 5_000 + QUIET, "time does not go back"


def test_a_new_process_knows_the_same_customers(line):
    with line(Watcher()) as it:
        it.say("a user:ann email:x@y saw", "b user:bob saw", "c user:bob email:x@y saw")
        it.pipeline.run()
        known = {name: set(of) for name, of in it.pipeline.graph.members.items()}
        again = it.new([Watcher()])
        again.load()
        assert again.graph.members == known
        assert again.graph.customer("user:ann") == again.graph.customer("user:bob")
        assert [fact.message_id for fact in again.facts()] == ["a", "b", "c"]
        assert {fact.customer for fact in again.facts()} == set(known)
        assert [fact.message_id for fact in again.facts(after=2)] == ["c"]


def test_the_layers_hear_who_was_regrouped_before_they_hear_the_fact(line):
    heard = []
    watcher = Watcher()
    watcher.apply = lambda fact: heard.append(fact.message_id)
    with line(watcher) as it:
        it.bus.subscribe(Regrouped, lambda event: heard.append("regrouped"))
        it.say("a user:ann saw", "b email:x@y saw", "c user:ann email:x@y saw")
        it.pipeline.run()
        assert heard == ["a", "b", "regrouped", "c"]


def test_people_decide_who_is_who_and_the_newest_decision_stands(line):
    with line(Watcher()) as it:
        it.say("a user:ann saw", "b user:bob saw")
        it.pipeline.run()
        assert it.customer("user:ann") != it.customer("user:bob")
        decide = "user:ann {} a=user:ann b=user:bob actor=mei reason=seen at={}"
        it.say(f"m {decide.format(MERGED, 10)}", source="staff")
        it.pipeline.run()
        assert it.customer("user:ann") == it.customer("user:bob")
        it.say(f"s {decide.format(SEPARATED, 30)}", source="staff")
        it.say(f"late {decide.format(MERGED, 20)}", source="staff")
        it.pipeline.run()
        assert it.customer("user:ann") != it.customer("user:bob"), "the later decision was older"


RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["", "", "", "?", "!"]),
        st.integers(0, 6),
        st.sampled_from(["user:ann", "user:bob", "email:x@y", "user:ann email:x@y"]),
        st.integers(0, 3),
    ),
    max_size=25,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=RECORDS, sizes=st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_how_the_log_was_cut_into_batches_does_not_matter(tmp_path_factory, records, sizes):
    found = []
    for cut in ([1_000], sizes):
        directory = tmp_path_factory.mktemp("cut")
        watcher = Watcher(range(0, 30, 7))
        it = Line(directory, [watcher], partitions=3)
        for place, (sign, number, who, partition) in enumerate(records):
            it.say(f"{sign}m{number} {who} saw", at=place, key=f"{partition}")
        turn = 0
        while it.pipeline.step(cut[turn % len(cut)]):
            turn += 1
        found.append(
            (watcher.written, it.states(), it.pipeline.graph.members, it.store.applied(0, 100))
        )
        it.close()
    assert found[0] == found[1]


def test_what_was_mapped_ahead_is_applied_as_if_it_were_mapped_in_its_turn(line):
    texts = ["a user:ann email:x saw", "?b user:ann saw", "a user:ann saw", "c user:bob bought"]
    with line(Watcher(), place="ahead") as one, line(Watcher(), place="in turn") as other:
        messages = [Message(b"k", text.encode(), 7, {"source": "web"}) for text in texts]
        packed = [pack(one.mapper, message) for message in messages]
        assert [each is not None for each in packed] == [True, False, True, True]
        places = one.log.append(TOPIC, messages)
        one.pipeline.expect(places, [each and unpack(each) for each in packed])
        other.log.append(TOPIC, messages)
        assert one.pipeline.run() == other.pipeline.run() == 4
        assert one.states() == other.states()
        assert one.stages[0].written == other.stages[0].written
        assert one.store.order(0, 10) == other.store.order(0, 10)


def test_steps_taken_together_are_written_together_or_not_at_all(line):
    watcher = Watcher()
    with line(watcher) as it:
        it.say("a user:ann saw")
        with it.pipeline.together():
            assert it.pipeline.run() == 1
            it.say("b user:ann saw", at=1)
            assert it.pipeline.run() == 1
            assert it.states() == {"applied": 2}, "who writes sees what was written"
        assert it.states() == {"applied": 2}
        it.say("c user:ann saw", at=2)

        def break_off():
            with it.pipeline.together():
                assert it.pipeline.run() == 1
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            break_off()
        assert it.states() == {"applied": 2}
        assert it.pipeline.run() == 1, "it is taken from the log again"
        assert it.states() == {"applied": 3}


def test_a_failure_inside_is_not_hidden_from_what_is_written_together(line):
    with line() as it:

        def go_on_after_a_failure():
            with it.database.together():
                with pytest.raises(ZeroDivisionError), it.database.write():
                    raise ZeroDivisionError
                it.say("a user:ann saw")
                it.pipeline.run()

        with pytest.raises(Conflict):
            go_on_after_a_failure()
        assert it.states() == {}
