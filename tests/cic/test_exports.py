"""Answers as files, and the note of who took them."""

import csv
import hashlib
import io
import json

import duckdb
import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.exploration import Exploration
from cic.exports import Exports
from cic.policies import Policies, Reader
from cic.running import Queries, reading
from cic.testing import Facts, fact
from cid.kit.clock import DAY
from cid.kit.definitions import Definitions
from cid.kit.errors import InvalidInput, Refused

ALL = "SELECT position, customer, time, total, properties, properties->>'note' AS note FROM facts ORDER BY 1"


class Notes(list):
    def note_export(self, row):
        self.append(row)

    def exports(self, limit):
        return self[:limit]


@pytest.fixture
def exports(tmp_path):
    history = DuckDbHistory(tmp_path / "history.duckdb", memory="256MB")
    notes = [None, "a,b", 'say "x"', "\n", "王芳", "=1+1", ""]
    facts = [
        fact(n + 1, time=n * DAY, customer=f"c{n % 2}", properties={"total": n / 4, "note": note})
        for n, note in enumerate(notes)
    ]
    history.sync(Facts(facts))
    definitions = Definitions(None, {})
    queries = Queries(history, Policies(definitions), lambda: 9 * DAY)
    exploration = Exploration(definitions, queries, lambda: 9 * DAY)
    yield Exports(queries, exploration, Notes(), history.parquet, lambda: 9 * DAY)
    history.close()


def test_a_csv_file_holds_what_the_answer_says_and_its_taking_is_noted(exports):
    with reading(Reader("agent", "service", "kim")):
        made = exports.make("csv", sql=ALL)
    data = b"".join(made.parts())
    rows = list(csv.reader(io.StringIO(data.decode())))
    assert rows[0] == ["position", "customer", "time", "total", "properties", "note"]
    assert rows[2][1:4] == ["c1", "1970-01-02T00:00:00.000Z", "0.25"]
    assert [row[5] for row in rows[1:]] == ["", "a,b", 'say "x"', "\n", "王芳", "'=1+1", ""]
    (noted,) = exports.noted()
    assert noted["sha256"] == hashlib.sha256(data).hexdigest() == made.sha256
    assert (noted["rows"], noted["bytes"], noted["position"]) == (7, len(data), 7)
    assert (noted["person"], noted["role"], noted["purpose"]) == ("kim", "agent", "service")
    assert noted["question"] == ALL


def test_a_parquet_file_keeps_types_and_what_is_missing(exports, tmp_path):
    said = exports.to_file(str(tmp_path / "all.parquet"), sql=ALL)
    assert said["rows"] == 7
    found = duckdb.sql(f"SELECT * FROM '{tmp_path}/all.parquet'")
    types = [str(type_) for type_ in found.types]
    assert types == ["BIGINT", "VARCHAR", "TIMESTAMP", "DECIMAL(18,4)", "VARCHAR", "VARCHAR"]
    rows = found.fetchall()
    assert [row[5] for row in rows] == [None, "a,b", 'say "x"', "\n", "王芳", "=1+1", ""]
    assert json.loads(rows[1][4]) == {"total": 0.25, "note": "a,b"}
    assert str(rows[1][3]) == "0.2500"


def test_an_export_shows_no_more_than_its_reader_sees(exports):
    with reading(Reader("analyst", person="ann")):
        made = exports.make("csv", sql="SELECT DISTINCT identity FROM facts")
        assert b"".join(made.parts()).split() == [b"identity", "user_id:•••".encode()]
        with pytest.raises(Refused):
            exports.make("csv", sql="SELECT * FROM kept.owner")
    with reading(Reader("analyst", person="bob")):
        assert exports.noted() == []
    assert [row["person"] for row in exports.noted()] == ["ann"]


def test_a_question_and_the_customers_behind_a_row_are_exported(exports, tmp_path):
    question = {"measures": ["orders", "revenue"], "dimensions": ["month"]}
    made = exports.make("csv", question)
    assert b"".join(made.parts()).decode().splitlines() == [
        "month,orders,revenue",
        "1970-01-01,7,5.25",
    ]
    behind = exports.make("csv", question, row={"month": "1970-01-01"})
    assert behind.rows == 2
    assert b"c0" in b"".join(behind.parts())
    assert exports.to_file(str(tmp_path / "m.parquet"), question=question)["rows"] == 1


def test_many_rows_pass_through_without_being_held(exports):
    made = exports.make("csv", sql="SELECT range AS n, range AS n FROM range(200000)")
    data = b"".join(made.parts())
    assert made.rows == 200_000
    assert data.startswith(b"n,n_2\r\n0,0\r\n")
    assert data.endswith(b"199999,199999\r\n")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"question": {"measures": ["orders"]}, "sql": "SELECT 1"},
        {"sql": "DELETE FROM facts"},
        {"sql": "SELECT 1", "format": "xlsx"},
        {"question": {"measures": ["nonsense"]}},
    ],
)
def test_what_cannot_be_exported_is_refused_and_not_noted(exports, asked):
    with pytest.raises(Exception, match=r"."):
        exports.make(**{"format": "csv", **asked})
    assert exports.noted() == []


def test_a_file_that_is_there_is_not_written_over(exports, tmp_path):
    path = tmp_path / "there.csv"
    path.write_text("mine")
    with pytest.raises(InvalidInput, match="File exists"):
        exports.to_file(str(path), sql="SELECT 1")
    assert path.read_text() == "mine"


def test_columns_that_differ_in_capitals_only_stay_apart_in_a_file(exports, tmp_path):
    for sql in ('SELECT 1 AS web, 2 AS "Web", 3 AS web', "SELECT 1 AS a_2, 2 AS A, 3 AS a"):
        said = exports.to_file(str(tmp_path / f"{len(sql)}.parquet"), sql=sql)
        assert duckdb.sql(f"SELECT * FROM '{said['file']}'").fetchall() == [(1, 2, 3)]
    question = {"measures": ["events"], "dimensions": ["source"], "pivot": "source"}
    assert exports.to_file(str(tmp_path / "pivot.parquet"), question=question)["rows"] == 1


def test_a_file_keeps_every_digit_and_says_true_as_others_do(exports, tmp_path):
    sql = "SELECT 12345678901234567890.1234::DECIMAL(38,4) AS large, 5::DECIMAL(9,2) AS five, true AS yes"
    made = exports.make("csv", sql=sql)
    assert b"".join(made.parts()).split() == [
        b"large,five,yes",
        b"12345678901234567890.1234,5,true",
    ]
    nested = "SELECT {'n': 170141183460469231731687303715884105727} AS held"
    said = exports.to_file(str(tmp_path / "nested.parquet"), sql=nested)
    ((held,),) = duckdb.sql(f"SELECT * FROM '{said['file']}'").fetchall()
    assert json.loads(held) == {"n": 2**127 - 1}
