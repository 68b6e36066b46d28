"""What every customer-facing application must keep to, as a kit for the people who write one.

```python
class TestShop(AppContract):
    @pytest.fixture
    def factory(self):
        return Shop
```
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table

from cfa.model import SECTIONS, Step
from cfa.ports import App, AppFactory, Silent
from cid.kit.clock import to_millis
from cid.kit.db import metadata
from cid.kit.definitions import Definitions
from cid.model.fact import Fact

PERSONAL = re.compile(
    r"(^|_)(e?mail|phone|mobile|(first|last|full|sur)?name|address|street|city|postcode|birth\w*"
    r"|gender|tier|country|language)(_|$)"
)
"""Columns that say something about a customer; an application has none of them."""


def attributes_of_customers(tables: Sequence[Table]) -> list[str]:
    """Return the columns that hold what only the layers below may know about a customer."""
    return [
        f"{table.name}.{column.name}"
        for table in tables
        for column in table.columns
        if PERSONAL.search(column.name)
    ]


class AppContract:
    """What every application must do, whatever it is for."""

    @pytest.fixture
    def factory(self) -> AppFactory:
        """Return the application's class."""
        raise NotImplementedError("Provide a `factory` fixture returning the application's class.")

    @pytest.fixture
    def definitions(self) -> Definitions:
        """Return definitions that have what the application needs; none by default."""
        return Definitions(Path(), {section.name: {} for section in SECTIONS})

    @pytest.fixture
    def app(self, factory: AppFactory, definitions: Definitions) -> App:
        """Return the application for a company."""
        return factory(definitions, Silent())

    @pytest.fixture
    def fact(self) -> Callable[[str, int], Fact]:
        """Return a maker of facts of an event that name every kind of work, day by day."""

        def make(event: str, day: int) -> Fact:
            moment = to_millis(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day))
            named = ("case_id", "task_id", "opportunity_id", "lead_id", "offer_id", "id")
            return Fact(
                position=day,
                message_id=f"m{day}",
                source="test",
                type="track",
                event=event,
                time=moment,
                received=moment,
                identifiers=("user_id:ann",),
                properties={**dict.fromkeys(named, "x1"), "offer": "tea"},
                identity="user_id:ann",
                customer="c_ann",
            )

        return make

    def test_keeps_the_protocol(self, app: App) -> None:
        """It has all that the desk asks of an application."""
        assert isinstance(app, App)

    def test_says_what_it_is_called_in_english_and_chinese(self, factory: AppFactory) -> None:
        """People find it under its title in their language."""
        manifest = factory.manifest
        assert re.fullmatch(r"[a-z][a-z0-9_]*", manifest.name)
        assert manifest.title.en
        assert manifest.title.zh

    def test_needs_only_elements_of_lower_layers(self, factory: AppFactory) -> None:
        """It stands on elements below, named in full."""
        for need in factory.manifest.needs:
            assert re.fullmatch(r"(cid|cii|cic)\.[a-z]+\..+", need), f"{need!r} is no element"

    def test_ignores_a_fact_that_names_no_work(
        self, app: App, fact: Callable[[str, int], Fact]
    ) -> None:
        """A fact without the id of anything makes no work."""
        for event in app.events:
            empty = fact(event, 0)
            empty.properties.clear()
            assert app.take(empty) is None

    def test_takes_only_its_own_kind_of_work(
        self, app: App, fact: Callable[[str, int], Fact]
    ) -> None:
        """What it asked to see it takes, for the fact's customer."""
        for event in app.events:
            change = app.take(fact(event, 0))
            assert change is not None, f"{event!r} is in `events` but was not taken"
            assert change.kind == app.kind
            assert change.customer == "c_ann"

    def test_folds_any_beginning_of_the_story(
        self, app: App, fact: Callable[[str, int], Fact]
    ) -> None:
        """Facts may come in any order, so any of them may come first."""
        columns: set[str] | None = None
        for first in sorted(app.events):
            rest = sorted(app.events - {first})
            steps: list[Step] = []
            for day, event in enumerate([first, *rest]):
                change = app.take(fact(event, day))
                assert change is not None
                steps.append(change.step)
                values = app.fold(steps)
                assert isinstance(values["state"], str)
                assert columns in (None, set(values)), "every fold has the same columns"
                columns = set(values)

    def test_has_no_table_with_attributes_of_customers(self, factory: AppFactory) -> None:
        """What is known about customers lies in the layers below."""
        layer = f"{factory.__module__.partition('.')[0]}_"
        tables = [table for table in metadata.sorted_tables if table.name.startswith(layer)]
        assert attributes_of_customers(tables) == []
