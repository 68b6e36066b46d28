"""Nothing is said in one language only; numbers and moments are written as the reader does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2.ext import extract_from_ast

from cid.kit.clock import DAY, HOUR
from cid.kit.privacy import ROLES
from icustomer.web.language import Reader, read_catalogues
from icustomer.web.navigation import LAYERS
from icustomer.web.rendering import HERE, environment
from tests.pages.fakes import NOW

ROOT = HERE.parents[1]
TEMPLATES = sorted(
    [*(HERE / "templates").glob("*.html")]
    + [path for layer in LAYERS for path in (ROOT / layer.key / "templates").rglob("*.html")]
)
CATALOGUES = read_catalogues(HERE / "locales")


def messages(path: Path) -> list[tuple[str, bool]]:
    tree = environment({}).parse(path.read_text(encoding="utf-8"))
    found = []
    for _, function, message in extract_from_ast(tree, ("_", "_n"), babel_style=False):
        first = message if isinstance(message, str) else message[0]
        assert isinstance(first, str), f"{path.name}: {function}() needs a literal text"
        found.append((first, function == "_n"))
    return found


def reader(language: str, role: str = "agent") -> Reader:
    return Reader(CATALOGUES[language], role, "auto", "Europe/Paris", "EUR", NOW)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_every_message_of_a_template_has_a_chinese_translation(path):
    chinese = CATALOGUES["zh"]
    missing = [
        text
        for text, counted in messages(path)
        if text not in (chinese.plurals if counted else chinese.messages)
    ]
    assert not missing


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_no_template_has_words_that_cannot_be_translated(path):
    text = path.read_text(encoding="utf-8")
    # What is computed cannot be judged here; code and names of formats are the same everywhere.
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.S)
    text = re.sub(r"<code>.*?</code>|<title>.*?</title>", "", text, flags=re.S)
    spoken = re.findall(r'(?:placeholder|aria-label|title|alt)="([^"]*)"', text)
    spoken += re.sub(r"<[^>]*>", " ", text).split()
    allowed = {"CSV", "SQL", "ms", "&amp;", "&gt;"}
    assert [
        word for word in spoken if re.search(r"[A-Za-z]{2}", word) and word not in allowed
    ] == []


def test_the_rail_and_the_roles_are_translated():
    spoken = [role.capitalize() for role in ROLES]
    for layer in LAYERS:
        spoken += [layer.title, layer.meaning, *(page.title for page in layer.pages)]
    assert [text for text in spoken if text not in CATALOGUES["zh"].messages] == []


def test_translations_keep_the_places_of_their_values():
    for catalogue in CATALOGUES.values():
        for text, translated in [*catalogue.messages.items(), *catalogue.plurals.items()]:
            assert set(re.findall(r"\{\w+\}", translated)) == set(re.findall(r"\{\w+\}", text))


def test_moments_are_written_in_the_zone_of_the_company():
    assert reader("en").moment("2026-11-20T10:00:00Z") == "20 Nov 2026 11:00"
    assert reader("zh").moment("2026-11-20T23:30:00Z") == "2026年11月21日 00:30"
    assert reader("en").day("2026-11-20T23:30:00Z") == "21 Nov 2026"


def test_money_and_numbers_are_written_in_the_readers_language():
    assert reader("en").money(1840.5) == "€1,840.50"
    assert reader("zh").money("1840.5", "CNY") == "¥1,840.50"
    assert reader("en").percent(0.125) == "12.5%"
    assert reader("en").number(None) == "–"


def test_lengths_of_time_are_spoken():
    assert reader("en").ago(NOW - 2 * HOUR) == "2 hours ago"
    assert reader("zh").ago(NOW + 3 * DAY) == "3天后"
    assert reader("zh").ago(NOW) == "刚刚"


def test_a_title_falls_back_to_english_and_then_to_the_name():
    assert reader("zh").named({"title": {"en": "VIP", "zh": "贵宾"}, "name": "vip"}) == "贵宾"
    assert reader("zh").named({"title": {"en": "VIP", "zh": ""}, "name": "vip"}) == "VIP"
    assert reader("en").named({"title": None, "name": "vip"}) == "vip"
