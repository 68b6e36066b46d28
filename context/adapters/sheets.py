"""Sheets of analysts: CSV and XLSX, read as rows of texts as FEEL writes them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from cid.kit.errors import InvalidInput
from context.adapters.xml import MAX_BYTES, Element, read_xml

MAX_ROWS, MAX_COLUMNS = 10_000, 200
"""Largest sheet we read."""
MAX_UNPACKED = 50 << 20
"""Most that one part of an XLSX file may unpack to."""


class Csv:
    """Comma-separated values, as spreadsheets save them: comma, semicolon or tab."""

    name = "csv"

    def read(self, data: bytes) -> list[list[str]]:
        """Give the cells of the sheet.

        Raises:
            InvalidInput: it is no text, or too large.
        """
        if len(data) > MAX_BYTES:
            raise InvalidInput(f"The file is larger than {MAX_BYTES >> 20} MiB.")
        try:
            text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInput(
                "The file is not UTF-8 text.", hint="Save it as 'CSV UTF-8' in the spreadsheet."
            ) from error
        first = text.partition("\n")[0]
        mark = max(",;\t", key=first.count)
        try:
            rows = [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark)]
        except csv.Error as error:
            raise InvalidInput(f"The file is no CSV: {error}.") from error
        return _within_limits(rows)


class Xlsx:
    """A workbook of a spreadsheet; its first sheet is read, formulas by their last value."""

    name = "xlsx"

    def read(self, data: bytes) -> list[list[str]]:
        """Give the cells of the first sheet.

        Raises:
            InvalidInput: it is no workbook, too large, or a cell has an error; names the cell.
        """
        if len(data) > MAX_BYTES:
            raise InvalidInput(f"The file is larger than {MAX_BYTES >> 20} MiB.")
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                return _Workbook(packed).rows()
        except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, RuntimeError) as error:
            raise InvalidInput(f"The file is no XLSX workbook: {error}.") from error
        except NotImplementedError as error:
            raise InvalidInput("The workbook is packed in a way that is not read.") from error


class _Workbook:
    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._texts = self._shared()
        self._dates = self._date_styles()

    def _part(self, name: str) -> Element | None:
        try:
            with self._packed.open(name) as opened:
                data = opened.read(MAX_UNPACKED + 1)
        except KeyError:
            return None
        return read_xml(data, f"part {name} of the workbook", MAX_UNPACKED)

    def _shared(self) -> list[str]:
        part = self._part("xl/sharedStrings.xml")
        return [] if part is None else [_said(each) for each in part.all("si")]

    def _date_styles(self) -> set[int]:
        """Give the styles that show a number as a date."""
        part = self._part("xl/styles.xml")
        if part is None:
            return set()
        formats = part.one("numFmts")
        own = {
            each.get("numFmtId")
            for each in (formats.parts if formats else ())
            if re.search("[ymd]", re.sub(r'"[^"]*"|\[[^\]]*\]', "", each.get("formatCode")))
        }
        styles = part.one("cellXfs")
        known = {*own, *map(str, range(14, 18)), "22"}
        return {
            at
            for at, each in enumerate(styles.parts if styles else ())
            if each.get("numFmtId") in known
        }

    def _sheet(self) -> Element:
        names = sorted(
            (name for name in self._packed.namelist() if name.startswith("xl/worksheets/sheet")),
            key=lambda name: (len(name), name),
        )
        sheet = self._part(names[0]) if names else None
        if sheet is None:
            raise InvalidInput("The workbook has no sheet.")
        return sheet

    def rows(self) -> list[list[str]]:
        data = self._sheet().one("sheetData")
        rows: list[list[str]] = []
        for row in data.all("row") if data is not None else ():
            number = int(row.get("r") or len(rows) + 1) if (row.get("r") or "0").isdigit() else 0
            if not len(rows) < number <= MAX_ROWS:
                raise InvalidInput(
                    f"The sheet has more than {MAX_ROWS} rows, or they are mixed up."
                )
            rows.extend([] for _ in range(number - len(rows)))
            for column, cell in self._cells(row):
                if column >= MAX_COLUMNS:
                    raise InvalidInput(f"The sheet has more than {MAX_COLUMNS} columns.")
                filled = rows[-1]
                filled.extend("" for _ in range(column + 1 - len(filled)))
                filled[column] = self._value(cell)
        return _within_limits(rows)

    def _cells(self, row: Element) -> Iterator[tuple[int, Element]]:
        at = 0
        for cell in row.all("c"):
            letters = re.match("[A-Z]{1,3}", cell.get("r"))
            at = _column(letters[0]) if letters else at
            yield at, cell
            at += 1

    def _value(self, cell: Element) -> str:
        kind, text = cell.get("t"), cell.text_of("v")
        if kind == "e":
            raise InvalidInput(f"{cell.get('r')}: the cell has the error {text}.")
        if kind == "s":
            at = int(text) if text.isdigit() else -1
            return self._texts[at] if 0 <= at < len(self._texts) else ""
        if kind == "inlineStr":
            inner = cell.one("is")
            return _said(inner) if inner is not None else ""
        if kind == "b":
            return "true" if text == "1" else "false"
        if kind == "str" or not text:
            return text
        style = int(cell.get("s")) if cell.get("s").isdigit() else 0
        try:
            number = Decimal(repr(float(text)))
        except (ValueError, InvalidOperation):
            return text
        if style in self._dates and 0 < number < 2_958_466:
            day = datetime(1899, 12, 30) + timedelta(days=float(number))
            return f'date("{day:%Y-%m-%d}")'
        return str(int(number)) if number == int(number) else f"{number:f}"


def _said(element: Element) -> str:
    """Give the text of a cell, put together from its differently formatted parts."""
    own = element.one("t")
    if own is not None:
        return own.text
    return "".join(part.text for run in element.all("r") for part in run.all("t"))


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _within_limits(rows: list[list[str]]) -> list[list[str]]:
    if len(rows) > MAX_ROWS or any(len(row) > MAX_COLUMNS for row in rows):
        raise InvalidInput(f"The sheet is larger than {MAX_ROWS} rows or {MAX_COLUMNS} columns.")
    return rows
