"""Boards: answers kept side by side, written as definitions, changed only from what was seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cic.boards import board, boards, remove_board, save_board
from cic.model import SECTIONS
from cic.pages.questions import Asked
from cid.kit.definitions import load
from cid.kit.errors import Conflict, InvalidInput, Refused
from tests.pages.fakes.definitions import definitions
from tests.pages.test_exploring import FIELDS, KINDS, WORDS

TILE = {"title": {"en": 'A "tile": 5 %', "zh": "图块"}, "question": {"measures": ["orders"]}}


def read_again(directory: Path):
    found, errors = load(directory, SECTIONS)
    assert errors == []
    return found


@pytest.fixture
def held(tmp_path):
    found = definitions(tmp_path)
    found.sections["boards"] = {}
    return found


def test_a_board_that_was_made_here_is_read_from_its_file(held, tmp_path):
    (tmp_path / "boards.yaml").write_text("# ours\nboards:\n  old: {tiles: []}\n")
    said = {"title": {"en": "Day"}, "owner": "lea", "tiles": [TILE, TILE]}
    made = save_board(held, "my day: 1", said, "", "analyst")
    assert "# ours" in (tmp_path / "boards.yaml").read_text()
    again = read_again(tmp_path)
    assert board(again, "my day: 1")["tiles"] == [TILE, TILE]
    assert board(again, "my day: 1")["version"] == made.version
    assert board(again, "my day: 1")["line"] == made.line
    remove_board(held, "my day: 1", made.version, "architect")
    assert [one["name"] for one in boards(read_again(tmp_path))] == ["old"]


def test_the_last_board_leaves_a_file_that_can_be_read(held, tmp_path):
    made = save_board(held, "day", {"tiles": []}, "", "analyst")
    remove_board(held, "day", made.version, "analyst")
    assert boards(read_again(tmp_path)) == []


def test_what_somebody_else_changed_is_not_overwritten(held):
    save_board(held, "day", {"tiles": [TILE]}, "", "analyst")
    with pytest.raises(Conflict):
        save_board(held, "day", {"tiles": []}, "", "analyst")
    assert len(board(held, "day")["tiles"]) == 1


def test_agents_make_no_boards_and_a_board_has_a_name(held, tmp_path):
    with pytest.raises(Refused):
        save_board(held, "day", {"tiles": []}, "", "agent")
    for name in ("", " day", "a\nb", "x" * 81):
        with pytest.raises(InvalidInput):
            save_board(held, name, {"tiles": []}, "", "analyst")
    assert list(tmp_path.iterdir()) == []


@given(st.sampled_from(KINDS), st.lists(st.tuples(FIELDS, WORDS), max_size=8))
def test_a_question_on_a_board_opens_as_the_question_it_was(kind, pairs):
    asked = Asked.read([("kind", kind), *pairs])
    assert Asked.of(asked.document()).document() == asked.document()


def test_an_answer_is_put_on_a_board_and_moved_there(client, company, tmp_path):
    company.cic.definitions = definitions(tmp_path)
    company.cic.definitions.sections["boards"] = {}
    client.cookies.set("role", "analyst")
    for question in ("/explore?measure=revenue&by=month", "/explore?kind=rfm"):
        given = {"name": "day", "question": question, "title": ""}
        answer = client.post("/boards", data=given, follow_redirects=False)
        assert answer.headers["location"] == "/boards/day"
    version = board(company.cic.definitions, "day")["version"]
    client.post("/boards/day", data={"do": "up.1", "version": version})
    first, second = board(company.cic.definitions, "day")["tiles"]
    assert first["question"]["kind"] == "rfm"
    assert second["question"]["measures"] == ["revenue"]
    stale = client.post("/boards/day", data={"do": "take.0", "version": version})
    assert stale.status_code == 409


def test_a_tile_with_a_mistake_says_so_and_the_others_answer(client):
    texts = [client.get(f"/boards/sales/tiles/{number}").text for number in range(3)]
    assert "By month" in texts[0]
    assert "data-chart" in texts[0]
    assert "Came first with" in texts[1]
    assert "Nothing is called" in texts[2]
    assert client.get("/boards/sales/tiles/3").status_code == 404


def test_the_tiles_of_a_board_come_by_themselves(visit):
    page, wrong = visit("/boards/sales")
    page.wait_for_selector("[data-chart][data-drawn] svg")
    page.get_by_text("Nothing is called 'nonsense'.").wait_for()
    page.get_by_role("link", name="By month").click()
    page.wait_for_url("**/explore?measure=revenue&by=month**")
    assert wrong == []
