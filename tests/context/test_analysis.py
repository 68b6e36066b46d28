"""Nothing is reported that is not so; what is wrong is found where it stands."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cid.feel import compile_unary, evaluate, parse, parse_unary
from cid.feel.inference import Domain, condition_remarks
from cid.feel.regions import answers, can_hold, impossible
from context.analysis import findings
from context.coverage import coverage
from context.passages import passage, removed, replaced, row_text, table_text
from context.scenarios import failures
from icustomer.definitions import read

DOMAINS = {
    "age": Domain("number"),
    "orders": Domain("number", null=False, whole=True, low=Decimal(0)),
    "tier": Domain("string", values=("gold", "silver")),
    "vip": Domain("boolean", null=False),
    "name": Domain("string"),
}


def said(text: str) -> list[str]:
    node = parse(text, DOMAINS)
    return [str(each) for each in (*condition_remarks(node, DOMAINS), *impossible(node, DOMAINS))]


@pytest.mark.parametrize(
    "text",
    [
        'age > "old"',
        "age and vip",
        'age in (1, "x")',
        "contains(age, name)",
        "age > 5 and age < 3",
        "orders > 2 and orders < 3",
        "orders < 0",
        'tier = "golf"',
        "vip and not(vip)",
        "age = null and age > 3",
        'event.kind = "a" and vip and event.kind = "b"',
        "orders >= 1 and orders <= 2 and orders != 1 and orders != 2",
        '(vip and age > 3 and age < 2) or name = "x"',
    ],
)
def test_what_can_never_be_true_is_said(text):
    assert said(text)


@pytest.mark.parametrize(
    "text",
    [
        "age > 2 and age < 3",
        "age = tier or vip",
        'event.total > 5 and event.kind = "a"',
        "age > orders and age < orders + 1",
        "age != null",
        "vip or not(vip)",
        'some x in event.items satisfies x.price > "a"',
        "event.items[price > 3] = 4 and age < 5",
        'contains(name, "a") and not(contains(name, "b"))',
        'consent("marketing", "email") and age > 3',
        "if vip then age > 3 else age < 3",
    ],
)
def test_where_something_may_be_so_nothing_is_said(text):
    assert [each for each in said(text) if "never" in each] == []


NUMBERS = st.one_of(st.none(), st.integers(-1, 7), st.decimals("-1", "7", places=1))
VALUES = st.fixed_dictionaries(
    {
        "age": NUMBERS,
        "orders": st.integers(0, 7),
        "tier": st.sampled_from(["gold", "silver", None]),
        "vip": st.booleans(),
        "name": st.sampled_from(["a", "b", "", "z", None]),
        "event": st.fixed_dictionaries({"x": st.one_of(NUMBERS, st.booleans(), st.text("ab"))}),
    }
)
NUMERIC = st.sampled_from(["age", "orders", "event.x"])
SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
ATOMS = st.one_of(
    st.tuples(NUMERIC, SIGNS, st.integers(0, 6)).map(lambda each: "{} {} {}".format(*each)),
    st.tuples(NUMERIC, st.integers(0, 6), st.integers(0, 6)).map(
        lambda each: "{} in [{}..{})".format(*each)
    ),
    st.tuples(
        st.sampled_from(["name", "tier", "event.x"]), SIGNS, st.sampled_from(["a", "gold"])
    ).map(lambda each: '{} {} "{}"'.format(*each)),
    st.sampled_from(["vip", "age = null", "age < orders", 'name in ("a", "b")', "event.x = true"]),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" and ".join).map("({})".format),
        st.lists(inner, min_size=2, max_size=3).map(" or ".join).map("({})".format),
        inner.map("not({})".format),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, st.lists(VALUES, min_size=5, max_size=5))
def test_no_value_gives_an_answer_that_was_ruled_out(text, scopes):
    node = parse(text, DOMAINS)
    possible = answers(node, DOMAINS)
    for scope in scopes:
        answer = evaluate(node, scope)
        assert possible is None or (answer if isinstance(answer, bool) else None) in possible
        assert answer is not True or can_hold(node, DOMAINS)


CELLS = st.one_of(
    st.just("-"),
    st.tuples(st.sampled_from(["<", "<=", ">", ">="]), st.integers(0, 5)).map(
        lambda each: "{} {}".format(*each)
    ),
    st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda each: "[{}..{}]".format(*each)),
    st.integers(0, 5).map(str),
    st.integers(0, 5).map("not({})".format),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_gaps_and_hidden_rows_are_exactly_those_that_counting_finds(rows):
    domain = Domain("number", null=False)
    tests = [[compile_unary(cell) if cell != "-" else None for cell in row] for row in rows]
    trees = [[parse_unary(cell) if cell != "-" else None for cell in row] for row in rows]
    halves = [Decimal(half) / 2 for half in range(-2, 14)]

    def fits(row, *values):
        return all(
            test is None or test(value, None) is True
            for test, value in zip(tests[row], values, strict=True)
        )

    found = coverage(["a", "b"], [domain, domain], trees)
    first = {
        next((row for row in range(len(rows)) if fits(row, a, b)), None)
        for a in halves
        for b in halves
    }
    gap = found.gap(plain=False)
    assert (gap is None) is (None not in first)
    assert gap is None or not any(fits(row, *gap.values()) for row in range(len(rows)))
    assert set(found.hidden()) == {row + 1 for row in range(1, len(rows)) if row not in first}
    for one, other, values in found.overlaps():
        assert fits(one - 1, *values.values())
        assert fits(other - 1, *values.values())


COMPANY = """
company: {name: Acme}
attributes:
  city: {}
traits:
  orders 90d: {count: true, of: Order Completed, window: 90 d}
contracts:
  Order Completed: {properties: {total: {type: number, required: true, minimum: 0}}}
segments:
  vip: {when: orders 90d > 3}
"""
WRONG = """
segments:
  typo: {when: 'vip and ctiy = "x"'}
rules:
  never:
    on: {event: Order Completed}
    when: |
      vip and
      event.total < 0
    do:
      - task: {queue: desk, title: '="To " + ctiy'}
tables:
  gift:
    inputs: [orders 90d, city]
    outputs: [gift]
    rows:
      - ["> 5", "-", '"a"']
      - ["[2..4]", "-", '"b"']
      - ["< 2", "-", '"c"']
      - ["> 7", '"Paris"', '"d"']
scenarios:
  kept: {table: gift, given: {orders 90d: 3}, expect: {gift: b, row: 2}}
  broken: {table: gift, given: {orders 90d: 6}, expect: {gift: b}}
"""


@pytest.fixture
def definitions(tmp_path):
    (tmp_path / "company.yaml").write_text(COMPANY)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    found, errors = read(tmp_path)
    assert errors == []
    return found


def test_everything_is_found_where_it_stands(definitions):
    found = [(each.line, each.column, each.level, each.text) for each in findings(definitions)]
    assert found == [
        (3, 25, "error", "There is no 'ctiy'."),
        (9, 7, "warning", "event.total < 0 can never be true: event.total is >= 0."),
        (11, 46, "error", "There is no 'ctiy'."),
        (17, 7, "warning", 'No row for orders 90d = 5, city = "Paris".'),
        (20, 9, "warning", "Row 4 is never reached: earlier rows fit whatever it fits."),
    ]


def test_an_example_that_is_not_kept_is_told(tmp_path):
    (tmp_path / "company.yaml").write_text(COMPANY)
    (tmp_path / "right.yaml").write_text("tables:" + WRONG.partition("tables:")[2])
    definitions, _ = read(tmp_path)
    assert [(each.name, each.text) for each in failures(definitions)] == [
        ("broken", 'Expected gift = "b"; found gift = "a".')
    ]


def test_a_definition_is_exchanged_and_all_around_it_stays():
    text = "# ours\nrules:\n  a:  # first\n    when: x\n    do: []\n\n  # about b\n  b: {when: y}\nother: {}\n"
    block = passage(text, "rules", "a")
    assert block is not None
    assert block.text == "a:  # first\n  when: x\n  do: []"
    assert replaced(text, "rules", "a", block.text) == text
    changed = replaced(text, "rules", "b", "b:\n  when: z")
    assert changed == text.replace("  b: {when: y}", "  b:\n    when: z")
    assert "  b:" in removed(text, "rules", "a")
    assert "when: x" not in removed(text, "rules", "a")
    assert replaced("", "rules", "n", "n: {}") == "rules:\n  n: {}\n"


def test_rows_of_a_table_are_exchanged_and_its_titles_stay():
    block = 'gift:\n  title: {en: Gift}\n  inputs: [a]\n  outputs: [b]\n  rows:\n    - ["1", 2]\n  default: {b: 3}'
    text = table_text("gift", block, ["a", "c"], ["b"], [["> 1", "-", '"x"']])
    assert text == (
        'gift:\n  title: {en: Gift}\n  inputs: ["a", "c"]\n  outputs: ["b"]\n  rows:\n'
        f"    {row_text(['> 1', '-', chr(34) + 'x' + chr(34)])}\n  default: {{b: 3}}"
    )
