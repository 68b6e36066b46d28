"""Our notations of decision models and our sheets keep the contracts of everybody else's."""

import pytest

from context.ports import NOTATIONS, SHEETS
from context.testing import NotationContract, SheetContract
from tests.context.test_sheets import csv_of, text_cell, xlsx_of


class TestDmn(NotationContract):
    @pytest.fixture
    def plugin(self):
        return NOTATIONS.load("dmn")()


class TestCsv(SheetContract):
    @pytest.fixture
    def plugin(self):
        return SHEETS.load("csv")()

    @pytest.fixture
    def written(self):
        return csv_of(self.CELLS)


class TestXlsx(SheetContract):
    @pytest.fixture
    def plugin(self):
        return SHEETS.load("xlsx")()

    @pytest.fixture
    def written(self):
        return xlsx_of(
            [
                [text_cell(f"{'AB'[at]}{row}", text) for at, text in enumerate(cells)]
                for row, cells in enumerate(self.CELLS, start=1)
            ]
        )
