"""A company is begun with commented examples; what is wrong with it is told with file, line and advice."""

from pathlib import Path

import pytest

from tests.company import icustomer


@pytest.fixture
def path(tmp_path):
    assert icustomer("init", tmp_path / "acme").code == 0
    return tmp_path / "acme"


def check(path):
    answer = icustomer("check", path, "--json")
    assert answer.code == (1 if answer.json["problems"] else 0)
    return answer.json["problems"]


def change(path, before, after, file="definitions.yaml"):
    text = (path / file).read_text(encoding="utf-8")
    assert before in text
    (path / file).write_text(text.replace(before, after), encoding="utf-8")
    return next(n for n, line in enumerate(text.split("\n"), 1) if before.split("\n")[0] in line)


def test_what_init_makes_is_in_order_explained_and_usable(path):
    assert check(path) == []
    assert "in order" in icustomer("check", path).out
    text = "".join(file.read_text(encoding="utf-8") for file in path.glob("*.yaml"))
    assert text.count("# ") >= 5
    for section in ("company", "systems", "identifiers", "traits", "segments", "rules", "flows"):
        assert f"\n{section}:" in f"\n{text}"
    answer = icustomer("cic", "segments", "--dir", path, "--json")
    assert {row["name"] for row in answer.json} == {"active", "vip"}


def test_init_does_not_touch_what_is_there(path):
    before = {file: file.read_bytes() for file in path.iterdir() if file.is_file()}
    answer = icustomer("init", path)
    assert answer.code == 1
    assert "already" in answer.err
    assert {file: file.read_bytes() for file in path.iterdir() if file.is_file()} == before


def test_init_tells_a_script_what_it_made(tmp_path):
    answer = icustomer("init", tmp_path / "new", "--json")
    assert Path(answer.json["made"]) == tmp_path / "new"


@pytest.mark.parametrize(
    ("before", "after", "message", "advice"),
    [
        ("when: orders 90d > 0", "when: ordres 90d > 0", "", "orders 90d"),
        ("when: orders 90d > 0", "when: orders 90d >", "", ""),
        ("vip: {title", "vip: {tilte", "tilte", "title"),
        ("on: {left: active}", "on: {left: actve}", "actve", "active"),
        ("on: {left: active}", "on: {}", "exactly one", ""),
        ("- task: {queue", "- taks: {queue", "taks", "task"),
        ("window: 365 d", "window: one year", "one year", "P30D"),
        ("sum: total, of: Order Completed, window: 365 d", "sum: 'total >', of: Order Completed", "",
         ""),
        ("once per: 30 d", "once per: P1M", "P1M", ""),
        ("format: csv", "format: excel", "csv", ""),
        ("identifiers: {email: email}", "identifiers: {emial: email}", "emial", "email"),
        ("masters: [crm]", "masters: [cmr]", "cmr", "crm"),
        ("source: crm", "source: cmr", "cmr", "crm"),
        ("freshness: 365 d", "freshness: a year", "a year", "P30D"),
        ("queue: loyalty", "queue: loyality", "loyality", "loyalty"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_advice(path, before, after, message, advice):
    line = change(path, before, after)
    problems = check(path)
    assert problems, "the mistake was not found"
    first = problems[0]
    assert first["file"].endswith("definitions.yaml")
    # A mistake of form is told by its own line, one of meaning by the definition it stands in.
    assert line - 10 < first["line"] <= line + 1, first
    assert message in first["text"]
    assert advice in first["text"]
    shown = icustomer("check", path)
    assert shown.code == 1
    assert shown.out == ""
    assert f"definitions.yaml:{first['line']}:" in shown.err


def test_a_time_zone_that_does_not_exist_is_told(path):
    change(path, "Europe/Paris", "Europe/Pariss", "company.yaml")
    (problem,) = check(path)
    assert (problem["file"], problem["line"]) == ("company.yaml", 5)
    assert "Europe/Pariss" in problem["message"]


def test_what_is_no_yaml_is_told_by_line(path):
    change(path, "segments:", "segments: [")
    (problem, *_) = check(path)
    assert problem["line"] > 0
    assert "YAML" in problem["message"]


def test_all_mistakes_of_form_are_told_at_once(path):
    change(path, "window: 90 d", "windw: 90 d")
    change(path, "app: sales", "ap: sales")
    assert len(check(path)) >= 2


def test_a_name_that_means_two_things_is_told(path):
    change(path, "segments:\n", "segments:\n  orders 90d: {when: orders 90d > 3}\n")
    problems = check(path)
    assert any("orders 90d" in problem["text"] for problem in problems)


def test_a_dead_link_of_a_capability_is_told(path):
    (path / "more.yaml").write_text(
        "capabilities:\n  loyalty:\n    title: {en: Loyalty, zh: 忠诚}\n"
        "    measures: [no such measure]\n    elements: [cic.segments.gone]\n",
        encoding="utf-8",
    )
    texts = " ".join(problem["text"] for problem in check(path))
    assert "no such measure" in texts
    assert "gone" in texts


def test_checking_changes_nothing(path):
    before = sorted(path.rglob("*"))
    check(path)
    assert sorted(path.rglob("*")) == before


def test_a_broken_company_is_not_opened(path):
    change(path, "on: {left: active}", "on: {left: actve}")
    answer = icustomer("cii", "ledger", "--dir", path, "--json")
    assert answer.code == 1
    assert "definitions.yaml:" in answer.err
