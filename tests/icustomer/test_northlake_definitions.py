"""Northlake's definitions are what an analyst would write, and all of them can be used."""

import pytest

from cbc.capabilities.links import dead_links
from cic.conditions import Vocabulary
from cic.model import SCORES, SEGMENTS, TRAITS
from cid.feel import names, parse
from cid.kit.definitions import Definitions
from cid.model.definition import ATTRIBUTES, COMPANY, SYSTEMS
from cii.mapping import Mapper
from context.decision import Table, ready_rules
from context.model import RULES, TABLES, TriggerKind
from context.ports import ACTIONS
from icustomer.definitions import read
from icustomer.samples.northlake import DEFINITIONS


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    found, errors = read(DEFINITIONS)
    assert not errors
    return found


def own(definitions: Definitions, section) -> dict:
    """The company's own entries of a section."""
    return {name: each for name, each in definitions.of(section).items() if not each.builtin}


def vocabulary_of(definitions: Definitions) -> Vocabulary:
    return Vocabulary(definitions.of(ATTRIBUTES), definitions.of(TRAITS), definitions.of(SEGMENTS))


def test_there_is_as_much_of_each_kind_as_the_story_tells(definitions):
    assert len(own(definitions, TRAITS)) >= 20
    assert len(own(definitions, SEGMENTS)) >= 15
    assert len(own(definitions, RULES)) >= 12
    assert set(own(definitions, TABLES)) >= {"offer", "SLA", "discount approval"}


def test_every_definition_has_an_english_and_a_chinese_title(definitions):
    for section in (SYSTEMS, ATTRIBUTES, TRAITS, SEGMENTS, RULES, TABLES, SCORES):
        for name, entry in own(definitions, section).items():
            title = entry.value.title
            assert title, name
            assert title.en, name
            assert title.zh, name


def test_every_attribute_says_what_it_means_in_both_languages(definitions):
    for name, entry in own(definitions, ATTRIBUTES).items():
        assert entry.value.description.en, name
        assert entry.value.description.zh, name


def test_all_four_triggers_occur(definitions):
    kinds = {entry.value.on.kind for entry in own(definitions, RULES).values()}
    assert kinds == set(TriggerKind)


def test_every_segment_can_be_decided(definitions):
    vocabulary = vocabulary_of(definitions)
    for entry in definitions.of(SEGMENTS).values():
        vocabulary.compile(entry.value.when)


def test_every_rule_and_table_can_be_used(definitions):
    vocabulary = vocabulary_of(definitions)
    tables = {name: Table(entry, vocabulary) for name, entry in definitions.of(TABLES).items()}
    actions = {name: ACTIONS.load(name)() for name in ACTIONS.names()}
    assert ready_rules(definitions.of(RULES), tables, vocabulary, actions)


def test_every_trait_reads_only_properties_and_words_of_the_fact(definitions):
    for name, entry in own(definitions, TRAITS).items():
        for text in (entry.value.value, entry.value.where):
            if text:
                assert names(parse(text)), name


def test_the_score_looks_only_at_traits_that_exist(definitions):
    for entry in definitions.of(SCORES).values():
        assert set(entry.value.features) <= set(definitions.of(TRAITS))


def test_every_flow_and_contract_can_be_used(definitions):
    assert set(Mapper(definitions).flows) >= {"northlake till", "northlake tickets"}


def test_every_touchpoint_that_speaks_the_protocol_has_its_own_key(definitions):
    keys = [entry.value.write_key for entry in definitions.of(SYSTEMS).values()]
    given = [key for key in keys if key]
    assert len(given) == len(set(given)) >= 8


def test_names_of_attributes_traits_and_segments_do_not_clash(definitions):
    used = [*definitions.of(ATTRIBUTES), *definitions.of(TRAITS), *definitions.of(SEGMENTS)]
    assert len(used) == len(set(used))


def test_no_link_of_strategy_and_capabilities_is_dead(definitions):
    assert not dead_links(definitions)


def test_the_company_is_marked_as_invented(definitions):
    assert definitions.of(COMPANY)["company"].value.demo
