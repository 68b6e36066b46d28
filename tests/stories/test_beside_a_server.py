"""Commands work beside a running server on the same directory, and answer just what they do without."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.company import icustomer

CUSTOMER = "email:ann0@example.org"
QUESTIONS = [
    ("cii", "ledger"),
    ("cii", "quarantine"),
    ("cii", "flows"),
    ("cid", "describe"),
    ("cid", "customer", CUSTOMER),
    ("cid", "find", "ann"),
    ("cic", "segments"),
    ("cic", "members", "vip"),
    ("cic", "members", "vip", "--as-of", "2026-01-01T00:00:00Z"),
    ("cic", "traits", CUSTOMER),
    ("cic", "query", "--sql", "SELECT event, count(*) AS n FROM facts GROUP BY 1"),
    ("cic", "verify"),
    ("cfa", "tasks"),
    ("context", "rules"),
    ("context", "why", "win back a silent vip", CUSTOMER),
    ("cbc", "measures"),
    ("cbc", "drill", "active customers"),
]
MOMENTARY = {"ms", "seconds", "as_of", "start", "end", "checked_at", "at"}


def steady(answer):
    """Return an answer without what differs from one moment to the next."""
    if isinstance(answer, dict):
        return {name: steady(each) for name, each in answer.items() if name not in MOMENTARY}
    if isinstance(answer, list):
        # Boards show a verification when time has passed, a minute later at most.
        return [steady(each) for each in answer if name_of(each) != "verify mismatches"]
    return answer


def name_of(answer):
    return answer.get("name") if isinstance(answer, dict) else None


def ask(path, questions=QUESTIONS):
    return {question: icustomer(*question, "--dir", path, "--json") for question in questions}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A company asked before, beside and after a server."""
    root = tmp_path_factory.mktemp("server")
    path, orders, more = root / "shop", root / "orders.csv", root / "more.csv"
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    head = "order_id,date,email,total\n"
    orders.write_text(
        head + "".join(f"o{n},{today},ann{n % 3}@example.org,{400 + n}\n" for n in range(8))
    )
    more.write_text(
        head + f"p1,{today},bea@example.org,2000\nbroken,{today},bea@example.org,much\n"
    )
    assert icustomer("init", path).code == 0
    loaded = icustomer("cii", "load", "orders", orders, "--dir", path, "--json")
    before = ask(path)
    server = subprocess.Popen(
        [sys.executable, "-c", "from icustomer.cli import main; main()",
         "serve", "--port", "0", "--dir", str(path)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    try:
        said = server.stderr.readline()
        deadline = time.monotonic() + 60
        while not (path / "data" / "server.json").exists() and time.monotonic() < deadline:
            assert server.poll() is None, said + server.stderr.read()
            time.sleep(0.02)
        where = json.loads((path / "data" / "server.json").read_text())
        url = f"http://127.0.0.1:{where['port']}"
        while True:
            try:
                with urllib.request.urlopen(f"{url}/api/cii/health", timeout=5) as answer:
                    health = answer.status
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        beside = ask(path)
        added = icustomer("cii", "load", "orders", more, "--dir", path, "--json")
        seen = icustomer(
            "cic", "query", "--sql", "SELECT count(*) FROM facts", "--dir", path, "--json"
        )
        wrong = icustomer("cic", "members", "glod", "--dir", path, "--json")
        stranger = urllib.request.Request(f"{url}/_command/cii.ledger", data=b"{}", method="POST")
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(stranger, timeout=5)
        refused = refusal.value.code
        refusal.value.close()
        second = icustomer("serve", "--port", "0", "--dir", path)
        rebuilt = icustomer("rebuild", "--dir", path)
        mode = (path / "data" / "server.json").stat().st_mode & 0o777
    finally:
        server.terminate()
        server.communicate(timeout=20)
    return {
        "path": path, "loaded": loaded, "before": before, "said": said, "url": url, "beside": beside,
        "added": added, "seen": seen, "wrong": wrong, "refused": refused, "second": second,
        "rebuilt": rebuilt, "mode": mode, "ended": server.returncode, "health": health,
        "after": ask(path, [("cii", "ledger"), ("cic", "members", "vip")]),
    }  # fmt: skip


def test_the_server_says_where_it_is(story):
    assert story["url"] in story["said"]
    assert story["health"] == 200


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_a_command_answers_beside_a_server_as_it_does_without(story, question):
    before, beside = story["before"][question], story["beside"][question]
    assert (before.code, before.err) == (0, "")
    assert (beside.code, beside.err) == (0, "")
    assert steady(beside.json) == steady(before.json)


def test_a_file_loaded_beside_the_server_is_in_the_next_answer_and_stays(story):
    assert story["loaded"].json["applied"] == 8
    assert story["added"].json["applied"] == 1
    assert story["added"].json["received"] == 2
    assert story["seen"].json["rows"] == [[9]]
    after = story["after"][("cii", "ledger")].json
    assert after["states"]["applied"] == 9
    assert after["balanced"]
    assert story["after"][("cic", "members", "vip")].json["size"] == 3


def test_an_error_in_the_server_is_an_error_of_the_command(story):
    alone = icustomer("cic", "members", "glod", "--dir", story["path"], "--json")
    for answer in (story["wrong"], alone):
        assert answer.code == 1
        assert answer.out == ""
        assert "glod" in answer.err
    assert story["wrong"].err == alone.err


def test_nobody_without_the_token_gives_commands(story):
    assert story["refused"] == 401
    assert story["mode"] == 0o600


def test_a_directory_has_one_owner(story):
    for answer in (story["second"], story["rebuilt"]):
        assert answer.code == 1
        assert "nother process" in answer.err


def test_a_server_that_ended_leaves_nothing_behind(story):
    assert story["ended"] == 0
    assert not (story["path"] / "data" / "server.json").exists()
    assert all(answer.code == 0 for answer in story["after"].values())
