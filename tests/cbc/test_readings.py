"""A number says how sure it is, and is judged and compared by that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbc.measurement import Reading, Totals, compare, number, read, verdict
from cbc.model import Measure


def measure(**values):
    return Measure(rows="SELECT 1", formula="…", **values)


def test_a_target_is_met_only_when_the_whole_interval_reaches_it():
    share = measure()

    assert verdict(share, Reading(0.97, n=500, low=0.955, high=0.98), 0.95)[0] == "met"
    assert verdict(share, Reading(0.90, n=500, low=0.88, high=0.92), 0.95)[0] == "not met"
    assert verdict(share, Reading(0.96, n=20, low=0.85, high=0.99), 0.95)[0] == "inconclusive"
    assert verdict(share, Reading(None), 0.95)[0] == "no data"
    assert verdict(share, Reading(0.5, n=2, low=0.1, high=0.9), None)[0] == "no target"


def test_where_less_is_better_the_interval_must_stay_below():
    latency = measure(kind="average", unit="ms", better="lower")

    assert verdict(latency, Reading(10, n=50, low=9, high=11), 12)[0] == "met"
    assert verdict(latency, Reading(20, n=50, low=19, high=21), 12)[0] == "not met"


def test_a_count_is_no_sample_and_is_judged_as_it_stands():
    count = measure(kind="count", better="lower")

    assert verdict(count, Reading(0, n=3), 0) == ("met", None)
    assert verdict(count, Reading(1, n=3), 0) == ("not met", None)


def test_one_row_of_an_average_is_not_enough_to_judge():
    rows = [{"numerator": 7, "denominator": 1}]
    reading = number(measure(kind="average"), rows)

    assert (reading.value, reading.low) == (7, None)
    assert verdict(measure(kind="average"), reading, 5)[0] == "inconclusive"


def test_noise_is_not_called_a_change():
    before = Reading(0.50, n=20, low=0.33, high=0.67)
    small = Reading(0.55, n=20, low=0.38, high=0.72)
    large = Reading(0.95, n=20, low=0.80, high=0.99)

    assert compare(measure(), small, before) == "no clear change"
    assert compare(measure(), large, before) == "better"
    assert compare(measure(better="lower"), large, before) == "worse"
    assert compare(measure(), large, Reading(None)) == "no data"


def test_a_few_more_or_less_of_something_counted_is_no_clear_change():
    count = measure(kind="count")

    def counted(n):
        return number(count, [{"numerator": 1, "denominator": 1}] * n)

    assert compare(count, counted(5), counted(8)) == "no clear change"
    assert compare(count, counted(50), counted(80)) == "worse"


def test_nobody_among_a_few_is_not_certainly_nobody():
    rows = [{"numerator": 0, "denominator": 5}] * 8

    assert (number(measure(), rows).low, number(measure(), rows).value) == (0, 0)
    assert number(measure(), rows).high == pytest.approx(0.2527, abs=1e-4)  # Wilson: z²/(n + z²)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 3)), max_size=30))
def test_totals_may_be_added_in_any_order(pairs):
    rows = [Totals.of({"numerator": over, "denominator": under}) for over, under in pairs]

    forward = read(measure(), {("", ""): sum(rows, Totals())})
    backward = read(measure(), {("", ""): sum(reversed(rows), Totals())})

    assert forward == backward


@given(st.integers(1, 60), st.data())
def test_an_interval_holds_its_value_and_shrinks_with_more_rows(n, data):
    hits = data.draw(st.integers(0, n))
    rows = [{"numerator": int(place < hits), "denominator": 1} for place in range(n)]
    once, twice = number(measure(), rows), number(measure(), rows * 2)

    assert 0 <= once.low <= once.value <= once.high <= 1
    assert twice.high - twice.low < once.high - once.low


def test_sums_of_money_are_exact():
    rows = [{"numerator": 0.1, "denominator": 1}, {"numerator": 0.2, "denominator": 1}]

    assert str(number(measure(kind="sum"), rows).numerator) == "0.3"


@pytest.mark.parametrize("text", ["", "P1M", "0 d", "soon"])
def test_a_period_must_have_a_length(text):
    if text:
        with pytest.raises(ValueError, match=r"period|length of time"):
            measure(period=text)
    else:
        assert measure().length == 30 * 86_400_000
