"""What every notation of decision models and every kind of sheet must do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cid.kit.errors import InvalidInput
from context.decision import Model
from context.diagrams import DecisionModel
from context.ports import Notation, Sheet

TOO_LARGE = b"x" * (11 << 20)


class NotationContract:
    """What every notation of decision models must do. Provide ``plugin``."""

    @pytest.fixture
    def plugin(self) -> Notation:
        """Return the notation under test."""
        raise NotImplementedError("Provide a `plugin` fixture returning your notation.")

    @pytest.fixture
    def model(self) -> DecisionModel:
        """Return a model with a bit of everything; override it where the notation says less."""
        table: dict[str, Any] = {"inputs": ["tier"], "outputs": ["gift"], "hit": "F"}
        table["rows"] = [['"gold"', "1"]]
        return DecisionModel.model_validate(
            {
                "namespace": "urn:any",
                "types": {"Tier": {"type": "string", "allowed": '"gold", "silver"'}},
                "inputs": {"tier": "Tier"},
                "functions": {"twice": {"parameters": {"n": "number"}, "is": "n * 2"}},
                "decisions": {
                    "gift": {"needs": ["tier"], "is": {"table": table}},
                    "said": {"needs": ["tier"], "is": "tier"},
                    "gifts": {"needs": ["gift", "twice"], "is": "twice(gift)"},
                },
                "services": {"giving": {"outputs": ["gifts"], "inputs": ["tier"]}},
            }
        )

    def test_keeps_the_protocol(self, plugin: Notation) -> None:
        """It has a name and all methods."""
        assert isinstance(plugin, Notation)
        assert plugin.name

    def test_what_is_written_decides_the_same_when_it_is_read(
        self, plugin: Notation, model: DecisionModel
    ) -> None:
        """Every decision, whatever it is asked."""
        again = plugin.read(plugin.write(model, []))
        for name in model.decisions:
            for tier in ("gold", "silver", "lead", None, 7):
                given = {"tier": tier}
                assert Model(again).evaluate(name, given) == Model(model).evaluate(name, given)

    def test_a_model_is_made_ready_from_what_was_written(
        self, plugin: Notation, model: DecisionModel, tmp_path: Path
    ) -> None:
        """From a file and from its content."""
        written = plugin.write(model, [])
        file = tmp_path / "model"
        file.write_bytes(written)
        for source in (written, file, str(file)):
            assert plugin.load(Model, source, []).evaluate("gifts", {"tier": "gold"}) == 2

    def test_what_is_no_model_is_refused(self, plugin: Notation) -> None:
        """Whatever it is, and soon."""
        for odd in (b"", b"\0\xff", b"<" * 10_000, b"PK\x03\x04", b"null", TOO_LARGE):
            with pytest.raises(InvalidInput):
                plugin.read(odd)


class SheetContract:
    """What every kind of sheet must do. Provide ``plugin`` and ``written``."""

    CELLS = (("hit", "U"), ("input", "output"), ("spend", "tier"), (">= 10", "gold"), ("7", "0.5"))

    @pytest.fixture
    def plugin(self) -> Sheet:
        """Return the kind of sheet under test."""
        raise NotImplementedError("Provide a `plugin` fixture returning your kind of sheet.")

    @pytest.fixture
    def written(self) -> bytes:
        """Return a file with the cells of ``CELLS``."""
        raise NotImplementedError("Provide a `written` fixture: a file with the cells of CELLS.")

    def test_keeps_the_protocol(self, plugin: Sheet) -> None:
        """It has a name and all methods."""
        assert isinstance(plugin, Sheet)
        assert plugin.name

    def test_the_cells_are_read_row_by_row(self, plugin: Sheet, written: bytes) -> None:
        """As FEEL writes them; empty ones do not matter."""
        found = tuple(tuple(cell for cell in row if cell) for row in plugin.read(written))
        assert found == self.CELLS

    def test_what_is_no_sheet_is_refused(self, plugin: Sheet) -> None:
        """Where it is no text, and where it is too large."""
        for odd in (b"\xff\xff\0", TOO_LARGE, b"a,\n" * 20_000):
            with pytest.raises(InvalidInput):
                plugin.read(odd)
