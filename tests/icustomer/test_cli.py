"""The command line that others script against: one JSON document out, errors beside it, exit codes."""

import json
import re

import pytest

from cid.kit.errors import InvalidInput, NotFound
from icustomer import commands
from icustomer.commands import COMMANDS, carry_out
from icustomer.samples.northlake.people import PEOPLE
from tests.company import icustomer, opened

JONAS = f"user_id:{PEOPLE['Jonas Brandt']['user_id']}"
AS_OF = "2026-10-01T00:00:00Z"
COMMANDS_OF_THE_ISSUE = [
    ("check",),
    ("doctor",),
    ("plugins",),
    ("summary",),
    ("db", "upgrade"),
    ("cii", "ledger"),
    ("cii", "quarantine"),
    ("cii", "quarantine", "--replay"),
    ("cii", "flows"),
    ("cii", "matrix"),
    ("cii", "evidence", JONAS),
    ("cid", "describe"),
    ("cid", "describe", "customer"),
    ("cid", "customer", JONAS),
    ("cid", "find", "Brandt"),
    ("cid", "timeline", JONAS),
    ("cic", "segments"),
    ("cic", "members", "vip"),
    ("cic", "members", "vip", "--as-of", AS_OF),
    ("cic", "traits", JONAS),
    ("cic", "traits", JONAS, "--as-of", AS_OF),
    ("cic", "why", "vip", JONAS),
    ("cic", "query", "--sql", "SELECT segment, count(*) AS members FROM memberships GROUP BY 1"),
    ("cic", "verify"),
    ("cic", "verify", "--as-of", AS_OF),
    ("cic", "scores"),
    ("cfa", "tasks"),
    ("cfa", "cases"),
    ("cfa", "board"),
    ("context", "rules"),
    ("context", "rule", "win back a silent vip"),
    ("context", "why", "win back a silent vip", JONAS),
    ("context", "decisions", "--customer", JONAS),
    ("context", "tables"),
    ("cbc", "measures"),
    ("cbc", "measure", "retention"),
    ("cbc", "drill", "retention"),
    ("cbc", "capabilities"),
]


@pytest.fixture(scope="module")
def company(northlake, tmp_path_factory):
    with opened(northlake.copy(tmp_path_factory.mktemp("cli") / "northlake")) as company:
        yield company


@pytest.fixture
def path(company, monkeypatch):
    """A company that is open already: opening it for each command is what takes the time.

    That commands open it themselves, or ask the server that has, is told in tests/stories.
    """

    def ask(directory, command, parameters, settings=None):
        assert directory.resolve() == company.directory
        return carry_out(company, command, parameters)

    monkeypatch.setattr(commands, "ask", ask)
    return company.directory


@pytest.mark.parametrize("command", COMMANDS_OF_THE_ISSUE, ids=" ".join)
def test_a_command_prints_one_json_document_and_nothing_else(path, command):
    answer = icustomer(*command, "--dir", path, "--json")
    assert answer.code == 0, answer.err
    assert answer.err == ""
    assert isinstance(json.loads(answer.out), dict | list)
    assert answer.out.endswith("\n")


@pytest.mark.parametrize(
    "command", [("cic", "segments"), ("cid", "customer", JONAS), ("cii", "ledger"), ("plugins",)]
)
def test_without_json_a_command_prints_for_people(path, command):
    answer = icustomer("--dir", path, *command)
    assert answer.code == 0
    assert answer.out.strip()
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.out)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("cic", "members", "vipp"), "Did you mean 'vip'?"),
        (("cic", "members", "vip", "--as-of", "yesterday"), "not a moment"),
        (("cic", "traits", "email:nobody@example.org"), "nobody@example.org"),
        (("cic", "query", "--sql", "DROP TABLE facts"), "SELECT"),
        (("cic", "query", "--sql", "SELECT nothing FROM facts"), "nothing"),
        (("cic", "query"), "--file"),
        (("cic", "query", "--file", "no such file.json"), "no such file.json"),
        (("cid", "customer", "c_nobody"), "c_nobody"),
        (("cii", "load", "no such flow", "x.csv"), "no such flow"),
        (("cii", "load", "northlake till", "no such file.csv"), "no such file.csv"),
        (("cii", "unmerge", JONAS, "email:x@y.org", "--reason", "test"), "x@y.org"),
        (("context", "why", "no such rule", JONAS), "no such rule"),
        (("cbc", "drill", "retentoin"), "retention"),
        (("cbc", "loop", "loop_x"), "loop_x"),
        (("cfa", "complete", "a_x", "--outcome", "accepted"), "a_x"),
        (("cic", "dance"), "dance"),
        (("demo", "--scale", "much"), "--scale"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_an_error_goes_to_standard_error_with_an_exit_code(path, command, said):
    answer = icustomer(*command, "--dir", path, "--json")
    assert answer.code in (1, 2)
    assert answer.out == ""
    assert said in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("command", ["cid.erase", "pipeline.load", "__class__", "cic"])
def test_only_what_is_in_the_table_can_be_commanded(company, command):
    with pytest.raises(NotFound):
        carry_out(company, command, {})


def test_a_parameter_that_is_not_known_is_told(company):
    with pytest.raises(InvalidInput, match="colour"):
        carry_out(company, "cic.members", {"segment": "vip", "colour": "red"})


def test_a_directory_without_a_company_is_said_so(tmp_path):
    for directory in (tmp_path, tmp_path / "nowhere"):
        answer = icustomer("cii", "ledger", "--dir", directory, "--json")
        assert answer.code == 1
        assert answer.out == ""
        assert "icustomer init" in answer.err or "nowhere" in answer.err
    assert not (tmp_path / "nowhere").exists(), "asking makes no directory"


def test_options_for_all_commands_may_stand_anywhere(path):
    ways = [
        ("--dir", path, "--json", "cic", "segments"),
        ("cic", "--json", "segments", f"--dir={path}"),
        ("cic", "segments", "--dir", path, "--json"),
    ]
    assert len({icustomer(*way).out for way in ways}) == 1
    assert icustomer("cic", "segments", "--dir").code == 2


def test_a_query_from_a_file_answers_as_one_from_the_api(company, path, tmp_path):
    query = {"measures": ["customers"], "dimensions": ["city"]}
    file = tmp_path / "query.json"
    file.write_text(json.dumps(query))
    answer = icustomer("cic", "query", "--file", file, "--dir", path, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["rows"] == company.cic.query(query)["rows"]
    assert len(answer.json["rows"]) > 5


def test_sizes_agree_whoever_is_asked(path):
    def ask(*command):
        return icustomer(*command, "--dir", path, "--json").json

    sizes = {row["name"]: row["size"] for row in ask("cic", "segments")}
    members = ask("cic", "members", "club members")
    assert sizes["club members"] == members["size"] == len(members["members"])
    (row,) = ask(
        "cic", "query", "--sql", "SELECT count(*) FROM memberships WHERE segment = 'club members'"
    )["rows"]
    assert row == [members["size"]]


def test_every_command_of_the_table_is_something_the_company_does(company):
    for name in COMMANDS:
        target = company
        for part in name.split("."):
            target = getattr(target, part)
        assert callable(target), name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("init", "/proc/nowhere"), "cannot be written"),
        (("serve", "--port", "99999", "--dir", "{company}"), "ports end with 65535"),
        (("db", "upgrade", "--dir", "{folder}/nowhere"), "No company directory"),
        (("check", "{folder}/nowhere"), "No company directory"),
        (("rebuild", "--dir", "{folder}/nowhere"), "No company directory"),
        (("cic", "query", "--sql", "select 1", "--row", "{}", "--dir", "{company}"), "--file"),
        (("cic", "query", "--sql", "select", "--dir", "{company}"), "selection list. Ask"),
        (("cic", "define", "{folder}/nowhere.yaml", "--dir", "{company}"), "No such file"),
        (("cic", "export", "{folder}/nowhere/a.csv", "--sql", "select 1"), "No such file"),
    ],
    ids=lambda each: " ".join(each[:2]) if isinstance(each, tuple) else "",
)
def test_a_wrong_argument_is_one_sentence_and_changes_nothing(path, tmp_path, arguments, said):
    places = {"{folder}": str(tmp_path), "{company}": str(path)}
    given = []
    for each in arguments:
        for place, meant in places.items():
            each = each.replace(place, meant)
        given.append(each)
    if "--dir" not in given and given[0] == "cic":
        given += ["--dir", str(path)]
    answer = icustomer(*given)
    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not list(tmp_path.iterdir())


def test_a_command_interrupted_in_a_query_ends_as_any_that_is_interrupted(path, monkeypatch):
    def ended(*_, **__):
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr(commands, "ask", ended)
    answer = icustomer("cic", "segments", "--dir", path)
    assert (answer.code, answer.out, answer.err) == (130, "", "")


@pytest.mark.parametrize("damage", ["garbage", "truncated"])
def test_damaged_records_are_told_with_what_to_do(tmp_path, damage):
    assert icustomer("init", tmp_path / "acme").code == 0
    assert icustomer("summary", "--dir", tmp_path / "acme").code == 0
    file = tmp_path / "acme" / "data" / "records.sqlite"
    whole = file.read_bytes()
    file.write_bytes(b"no database " * 500 if damage == "garbage" else whole[: len(whole) // 2])
    for beside in ("records.sqlite-wal", "records.sqlite-shm"):
        file.with_name(beside).unlink(missing_ok=True)
    for command in (("summary",), ("rebuild",), ("cic", "segments")):
        answer = icustomer(*command, "--dir", tmp_path / "acme")
        assert answer.code == 1
        assert "move the file away" in answer.err
    file.unlink()
    assert icustomer("summary", "--dir", tmp_path / "acme").code == 0


def test_every_command_explains_itself():
    overview = icustomer("--help")
    assert overview.code == 0
    for layer in ("cid", "cii", "cic", "cfa", "context", "cbc"):
        assert layer in overview.out
        help_of_layer = icustomer(layer, "--help").out
        assert "Usage" in help_of_layer
    for command in ("init", "check", "demo", "serve", "rebuild", "doctor", "plugins", "db"):
        assert re.search(rf"\b{command}\b", overview.out)


def test_a_task_can_be_done_from_the_command_line(northlake, tmp_path):
    path = northlake.copy(tmp_path / "company")
    tasks = icustomer("cfa", "tasks", "--dir", path, "--json").json
    if not tasks:
        pytest.skip("everything is done")
    done = ("--outcome", "accepted", "--actor", "ann")
    answer = icustomer("cfa", "complete", tasks[0]["id"], *done, "--dir", path, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["state"] == "done"
    again = icustomer("cfa", "complete", tasks[0]["id"], *done, "--dir", path, "--json")
    assert again.code == 1
    assert "ann" in again.err
