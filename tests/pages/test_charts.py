"""What a chart says is true: its axis, its unit, and that a column stands above its name."""

from __future__ import annotations

import pytest

DRAW = """(spec) => {
    const place = document.createElement('div')
    place.style.cssText = 'width:600px;height:240px'
    place.dataset.chart = JSON.stringify(spec)
    document.querySelector('main').append(place)
    window.drawCharts()
    return [...place.querySelectorAll('svg text')].map((one) => one.textContent)
}"""
MIDDLES = """() => {
    const middle = (one) => { const box = one.getBoundingClientRect(); return box.left + box.width / 2 }
    const svg = document.querySelector('main > div[data-chart] svg')
    const bars = [...svg.querySelectorAll('path[fill]')].filter((one) => {
        const box = one.getBoundingClientRect()
        return box.width > 15 && box.width < 40 && box.height > 20
    })
    const names = [...svg.querySelectorAll('text')].filter((one) => /^[abc]$/.test(one.textContent))
    return [bars.map(middle), names.map(middle)]
}"""


@pytest.fixture
def draw(visit):
    page, wrong = visit("/")
    page.wait_for_selector("[data-chart][data-drawn] svg")
    yield page, lambda **spec: page.evaluate(DRAW, spec)
    assert wrong == []


def test_no_two_steps_of_an_axis_of_shares_bear_one_name(draw):
    _, drawn = draw
    x, data = ["a", "b", "c"], [0.021, 0.012, 0.026]
    said = drawn(kind="bar", unit="%", x=x, series=[{"name": "Refunds", "data": data}])
    steps = [text for text in said if text.endswith("%")]
    assert len(steps) > 3
    assert len(set(steps)) == len(steps)
    assert "0.5%" in steps


def test_money_is_drawn_with_its_currency(draw):
    _, drawn = draw
    spec = {
        "unit": "money",
        "x": ["FR", "DE"],
        "series": [{"name": "Revenue", "data": [1040396, 788324]}],
    }
    said = drawn(kind="bars", **spec)
    assert "€1,040,396" in said
    assert "€600K" in said


def test_the_column_of_the_period_before_stands_above_its_name(draw):
    page, drawn = draw
    now, before = [4, None, 6], [None, 5, None]
    series = [
        {"name": "Number", "data": now},
        {"name": "Period before", "data": before, "style": "previous"},
    ]
    drawn(kind="bar", stack=True, x=["a", "b", "c"], series=series)
    bars, names = page.evaluate(MIDDLES)
    assert len(bars) == 3
    for bar, name in zip(sorted(bars), sorted(names), strict=True):
        assert bar == pytest.approx(name, abs=2)
