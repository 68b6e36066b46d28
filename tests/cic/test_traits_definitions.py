"""What is wrong with a trait is said in plain words, with file and line."""

import re
from pathlib import Path

import pytest

from cic.model import AGGREGATES, TRAITS, settled
from cic.model.trait import KINDS
from cid.kit.definitions import load, parse
from cii.model import CONTRACTS
from icustomer.checking import dead_names
from icustomer.definitions import SECTIONS, read

WRONG = {
    "a: {of: E}": "give exactly one of",
    "a: {of: E, count: true, sum: total}": "given: count, sum",
    "a: {count: true}": "say `of` which events",
    "a:\n  of: E\n  count: true\n  window: 0 d": "longer than 0 and at most 100 years",
    "a:\n  of: E\n  count: true\n  window: 36526 d": "longer than 0 and at most 100 years",
    "a:\n  of: E\n  count: true\n  window: 1.5 d": "is not a length of time",
    "a:\n  of: E\n  count: true\n  window: 1 month": "months and years have no fixed length",
    "a:\n  of: E\n  count: true\n  window: 30": "say the unit, e.g. 30 d",
    "a:\n  of: E\n  recent: v\n  items: 2.5": "valid integer",
    "a:\n  of: E\n  recent: v\n  items: 0": "greater than or equal to 1",
    "a:\n  of: E\n  count: perhaps": "valid boolean",
    "a:\n  of: E\n  first: true": "first of what?",
    "a:\n  of: E\n  last: ''": "last of what?",
    "a:\n  of: E\n  count: true\n  period: fortnight": "'previous year'",
    "a:\n  of: E\n  count: true\n  period: day\n  zone: Europe/Pariss": "is no time zone",
    "a: {of: E, count: true, window: 1 d, period: day}": "not both",
    "a: {of: E, count: true, zone: UTC}": "only periods and streaks",
    "a: {sequence: [E, F]}": "belong together",
    "a:\n  within: 1 d\n  sequence: [E]": "has two events",
    "a: {sequence: [E, F], within: 1 d, of: G}": "names its events itself",
    "a: {of: E, distinct: v, approximate: 0.02}": "every trait is exact",
    "a: {formula: b, of: E}": "leave out 'of'",
    "a:\n  of: E\n  time since: years": "'weeks'",
    "a:\n  of: E\n  count: true\n  windw: 3 d": "not known here",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_trait_is_named_with_its_line(text):
    _, errors = parse(text, TRAITS, "traits.yaml")
    assert len(errors) == 1
    said = f"{errors[0].message} {errors[0].hint or ''}"
    assert WRONG[text] in said
    assert errors[0].file == "traits.yaml"
    assert errors[0].line == (text.count("\n") + 1 if "\n" in text else 1)


def test_a_misspelt_event_or_property_is_found_where_a_contract_promises_nearly_the_same(tmp_path):
    (tmp_path / "all.yaml").write_text(
        "contracts:\n"
        "  Order Completed:\n    properties: {total: {type: number}}\n"
        "traits:\n"
        "  a: {of: Order Complete, count: true}\n"
        "  b: {of: Order Completed, sum: totall}\n"
        "  c: {of: Order Completed, sum: shipping, where: time != null}\n"
        "  d: {of: Something Else, count: true}\n"
    )
    definitions, errors = load(tmp_path, SECTIONS)
    assert not errors
    assert definitions.of(CONTRACTS)
    found = [(each.line, each.message, each.hint) for each in dead_names(definitions)]
    assert found == [
        (5, "'a': no event 'Order Complete' is promised.", "Did you mean 'Order Completed'?"),
        (6, "'b': no property 'totall' is promised.", "Did you mean 'total'?"),
    ]


def test_the_companys_time_zone_is_part_of_what_a_calendar_trait_means(tmp_path):
    def versions(zone):
        (tmp_path / "all.yaml").write_text(
            f"company: {{name: A, time zone: {zone}}}\n"
            "traits:\n  a: {of: E, count: true, period: day}\n  b: {of: E, count: true}\n"
        )
        definitions, errors = read(tmp_path)
        assert not errors
        traits = definitions.of(TRAITS)
        assert traits["a"].value.zone == zone
        return traits["a"].version, traits["b"].version

    paris, rome = versions("Europe/Paris"), versions("Europe/Rome")
    assert paris[0] != rome[0]
    assert paris[1] == rome[1]


def test_the_examples_of_the_reference_are_traits():
    page = Path(__file__).parents[2] / "docs" / "reference" / "traits.md"
    (text,) = re.findall(r"```yaml\ntraits:\n(.*?)```", page.read_text("utf-8"), re.S)
    found, errors = parse(text, TRAITS)
    traits, wrong = settled(found, ["household", "time zone"])
    assert errors + wrong == []
    assert {each.value.aggregate for each in traits.values()} >= set(KINDS) - set(AGGREGATES)


def test_a_trait_has_a_purpose_an_owner_and_titles_in_two_languages():
    found, errors = parse(
        "a: {of: E, count: true, title: {en: Orders, zh: 订单}, owner: sales, purpose: Who buys}",
        TRAITS,
    )
    assert not errors
    assert (found["a"].title("zh"), found["a"].value.owner) == ("订单", "sales")
    assert found["a"].value.purpose == "Who buys"
    assert settled(found)[0]["a"].version == found["a"].version
