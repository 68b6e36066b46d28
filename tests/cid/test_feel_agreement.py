"""The interpreter is the oracle: whatever the expression and the values, all targets agree."""

import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cid.feel import (
    Unsupported,
    compile_expression,
    compile_unary,
    evaluate,
    evaluate_unary,
    explain,
    names,
    parse,
    to_sql,
    tree,
    write,
)
from cid.feel.functions import BUILTINS
from cid.feel.temporal import Months, parse_temporal
from cid.feel.values import kind_of

EXAMPLES = int(os.environ.get("FEEL_EXAMPLES", "60"))
COLUMNS = {
    "money": "DECIMAL(18,4)",
    "score": "DOUBLE",
    "orders": "BIGINT",
    "tier": "VARCHAR",
    "城市": "VARCHAR",
    "member": "BOOLEAN",
    "birth date": "DATE",
    "last order": "TIMESTAMP",
    "categories": "VARCHAR[]",
}
TEXTS = st.sampled_from(["", "a", "b", "gold", "Gold", "it's", "é", "上海", "10", "true"])
WHOLE = st.integers(-3, 12)
DECIMALS = st.sampled_from([Decimal(each) for each in ("0.1", "2.50", "-1.5", "100.25", "0.0")])
DATES = st.sampled_from([date(2026, 1, 31), date(2024, 2, 29), date(1990, 7, 4)])
MOMENTS = st.sampled_from(
    [datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2024, 2, 29, 0, 0, 1, tzinfo=UTC)]
)
DURATIONS = st.sampled_from([timedelta(days=30), timedelta(hours=-5), Months(14), Months(-1)])
ODD_TIMES = st.sampled_from(
    [
        *("10:20:30", "23:59:59.999999999", "10:20:30+02:00", "00:00:00@Europe/Paris"),
        *("99999-12-31", "-0044-03-15", "9999-12-31", "2026-01-31T10:00:00"),
        *("2026-03-29T02:30:00@Europe/Paris", "99999-12-31T23:00:00.5Z", "PT0.000000001S"),
        *("-P3000000000D", "P2Y", "2026-10-25T02:30:00.123456789+01:00"),
    ]
).map(parse_temporal)

ROWS = st.fixed_dictionaries(
    {
        "money": st.none() | DECIMALS,
        "score": st.none()
        | st.sampled_from([0.1, 2.5, -1.5, 10.0, 0.0, 1e-7, 0.30000000000000004]),
        "orders": st.none() | WHOLE,
        "tier": st.none() | TEXTS,
        "城市": st.none() | TEXTS,
        "member": st.none() | st.booleans(),
        "birth date": st.none() | DATES,
        "last order": st.none() | MOMENTS,
        "categories": st.none() | st.lists(TEXTS, max_size=3),
    }
)
LOOSE = st.recursive(
    st.none()
    | st.booleans()
    | WHOLE
    | DECIMALS
    | st.floats(-5, 5)
    | TEXTS
    | DATES
    | MOMENTS
    | DURATIONS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sku", "price", "item"]), inner, max_size=2)
    ),
    max_leaves=6,
)
SCOPES = ROWS.flatmap(
    lambda row: st.dictionaries(st.sampled_from(list(COLUMNS)), LOOSE, max_size=3).map(
        lambda odd: {**row, **odd, "items": [{"sku": "a", "price": 2.5}, {"sku": "b"}, 3, None]}
    )
)

LITERALS = (
    st.none() | st.booleans() | WHOLE | DECIMALS | TEXTS | DATES | MOMENTS | DURATIONS | ODD_TIMES
).map(tree.Literal)
NAMES = st.sampled_from([*COLUMNS, "items", "x", "item", "sku", "price", "nobody"]).map(tree.Name)
MISSING = ("x", "item", "sku", "price", "nobody", "not a function")
COMPARISONS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
FUNCTIONS = st.sampled_from(sorted({*BUILTINS, "not a function"})).map(tree.Name)
PARAMETERS = sorted({name for each in BUILTINS.values() for name in each.parameters} | {"list"})
TYPES = st.sampled_from(
    [
        *("number", "string", "list", "Any", "date", "list<number>", "list<list<string>>"),
        *("range<number>", "range<date>", "context<x: number>", "function<number> -> number"),
        *("days and time duration", "date and time", "tNobody"),
    ]
)


def tuples(inner, smallest=1, largest=3):
    return st.lists(inner, min_size=smallest, max_size=largest).map(tuple)


def intervals(inner):
    return st.builds(tree.Interval, inner, inner, st.booleans(), st.booleans())


def cells_of(inner):
    return (
        st.builds(tree.InputComparison, COMPARISONS, inner)
        | intervals(inner)
        | inner
        | st.builds(tree.Comparison, COMPARISONS, st.just(tree.Input()), inner)
    )


def larger(inner):
    turns = tuples(
        st.builds(tree.Iteration, st.sampled_from(["x", "tier"]), inner, st.none() | inner), 1, 2
    )
    return st.one_of(
        st.builds(tree.Comparison, COMPARISONS, inner, inner),
        st.builds(tree.Arithmetic, st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner),
        st.builds(tree.Negation, inner),
        st.builds(tree.Not, inner),
        st.builds(tree.Conjunction, tuples(inner, 2)),
        st.builds(tree.Disjunction, tuples(inner, 2)),
        st.builds(tree.Between, inner, inner, inner),
        st.builds(tree.Membership, inner, tuples(cells_of(inner))),
        st.builds(tree.If, inner, inner, inner),
        st.builds(tree.Path, inner, st.sampled_from(["sku", "price", "year", "days", "start"])),
        st.builds(tree.ListOf, tuples(inner, 0)),
        st.builds(
            tree.Context, tuples(st.builds(tree.Entry, st.sampled_from(["x", "sku"]), inner), 0)
        ),
        intervals(inner),
        st.builds(
            lambda end, sign: tree.Interval(end, end, sign == "=", sign == "=", sign),
            inner,
            st.sampled_from(["=", "!="]),
        ),
        st.builds(tree.Filter, inner, inner),
        st.builds(tree.For, turns, inner),
        st.builds(tree.Quantified, st.sampled_from(["some", "every"]), turns, inner),
        st.builds(tree.Call, FUNCTIONS, tuples(inner, 0)),
        st.builds(
            tree.Call,
            FUNCTIONS,
            st.just(()),
            tuples(st.builds(tree.Argument, st.sampled_from(PARAMETERS), inner)),
        ),
        st.builds(tree.Call, st.builds(tree.Function, st.just(("x",)), inner), tuples(inner)),
        st.builds(
            tree.Call,
            st.builds(
                tree.Function,
                st.just(("x",)),
                inner,
                st.tuples(TYPES.filter(lambda name: name != "Any")),
            ),
            tuples(inner),
        ),
        st.builds(
            lambda items, body: tree.Call(
                tree.Name("sort"), (items, tree.Function(("x", "sku"), body))
            ),
            inner,
            inner,
        ),
        st.builds(tree.InstanceOf, inner, TYPES),
    )


EXPRESSIONS = st.recursive(LITERALS | NAMES, larger, max_leaves=14)


def same(left, right):
    """Equal, and of the same kind, all the way down; functions are not compared."""
    if kind_of(left) != kind_of(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return kind_of(left) == "function" or (type(left) is type(right) and left == right)


@given(EXPRESSIONS, SCOPES)
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_compiled_python_and_the_interpreter_agree(expression, scope):
    expected = evaluate(expression, scope)
    assert same(compile_expression(expression)(scope), expected)
    row = [scope.get(name) for name in COLUMNS]
    bind = {name: f"s[{index}]" for index, name in enumerate(COLUMNS)}
    others = {name: repr(None) for name in MISSING}
    items = {"items": "s[-1]"}
    bound = compile_expression(expression, bind={**bind, **others, **items})
    assert same(bound([*row, scope["items"]]), expected)


@given(tuples(cells_of(EXPRESSIONS)), st.booleans(), LOOSE, SCOPES)
@settings(max_examples=EXAMPLES, deadline=None)
def test_compiled_cells_and_the_interpreter_agree(cells, negated, value, scope):
    cell = tree.UnaryTests(cells, negated)
    expected = evaluate_unary(cell, value, scope)
    assert expected in (True, False, None)
    assert compile_unary(cell)(value, scope) is expected


@given(EXPRESSIONS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_is_written_is_read_as_the_same(expression):
    assert parse(write(expression), [*COLUMNS, *MISSING]) == expression


@given(EXPRESSIONS, SCOPES)
@settings(max_examples=EXAMPLES, deadline=None)
def test_an_explanation_ends_in_the_value_it_explains(expression, scope):
    assert same(explain(expression, scope).value, evaluate(expression, scope))


@given(EXPRESSIONS, SCOPES)
@settings(max_examples=EXAMPLES, deadline=None)
def test_only_the_names_it_reads_matter(expression, scope):
    kept = {name: value for name, value in scope.items() if name in names(expression)}
    assert same(evaluate(expression, kept), evaluate(expression, scope))


KINDS = {
    "number": (["money", "score", "orders"], WHOLE | DECIMALS | st.just(Decimal("1e-7"))),
    "string": (["tier", "城市"], TEXTS),
    "boolean": (["member"], st.booleans()),
    "date": (["birth date"], DATES),
    "date and time": (["last order"], MOMENTS),
}


def of_kind(kind):
    """Conditions that hold values of one kind, and sometimes null, against each other."""
    columns, constants = KINDS[kind]
    column = st.sampled_from(columns).map(tree.Name)
    literal = (constants | constants | constants | st.none()).map(tree.Literal)
    operand = column | literal
    cell = st.one_of(
        literal,
        st.builds(tree.InputComparison, COMPARISONS, operand),
        intervals(literal),
        st.builds(tree.ListOf, tuples(literal)),
    )
    found = [
        st.builds(tree.Comparison, COMPARISONS, column, operand),
        st.builds(tree.Comparison, COMPARISONS, operand, column),
        st.builds(tree.Between, column, operand, operand),
        st.builds(tree.Membership, column, tuples(cell)),
        st.builds(
            tree.Comparison, COMPARISONS, st.builds(tree.If, member, column, operand), operand
        ),
    ]
    if kind == "string":
        searched = st.sampled_from(["contains", "starts with", "ends with"]).map(tree.Name)
        length = st.builds(
            tree.Call,
            st.sampled_from(["string length", "upper case", "lower case"]).map(tree.Name),
            st.tuples(column),
        )
        found += [
            st.builds(tree.Call, searched, st.tuples(column, operand)),
            st.builds(
                tree.Call,
                st.just(tree.Name("list contains")),
                st.tuples(st.just(tree.Name("categories")), operand),
            ),
            st.builds(tree.Comparison, COMPARISONS, length, WHOLE.map(tree.Literal) | literal),
        ]
    return st.one_of(found)


member = st.just(tree.Name("member"))
odd = st.builds(
    tree.Comparison,
    COMPARISONS,
    st.sampled_from(list(COLUMNS)).map(tree.Name),
    LITERALS | st.sampled_from(list(COLUMNS)).map(tree.Name),
)
CONDITIONS = st.recursive(
    st.one_of(*map(of_kind, KINDS), *map(of_kind, KINDS), member, odd),
    lambda inner: st.one_of(
        st.builds(tree.Conjunction, tuples(inner, 2)),
        st.builds(tree.Disjunction, tuples(inner, 2)),
        st.builds(tree.Not, inner),
        st.builds(tree.If, inner, inner, inner),
        st.builds(tree.Comparison, st.sampled_from(["=", "!="]), inner, inner),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as connection:
        yield connection


@given(CONDITIONS, ROWS)
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_sql_and_the_interpreter_agree(database, condition, row):
    try:
        sql = to_sql(condition, lambda name: f'CAST("{name}" AS {COLUMNS[name]})')
    except Unsupported:
        return
    assert same(in_database(database, sql, row), evaluate(condition, row))


@pytest.fixture(scope="module")
def server(postgres):
    import psycopg

    with psycopg.connect(postgres.database(), autocommit=True) as connection:
        yield connection


IN_POSTGRES = {"DOUBLE": "DOUBLE PRECISION", "VARCHAR": "TEXT", "VARCHAR[]": "TEXT[]"}


@given(CONDITIONS, ROWS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_sql_of_postgres_and_the_interpreter_agree(server, condition, row):
    kinds = {name: IN_POSTGRES.get(kind, kind) for name, kind in COLUMNS.items()}
    try:
        sql = to_sql(condition, lambda name: f'CAST("{name}" AS {kinds[name]})', "postgres")
    except Unsupported:
        return
    columns = ", ".join(f'CAST(%s AS {kind}) AS "{name}"' for name, kind in kinds.items())
    values = [
        row[name].replace(tzinfo=None) if isinstance(row[name], datetime) else row[name]
        for name in COLUMNS
    ]
    asked = f"SELECT {sql.replace('%', '%%')} FROM (SELECT {columns}) AS row"
    ((found,),) = server.execute(asked, values).fetchall()
    if isinstance(found, datetime):
        found = found.replace(tzinfo=UTC)
    found = Decimal(repr(found)) if isinstance(found, float) else found
    assert same(found, evaluate(condition, row))


def in_database(database, sql, row):
    columns = ", ".join(f'CAST(? AS {kind}) AS "{name}"' for name, kind in COLUMNS.items())
    values = [
        row[name].replace(tzinfo=None) if isinstance(row[name], datetime) else row[name]
        for name in COLUMNS
    ]
    ((found,),) = database.execute(f"SELECT {sql} FROM (SELECT {columns})", values).fetchall()
    if isinstance(found, datetime):
        return found.replace(tzinfo=UTC)
    return Decimal(repr(found)) if isinstance(found, float) else found
