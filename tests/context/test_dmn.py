"""Decision models of DMN: what each box means, what types let through, and what is refused."""

import pytest

from cid.kit.errors import InvalidInput, NotFound
from context.decision import Model
from context.diagrams import DecisionModel

XML = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="{namespace}" namespace="urn:shop" name="shop">
  <itemDefinition name="tTier"><typeRef>{feel}string</typeRef>
    <allowedValues><text>"gold", "silver"</text></allowedValues></itemDefinition>
  <inputData name="Spend in EUR" id="i1"><variable name="Spend in EUR" typeRef="{feel}number"/>
  </inputData>
  <decision name="Tier" id="d1"><variable name="Tier" typeRef="tTier"/>
    <informationRequirement><requiredInput href="#i1"/></informationRequirement>
    <decisionTable hitPolicy="FIRST">
      <input><inputExpression typeRef="{feel}number"><text>Spend in EUR</text></inputExpression>
      </input>
      <output/>
      <rule><inputEntry><text>&gt;= 1000</text></inputEntry>
        <outputEntry><text>"gold"</text></outputEntry></rule>
      <rule><inputEntry><text>-</text></inputEntry>
        <outputEntry><text>"silver"</text></outputEntry></rule>
    </decisionTable>
  </decision>
  <businessKnowledgeModel name="Share" id="b1">
    <variable name="Share"/>
    <encapsulatedLogic><formalParameter name="n" typeRef="{feel}number"/>
      <literalExpression><text>n * 0.1</text></literalExpression></encapsulatedLogic>
  </businessKnowledgeModel>
  <decision name="Gift" id="d2"><variable name="Gift"/>
    <informationRequirement><requiredDecision href="#d1"/></informationRequirement>
    <informationRequirement><requiredInput href="#i1"/></informationRequirement>
    <knowledgeRequirement><requiredKnowledge href="#b1"/></knowledgeRequirement>
    <literalExpression>
      <text>if Tier = "gold" then Share(Spend in EUR) else 0</text></literalExpression>
  </decision>
  <decisionService name="Gifts" id="s1">
    <variable name="Gifts"/>
    <outputDecision href="#d2"/><inputDecision href="#d1"/><inputData href="#i1"/>
  </decisionService>
</definitions>"""
VERSIONS = {
    "1.1": "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
    "1.2": "http://www.omg.org/spec/DMN/20180521/MODEL/",
    "1.3": "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "1.4": "https://www.omg.org/spec/DMN/20211108/MODEL/",
    "1.5": "https://www.omg.org/spec/DMN/20230324/MODEL/",
}


def shop(version: str = "1.5") -> Model:
    feel = "feel:" if version == "1.1" else ""
    return Model.from_dmn(XML.format(namespace=VERSIONS[version], feel=feel).encode())


def made(value, needs=(), inputs=None, **more):
    """Make a model of one decision named d."""
    inputs = inputs or dict.fromkeys(needs, "")
    kind = more.pop("type", "")
    decisions = {"d": {"needs": [*needs, *more.get("functions", {})], "is": value, "type": kind}}
    said = {"inputs": inputs, "decisions": decisions, **more}
    return Model(DecisionModel.model_validate(said))


def value_of(value, inputs=None, **more):
    model = made(value, [*(inputs or {})], **more)
    assert model.problems == []
    return model.evaluate("d", inputs or {})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_is_read_in_every_version_and_decides_over_its_requirements(version):
    model = shop(version)
    assert model.problems == []
    assert model.evaluate("Tier", {"Spend in EUR": 999}) == "silver"
    assert model.evaluate("Gift", {"Spend in EUR": 1500}) == 150
    assert model.evaluate("Gift", {"Spend in EUR": "a lot"}) == 0
    assert model.evaluate("Share", {"n": 20}) == 2


def test_a_service_sees_what_it_is_given_and_nothing_else():
    model = shop()
    given = {"Spend in EUR": 500, "Tier": "gold"}
    assert model.evaluate("Gift", given, service="Gifts") == 50
    assert model.evaluate("Gifts", given) == 50
    assert model.evaluate("Gifts", {"Spend in EUR": 5000}) == 0
    assert model.evaluate("Gift", {"Tier": "lead", "Spend in EUR": 5000}) == 0


def test_what_does_not_exist_is_named():
    with pytest.raises(NotFound, match=r"'Gft'.*'Gift'"):
        shop().evaluate("Gft", {})
    with pytest.raises(NotFound, match="Gifts"):
        shop().evaluate("Gift", {}, service="Gfts")


@pytest.mark.parametrize(
    ("box", "inputs", "expected"),
    [
        ({"context": [{"name": "a", "is": "x + 1"}, {"name": "b", "is": "a * 2"}]}, {"x": 1},
         {"a": 2, "b": 4}),
        ({"context": [{"name": "a", "is": "x + 1"}, {"is": "a * 2"}]}, {"x": 1}, 4),
        ({"list": ["x", {"list": ["x + 1"]}]}, {"x": 1}, [1, [2]]),
        ({"relation": {"columns": ["n", "m"], "rows": [["x", 2], [3, "x"]]}}, {"x": 1},
         [{"n": 1, "m": 2}, {"n": 3, "m": 1}]),
        ({"context": [
            {"name": "f", "is": {"function": {"parameters": {"n": "number"}, "is": "n + x"}}},
            {"is": {"call": "f", "with": {"n": "5"}}}]}, {"x": 1}, 6),
        ({"context": [
            {"name": "f", "is": {"function": {"parameters": {"n": "number"}, "is": "n"}}},
            {"is": {"call": "f", "with": {"m": "5"}}}]}, {"x": 1}, None),
        ({"if": "x > 0", "then": "1", "else": {"list": []}}, {"x": 0}, []),
        ({"for": "i", "in": "1..x", "return": "i * i"}, {"x": 3}, [1, 4, 9]),
        ({"for": "i", "in": "1..x", "return": "count(partial) + i"}, {"x": 3}, [1, 3, 5]),
        ({"some": "i", "in": "x", "satisfies": "i > 2"}, {"x": [1, 3]}, True),
        ({"every": "i", "in": "x", "satisfies": "i > 2"}, {"x": [1, 3]}, False),
        ({"every": "i", "in": "x", "satisfies": "i > 2"}, {"x": None}, None),
        ({"filter": "x", "where": "n > 1"}, {"x": [{"n": 1}, {"n": 2}]}, [{"n": 2}]),
        ({"filter": "x", "where": "item > 1"}, {"x": [1, 2]}, [2]),
    ],
)  # fmt: skip
def test_each_box_means_what_the_standard_says(box, inputs, expected):
    assert value_of(box, inputs) == expected


TYPES = {
    "Tier": {"type": "string", "allowed": '"gold", "silver"'},
    "Tiers": {"type": "Tier", "list": True},
    "Short": {"type": "number", "list": True, "constraint": "count(?) < 3"},
    "Customer": {"parts": {"name": "string", "tier": "Tier"}},
    "Tree": {"parts": {"n": "number", "below": {"type": "Tree", "list": True}}},
}


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("number", 7, 7),
        ("number", "7", None),
        ("number", True, None),
        ("number", [7], 7),
        ("number", [7, 8], None),
        ("Tier", "gold", "gold"),
        ("Tier", "lead", None),
        ("Tiers", ["gold", "silver"], ["gold", "silver"]),
        ("Tiers", ["gold", "lead"], None),
        ("Tiers", "gold", ["gold"]),
        ("Short", [1, 2], [1, 2]),
        ("Short", [1, 2, 3], None),
        ("Customer", {"name": "Ann", "tier": "gold"}, {"name": "Ann", "tier": "gold"}),
        ("Customer", {"name": "Ann", "tier": None}, {"name": "Ann", "tier": None}),
        ("Customer", {"name": "Ann", "tier": "lead"}, None),
        ("Customer", {"name": "Ann"}, None),
        ("Tree", {"n": 1, "below": [{"n": 2, "below": []}]},
         {"n": 1, "below": [{"n": 2, "below": []}]}),
        ("Tree", {"n": 1, "below": [{"n": "x", "below": []}]}, None),
        ("Any", "x", "x"),
        ("list<number>", [1], [1]),
        ("list<number>", ["a"], None),
    ],
)  # fmt: skip
def test_a_value_is_of_its_type_or_null(type_, value, expected):
    model = made("x", inputs={"x": type_}, needs=["x"], types=TYPES)
    assert model.evaluate("d", {"x": value}) == expected
    untyped = made("x", needs=["x"], types=TYPES, type=type_)
    assert untyped.evaluate("d", {"x": value}) == expected


def test_a_date_becomes_its_midnight_where_a_moment_is_wanted():
    model = made('date("2026-03-01")', type="date and time")
    text = made("string(x)", ["x"], inputs={"x": "date and time"})
    assert text.evaluate("d", {"x": model.evaluate("d", {})}).startswith("2026-03-01T00:00:00")


def test_what_is_wrong_in_one_decision_is_told_and_leaves_the_others_alone():
    said = {
        "decisions": {
            "good": {"is": "1 + 1"},
            "broken": {"is": "1 +"},
            "foreign": {"is": {"feel": "1", "language": "javascript"}},
            "typed": {"is": "1", "type": "nubmer"},
            "lost": {"needs": ["nobody"], "is": "1"},
        },
        "functions": {"java": {"kind": "Java", "is": '{class: "java.lang.Math"}'}},
    }
    model = Model(DecisionModel.model_validate(said))
    assert [model.evaluate(name, {}) for name in ("good", "broken", "foreign")] == [2, None, None]
    assert model.evaluate("java", {}) is None
    told = "\n".join(model.problems)
    for word in ("broken", "javascript", "'number'", "nobody", "Java"):
        assert word in told


def test_decisions_that_need_each_other_are_refused():
    said = {"a": {"needs": ["b"], "is": "b"}, "b": {"needs": ["a"], "is": "a"}}
    with pytest.raises(InvalidInput, match=r"ring: .*→"):
        Model(DecisionModel.model_validate({"decisions": said}))


def test_a_wide_graph_is_looked_through_once():
    rows = 60
    decisions = {
        f"{side}{row}": {"needs": [f"a{row - 1}", f"b{row - 1}"] if row else [], "is": "1"}
        for row in range(rows)
        for side in "ab"
    }
    model = Model(DecisionModel.model_validate({"decisions": decisions}))
    assert model.evaluate(f"a{rows - 1}", {}) == 1


def test_a_function_that_calls_itself_without_end_gives_null():
    functions = {
        "f": {"parameters": {"n": "number"}, "is": "f(n) + f(n)"},
        "g": {"parameters": {"n": "number"}, "is": "if n < 2 then 1 else n * g(n - 1)"},
    }
    assert made("f(1)", functions=functions).evaluate("d", {}) is None
    assert made("g(6)", functions=functions).evaluate("d", {}) == 720


def test_models_import_models(tmp_path):
    (tmp_path / "shop.dmn").write_text(XML.format(namespace=VERSIONS["1.5"], feel=""))
    (tmp_path / "desk.dmn").write_text(
        """<definitions xmlns="{0}" namespace="urn:desk" name="desk">
        <import name="shop" namespace="urn:shop" importType="{0}"/>
        <decision name="Says" id="d"><variable name="Says"/>
          <informationRequirement><requiredDecision href="urn:shop#d1"/></informationRequirement>
          <knowledgeRequirement><requiredKnowledge href="urn:shop#b1"/></knowledgeRequirement>
          <literalExpression><text>shop.Tier + string(shop.Share(30))</text></literalExpression>
        </decision></definitions>""".format(VERSIONS["1.5"])
    )
    model = Model.from_dmn(tmp_path / "desk.dmn")
    assert model.problems == []
    assert model.evaluate("Says", {"shop": {"Spend in EUR": 2000}}) == "gold3.0"
    assert model.evaluate("Says", {"shop.Spend in EUR": 2}) == "silver3.0"
    again = Model.from_dmn(model.to_dmn(), others=model.imported.values())
    assert again.evaluate("Says", {"shop.Spend in EUR": 2}) == "silver3.0"
    assert "urn:shop" in Model.from_dmn((tmp_path / "desk.dmn").read_bytes()).problems[0]


BOMB = """<?xml version="1.0"?><!DOCTYPE definitions [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><definitions name="&b;"/>"""


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (BOMB.encode(), "entities"),
        (b'<!DOCTYPE d SYSTEM "file:///etc/passwd"><d/>', "document type"),
        (b"<a>" * 300 + b"</a>" * 300, "too deeply"),
        (b"<definitions>" + b" " * (10 << 20), "larger than 10 MiB"),
        (b"not xml", "not XML"),
        (b"", "not XML"),
        (b"<html/>", "no decision model"),
        (b'<?xml version="1.0" encoding="utf-99"?><definitions/>', "not XML"),
        (b'<definitions name="\0"/>', "not XML"),
    ],
    ids=["bomb", "file", "deep", "large", "text", "empty", "html", "encoding", "zero"],
)
def test_hostile_xml_is_refused_with_the_reason(xml, said):
    with pytest.raises(InvalidInput, match=said):
        Model.from_dmn(xml)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        Model.from_dmn(tmp_path / "none.dmn")
