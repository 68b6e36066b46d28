"""A model is one thing in three forms: YAML, XML and in memory; all decide the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cid.kit.errors import InvalidDefinition, InvalidInput, NotFound
from context.decision import Model
from context.diagrams import DecisionModel

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.sampled_from(["x", "Spend in EUR", "客户 等级", "über-mut", "a'b"])
TYPES = st.sampled_from(["", "number", "string", "Tier", "Any"])
FEEL = st.one_of(
    st.sampled_from(["\"a <b> & 'c'\"", "1 + 1", "if true then 1 else 2", "null", "1 +", "- 3"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\x85"), max_size=5),
)


def boxes(inner):
    clauses = st.fixed_dictionaries({"feel": FEEL, "type": TYPES, "values": FEEL, "label": NAMES})
    outputs = st.fixed_dictionaries({"name": NAMES, "type": TYPES, "values": FEEL, "default": FEEL})
    tables = st.fixed_dictionaries(
        {
            "inputs": st.lists(clauses, min_size=1, max_size=1),
            "outputs": st.lists(outputs, min_size=1, max_size=1),
            "hit": st.sampled_from(["U", "A", "P", "F", "R", "O", "C", "C+", "C<", "C>", "C#"]),
            "rows": st.lists(st.tuples(st.just("> 5"), FEEL), max_size=2),
        }
    )
    logic = st.fixed_dictionaries({"parameters": st.dictionaries(NAMES, TYPES), "is": inner})
    entry = st.fixed_dictionaries({"name": NAMES, "type": TYPES, "is": inner})
    return st.one_of(
        st.fixed_dictionaries({"feel": FEEL, "type": TYPES}),
        tables.map(lambda table: {"table": table}),
        st.lists(entry, max_size=2).map(lambda entries: {"context": entries}),
        st.lists(inner, max_size=2).map(lambda items: {"list": items}),
        st.lists(inner, min_size=2, max_size=2).map(
            lambda row: {"relation": {"columns": ["p", "q"], "rows": [row]}}
        ),
        logic.map(lambda logic: {"function": logic}),
        st.fixed_dictionaries({"call": inner, "with": st.dictionaries(NAMES, inner, max_size=2)}),
        st.fixed_dictionaries({"if": inner, "then": inner, "else": inner}),
        st.fixed_dictionaries({"for": NAMES, "in": inner, "return": inner}),
        st.fixed_dictionaries({"some": NAMES, "in": inner, "satisfies": inner}),
        st.fixed_dictionaries({"every": NAMES, "in": inner, "satisfies": inner}),
        st.fixed_dictionaries({"filter": inner, "where": inner}),
    )


BOXES = st.recursive(FEEL, boxes, max_leaves=6)
ITEMS = st.fixed_dictionaries({"type": TYPES, "list": st.booleans(), "allowed": st.just('"a"')})
MODELS = st.fixed_dictionaries(
    {
        "namespace": st.just("urn:a"),
        "types": st.fixed_dictionaries({"Tier": ITEMS}),
        "inputs": st.dictionaries(st.just("x"), TYPES),
        "functions": st.fixed_dictionaries(
            {"f": st.fixed_dictionaries({"parameters": st.just({"n": ""}), "is": BOXES})}
        ),
        "decisions": st.fixed_dictionaries(
            {
                "d": st.fixed_dictionaries({"is": BOXES, "type": TYPES, "needs": st.just(["f"])}),
                "e": st.fixed_dictionaries({"is": BOXES, "needs": st.just(["d"])}),
            }
        ),
        "services": st.just({"s": {"outputs": ["e"], "given": ["d"]}}),
    }
)


@FEW
@given(MODELS)
def test_yaml_keeps_a_model_as_it_is(said):
    model = Model(DecisionModel.model_validate(said))
    again = Model.from_yaml(model.to_yaml("any name"))
    assert again.definition == model.definition
    assert again.to_yaml("any name") == model.to_yaml("any name")


@FEW
@given(MODELS)
def test_the_model_decides_the_same_in_yaml_and_in_xml(said):
    model = Model(DecisionModel.model_validate(said))
    written = model.to_dmn()
    again = Model.from_dmn(written)
    assert again.to_dmn() == Model.from_dmn(again.to_dmn()).to_dmn()
    for name in ("d", "e", "s"):
        for x in (None, 7, "a"):
            expected = shown(model.evaluate(name, {"x": x}))
            assert shown(again.evaluate(name, {"x": x})) == expected


def shown(value):
    """Make functions comparable: by what they are called with."""
    if isinstance(value, list):
        return [shown(each) for each in value]
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    return tuple(value.parameters) if hasattr(value, "parameters") else value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: {}", "models:"),
        ("models: {a: {decisions: {d: {if: 1}}}}", "decisions, d"),
        ("models: {a: {decisions: {d: {is: {iff: 1}}}}}", "an expression is FEEL, or a box"),
        ("models: {a: &x {}, b: *x}", "aliases"),
        ("models: [", "not YAML"),
        ("models: {a: {}, b: {}}", "several models: a, b"),
        ("[" * 5000, "nested deeper"),
    ],
)
def test_a_text_that_is_no_model_is_told(text, said):
    with pytest.raises(InvalidInput, match=said):
        Model.from_yaml(text)


def test_one_of_several_models_is_named():
    text = "models: {a: {decisions: {d: {is: 1}}}, b: {decisions: {d: {is: 2}}}}"
    assert Model.from_yaml(text, "b").evaluate("d", {}) == 2
    with pytest.raises(NotFound, match="'c'"):
        Model.from_yaml(text, "c")


COMPANY = """
models:
  prices:
    inputs: {total: number}
    decisions:
      net: {needs: [total], is: total / 2}
  offers:
    imports: {prices: prices}
    decisions:
      offer: {needs: [prices.net], is: 'if prices.net > 10 then "mug" else "none"'}
"""


def test_models_of_a_company_are_asked_by_name_and_use_each_other(world):
    with world(COMPANY) as w:
        context = w.company.context
        assert context.ask_model("offers", "offer", {"prices.total": 30}) == "mug"
        assert context.ask_model("prices", "net", {"total": 3}) == 1.5
        assert [each["name"] for each in context.models()] == ["prices", "offers"]
        with pytest.raises(NotFound, match="'prices'"):
            context.ask_model("price", "net", {})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("total / 2", "total /", "ends too early"),
        ("prices: prices", "prices: price", "no model 'price'"),
        ("[prices.net]", "[prices.gross]", "which does not exist"),
        ("inputs: {total", "imports: {o: offers}\n    inputs: {total", "ring"),
        ("is: total / 2", "iss: total / 2", "iss"),
    ],
)
def test_a_model_that_cannot_decide_is_told_when_the_company_opens(world, before, after, said):
    assert before in COMPANY
    with pytest.raises(InvalidDefinition, match=said) as told:
        with world(COMPANY.replace(before, after)):
            pass
    assert "more.yaml:" in str(told.value)
