"""What the tutorial and the how-to pages say is what happens."""

import re
from pathlib import Path

import pytest

from tests.docs.running import Reader, blocks

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/tutorials/*.md"), *ROOT.glob("docs/how-to/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_following_the_page_works(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    Reader(monkeypatch).follow(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_that_names_a_file_is_that_file(page):
    for block in blocks(page):
        if block.title.startswith("docs/"):
            assert block.text == (ROOT / block.title).read_text(encoding="utf-8"), block.title


def test_every_test_that_is_named_exists():
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    named = {
        match
        for page in pages
        for match in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text("utf-8"))
    }
    assert named
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text("utf-8") or not name, f"{path}::{name}"
