"""What facts are asked: a property as it is contributes the same as the expression that names it."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cic.aggregates import HOLD
from cic.kernel import plan
from cic.model import Trait
from cic.programs import Program
from cic.testing import entries
from cid.feel import compile_expression
from tests.cic.living import fact

said = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**36), 10**36),
    st.floats(),
    st.floats(-10, 10).map(lambda number: round(number, 5)),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.lists(st.floats() | st.integers(), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2),
)


@given(said, said)
def test_a_property_contributes_what_the_expression_that_names_it_does(v, w):
    one = fact(1, 5, v=v, w=w)
    for names in (("v",), ("v", "w")):
        for kind, hold in HOLD.items():
            if kind in ("count", "since", "streak"):
                continue
            traits = entries(
                **{f"of_{name}": Trait.model_validate({"of": ("E",), kind: name}) for name in names}
            )
            held = Program("E", plan(traits)["E"], {}).hold(one)
            asked = tuple(hold(compile_expression(name)(one.properties)) for name in names)
            assert (held or (None,) * len(names)) == asked
            assert [type(each) for each in held or ()] == [type(each) for each in asked if held]


def test_words_of_the_fact_itself_win_over_properties_of_their_names():
    traits = entries(**{name: Trait(of=("E",), last=name) for name in ("event", "source", "time")})
    held = Program("E", plan(traits)["E"], {}).hold(
        replace(fact(1, 5), properties=dict.fromkeys(traits, "x"))
    )
    assert held is not None
    assert held[:2] == ("E", "shop")
