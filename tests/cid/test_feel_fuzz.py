"""Whatever somebody types: an expression or a message, and its value or null; nothing else."""

import os
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from cid.feel import (
    FeelError,
    Unsupported,
    check,
    compile_expression,
    compile_unary,
    evaluate,
    evaluate_unary,
    explain,
    parse,
    parse_unary,
    to_sql,
    write,
)
from cid.feel.functions import BUILTINS
from cid.feel.sameness import Sameness

EXAMPLES = int(os.environ.get("FEEL_EXAMPLES", "60"))
WORDS = [
    *("and", "or", "not", "if", "then", "else", "for", "in", "return", "some", "every", "instance"),
    *("satisfies", "between", "of", "function", "true", "false", "null", "item", "partial", "?"),
    *("external", "list", "context", "range", "number", "date and time", "last order", "x", "客户"),
    *("(", ")", "[", "]", "{", "}", "<", ">", "<=", ">=", "=", "!=", "+", "-", "*", "/", "**"),
    *(",", ".", "..", ":", "->", "//", "/*", "*/", "'", '"a"', '"', '@"P1D"', '@"2026-01-31"'),
    *("0", "1", "-1", "2.5", "1e9", ".5", "99999999999999999999999999999999999999", "\\", "🐎"),
]
SOUP = st.lists(
    st.sampled_from([*WORDS, *sorted(BUILTINS)]) | st.text(max_size=3), max_size=14
).map(" ".join)
CALLS = st.builds(
    lambda name, values: f"{name}({', '.join(values)})",
    st.sampled_from(sorted(BUILTINS)),
    st.lists(
        st.sampled_from(
            [
                *('"a"', '"[a"', "1", "-1.5", "0", "null", "[1, 2]", "[]", "{a: 1}", "[1..3]"),
                *('@"P1D"', '@"P1Y"', '@"2026-01-31"', '@"10:00:00Z"', "true", "(< 5)", "1e6000"),
                *('@"99999-12-31T00:00:00"', "function(a, b) a", "function(a) null", '[["a"]]'),
                *('{key: "a", value: [1]}', '"2026-01-31"', '"P1D"', "99999999999999999999"),
            ]
        ),
        max_size=4,
    ),
)
SCOPE = {"last order": 5, "x": [1, {"a": "b"}], "客户": {"城市": "上海"}, "item": None}


def same(left, right):
    """Tell whether two values are one, functions aside."""
    numbers = Sameness()
    return numbers.number(left) == numbers.number(right) or "function" in (
        type(left).__name__.lower(),
        type(right).__name__.lower(),
    )


def everything(text):
    """Read, check, write, run and explain a text; say what it is worth in both targets."""
    node = parse(text, SCOPE)
    check(node, SCOPE)
    assert parse(write(node), SCOPE) == node
    explain(node, SCOPE).to_dict()
    with suppress(Unsupported):
        to_sql(node, {"x": "CAST(x AS BIGINT)"})
    return evaluate(node, SCOPE), compile_expression(node)(SCOPE)


@given(st.text(max_size=40) | SOUP)
@settings(max_examples=3 * EXAMPLES, deadline=None)
def test_a_text_is_an_expression_or_a_message(text):
    with suppress(FeelError):
        everything(text)


@given(st.text(max_size=40) | SOUP)
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_a_text_is_a_cell_or_a_message(text):
    try:
        cell = parse_unary(text, SCOPE)
    except FeelError:
        return
    found = evaluate_unary(cell, 5, SCOPE)
    assert found in (True, False, None)
    assert compile_unary(cell)(5, SCOPE) is found


@given(CALLS)
@settings(max_examples=3 * EXAMPLES, deadline=None)
def test_a_function_has_a_value_or_null_whatever_it_is_given(text):
    interpreted, compiled = everything(text)
    assert str(type(interpreted)) == str(type(compiled))
    assert isinstance(interpreted, list | dict) or same(interpreted, compiled)
