"""Files are read whole: a line that cannot be read is reported and does not lose the others."""

import gzip
from functools import partial

import duckdb
import pytest

from cid.kit.errors import InvalidInput
from cii.adapters.files import Csv, Json, JsonLines, Parquet
from cii.ports import CONNECTORS, Connector

# Without the moment in it: parallel runs must name the same tests.
zipped = partial(gzip.compress, mtime=0)


def rows(connector, path, content, **options):
    if isinstance(content, str):
        content = content.encode()
    path.write_bytes(content)
    return list(connector.rows(path, options))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "orders.csv"


def test_all_readers_come_in_through_the_socket():
    for name, kind in {"csv": Csv, "jsonl": JsonLines, "json": Json, "parquet": Parquet}.items():
        assert CONNECTORS.load(name) is kind
        assert isinstance(kind(), Connector)


def test_csv_knows_quotes_line_ends_and_the_mark_of_utf_8(path):
    content = '\ufeffid,name\r\n1,"Wang ""Fang"" 王, \n芳"\r\n\r\n2,\r\n'
    assert rows(Csv(), path, content) == [
        {"id": "1", "name": 'Wang "Fang" 王, \n芳'},
        {"id": "2", "name": None},
    ]


def test_csv_packed_with_gzip_is_read_whatever_its_name(path):
    assert rows(Csv(), path, zipped(b"id\n1\n")) == [{"id": "1"}]


def test_csv_with_another_delimiter_and_encoding(path):
    content = "id;name\n1;王芳\n".encode("gb18030")
    assert rows(Csv(), path, content, delimiter=";", encoding="gb18030") == [
        {"id": "1", "name": "王芳"}
    ]
    assert rows(Csv(), path, "id\tname\n1\tx\n", delimiter="tab") == [{"id": "1", "name": "x"}]


def test_columns_without_a_name_or_with_the_same_name_stay_apart(path):
    assert rows(Csv(), path, ",a,a\n0,1,2\n") == [{"column 1": "0", "a": "1", "a 3": "2"}]


def test_a_broken_line_of_csv_does_not_lose_the_others(path):
    content = b'id,name\n1,ok\n2,too,many\n3\n4,"x"y\n5,bad \xff\n6,"never closed\n7,ok\n8,ok\n'
    found = rows(Csv(), path, content)
    assert [row["id"] for row in found if "_fault" not in row] == ["1", "7", "8"]
    faults = {row["_line"]: row["_fault"] for row in found if "_fault" in row}
    assert set(faults) == {3, 4, 5, 6, 7}
    assert faults[3] == "3 fields where the first line names 2 columns"
    assert faults[6] == "not text in the flow's encoding"
    assert next(row["_raw"] for row in found if row.get("_line") == 7) == '6,"never closed'


def test_a_field_without_end_is_one_fault(path):
    content = "id,name\n1," + "x" * 200_000 + "\n2,ok\n"
    found = rows(Csv(), path, content)
    assert found[0]["_line"] == 2
    assert len(found[0]["_raw"]) == 10_000
    assert found[1:] == [{"id": "2", "name": "ok"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "orders.csv:1: the first line has to name the columns"),
        (b"id;name\n1;2\n", "delimiter: ';'"),
        (b"id,n\xe4me\n1,2\n", "orders.csv:1: not text"),
        (zipped(b"id\n" + b"".join(b"%d\n" % n for n in range(90_000)))[:-9000], "damaged"),
    ],
)
def test_a_file_that_is_not_csv_says_where(path, content, said):
    with pytest.raises(InvalidInput) as caught:
        rows(Csv(), path, content)
    assert said in str(caught.value)


def test_a_missing_file_and_an_unknown_encoding_are_clear_errors(tmp_path, path):
    with pytest.raises(InvalidInput, match="no such file"):
        list(Csv().rows(tmp_path / "absent.csv", {}))
    with pytest.raises(InvalidInput, match="is not an encoding"):
        rows(Csv(), path, "id\n1\n", encoding="klingon")


def test_a_broken_line_of_json_lines_does_not_lose_the_others(path):
    content = b'{"id": 1}\n\n{"id": 2\n[3]\n{"id": "\xff"}\n{"id": "\xe7\x8e\x8b"}'
    found = rows(JsonLines(), path, content)
    assert [row for row in found if "_fault" not in row] == [{"id": 1}, {"id": "王"}]
    assert [row["_line"] for row in found if "_fault" in row] == [3, 4, 5]


@pytest.mark.parametrize(
    "content",
    [
        '[{"id": 1}, {"id": 2}]',
        '\n[\n {"id": 1},\n {"id": 2}\n]\n',
        '{"id": 1}\n{"id": 2}\n',
        '{"id": 1} {"id": 2}',
        '{\n "id": 1\n}\n{\n "id": 2\n}\n',
    ],
)
def test_json_is_read_as_an_array_or_as_objects_one_after_the_other(path, content):
    assert rows(Json(), path, content) == [{"id": 1}, {"id": 2}]
    assert rows(Json(), path, zipped(content.encode())) == [{"id": 1}, {"id": 2}]


def test_json_that_ends_too_early_says_where(path):
    with pytest.raises(InvalidInput, match=r"orders\.csv:3: not JSON"):
        rows(Json(), path, '[\n{"id": 1},\n{"id"')


def test_elements_of_json_that_are_no_objects_are_faults(path):
    found = rows(Json(), path, '[{"id": 1}, 7]')
    assert found[0] == {"id": 1}
    assert found[1]["_fault"] == "element 2 is not an object"


def test_parquet_gives_moments_as_text_in_utc(tmp_path):
    path = tmp_path / "log.parquet"
    duckdb.execute(
        f"COPY (SELECT 1 AS id, TIMESTAMPTZ '2010-01-13 07:40:25+01' AS \"time:stamp\", NULL AS x) "
        f"TO '{path}' (FORMAT parquet)"
    )
    plain = list(Parquet().rows(path, {}))
    assert plain == [{"id": 1, "time:stamp": "2010-01-13 06:40:25+00", "x": None}]
    packed = tmp_path / "log.parquet.gz"
    packed.write_bytes(zipped(path.read_bytes()))
    assert list(Parquet().rows(packed, {})) == plain


def test_what_is_not_parquet_is_a_clear_error(path):
    with pytest.raises(InvalidInput, match="not a readable Parquet file"):
        rows(Parquet(), path, "id\n1\n")
