import csv
import json
from pathlib import Path

import duckdb

from cii.ports import CONNECTORS, TRANSPORTS, Transport
from cii.testing import ConnectorContract, TransportContract


class TestSqliteLog(TransportContract):
    def open(self, directory: Path) -> Transport:
        return TRANSPORTS.load("sqlite")(directory / "log.sqlite")

    def delete(self, log: Transport, partition: int, before: int) -> None:
        with log._file.write() as db:
            db.execute("DELETE FROM log WHERE part = ? AND off < ?", (partition, before))

    def destroy(self, directory: Path) -> None:
        for file in directory.glob("log.sqlite*"):
            file.unlink()


class TestCsv(ConnectorContract):
    suffix = ".csv"
    broken_line = (b"id,name\nr1,ann\nr2,\xff\xfe\nr3,bob\n", 3)

    def connector(self):
        return CONNECTORS.load("csv")()

    def write(self, path, rows):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["id", "name"])
            writer.writeheader()
            writer.writerows(rows)


class TestJsonLines(ConnectorContract):
    suffix = ".jsonl"
    broken_line = (b'{"id": "r1"}\n{"id": "r2"\n{"id": "r3"}\n', 2)

    def connector(self):
        return CONNECTORS.load("jsonl")()

    def write(self, path, rows):
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        path.write_text("".join(lines), encoding="utf-8")


class TestJson(ConnectorContract):
    suffix = ".json"
    broken_file = b'[{"id": "r1", "name": "ann"},\n{"id": "r2"\n'

    def connector(self):
        return CONNECTORS.load("json")()

    def write(self, path, rows):
        path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


class TestParquet(ConnectorContract):
    suffix = ".parquet"
    text = False

    def connector(self):
        return CONNECTORS.load("parquet")()

    def write(self, path, rows):
        lines = path.with_suffix(".lines")
        lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
        columns = "{id: 'VARCHAR', name: 'VARCHAR'}"
        with duckdb.connect() as db:
            source = f"read_json('{lines}', columns = {columns}, format = 'newline_delimited')"
            db.execute(f"COPY (SELECT * FROM {source}) TO '{path}' (FORMAT parquet)")
