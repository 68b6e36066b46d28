"""Errors of the engine are said in the reader's language: in the builder, in exploration, on the page of an error."""

import re

import pytest

from cid.kit.clock import ManualClock
from cid.kit.errors import ICustomerError
from icustomer import ICustomer
from icustomer.starting import init_company
from icustomer.web.errors import Errors
from icustomer.web.language import read_catalogues
from icustomer.web.rendering import HERE

CHINESE = read_catalogues(HERE / "locales")["zh"].errors
CONDITIONS = (
    *("orders 90d >", "ordres 90d > 3", "(orders 90d > 3", 'vip = "abc', "floot(1) > 2", "vip # 3"),
    *("orders 90d between 1", "not(vip", "vip )", "nobody", 'consent("x")', 'matches(city, "(")'),
    *("orders 90d > 3 & vip", "'a' = 3", "vip.", "/* vip", "vip and /* vip", '@"x" > 3'),
)
QUESTIONS = (
    {"measures": ["revenu"]},
    {"measures": ["revenue"], "dimensions": ["contry"]},
    {"measures": ["revenue"], "filter": "city ="},
    {"measures": ["revenue"], "filter": "city + 1 = total"},
    {"measures": ["revenue"], "last": "0 d"},
    {"measures": ["revenue"], "last": "soon"},
    {"measures": ["revenue"], "period": {"from": "2026-05-01", "to": "2026-04-01"}},
    {"measures": ["revenue"], "period": {"from": "x", "to": "2026-04-01"}},
    {"measures": ["revenue"], "compare": "previous"},
    {"measures": ["revenue"], "segment": "nobody"},
    {"kind": "funnel", "steps": [{"event": "A"}]},
    {"kind": "funnel", "steps": [{"event": "A", "where": "a b ="}, {"event": "B"}]},
    {"kind": "rfm", "groups": 99},
    {"kind": "basket", "min": 0},
)
QUERIES = ("drop table facts", "select * from nope", "select 1; select 2")


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    path = tmp_path_factory.mktemp("errors") / "acme"
    init_company(path)
    with ICustomer.open(path, clock=ManualClock(1_790_000_000_000)) as company:
        yield company


def wrong(call, *given):
    with pytest.raises(ICustomerError) as error:
        call(*given)
    return [text for text in (error.value.message, error.value.hint) if text]


def english(text):
    """Return the English words that are neither quoted nor names nor an example."""
    text = re.sub(r"\"[^\"]*\"|'[^']*'|\{.*\}", "", text)
    text = re.sub(r"(已知|可用的有|以及|SQL)：.*", "", text)
    text = re.sub(r"请(用|写|使用|以).*|^\w+：", "", text)
    return [
        word for word in re.findall(r"[A-Za-z]{3,}", text) if not word.isupper() and word != "XPath"
    ]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_mistake_in_a_condition_is_said_in_chinese(company, condition):
    for text in wrong(company.cic.preview, condition):
        assert english(text), "the engine itself speaks English"
        assert english(CHINESE.say(text)) == [], CHINESE.say(text)


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_a_mistake_in_a_question_is_said_in_chinese(company, question):
    for text in wrong(company.cic.query, question):
        assert english(CHINESE.say(text)) == [], CHINESE.say(text)


@pytest.mark.parametrize("sql", QUERIES)
def test_a_mistake_in_sql_is_said_in_chinese(company, sql):
    for text in wrong(company.cic.sql, sql):
        assert english(CHINESE.say(text)) == [], CHINESE.say(text)


def test_names_and_unknown_sentences_are_kept_as_they_were_said():
    said = CHINESE.say(
        "Line 2, column 8: There is no 'a {b}'. Nobody has written this. Did you mean 'c. d'?"
    )
    assert said == "第 2 行第 8 列：没有 'a {b}'。Nobody has written this. 您是否想写 'c. d'？"
    assert Errors().say("There is no 'x'.") == "There is no 'x'."


def test_what_somebody_typed_cannot_keep_the_page_waiting():
    for text in ("a. " * 20_000, "'" + "x" * 60_000 + "' is not defined.", "a? " * 199):
        assert CHINESE.say(text.strip())


def test_a_translation_names_what_the_sentence_names():
    for form, said in CHINESE.forms.items():
        assert set(re.findall(r"\{\w+\}", said)) <= set(re.findall(r"\{\w+\}", form)), form
