"""The index answers as if each condition were asked alone, whatever the conditions and values are."""

import os
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cid.feel import evaluate, parse, tree
from cid.feel.index import Index
from cid.feel.temporal import Months

EXAMPLES = int(os.environ.get("FEEL_EXAMPLES", "40"))
NAMES = ("a", "b", "birth date", "event")
PATHS = [
    *map(tree.Name, NAMES),
    tree.Path(tree.Name("event"), "total"),
    tree.Path(tree.Name("event"), "kind"),
    tree.Path(tree.Path(tree.Name("event"), "kind"), "year"),
]
EAST = timezone(timedelta(hours=8))
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
MOMENTS = [MOMENT, MOMENT.astimezone(EAST), MOMENT.replace(tzinfo=None), MOMENT.replace(hour=13)]
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.sampled_from([Decimal(each) for each in ("0.1", "1.0", "-0.5", "0.10", "2")])
    | st.sampled_from(["", "a", "ab", "ab\0", "b", "1", "true", "上海", "a\U0010ffff"])
    | st.sampled_from([date(2026, 1, 31), date(2026, 2, 1), date.max, date.min])
    | st.sampled_from(MOMENTS)
    | st.sampled_from([timedelta(days=1), timedelta(hours=-5), Months(3), Months(4)])
)
ODD = st.sampled_from(
    [
        *(0.1, 1.0, 1e300, float("nan"), float("inf"), -0.0, 10**400, 1 << 60, Decimal("1E+500")),
        *(Decimal("0.1000000000000000000001"), Decimal("0.09999999999999999999"), 0.1 + 0.2),
        *([1], ["a"], [], {"total": 1}, {"year": 2026}, [{"year": 2026}], MOMENT.time()),
        *("ab\U0010ffff", "abc", "ac", {"a", "b"}),
    ]
)
VALUES = PLAIN | ODD
SCOPES = st.fixed_dictionaries(
    {},
    optional={
        **{name: VALUES for name in NAMES},
        "event": VALUES | st.dictionaries(st.sampled_from(["total", "kind"]), VALUES),
    },
)
TERMS = st.sampled_from(PATHS)
CONSTANTS = PLAIN.map(tree.Literal)
SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def tuples(inner, smallest=1, largest=3):
    return st.lists(inner, min_size=smallest, max_size=largest).map(tuple)


INTERVALS = st.builds(tree.Interval, st.none() | CONSTANTS, CONSTANTS, st.booleans(), st.booleans())
CELLS = CONSTANTS | INTERVALS | st.builds(tree.InputComparison, SIGNS, CONSTANTS)
TESTS = st.one_of(
    st.builds(tree.Comparison, SIGNS, TERMS, CONSTANTS),
    st.builds(tree.Comparison, SIGNS, CONSTANTS, TERMS),
    st.builds(tree.Between, TERMS, CONSTANTS, CONSTANTS),
    st.builds(tree.Membership, TERMS, tuples(CELLS)),
    st.builds(
        tree.Membership, TERMS, st.builds(tree.ListOf, tuples(CELLS, 0)).map(lambda made: (made,))
    ),
    st.builds(tree.InstanceOf, TERMS, st.sampled_from(["number", "string", "date", "Any"])),
    st.builds(
        tree.Call,
        st.just(tree.Name("starts with")),
        st.tuples(TERMS, st.sampled_from(["", "a", "ab", "\U0010ffff"]).map(tree.Literal)),
    ),
    TERMS,
    st.booleans().map(tree.Literal),
)
BEYOND = st.one_of(
    st.builds(tree.Comparison, SIGNS, TERMS, TERMS),
    st.builds(
        tree.Comparison,
        SIGNS,
        st.builds(tree.Arithmetic, st.just("+"), TERMS, CONSTANTS),
        CONSTANTS,
    ),
    st.builds(
        tree.Call,
        st.just(tree.Name("contains")),
        st.tuples(TERMS, st.just(tree.Literal("a"))),
    ),
)
CONDITIONS = st.recursive(
    TESTS | TESTS | BEYOND,
    lambda inner: st.one_of(
        st.builds(tree.Conjunction, tuples(inner, 2)),
        st.builds(tree.Disjunction, tuples(inner, 2)),
        st.builds(tree.Not, inner),
        st.builds(tree.If, inner, inner, inner),
    ),
    max_leaves=7,
)


def naive(rules, scope):
    return [id for id, rule in rules.items() if evaluate(rule, scope) is True]


@given(st.lists(CONDITIONS, max_size=6), st.lists(SCOPES, min_size=1, max_size=5))
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_index_and_asking_each_condition_agree(conditions, scopes):
    rules = dict(enumerate(conditions))
    wide, narrow = Index.build(rules), Index.build(rules, limit=1)
    bind = {name: f"s[0].get({name!r})" for name in NAMES}
    bound = Index.build(rules, bind=bind, costs={"event": 1})
    for scope in scopes:
        expected = naive(rules, scope)
        assert wide.match(scope) == expected
        assert narrow.match(scope) == expected
        assert bound.match([scope]) == expected


@given(st.lists(st.tuples(st.sampled_from("abcd"), CONDITIONS), max_size=4), st.data())
@settings(max_examples=EXAMPLES // 4, deadline=None)
def test_telling_rules_apart_by_one_text_first_changes_no_answer(some, data):
    kinds = [
        tree.Membership(tree.Name("event"), (tree.Literal(kind), tree.Literal(kind + "b")))
        for kind in "abcd" * 20
    ]
    rules = {
        number: tree.Conjunction((kind, some[number % len(some)][1])) if some else kind
        for number, kind in enumerate(kinds)
    }
    rules["any"] = parse("b = 1 or a = 2")
    index = Index.build(rules)
    scope = data.draw(SCOPES)
    for event in ("a", "ab", "c", "z", None, 1, ["a"], {"total": 2}, Decimal(2)):
        values = {**scope, "event": event}
        assert index.match(values) == naive(rules, values)
    if not some:
        assert index.describe()["parts"] == 9


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ("x = true", 1, False),
        ("x = 1", True, False),
        ("x = 1", "1", False),
        ("x != 1", "1", False),
        ("x != 1", None, True),
        ("x = null", None, True),
        ("not(x > 5)", None, False),
        ("not(x > 5)", 5, True),
        ("not(x > 5)", "5", False),
        ("not(x in (1, 2))", 3, True),
        ("not(x in (1, 2))", "3", False),
        ("x > 0.1", 0.1, False),
        ("x >= 0.1", Decimal("0.10"), True),
        ("x in (]1..2], > 7)", Decimal("1.5"), True),
        ("x in (]1..2], > 7)", 1, False),
        ('starts with(x, "ab")', "abz", True),
        ('starts with(x, "ab")', "ac", False),
        ('x < "b"', "az", True),
        ("x in [1, 2]", [1, 2], True),
        ('x < date("2026-02-01")', date(2026, 1, 31), True),
        ('x < date("2026-02-01")', MOMENT, False),
    ],
)
def test_three_valued_logic_is_kept(condition, value, holds):
    index = Index.build({"r": parse(condition, ["x"])})
    assert (index.match({"x": value}) == ["r"]) is holds
    assert (evaluate(parse(condition, ["x"]), {"x": value}) is True) is holds


def test_tests_of_one_value_in_one_condition_must_all_hold():
    index = Index.build({"r": "x > 1 and x < 3 and x != 2"})
    assert [x for x in (1, 1.5, 2, 2.5, 3) if index.match({"x": x})] == [1.5, 2.5]


def test_alternatives_are_told_apart_and_give_one_answer():
    index = Index.build({"r": "(a = 1 or b = 1) and (c = 1 or d = 1)", "s": "a = 1"})
    assert index.describe()["ways"] == 5
    assert index.describe()["asked_beyond_tables"] == 0
    assert index.match({"a": 1, "b": 1, "c": 1, "d": 1}) == ["r", "s"]
    assert index.match({"b": 1, "d": 1}) == ["r"]


def test_what_has_too_many_alternatives_is_asked_as_a_whole():
    text = " and ".join(f"(a{n} = 1 or b{n} = 1)" for n in range(12))
    index = Index.build({"r": text})
    assert index.describe()["ways"] <= 16
    assert index.match({f"a{n}": 1 for n in range(12)}) == ["r"]
    assert index.match({f"a{n}": 1 for n in range(11)}) == []


def test_a_function_from_outside_is_asked_only_of_rules_that_are_left():
    asked = []

    def consent(purpose):
        asked.append(purpose)
        return True

    rules = {"r": 'consent("a") and x = 1', "s": 'consent("b") and x = 2'}
    index = Index.build(rules, functions={"consent": consent})
    assert index.match({"x": 2}) == ["s"]
    assert asked == ["b"]


def test_what_is_dear_is_read_only_where_somebody_asks_for_it():
    class View:
        read: list[str] = []

        def get(self, name):
            self.read.append(name)
            return {"event": {"total": 5}}.get(name)

    rules = {
        "a": "event.total > 10 and spend > 5",
        "b": "event.total > 3 and orders = 1",
        "c": "event.total > 20 and city = 1",
    }
    index = Index.build(rules, costs={"spend": 2, "orders": 2, "city": 2})
    view = View()
    assert index.match(view) == []
    assert view.read == ["event", "orders"]


def test_no_rules_match_nothing():
    assert Index.build({}).match({"x": 1}) == []
    assert Index.build({"r": "true", "s": "false", "t": "null = null"}).match({}) == ["r", "t"]


def test_a_thousand_rules_are_built_in_less_than_a_second():
    rules = {
        f"r{n}": f'event = "e{n % 20}" and a > {n % 97} and b in ("x{n % 7}", "y") and c < {n}'
        for n in range(1000)
    }
    nodes = {name: parse(text) for name, text in rules.items()}
    began = time.process_time()
    index = Index.build(nodes)
    assert time.process_time() - began < 1
    scope = {"event": "e3", "a": 50, "b": "y", "c": 100.5}
    assert index.match(scope) == naive(nodes, scope)
