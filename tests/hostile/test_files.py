"""Files and definitions are read as what they are: no bombs, no other files, no formulas, no code."""

from __future__ import annotations

import csv
import gzip
import io
import resource
import subprocess
import sys

import pytest

from cid.kit.errors import ICustomerError
from icustomer import ICustomer
from icustomer.logs import log_to_stderr
from icustomer.starting import check_company
from tests.company import icustomer
from tests.hostile.conftest import COMPANY

BILLION = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
)


@pytest.mark.parametrize(
    "text",
    [
        BILLION,
        "traits: &a {x: *a}",
        "traits: !!python/object/apply:os.system ['touch {folder}/owned']",
        "traits: !!python/name:os.system x",
        "traits: !!python/object/new:subprocess.Popen [[touch, {folder}/owned]]",
        "traits: !!binary aGk=",
        "traits: !<tag:evil> x",
        "traits: {x: !!set {a, b}}",
        "? [a, b]\n: c",
        "[" * 50_000,
        "a: " * 50_000,
        "- " * 50_000 + "x",
        "traits: {<<: {x: 1}}",
        "\x00",
        "%TAG ! tag:evil,2000:\n--- !x\n",
        "--- {}\n--- {}",
        "traits: {x: {count: true, count: false}}",
    ],
    ids=range(17),
)
def test_yaml_that_is_a_bomb_or_a_tag_is_a_mistake_with_a_place(tmp_path, text):
    (tmp_path / "company.yaml").write_text(COMPANY)
    (tmp_path / "evil.yaml").write_text(text.replace("{folder}", str(tmp_path)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    problems = check_company(tmp_path)
    assert problems
    assert problems[0]["file"] == "evil.yaml"
    assert "Traceback" not in problems[0]["text"]
    assert not (tmp_path / "owned").exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


LIMITED = """
import resource, sys
from pathlib import Path
from icustomer import ICustomer
with ICustomer.open(sys.argv[1]) as company:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(company.cii.load(sys.argv[2], [sys.argv[3]]))
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, "MiB")
"""


@pytest.mark.parametrize(("flow", "name"), [("orders", "orders.csv"), ("lines", "lines.jsonl")])
def test_a_packed_file_that_is_a_bomb_is_read_within_little_memory(tmp_path, flow, name):
    company = tmp_path / "company"
    company.mkdir()
    (company / "company.yaml").write_text(COMPANY)
    bomb = tmp_path / f"{name}.gz"
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        file.write(b"id,user,total\n")
        for _ in range(300):
            file.write(b"x" * (1 << 20))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(company), flow, str(bomb)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-800:]
    fate, used = done.stdout.splitlines()
    assert "'applied': 0" in fate
    assert int(used.split()[0]) < 250


def test_what_is_loaded_is_named_by_whoever_owns_the_machine_never_by_a_request(client):
    """No path of the API or the pages takes the name of a file."""
    described = client.get("/openapi.json").json()
    for path, methods in described["paths"].items():
        for operation in methods.values():
            names = {each["name"] for each in operation.get("parameters", [])}
            assert not names & {"file", "files", "path", "filename", "directory"}, path
    fields = {
        field
        for schema in described["components"]["schemas"].values()
        for field in schema.get("properties", {})
    }
    assert not fields & {"files", "path", "filename", "directory"}


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/pyproject.toml",
        "/static/....//app.py",
        "/static//etc/passwd",
        "/static/vendor/..%5c..%5capp.py",
        "/static/%00",
    ],
)
def test_no_address_leads_out_of_the_static_files(client, path):
    answer = client.get(path)
    assert answer.status_code in (400, 404), path
    assert "import" not in answer.text


def test_the_door_of_the_command_line_is_shut_without_its_token(company, client):
    from fastapi.testclient import TestClient

    from icustomer.app import create_app

    assert client.post("/_command/cii.load", json={}).status_code == 404
    app = create_app(company, beat=False, token="right")
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as other:
        for given in ("", "Bearer", "Bearer wrong", "Basic right", "Bearer rightt"):
            answer = other.post("/_command/summary", json={}, headers={"Authorization": given})
            assert answer.status_code == 401
        right = {"Authorization": "Bearer right"}
        assert other.post("/_command/summary", json={}, headers=right).status_code == 200
        for name in ("close", "company.close", "cii.transport.close", "__class__", "cid.__init__"):
            assert other.post(f"/_command/{name}", json={}, headers=right).status_code == 404
        for body in (b"", b"[", b"[1]", b"7", b'{"self": 1}', b'{"nope": 1}'):
            answer = other.post("/_command/summary", content=body, headers=right)
            assert 400 <= answer.status_code < 500, body
            assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "name",
    ["../../nowhere/passwd", "/proc/self/nothing", "..\\..\\boot.ini", "orders\x00.csv", "."],
)
def test_a_file_that_is_not_there_or_no_file_is_told(company, name):
    with pytest.raises((ICustomerError, ValueError)) as told:
        company.cii.load("lines", [name])
    assert str(told.value)


@pytest.mark.parametrize(
    "section",
    [
        "scores: {../../../evil: {event: X, positive: orders > 0, horizon: 30 d, features: [orders]}}",
        "flows: {../../evil: {source: shop, format: csv, files: [../../*.csv], record: {event: id}}}",
        "traits: {../../../evil: {count: true, of: X}}",
        "segments: {'../../evil': {when: orders > 0}}",
    ],
)
def test_a_name_in_a_definition_never_becomes_a_place_on_the_disk(tmp_path, section):
    directory = tmp_path / "deep" / "er" / "company"
    directory.mkdir(parents=True)
    (directory / "company.yaml").write_text(COMPANY)
    (directory / "evil.yaml").write_text(section)
    if not check_company(directory):
        with ICustomer.open(directory) as company:
            company.catch_up()
    assert [
        path for path in tmp_path.rglob("*") if "evil" in path.name and path.suffix != ".yaml"
    ] == []
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}


@pytest.mark.parametrize(
    "text", ["=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "=1"]
)
def test_a_text_in_an_export_is_never_a_formula(text):
    from cbc.api import _csv

    rows = list(csv.reader(io.StringIO(_csv(["name", text], [{"name": text, text: text}]))))
    for cell in (*rows[0], *rows[1]):
        assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert list(csv.reader(io.StringIO(_csv(["n"], [{"n": -2.5}]))))[1] == ["-2.5"]


def test_a_log_line_is_one_line(capsys):
    import structlog

    log_to_stderr()
    structlog.get_logger("icustomer").error("heart.failed", error="a\n2026 [error] faked\x1b[31m")
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1
    assert "\x1b[31m" not in told.err


def test_what_the_command_line_is_told_does_not_move_the_terminal(tmp_path):
    (tmp_path / "company.yaml").write_text(COMPANY.replace("Hostile", "Evil"))
    answer = icustomer("cid", "customer", "\x1b[2J\x1b]0;owned\x07", "--dir", tmp_path)
    assert answer.code != 0
    assert "\x1b" not in answer.err + answer.out
