"""What FEEL means: values, names, cells, dates, and what is said when something is wrong."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from cid.feel import (
    FeelError,
    Unsupported,
    called,
    check,
    compile_expression,
    compile_unary,
    evaluate,
    evaluate_unary,
    explain,
    names,
    parse,
    to_sql,
    tree,
)
from cid.feel.temporal import Months

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SCOPE = {
    "spend 365d": 120.5,
    "最近下单": date(2026, 1, 1),
    "tier": "gold",
    "orders": 3,
    "price": Decimal("19.90"),
    "member": True,
    "nothing": None,
    "last order": NOON,
    "categories": ["tent", "stove"],
    "items": [
        {"sku": "A1", "price": 10, "unit price": 5},
        {"sku": "B2", "price": 2.5},
    ],
    "customer": {"city": "Lyon", "first name": "Ann", "address": {"country": "FR"}},
}

MEANINGS = [
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("2 ** 3", 8),
    ("10 / 4", Decimal("2.5")),
    ("1 / 0", None),
    ("0.1 + 0.2 = 0.3", True),
    ("-orders", -3),
    ("1.5e3", 1500),
    ("price * 2", Decimal("39.80")),
    ('"a" + "b"', "ab"),
    ('"a" + 1', None),
    ("spend 365d > 100", True),
    ('最近下单 < date("2026-02-01")', True),
    ('tier = "gold" and orders >= 3', True),
    ("nothing = null", True),
    ("nothing > 3", None),
    ("nothing > 3 and false", False),
    ("nothing > 3 or true", True),
    ("not(nothing > 3)", None),
    ("member = 1", None),
    ('orders = "3"', None),
    ("orders between 1 and 3", True),
    ("orders in [1..3)", False),
    ("orders in (1, 3)", True),
    ("orders in (< 2, > 2)", True),
    ("orders in ]2..4[", True),
    ('tier in ["gold", "silver"]', True),
    ('tier in ("silver", "bronze")', False),
    ("nothing in (1, 2)", False),
    ('if orders > 2 then "many" else "few"', "many"),
    ("if nothing then 1 else 2", 2),
    ("for i in 1..3 return i * i", [1, 4, 9]),
    ("for i in 3..1 return i", [3, 2, 1]),
    ("for a in [1, 2], b in [10, 20] return a + b", [11, 21, 12, 22]),
    ("for i in 1..4 return if i = 1 then 1 else i * partial[-1]", [1, 2, 6, 24]),
    ("some item in items satisfies item.price > 5", True),
    ("every item in items satisfies item.price > 5", False),
    ("items[price > 5].sku", ["A1"]),
    ('items[item.sku = "B2"][1].price', Decimal("2.5")),
    ("items[1].sku", "A1"),
    ("items[-1].sku", "B2"),
    ("items[3]", None),
    ("items.price", [10, Decimal("2.5")]),
    ("sum(items.price)", Decimal("12.5")),
    ("count(items)", 2),
    ("customer.address.country", "FR"),
    ("customer.first name", "Ann"),
    ('get value(customer, "first name")', "Ann"),
    ("{a: 1, b: a + 1}.b", 2),
    ('{"a b": 1}.a b', 1),
    ("[1, 2] = [1, 2.0]", True),
    ('list contains(categories, "tent")', True),
    ('count(categories[starts with(item, "t")])', 1),
    ('starts with(tier, "go")', True),
    ("string length(tier)", 4),
    ('substring("customer", -3)', "mer"),
    ('substring before("a@b", "@")', "a"),
    ('upper case("straße")', "STRASSE"),
    ('matches("A-123", "^[A-Z]-[0-9]+$")', True),
    ('replace("a1b22", "[0-9]+", "#")', "a#b#"),
    ('split("a;b;c", ";")', ["a", "b", "c"]),
    ('string join(["a", null, "b"], "-")', "a-b"),
    ("decimal(2.345, 2)", Decimal("2.34")),
    ("round half up(2.345, 2)", Decimal("2.35")),
    ("floor(-1.5)", -2),
    ("ceiling(1.2)", 2),
    ("modulo(-5, 3)", 1),
    ("abs(-5)", 5),
    ("sqrt(16)", 4),
    ("sqrt(-1)", None),
    ('number("2.55")', Decimal("2.55")),
    ('number("1 000,5", " ", ",")', Decimal("1000.5")),
    ('number("ten")', None),
    ("string(1.50)", "1.50"),
    ("string(last order)", "2026-01-31T12:00:00Z"),
    ("min(3, 1, 2)", 1),
    ("max([])", None),
    ("mean([1, 2])", Decimal("1.5")),
    ("distinct values([1, 1.0, 2])", [1, 2]),
    ("flatten([1, [2, [3]]])", [1, 2, 3]),
    ("sort([3, 1, 2], function(x, y) x > y)", [3, 2, 1]),
    ("index of([1, 2, 1], 1)", [1, 3]),
    ("all([true, null])", None),
    ("any([true, null])", True),
    ("sum([])", None),
    ('date("2026-02-30")', None),
    ('@"2026-01-31" + @"P1M"', date(2026, 2, 28)),
    ('last order + duration("PT36H")', datetime(2026, 2, 2, tzinfo=UTC)),
    ('last order - date and time("2026-01-30T12:00:00Z")', timedelta(days=1)),
    ('(last order - @"2026-01-01T12:00:00Z").days', 30),
    ('last order > date and time("2026-01-31T12:00:00+01:00")', True),
    ("last order.weekday", 6),
    ("date(last order).month", 1),
    ("last order.hour", 12),
    ('years and months duration(@"2024-02-29", @"2026-01-31")', Months(23)),
    ('duration("P1D") * 2', timedelta(days=2)),
    ('duration("P1D") / duration("PT12H")', 2),
    ('day of week(@"2026-01-31")', "Saturday"),
    ("5 instance of number", True),
    ("(function(x) x + 1)(2)", 3),
    ("{double: function(x) 2 * x, r: double(4)}.r", 8),
    ('substring(string: "customer", start position: 2, length: 3)', "ust"),
    ("// a remark\n1 /* another */ + 1", 2),
    ("unknown function(1)", None),
    ("string(date(-2017, 12, 31))", "-2017-12-31"),
    ('string(@"99999-12-31" + @"P1D")', "100000-01-01"),
    ('(@"99999-01-01" - @"2021-01-01").days', 35_785_729),
    ('string(@"10:20:30.123456789@Europe/Paris")', "10:20:30.123456789@Europe/Paris"),
    ('@"10:20:30.123456788" < @"10:20:30.123456789"', True),
    ('string(@"PT0.000000001S" * 1500)', "PT0.0000015S"),
    ('date("1000000000-01-01")', None),
    ('date("02026-01-01")', None),
    ('time("24:00:00")', time(0)),
    ('date and time("2026-01-31T24:00:00")', datetime(2026, 2, 1)),
    ('@"2026-01-31T00:00:00" - @"2026-01-31T00:00:00Z"', None),
    ('@"2026-01-31T06:00:00Z" - @"2026-01-31"', timedelta(hours=6)),
    ("(< 5) = (< 5)", True),
    ("(= 5) = [5..5]", False),
    ("6 in (!= 5)", True),
    ("[1..10[.end included", False),
    ("before([1..5), 5)", True),
    ("after(5, [1..5])", False),
    ("meets([1..5], [5..6])", True),
    ("overlaps before([1..5], [3..8])", True),
    ("finishes(10, [1..10])", True),
    ("includes([1..10], (1..10))", True),
    ("during(point: 5, range: [1..10])", True),
    ("started by([1..10], [1..5])", True),
    ('coincides("a", [1..2])', None),
    ('range("[18..21)") = [18..21)', True),
    ('range("[1+1..21)")', None),
    ("[1] instance of list<number>", True),
    ("{a: 1} instance of context<a: string>", False),
    ("(function(x: number) x) instance of function<number> -> Any", True),
    ("[1..2] instance of range<string>", False),
    ('(function(x: number) x)("1")', None),
    ("(function(x: list<number>) x)(1)", [1]),
    ('upper case(["a"])', "A"),
    ("(function(f) f(-5))(abs)", 5),
    ("(function(sum) sum(-5))(abs)", 5),
    ("all()", None),
    ("not(negand: true)", False),
    ("log(0)", None),
    ("0 ** 0", 1),
    ('sort([1, "a"])', None),
    ("partial", None),
    ('"\\u00e9\\n\\"" = "é\n\\""', True),
]


@pytest.mark.parametrize(("text", "expected"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_an_expression_means_the_same_interpreted_and_compiled(text, expected):
    known = [*SCOPE, "first name", "unknown function"]
    expression = parse(text, known)
    found = evaluate(expression, SCOPE)
    assert found == expected
    assert (found is True) == (expected is True)
    compiled = compile_expression(expression)(SCOPE)
    assert compiled == expected
    assert type(compiled) is type(found)


CELLS = [
    ("-", None, True),
    ("-", 5, True),
    ("5", 5, True),
    ("> 5", 5, False),
    ("> 5", None, None),
    ("> 5", "a", None),
    ("[18..65]", 65, True),
    ("[18..65)", 65, False),
    ("(18..65]", 18, False),
    ('"gold", "silver"', "silver", True),
    ('not("gold", "silver")', "silver", False),
    ('not("gold")', None, True),
    ("null", None, True),
    ("null, > 5", 7, True),
    ("true", True, True),
    ("true", None, False),
    ("true", 1, None),
    ("? > 5 and ? < 10", 7, True),
    ('starts with(?, "ab")', "abc", True),
    ("not(? > 5)", 7, False),
    ("limit", 7, True),
    ("> limit", 8, True),
    ("< limit, > limit + 2", 9, False),
    ("[1, 2, 3]", 2, True),
    ('date("2026-01-01")', date(2026, 1, 1), True),
    ('>= @"2026-01-01"', date(2026, 1, 1), True),
    ("limit > 5", "whatever", True),
]


@pytest.mark.parametrize(("cell", "value", "expected"), CELLS)
def test_a_cell_means_the_same_interpreted_and_compiled(cell, value, expected):
    scope = {"limit": 7}
    assert evaluate_unary(cell, value, scope) is expected
    assert compile_unary(cell, known=scope)(value, scope) is expected


def test_functions_of_the_caller_are_called_with_values():
    asked = []

    def consent(purpose, channel):
        asked.append((purpose, channel))
        return channel == "email"

    text = 'consent("marketing", "email") and not(consent("marketing", "sms"))'
    assert evaluate(text, {}, {"consent": consent}) is True
    assert compile_expression(text, functions={"consent": "s.consent"})(Reader(consent)) is True
    assert compile_expression(text, functions={"consent": consent})({}) is True
    assert asked == [("marketing", "email"), ("marketing", "sms")] * 3
    assert called(parse(text)) == {"consent"}
    assert names(parse(text)) == frozenset()


class Reader:
    def __init__(self, consent):
        self.consent = consent


def test_a_function_of_feel_is_handed_over_by_its_name_unless_a_value_has_that_name():
    text = "(function(f) f(-5))(abs)"
    assert check(parse(text), []) == []
    assert evaluate(text, {"abs": None}) is None
    assert evaluate("string(count)", {}) is None
    assert "There is no 'count'" in str(check(parse("string(count)"), [])[0])


def test_the_longest_known_name_is_taken():
    known = ["last", "last order", "last order value", "order"]
    assert names(parse("last order value > 1 and last order > 2", known)) == {
        "last order value",
        "last order",
    }


def test_a_name_with_a_sign_is_not_a_subtraction_and_the_reverse():
    known = ["e-mail", "e", "mail"]
    assert evaluate(parse("e-mail", known), {"e-mail": "x", "e": 5, "mail": 3}) == "x"
    assert evaluate(parse("e - mail", known), {"e-mail": "x", "e": 5, "mail": 3}) == 2


def test_words_of_functions_stay_free_for_names():
    assert evaluate("date and time > 1", {"date": True, "time": 2}) is True


def test_names_are_those_read_from_outside():
    text = "for x in orders return x.total > limit and some y in x satisfies y > {a: z, b: a}.b"
    assert names(parse(text)) == {"orders", "limit", "z"}


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("spend >", 1, 8, "ends too early"),
        ("a and\n  (b", 2, 5, "')' is missing"),
        ('tier = "gold', 1, 8, "not closed"),
        ("a && b", 1, 3, "write and"),
        ("a ＞ 1", 1, 3, "Write > instead of ＞"),
        ("if a then b", 1, 12, "'else' is missing"),
        ("1 2", 1, 3, "not expected"),
        ("lst order > 1", 1, 5, "Did you mean 'last order'?"),
        ('@"tomorrow"', 1, 1, "not a date"),
        ("a.", 1, 3, "name of a part"),
        ("f(1, b: 2)", 1, 6, "all by position or all by name"),
        ("", 1, 1, "ends too early"),
        ("[1, 2", 1, 6, "']' is missing"),
        ("and", 1, 1, "not expected"),
        ("a > 1e6145", 1, 5, "too large a number"),
    ],
)
def test_an_error_says_where_and_what_to_do(text, line, column, said):
    with pytest.raises(FeelError) as caught:
        parse(text, ["last order"])
    assert (caught.value.line, caught.value.column) == (line, column)
    assert said in str(caught.value)


def test_a_number_beyond_all_bounds_is_no_number_and_one_too_small_is_nought():
    assert evaluate('number("1e6144") > 0', {}) is True
    assert evaluate('number("1e6145")', {}) is None
    assert evaluate('number("-1e6145")', {}) is None
    assert evaluate("1e-7000 = 0", {}) is True


def test_unknown_names_and_functions_are_found_with_a_suggestion():
    expression = parse('spned > 1 and conset("x") and items[price > 1] != null')
    found = check(expression, ["spend", "items"], ["consent"])
    assert [str(error) for error in found] == [
        "Line 1, column 1: There is no 'spned'. Did you mean 'spend'?",
        "Line 1, column 15: There is no function 'conset'. Did you mean 'consent'?",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "1" + ")" * 5_000,
        "[" * 5_000,
        "-" * 5_000 + "1",
        "+".join(["1"] * 5_000),
        "not(" * 5_000,
        "a" + ".b" * 5_000,
        "a" + "[1]" * 5_000,
        "if a then " * 5_000,
        "x in (" * 5_000,
        "{a: " * 5_000,
        "f(" * 5_000,
        "function(x) " * 5_000,
        "some x in " * 5_000,
    ],
    ids=lambda text: text[:10],
)
def test_deep_nesting_ends_in_a_message(text):
    with pytest.raises(FeelError, match="nested deeper than 100 levels"):
        parse(text)


def test_a_text_that_is_too_long_is_refused():
    with pytest.raises(FeelError, match="at most 65536"):
        parse("1 +" * 30_000 + "1")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 95 + "x" + ")" * 95,
        "not(" * 95 + "x = 1" + ")" * 95,
        "[" * 95 + "x" + "]" * 95,
        "+".join(["x"] * 95),
        "x in (" * 95 + "1" + ")" * 95,
        "if x = 1 then 2 else " * 90 + "x",
        "for i in 1..2 return " * 9 + "x",
        " and ".join(["x = 1"] * 3_000),
        "{a: " * 90 + "x" + "}" * 90,
    ],
    ids=lambda text: text[:10],
)
def test_what_may_be_read_can_be_evaluated_by_every_target(text):
    expression = parse(text)
    assert compile_expression(expression)({"x": 1}) == evaluate(expression, {"x": 1})
    assert explain(expression, {"x": 1}).value == evaluate(expression, {"x": 1})


def test_text_of_the_author_never_becomes_program():
    evil = "__import__('os').system('true')"
    text = f'tier = "{evil}" or tier = "\\"); import os #"'
    assert compile_expression(text)({"tier": evil}) is True
    name = 'x"]; import os #'
    assert compile_expression(tree.Path(tree.Name(name), evil))({name: {evil: 5}}) == 5


TWICE = ", ".join(f"a{index}: [a{index - 1}, a{index - 1}]" for index in range(1, 60))
"""Entries of a context whose last is a list with 2 ** 59 elements."""


@pytest.mark.parametrize(
    "text",
    [
        *("9 ** (9 ** 9)", "10 ** 7000", "for i in 1..10000000 return i", "exp(100000)"),
        "for i in 1..90000 return for j in 1..90000 return 1",
        "every i in 1..90000 satisfies every j in 1..90000 satisfies true",
        "for i in 1..90000 return partial",
        "(function(f) f(f))(function(f) f(f))",
        "string(for i in 1..1500 return [partial[-1]])",
        f"flatten({{a0: [1], {TWICE}}}.a59)",
        '@"2020-01-01" + @"P1Y" * 10 ** 6000',
    ],
)
def test_what_would_take_for_ever_is_null(text):
    assert evaluate(text, {}) is None
    assert compile_expression(text)({}) is None


def test_values_that_hold_themselves_many_times_over_are_compared_at_once():
    text = f"{{a0: [1], b0: [1.0], {TWICE}, {TWICE.replace('a', 'b')}, r: a59 = b59}}.r"
    assert evaluate(text, {}) is True
    assert compile_expression(text)({}) is True


def test_an_explanation_shows_what_was_read():
    found = explain('spend > 100 and tier in ("gold", "vip")', {"spend": 120.5, "tier": None})
    assert found.to_dict() == {
        "text": 'spend > 100 and tier in ("gold", "vip")',
        "value": False,
        "children": [
            {
                "text": "spend > 100",
                "value": True,
                "children": [{"text": "spend", "value": "120.5", "children": []}],
            },
            {
                "text": 'tier in ("gold", "vip")',
                "value": False,
                "children": [{"text": "tier", "value": None, "children": []}],
            },
        ],
    }
    assert found.reads() == {"spend": Decimal("120.5"), "tier": None}


@pytest.mark.parametrize(
    "text",
    [
        "money / 2 > 1",
        'money > "5"',
        "score > money",
        "score > 0.12345678901234567",
        "for x in tags return x",
        'upper case(tier) = "A"',
        "nobody = 1",
        'tier = "a\\u0000b"',
        '@"P1D" = null',
        "member > true",
    ],
)
def test_what_sql_would_answer_differently_is_refused(text):
    columns = {
        "money": "CAST(money AS DECIMAL(18,2))",
        "score": "CAST(score AS DOUBLE)",
        "tier": "CAST(tier AS VARCHAR)",
        "member": "CAST(member AS BOOLEAN)",
    }
    with pytest.raises(Unsupported):
        to_sql(text, columns)


def test_a_column_of_unknown_type_takes_the_type_of_its_use_and_only_that():
    assert to_sql("a > 5 and a < 9", {"a": "a"}) == "((a > 5) AND (a < 9))"
    with pytest.raises(Unsupported):
        to_sql('a > 5 and a = "x"', {"a": "a"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('orders + "1"', "A number and a string cannot be added."),
        ("orders / 0", "Nothing can be divided by zero."),
        ("tier > 5", "A string and a number cannot be compared."),
        (
            '@"2026-01-31T12:00:00" - last order',
            "One of the two has a zone and the other has none.",
        ),
        ("not(tier)", "'not' needs true or false, not a string."),
        ("orders.size", "There is no 'size' in a number."),
        ("items[7]", "There is no position 7: the list has 2 elements."),
        ('matches(tier, "(")', "The pattern '(' is wrong."),
        ("substring(tier)", "'substring' takes another number of values."),
        ("substring(text: tier)", "'substring' has no such parameters."),
        ("sum(categories)", "'sum' has no result for a list."),
        ("nobody(1)", "There is no function 'nobody'."),
        ("[5..1]", "The ends of the range stand the wrong way round, or have no order."),
        ("for i in 1..orders * 100000 return i", "It goes through what is no list"),
        ("nothing + 1", ""),
        ("nothing > 1 and member", ""),
    ],
)
def test_what_is_null_for_a_reason_says_the_reason(text, reason):
    found = explain(text, SCOPE)
    assert found.value is None
    assert found.reason.startswith(reason)
    assert bool(found.reason) == bool(reason)
