"""Rows that are written behind are in their transaction as if they had been written at once."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, func, select, update
from sqlalchemy.exc import IntegrityError

from cid.kit.db import BEHIND, Database, assign, insert, remove, upsert
from tests.examples import examples

METADATA = MetaData()
MEMBER = Table(
    "cid_kit_member",
    METADATA,
    Column("customer", Text, primary_key=True),
    Column("segment", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
)
NUMBER = Table("cid_kit_number", METADATA, Column("id", BigInteger, primary_key=True))


@pytest.fixture
def database(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'records.sqlite'}")
    METADATA.create_all(opened.engine)
    yield opened
    opened.close()


def members(connection):
    return {(row[0], row[1]): row[2] for row in connection.execute(select(MEMBER))}


def numbers(connection):
    return connection.execute(select(func.count()).select_from(NUMBER)).scalar()


def rows(segment, since, count=20):
    return [{"customer": f"c{n}", "segment": segment, "since": since} for n in range(count)]


def keys(segment, count=20):
    return [{"customer": f"c{n}", "segment": segment} for n in range(count)]


def test_who_wrote_reads_what_was_written(database):
    with database.write() as connection:
        insert(connection, NUMBER, [{"id": n} for n in range(10_001)])
        assert numbers(connection) == 10_001
    with database.read() as connection:
        assert numbers(connection) == 10_001


def test_nobody_else_sees_rows_before_the_commit(database):
    with database.write() as connection:
        insert(connection, NUMBER, [{"id": n} for n in range(100)])
        connection.info[BEHIND].wait()
        with database.engine.connect() as other:
            assert numbers(other) == 0


STEP = st.tuples(
    st.sampled_from(["upsert", "remove", "assign"]),
    st.sampled_from("ab"),
    st.integers(1, 40),
    st.integers(0),
)


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(STEP, max_size=8))
def test_rows_are_written_in_the_order_in_which_they_were_handed_over(tmp_path_factory, steps):
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('order') / 'records.sqlite'}")
    METADATA.create_all(database.engine)
    expected = {}
    with database.write() as connection:
        for at, (what, segment, count, _) in enumerate(steps):
            if what == "upsert":
                upsert(connection, MEMBER, rows(segment, at, count))
                expected |= {(f"c{n}", segment): at for n in range(count)}
            elif what == "assign":
                assign(
                    connection, MEMBER, "since", "customer", {f"c{n}": -at for n in range(count)}
                )
                for customer, each in expected:
                    if int(customer[1:]) < count:
                        expected[customer, each] = -at
            else:
                remove(connection, MEMBER, keys(segment, count))
                for n in range(count):
                    expected.pop((f"c{n}", segment), None)
    with database.read() as connection:
        assert members(connection) == expected
    database.close()


def test_a_row_that_cannot_be_written_fails_the_whole_transaction(database):
    def write():
        with database.write() as connection:
            insert(connection, NUMBER, [{"id": n} for n in range(100)])
            upsert(connection, MEMBER, rows("vip", 1))
            insert(connection, NUMBER, [{"id": n} for n in range(50, 150)])

    with pytest.raises(IntegrityError):
        write()
    with database.read() as connection:
        assert numbers(connection) == 0
        assert members(connection) == {}
    with database.write() as connection:
        insert(connection, NUMBER, [{"id": n} for n in range(100)])


def test_what_is_given_up_is_not_written(database):
    def write():
        with database.write() as connection:
            for start in range(0, 100_000, 10_000):
                insert(connection, NUMBER, [{"id": n} for n in range(start, start + 10_000)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    with database.read() as connection:
        assert numbers(connection) == 0


def test_a_question_waits_only_for_the_tables_that_it_names(database):
    with database.write() as connection:
        gate = threading.Event()
        database._thread.submit(gate.wait)
        insert(connection, NUMBER, [{"id": n} for n in range(100)])
        assert members(connection) == {}, "it did not wait for the other table"
        gate.set()
        assert numbers(connection) == 100


@pytest.fixture
def computing():
    """Another thread that never rests."""
    ended = threading.Event()

    def compute():
        while not ended.is_set():
            sum(range(1_000))

    thread = threading.Thread(target=compute)
    thread.start()
    yield
    ended.set()
    thread.join()


def test_who_changes_rows_is_told_how_many_of_his_own_were_changed(database, computing):
    """The driver counts by connection: beside the writing thread one in three hundred was told another's."""
    nobody = update(MEMBER).where(MEMBER.c.customer == "nobody").values(since=0)
    with database.write() as connection:
        for start in range(0, 127 * 400, 127):
            insert(connection, NUMBER, [{"id": n} for n in range(start, start + 127)])
            assert connection.execute(nobody).rowcount == 0


def test_writing_goes_on_while_other_threads_compute(database, computing):
    """Row by row the driver would wait for the interpreter after each of them."""
    statements = []
    with database.write() as connection:
        raw = connection.connection.driver_connection
        raw.set_trace_callback(statements.append)
        insert(connection, NUMBER, [{"id": n} for n in range(5_000)])
        connection.info[BEHIND].wait()
        raw.set_trace_callback(None)
    assert len(statements) <= 8


def test_what_is_written_soon_is_seen_by_others_once_it_is_kept(database):
    with database.write_soon() as connection:
        insert(connection, NUMBER, [{"id": n} for n in range(5_000)])
    database.settle()
    with database.read() as connection:
        assert numbers(connection) == 5_000


def test_what_is_written_with_more_to_come_is_kept_together(database):
    with database.write_soon(more=True) as connection:
        insert(connection, NUMBER, [{"id": n} for n in range(100)])
    with database.read() as connection:
        assert numbers(connection) == 0
    with database.write_soon() as connection:
        assert numbers(connection) == 100, "it reads what it wrote before"
        insert(connection, NUMBER, [{"id": n} for n in range(100, 200)])
    database.settle()
    with database.read() as connection:
        assert numbers(connection) == 200


def test_whoever_settles_also_ends_what_had_more_to_come(database):
    with database.write_soon(more=True) as connection:
        insert(connection, NUMBER, [{"id": n} for n in range(100)])
    database.settle()
    with database.write() as connection:
        assert numbers(connection) == 100


def test_another_writer_waits_until_what_was_written_soon_is_kept(database):
    with database.write_soon() as connection:
        insert(connection, NUMBER, [{"id": n} for n in range(20_000)])
    with database.write() as connection:
        assert numbers(connection) == 20_000


@pytest.mark.parametrize("more", [False, True])
def test_a_row_that_cannot_be_written_soon_is_told_when_it_is_settled(database, more):
    with database.write_soon(more=more) as connection:
        insert(connection, NUMBER, [{"id": n} for n in range(100)])
        insert(connection, NUMBER, [{"id": 7}] * 20)
    with pytest.raises(IntegrityError):
        database.settle()
    database.settle()
    with database.write() as connection:
        assert numbers(connection) == 0, "nothing of it was kept"


def test_a_mistake_while_more_is_to_come_takes_all_of_it_back(database):
    with database.write_soon(more=True) as connection:
        insert(connection, NUMBER, [{"id": n} for n in range(100)])

    def fail():
        with database.write_soon() as connection:
            insert(connection, NUMBER, [{"id": n} for n in range(100, 200)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    database.settle()
    with database.write() as connection:
        assert numbers(connection) == 0


def test_what_is_written_soon_in_a_larger_transaction_is_part_of_it(database):
    with database.together():
        with database.write_soon(more=True) as connection:
            insert(connection, NUMBER, [{"id": n} for n in range(100)])
        database.settle()
        with database.read() as connection:
            assert numbers(connection) == 100
    with database.read() as connection:
        assert numbers(connection) == 100
