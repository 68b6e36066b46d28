"""Questions on their way: turns, stopping, remembering."""

import threading
import time

import anyio
import anyio.to_thread
import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.known import Answers, size_of
from cic.policies import OWNER, Policies, Reader
from cic.ports import Result
from cic.running import Queries, current, reading
from cic.testing import Facts, fact
from cid.kit.definitions import Definitions
from cid.kit.errors import Conflict, ICustomerError, InvalidInput, NotFound, Overloaded, Refused
from icustomer.web.reading import Reading

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"
ANN, BOB = Reader("analyst", person="ann"), Reader("analyst", person="bob")


@pytest.fixture
def history(tmp_path):
    history = DuckDbHistory(tmp_path / "history.duckdb", memory="256MB")
    history.sync(Facts([fact(1), fact(2)]))
    yield history
    history.close()


def queries(history, **limits):
    return Queries(history, Policies(Definitions(None, {})), lambda: 0, **limits)


def begun(asked, sql, reader, wait=True):
    """Ask in the background; return the thread and what will have come of it."""
    found = []

    def ask():
        try:
            found.append(asked.query(sql, seconds=20, reader=reader))
        except ICustomerError as error:
            found.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    until = time.monotonic() + 5
    while wait and time.monotonic() < until:
        if any(each["id"] == reader.id for each in asked.running()):
            break
        time.sleep(0.005)
    return thread, found


def test_the_same_question_about_the_same_history_is_answered_from_memory(history):
    asked = queries(history)
    ask = "SELECT count(*) FROM facts"
    first, second = asked.query(ask), asked.query(ask)
    assert (first.cached, second.cached, second.rows) == (False, True, [(2,)])
    assert first.position == 2
    source = Facts([fact(1), fact(2), fact(3)])
    history.sync(source)
    third = asked.query(ask)
    assert (third.cached, third.rows, third.position) == (False, [(3,)], 3)


def test_an_answer_holds_up_to_the_last_fact_in_it_also_where_facts_come_meanwhile(
    history, monkeypatch
):
    place = history.position

    def slowly():
        found = place()
        history.sync(Facts([fact(1), fact(2), fact(3)]))
        return found

    monkeypatch.setattr(history, "position", slowly)
    answer = queries(history).query("SELECT count(*) FROM facts")
    assert (answer.rows, answer.position) == ([(3,)], 3)


def test_what_one_may_see_is_not_remembered_for_another(history):
    asked = queries(history)
    ask = "SELECT DISTINCT identity FROM facts"
    assert asked.query(ask, reader=OWNER).rows == [("user_id:c1",)]
    assert asked.query(ask, reader=ANN).rows == [("user_id:•••",)]
    assert asked.query(ask, reader=BOB).cached
    assert asked.query(ask, rows=0, reader=BOB).rows == []


def test_what_may_change_by_itself_is_asked_anew(history):
    asked = queries(history)
    for sql in ("SELECT random()", "SELECT now()::VARCHAR", "SELECT * FROM facts USING SAMPLE 1"):
        asked.query(sql)
        assert not asked.query(sql).cached


def test_a_moment_that_cannot_be_shown_is_explained(history):
    with pytest.raises(InvalidInput, match="time zone"):
        history.query("SELECT now()")


def sized(rows):
    result = Result(["a"], rows)
    return result, size_of(result)


def test_remembered_answers_take_no_more_memory_than_allowed():
    answers = Answers(100_000)
    for number in range(100):
        answers.put((str(number),), *sized([("x" * 100,)] * 20))
    assert answers._size <= 100_000
    assert answers.get(("0",)) is None
    assert answers.get(("99",)) is not None
    answers.put(("large",), *sized([("x" * 1_000,)] * 200))
    assert answers.get(("large",)) is None


def test_a_question_can_be_stopped_by_who_asked_and_by_an_architect(history):
    asked = queries(history)
    mine = Reader("analyst", person="ann", id="q1")
    thread, found = begun(asked, ENDLESS, mine)
    with pytest.raises(Refused):
        asked.stop("q1", BOB)
    with reading(BOB):
        assert asked.running() == []
    (seen,) = asked.running()
    assert (seen["id"], seen["person"], seen["purpose"]) == ("q1", "ann", "analysis")
    asked.stop("q1", Reader("architect"))
    thread.join(5)
    assert isinstance(found[0], Conflict)
    with pytest.raises(NotFound):
        asked.stop("q1")
    assert asked.query("SELECT 1").rows == [(1,)]


def test_who_waits_for_a_turn_can_be_stopped_too(history):
    asked = queries(history, at_once=1)
    first, _ = begun(asked, ENDLESS, Reader("analyst", person="ann", id="a"))
    second, found = begun(asked, "SELECT 1", Reader("analyst", person="bob", id="b"))
    assert [each["waiting"] for each in asked.running()] == [False, True]
    asked.stop("b", BOB)
    second.join(5)
    assert isinstance(found[0], Conflict)
    asked.stop("a", ANN)
    first.join(5)


def test_too_many_questions_are_refused_and_who_waits_too_long(history):
    asked = queries(history, at_once=1, waiting=1, patience=0.1)
    first, _ = begun(asked, ENDLESS, Reader("analyst", person="ann", id="a"))
    with pytest.raises(Overloaded, match="1 questions are being answered"):
        asked.query("SELECT 1", reader=BOB)
    slow = queries(history, at_once=1, waiting=0)
    with pytest.raises(Overloaded):
        slow.query("SELECT 1", reader=BOB)
    asked.stop("a", ANN)
    first.join(5)
    assert asked.query("SELECT 1", reader=BOB).rows == [(1,)]


def test_who_asks_little_does_not_wait_for_who_asks_much(history):
    asked = queries(history, at_once=2)
    threads = [
        begun(asked, ENDLESS, Reader("analyst", person="ann", id=f"a{n}"))[0] for n in range(4)
    ]
    late, found = begun(asked, "SELECT 42", Reader("analyst", person="bob", id="b"), wait=False)
    asked.stop("a0", ANN)
    late.join(5)
    assert found[0].rows == [(42,)]
    waiting = [each["id"] for each in asked.running() if each["waiting"]]
    assert {"a2", "a3"} & set(waiting)
    for number in range(1, 4):
        asked.stop(f"a{number}", ANN)
    for thread in threads:
        thread.join(5)


def test_what_another_has_asked_meanwhile_is_not_asked_again(history):
    asked = queries(history, at_once=1)
    ask = "SELECT count(*) FROM facts"
    busy, _ = begun(asked, ENDLESS, Reader("analyst", person="ann", id="a"))
    waiting = [
        begun(asked, ask, Reader("analyst", person="bob", id=f"b{number}")) for number in range(3)
    ]
    asked.stop("a", ANN)
    for thread, _ in [(busy, []), *waiting]:
        thread.join(5)
    answers = [found[0] for _, found in waiting]
    assert [each.rows for each in answers] == [[(2,)]] * 3
    assert sorted(each.cached for each in answers) == [False, True, True]


def test_every_read_is_noted_with_its_purpose(history):
    asked = queries(history)
    asked.query("SELECT 1", reader=ANN)
    asked.query("SELECT 2", reader=Reader("agent", "billing", "kim"))
    noted = [(each["role"], each["person"], each["purpose"]) for each in asked.read()]
    assert noted == [("agent", "kim", "billing"), ("analyst", "ann", "analysis")]
    with reading(ANN):
        assert [each["person"] for each in asked.read()] == ["ann"]


def test_an_answer_that_is_too_large_is_refused(history):
    wide = "SELECT string_agg(range, ',') AS l FROM range(100000)"
    with pytest.raises(InvalidInput, match="larger than"):
        history.query(f"SELECT l, l, l FROM ({wide}) x, range(100)")
    many = "SELECT list(range) AS l FROM range(100000)"
    with pytest.raises(InvalidInput, match="larger than"):
        history.query(f"SELECT l FROM ({many}) x, range(60)")


def test_views_are_listed_as_their_reader_sees_them(history):
    assert "total" in queries(history).views()["facts"]
    assert "kept" not in str(queries(history).views())


def test_who_closes_the_connection_stops_the_question(history):
    asked, found = queries(history), []

    async def app(scope, receive, send):
        await receive()
        with pytest.raises(Conflict) as error:
            await anyio.to_thread.run_sync(asked.query, ENDLESS)
        found.append((str(error.value), current()))

    async def receive():
        if not gone:
            gone.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}
        while not asked.running():
            await anyio.sleep(0.01)
        return {"type": "http.disconnect"}

    gone = []
    headers = [(b"x-purpose", b"audit"), (b"cookie", b"role=analyst"), (b"x-query-id", b"q9")]
    scope = {"type": "http", "method": "POST", "path": "/api/cic/sql", "headers": headers}
    scope |= {"query_string": b"", "server": ("127.0.0.1", 80), "scheme": "http"}
    anyio.run(Reading(app, queries=asked), scope, receive, None)
    ((said, reader),) = found
    assert "stopped" in said
    assert (reader.role, reader.purpose, reader.id) == ("analyst", "audit", "q9")
    assert current() == OWNER
