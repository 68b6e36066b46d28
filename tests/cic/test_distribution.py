"""How a trait is spread over the customers: nobody left out, and each bucket's condition says just who is in it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cic.distribution import MOST, buckets
from cic.model import TRAITS
from cid.feel import evaluate
from cid.kit.errors import NotFound
from tests.company import opened

numbers = st.one_of(
    st.integers(-20, 5_000),
    st.decimals(-1_000_000, 1_000_000, places=4),
    st.decimals(0, 1, places=4),
    st.just(Decimal("0E+2")),
)
texts = st.sampled_from(["web", "app", 'say "a"', "", "true", "7", "北京", *"abcdefgh"])


@given(
    st.one_of(
        st.lists(st.none() | numbers, max_size=60),
        st.lists(st.none() | texts, max_size=60),
        st.lists(st.none() | st.booleans(), max_size=20),
        st.lists(st.none() | st.booleans() | texts | numbers, max_size=30),
    )
)
def test_everybody_is_in_exactly_one_bucket_and_its_condition_says_so(values):
    found = buckets("x", values)
    assert sum(each.count for each in found) == len(values)
    assert len(found) <= MOST + 2
    for each in found:
        if each.when:
            meeting = [value for value in values if evaluate(each.when, {"x": value}) is True]
            assert len(meeting) == each.count, each


def test_steps_are_even_or_grow_where_a_few_have_very_much():
    even = [each.when for each in buckets("age", range(18, 96))]
    assert even[:2] == ["age >= 0 and age < 20", "age >= 20 and age < 40"]
    grown = [each.when for each in buckets("spend", [0, *range(1, 60), 150, 900, 40_000])]
    assert grown[0] == "spend = 0"
    assert grown[-1] == "spend >= 10000"
    assert "spend >= 100 and spend < 1000" in grown


def test_lists_are_not_put_into_buckets():
    assert buckets("names", [["a"], []]) == []


def test_every_bucket_of_every_trait_is_as_large_as_its_condition_says(northlake, tmp_path):
    with opened(northlake.copy(tmp_path / "company")) as company:
        asked = 0
        for name in company.definitions.of(TRAITS):
            found = company.cic.distribution(name)
            if found["buckets"]:
                assert sum(each["count"] for each in found["buckets"]) == found["of"]
            for each in found["buckets"]:
                if each["when"]:
                    assert company.cic.preview(each["when"])["size"] == each["count"], each
                    asked += 1
        assert asked > 60
        with pytest.raises(NotFound):
            company.cic.distribution("nothing")
