"""Patterns mean what XPath says, on two machines that agree, and always in bounded time."""

import os
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cid.feel import check, evaluate, parse
from cid.feel.regular import compiled

EXAMPLES = int(os.environ.get("FEEL_EXAMPLES", "60"))

MEANINGS = [
    ('matches("foobar", "^fo*b")', True),
    ('matches("one\\ntwo", "^two")', False),
    ('matches("one\\ntwo", "^two", "m")', True),
    ('matches("one\\n", "one$")', False),
    ('matches("one\\ntwo", "one.two")', False),
    ('matches("one\\ntwo", "one.two", "s")', True),
    ('matches("ONE", "one", "i")', True),
    ('matches("Z", "[^z]", "i")', False),
    ('matches("oneandtwo", "one and two", "x")', True),
    ('matches("a b", "a[ ]b", "x")', True),
    ('matches("a.b", "a.b", "q")', True),
    ('matches("acb", "a.b", "q")', False),
    ('matches("Ä", "^\\p{Lu}$")', True),
    ('matches("あ", "^\\p{IsHiragana}$")', True),
    ('matches("a", "\\P{L}")', False),
    ('matches("_", "\\w")', False),
    ('matches("7", "^[0-9-[3-5]]$")', True),
    ('matches("4", "^[0-9-[3-5]]$")', False),
    ('matches("xyzxyz", "^(xyz)\\1$")', True),
    ('matches("x", "^\\i\\c*$")', True),
    ('matches("\\u212A", "[A-Z]", "i")', True),
    ('matches("i", "[A-Z-[OI]]", "i")', False),
    ('matches("", "")', True),
    ('matches("a", "(?=a)")', None),
    ('matches("a", "a{2,1}")', None),
    ('matches("a", "[b-a]")', None),
    ('matches("a", "*a")', None),
    ('matches("a", "(a")', None),
    ('matches("a", "\\1")', None),
    ('matches("a", "\\y")', None),
    ('matches("a", "a", "g")', None),
    ('matches("a", "a++")', None),
    ('replace("order-17-a", "([a-z]+)-([0-9]+)", "$2:$1")', "17:order-a"),
    ('replace("aaa", "a+?", "b")', "bbb"),
    ('replace("abc", "(x)?b", "[$1]")', "a[]c"),
    ('replace("abc", "b", "$0$0")', "abbc"),
    ('replace("abc", "(b)", "$12")', "ab2c"),
    ('replace("price", "r", "\\$")', "p$ice"),
    ('replace("price", "r", "$")', None),
    ('replace("price", "x*", "-")', None),
    ('replace("a.b", ".", "$1", "q")', "a$1b"),
    ('split("a1b22c", "[0-9]+")', ["a", "b", "c"]),
    ('split("a-b", "(-)")', ["a", "b"]),
    ('split("abc", "")', None),
]


@pytest.mark.parametrize(("text", "expected"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_a_pattern_means_what_xpath_says(text, expected):
    assert evaluate(text, {}) == expected


RUNAWAYS = [
    ("(a+)+$", "a" * 5_000 + "!"),
    ("(a|aa)+$", "a" * 5_000 + "!"),
    ("(a*)*b", "a" * 5_000),
    ("(.*)(.*)(.*)(.*)(.*)x", "a" * 2_000),
    (r"(a+)\1+\1+\1+b", "a" * 2_000),
    ("((a?){1,200}){1,50}b", "a" * 1_000),
    ("(x+x+)+y", "x" * 3_000),
    ("[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*9", "a" * 100_000),
]


@pytest.mark.parametrize(("pattern", "text"), RUNAWAYS, ids=[each for each, _ in RUNAWAYS])
def test_no_pattern_runs_for_ever(pattern, text):
    before = time.process_time()
    assert evaluate("matches(text, pattern)", {"text": text, "pattern": pattern}) in (False, None)
    assert evaluate('replace(text, pattern, "$1")', {"text": text, "pattern": pattern}) in (
        text,
        None,
    )
    assert time.process_time() - before < 4


def test_a_repeat_within_a_repeat_is_answered_exactly():
    scope = {"name": "a" * 60 + "!"}
    assert evaluate('matches(name, "^(a+)+$")', scope) is False
    assert evaluate('matches(name, "^(a+)+!$")', scope) is True


def test_a_wrong_pattern_is_reported_with_its_place():
    (error,) = check(parse('a = 1 and matches(name, "[z-a]")'), ["a", "name"])
    assert str(error).startswith("Line 1, column 11: The pattern '[z-a]' is wrong.")


PIECES = st.recursive(
    st.sampled_from(["a", "b", "[ab]", "[^a]", ".", "c", r"\d", "[0-9]", "^", "$", "é", "😀"]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.lists(inner, min_size=2, max_size=3).map(lambda ways: f"({'|'.join(ways)})")
        | st.tuples(
            inner.map(lambda text: f"({text})"),
            st.sampled_from(["?", "*", "+", "{2}", "{1,3}", "??", "*?", "+?"]),
        ).map("".join)
    ),
    max_leaves=8,
)
TEXTS = st.text(alphabet="abc0é😀\n", max_size=12)


@given(PIECES, TEXTS, st.sampled_from(["", "i", "m", "s", "ms"]))
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_the_machine_that_counts_finds_what_pythons_finds(pattern, text, flags):
    found = compiled(pattern, flags)
    assert found is not None
    if found.python is None:
        return
    found.machine.begin()
    marks = found.machine.search(text)
    match = found.python.search(text)
    assert (marks is None) == (match is None)
    if match is not None and marks is not None:
        # Which of several turns that took nothing a group remembers is nobody's business.
        assert tuple(marks[:2]) == match.span()


@given(PIECES, TEXTS)
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_plain_patterns_are_found_where_python_finds_them(pattern, text):
    text = text.replace("\n", "")
    theirs = re.search(pattern.replace("$", r"\Z"), text)
    assert compiled(pattern).within(text) is (theirs is not None)


@given(st.text(max_size=30) | st.text(alphabet="ab01()[]{}|*+?^$.\\-,pLsdi", max_size=20))
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_whatever_the_pattern_there_is_an_answer_or_null(pattern):
    scope = {"pattern": pattern}
    assert evaluate('matches("aab0", pattern)', scope) in (True, False, None)
    assert isinstance(evaluate('replace("aab0", pattern, "x")', scope), str | None)
