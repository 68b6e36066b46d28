"""What the tutorial and the how-to pages say is what happens."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from icustomer import ICustomer
from icustomer.app import create_app
from icustomer.starting import init_company
from tests.docs.running import Reader, blocks
from tests.docs.serving import serving

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
        if block.title.startswith(("docs/", "icustomer/")):
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


def test_events_are_sent_as_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs/how-to/send-events.md"
    Reader(monkeypatch).follow(page)
    sent = [block for block in blocks(page) if "127.0.0.1:8000" in block.text]
    with ICustomer.open("acme") as company, serving(create_app(company, beat=False)) as address:
        for block in sent:
            text = block.text.replace("http://127.0.0.1:8000", address)
            if block.language == "py":
                exec(compile(text, str(page), "exec"), {})
            elif shutil.which("curl"):
                done = subprocess.run(
                    ["sh", "-c", text], capture_output=True, text=True, timeout=30
                )
                assert '"success":true' in done.stdout, done
        company.catch_up()
        states = company.cii.ledger()["states"]
        assert states["applied"] == 2 + bool(shutil.which("curl"))
        assert company.cid.customer("user_id:ann")["attributes"]["city"]["value"] == "Lyon"


def test_the_first_page_s_python_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    init_company(Path("acme"))
    Path("orders.csv").write_text("order_id,email,date,total\n1,ann@example.org,2026-01-05,20\n")
    shown = [block.text for block in blocks(ROOT / "README.md") if block.language == "python"]
    assert shown
    names = {}
    try:
        for code in shown:
            exec(compile(code, "README.md", "exec"), names)
    finally:
        names["acme"].close()
