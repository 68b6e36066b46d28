"""Decision tables of models: every hit policy, and an index that agrees with FEEL cell by cell."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cid.feel import compile_unary, evaluate_unary, parse_unary
from cid.kit.errors import InvalidDefinition, InvalidInput
from context.decision import Model
from context.decision.index import Index, numbered
from context.diagrams import HIT_LETTERS, DecisionModel

ROWS = [
    ["< 10", '"low"', "1"],
    ["< 20", '"mid"', "2"],
    ["< 20", '"mid"', "2"],
    ["< 30", '"top"', "4"],
]


def table(hit, rows=ROWS, outputs=("level", "n"), inputs=("x",)):
    grid = {"inputs": list(inputs), "outputs": list(outputs), "hit": hit, "rows": rows}
    said = {"inputs": {"x": ""}, "decisions": {"d": {"needs": ["x"], "is": {"table": grid}}}}
    return Model(DecisionModel.model_validate(said))


def ask(hit, x, **more):
    model = table(hit, **more)
    assert model.problems == []
    return model.evaluate("d", {"x": x})


LEVELS = {"name": "level", "values": '"top", "mid", "low"'}


@pytest.mark.parametrize(
    ("hit", "x", "expected"),
    [
        ("U", 25, {"level": "top", "n": 4}),
        ("U", 15, None),
        ("U", 40, None),
        ("A", 25, {"level": "top", "n": 4}),
        ("A", 15, None),
        ("F", 5, {"level": "low", "n": 1}),
        ("P", 5, {"level": "top", "n": 4}),
        ("P", 40, None),
        ("R", 15, [{"level": "mid", "n": 2}, {"level": "mid", "n": 2}, {"level": "top", "n": 4}]),
        ("O", 15, [{"level": "top", "n": 4}, {"level": "mid", "n": 2}, {"level": "mid", "n": 2}]),
        ("C", 25, [{"level": "top", "n": 4}]),
    ],
)
def test_the_hit_policy_says_which_rows_count(hit, x, expected):
    assert ask(hit, x, outputs=[LEVELS, "n"]) == expected


def test_rows_that_say_the_same_do_not_contradict_each_other():
    rows = [["< 20", '"mid"'], ["> 10", '"mid"'], ["> 18", '"top"']]
    assert ask("any", 15, rows=rows, outputs=["level"]) == "mid"
    assert ask("any", 19, rows=rows, outputs=["level"]) is None


@pytest.mark.parametrize(("hit", "expected"), [("C+", 9), ("C<", 1), ("C>", 4), ("C#", 4)])
def test_what_all_rows_answer_can_be_added_up(hit, expected):
    rows = [[row[0], row[2]] for row in ROWS]
    assert ask(hit, 5, rows=rows, outputs=["n"]) == expected
    assert ask(hit, 40, rows=rows, outputs=["n"]) is None
    assert ask(hit, 5, rows=rows, outputs=[{"name": "n", "default": "7"}]) == expected
    assert ask(hit, 40, rows=rows, outputs=[{"name": "n", "default": "7"}]) == 7


@pytest.mark.parametrize("hit", ["C<", "C+", "C>"])
def test_what_cannot_be_added_up_is_null(hit):
    assert ask(hit, 5, rows=[["-", '"a"'], ["-", "1"]], outputs=["n"]) is None


def test_every_hit_policy_is_known_by_letter_and_by_word():
    for letter, word in HIT_LETTERS.items():
        for said in (letter, letter.lower(), word, word.upper()):
            assert table(said).definition.decisions["d"].value.table.hit == word


def test_an_input_that_is_not_allowed_gives_null():
    inputs = [{"feel": "x", "values": "[0..100]"}]
    assert ask("F", 5, inputs=inputs) == {"level": "low", "n": 1}
    assert ask("F", -5, inputs=inputs) is None


def test_cells_may_speak_of_other_values_and_of_the_value_itself():
    rows = [["> limit", '"over"'], ["? * 2 > limit", '"near"'], ["-", '"under"']]
    grid = {"inputs": ["x"], "outputs": ["said"], "hit": "first", "rows": rows}
    said = {
        "inputs": {"x": "", "limit": ""},
        "decisions": {"d": {"needs": ["x", "limit"], "is": {"table": grid}}},
    }
    model = Model(DecisionModel.model_validate(said))
    found = [model.evaluate("d", {"x": x, "limit": 10}) for x in (11, 6, 5)]
    assert found == ["over", "near", "under"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [([["< 10", "1", "2"]], "Row 1 has 3 cells"), ([["1", "1"], ["< <", "1"]], "row 2")],
)
def test_a_table_that_cannot_be_read_is_told_with_the_row(rows, said):
    model = table("first", rows=rows, outputs=["n"])
    assert said in model.problems[0]
    assert model.evaluate("d", {"x": 1}) is None
    with pytest.raises(InvalidInput, match="not made by a table"):
        model.table("d")


def test_a_table_alone_answers_as_the_model_does():
    model = table("first", outputs=["level", "n"])
    alone = model.table("d")
    for x in (5, 15, 25, 35, None, "x", True, 5.5):
        assert alone({"x": x}) == model.evaluate("d", {"x": x})
    found = alone({"x": 5})
    found["level"] = "spoilt"
    assert alone({"x": 5})["level"] == "low"


NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([Decimal("0.5"), Decimal("1.0"), Decimal("-2.25"), 10**33, 10**33 + 1]),
)
TEXTS = st.sampled_from(["", "a", "b", "gold", "Ä"])
CONSTANTS = st.one_of(
    NUMBERS.map(str), TEXTS.map(lambda t: f'"{t}"'), st.sampled_from(["true", "null"])
)
SIGNS = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])
TESTS = st.one_of(
    CONSTANTS,
    st.tuples(SIGNS, CONSTANTS).map(" ".join),
    st.tuples(
        st.sampled_from("[("), NUMBERS, NUMBERS, st.sampled_from("])")
    ).map(lambda t: f"{t[0]}{min(t[1:3])}..{max(t[1:3])}{t[3]}"),
    st.sampled_from(["? > 1", "? = other", "> other", "string length(?) > 1", "[1, 2]"]),
)  # fmt: skip
CELLS = st.lists(TESTS, min_size=1, max_size=3).map(", ".join)
CELLS = st.one_of(st.just("-"), CELLS, CELLS.map("not({})".format))
VALUES = st.one_of(
    NUMBERS,
    TEXTS,
    st.floats(-3, 3, allow_nan=False),
    st.sampled_from([None, True, False, date(2026, 1, 1), [1], ["a", 2], {"a": 1}]),
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6),
    st.lists(VALUES, min_size=2, max_size=2),
)
def test_the_index_finds_the_rows_that_feel_finds_cell_by_cell(rows, values):
    scope = {"other": 1}
    expected = [
        number
        for number, row in enumerate(rows, start=1)
        if all(
            evaluate_unary(cell, value, scope) is True
            for cell, value in zip(row, values, strict=True)
        )
    ]
    columns = [
        [
            None if cell == "-" else (parse_unary(cell, scope), compile_unary(cell, scope))
            for cell in column
        ]
        for column in zip(*rows, strict=True)
    ]
    index = Index(columns, len(rows))
    assert numbered(index.matches(values, scope)) == expected
    by_name = index.by_name(["x", "y"])
    named = dict(zip(("x", "y"), values, strict=True), **scope)
    for _ in range(2):  # What was remembered is the same.
        assert numbered(by_name(named)) == expected


@pytest.mark.parametrize("odd", ["NaN", "sNaN", "Infinity"])
def test_what_is_no_number_is_null(odd):
    rows = [["null", '"none"'], ["-", '"some"']]
    assert ask("first", Decimal(odd), rows=rows, outputs=["said"]) == "none"
    assert ask("first", float(odd.lstrip("s")), rows=rows, outputs=["said"]) == "none"


def test_a_table_of_very_many_rows_is_ready_at_once_and_right():
    rows = [[f"[{at}..{at + 1})", str(at)] for at in range(3_000)]
    model = table("unique", rows=rows, outputs=["n"])
    for x in (0, 1, 2_999, Decimal("7.5"), 1):
        assert model.evaluate("d", {"x": x}) == int(x)
    assert model.evaluate("d", {"x": 3_000}) is None


def test_the_values_that_a_type_allows_rank_where_a_table_does_not_list_them():
    grid = {"inputs": ["x"], "outputs": [{"name": "l", "type": "Level"}], "hit": "P"}
    said = {
        "types": {"Level": {"type": "string", "allowed": '"top", "low"'}},
        "inputs": {"x": ""},
        "decisions": {
            "d": {
                "needs": ["x"],
                "is": {"table": {**grid, "rows": [["-", '"low"'], ["-", '"top"']]}},
            }
        },
    }
    assert Model(DecisionModel.model_validate(said)).evaluate("d", {"x": 1}) == "top"


RULES = """
tables:
  gifts:
    hit: {hit}
    inputs: [amount]
    outputs: [level, n]
    values: {{level: [top, mid, low]}}
    rows:
      - ["< 10", '"low"', 1]
      - ["< 20", '"mid"', 2]
      - ["< 30", '"top"', 4]
    default: {{level: none}}
"""


@pytest.mark.parametrize(
    ("hit", "row", "level", "n"),
    [
        ("first", 1, "low", 1),
        ("unique", 0, "none", None),
        ("priority", 3, "top", 4),
        ("rule order", 1, ["low", "mid", "top"], [1, 2, 4]),
        ("output order", 3, ["top", "mid", "low"], [4, 2, 1]),
        ("C", 1, ["low", "mid", "top"], [1, 2, 4]),
        ("collect count", 1, 3, 3),
        ("collect max", 1, "top", 4),
    ],
)
def test_tables_of_rules_know_every_hit_policy(world, hit, row, level, n):
    with world(RULES.format(hit=hit)) as w:
        said = w.company.context.ask_table("gifts", {"amount": 5})
        assert (said["row"], said["level"], said.get("n")) == (row, level, n)


def test_values_of_an_output_that_does_not_exist_are_told(world):
    text = RULES.format(hit="first").replace("values: {level", "values: {levle")
    with pytest.raises(InvalidDefinition, match="'level'"), world(text):
        pass
