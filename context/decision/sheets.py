"""From a sheet of an analyst to a decision table; what is wrong is said with its cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from cid.feel import FeelError, parse, parse_unary
from cid.kit.errors import InvalidInput, suggestion
from context.diagrams import HIT_LETTERS, hit_named
from context.model import DecisionTable

KINDS = {
    "input": "input", "in": "input", "if": "input", "输入": "input", "条件": "input",
    "output": "output", "out": "output", "then": "output", "输出": "output", "结果": "output",
    "note": "note", "notes": "note", "annotation": "note", "备注": "note",
}  # fmt: skip
"""What may stand above a column."""
SETTINGS = {"table": "table", "表": "table", "hit": "hit", "命中": "hit"}
"""What may stand before the table, with its value beside it."""
_WORDS = frozenset({"true", "false", "null", "-", ""})
_QUOTES = str.maketrans({"“": '"', "”": '"'})
_TYPED = str.maketrans({"≥": ">=", "≤": "<=", "，": ",", "（": "(", "）": ")"})
"""What keyboards and spreadsheets write instead of the signs of FEEL."""
_WORD = re.compile(r"[^\W\d][\w ]*")
_RANGE = re.compile(r"-?[\d.]*\d\s*\.\.\s*-?[\d.]*\d")


def cell_name(row: int, column: int) -> str:
    """Name a cell as a spreadsheet does; both are counted from 0.

    >>> cell_name(6, 1), cell_name(0, 27)
    ('B7', 'AB1')
    """
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def read_sheet(rows: Sequence[Sequence[str]], name: str = "table") -> tuple[str, DecisionTable]:
    """Make a decision table of a sheet, and give its name.

    At the top may stand ``table`` and ``hit`` with their values beside them. Then a line says of each
    column whether it is an ``input``, an ``output`` or a ``note``; the next line says what it is about;
    below are the rows. A row that begins with ``default`` says what holds where no row matches.

    >>> name, table = read_sheet([
    ...     ["hit", "U"], ["input", "output"], ["spend", "tier"],
    ...     [">= 1000", "gold"], ["< 1000", "silver"],
    ... ])
    >>> table.hit, table.rows[0]
    ('unique', ('>= 1000', '"gold"'))

    Raises:
        InvalidInput: something is missing or is no FEEL; says in which cell.
    """
    return _Sheet(rows, name).table()


def written(name: str, table: DecisionTable) -> str:
    """Write a decision table as the section ``tables`` of a definition file."""
    said = table.model_dump(mode="json", exclude_defaults=True)
    said["rows"] = [_Row(row) for row in said["rows"]]
    text: str = yaml.dump(
        {"tables": {name: said}}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000
    )
    return text


class _Row(list[Any]):
    """A row of a table: it stands on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes rows on one line."""


_Dumper.add_representer(
    _Row, lambda dumper, row: dumper.represent_sequence("tag:yaml.org,2002:seq", row, True)
)


class _Sheet:
    def __init__(self, rows: Sequence[Sequence[str]], name: str) -> None:
        self._rows = [[str(cell).strip() for cell in row] for row in rows]
        self._name = name
        self._hit = "first"

    def table(self) -> tuple[str, DecisionTable]:
        start = self._settings()
        kinds = [KINDS.get(cell.casefold(), "") for cell in self._rows[start]]
        for column, cell in enumerate(self._rows[start]):
            if cell and not kinds[column]:
                raise InvalidInput(
                    f"{cell_name(start, column)}: {cell!r} is neither input, output nor note.",
                    hint=suggestion(cell, ("input", "output", "note")),
                )
        wanted = [at for kind in ("input", "output") for at, k in enumerate(kinds) if k == kind]
        inputs = [at for at in wanted if kinds[at] == "input"]
        if not inputs or len(inputs) == len(wanted):
            raise InvalidInput(f"{cell_name(start, 0)}: a table has an input and an output.")
        heads = {at: self._at(start + 1, at) for at in wanted}
        for at, head in heads.items():
            if not head:
                raise InvalidInput(f"{cell_name(start + 1, at)}: what is this column about?")
            if kinds[at] == "input":
                self._feel(start + 1, at, head, (), unary=False)
            elif list(heads.values()).count(head) > 1:
                raise InvalidInput(f"{cell_name(start + 1, at)}: {head!r} is there twice.")
        known = [head for at, head in heads.items() if kinds[at] == "input"]
        made: list[tuple[str | int | float | bool, ...]] = []
        default: dict[str, str | int | float | bool] = {}
        for number in range(start + 2, len(self._rows)):
            if not any(self._at(number, at) for at in wanted):
                continue
            if self._at(number, inputs[0]).casefold() in ("default", "默认"):
                default = {
                    heads[at]: self._value(number, at) for at in wanted if kinds[at] == "output"
                }
                continue
            made.append(tuple(self._cell(number, at, kinds[at] == "input", known) for at in wanted))
        if not made:
            raise InvalidInput(f"{cell_name(start + 2, 0)}: the table has no rows.")
        outputs = tuple(heads[at] for at in wanted if kinds[at] == "output")
        return self._name, DecisionTable.model_validate(
            {
                "inputs": known,
                "outputs": outputs,
                "hit": self._hit,
                "rows": made,
                "default": default,
            }
        )

    def _settings(self) -> int:
        """Read what stands before the table; give the line on which the table begins."""
        for number, row in enumerate(self._rows):
            first = row[0].casefold() if row else ""
            setting = SETTINGS.get(first)
            if setting is None and any(row):
                return number
            value = self._at(number, 1)
            if setting == "table" and value:
                self._name = value
            if setting == "hit" and value:
                self._hit = str(hit_named(value))
                if self._hit not in HIT_LETTERS.values():
                    raise InvalidInput(
                        f"{cell_name(number, 1)}: {value!r} is no hit policy.",
                        hint=suggestion(value, [*HIT_LETTERS, *HIT_LETTERS.values()]),
                    )
        raise InvalidInput("A1: the sheet is empty.")

    def _at(self, row: int, column: int) -> str:
        cells = self._rows[row] if row < len(self._rows) else []
        return cells[column] if column < len(cells) else ""

    def _cell(self, row: int, column: int, unary: bool, known: Iterable[str]) -> str:
        text = as_feel(self._at(row, column), unary, known)
        return self._feel(row, column, text, known, unary)

    def _feel(self, row: int, column: int, text: str, known: Iterable[str], unary: bool) -> str:
        try:
            (parse_unary if unary else parse)(text, known)
        except FeelError as error:
            raise InvalidInput(
                f"{cell_name(row, column)}: {error.message}", hint=error.hint
            ) from error
        return text

    def _value(self, row: int, column: int) -> str | int | float | bool:
        text = self._at(row, column).strip('"')
        if text in ("true", "false"):
            return text == "true"
        try:
            return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
        except ValueError:
            return text


def as_feel(text: str, unary: bool, known: Iterable[str] = ()) -> str:
    """Read a cell as it was meant: a bare word is a text, an empty input takes anything.

    >>> as_feel("FR, DE", True), as_feel("18..65", True), as_feel("≥ 5", True), as_feel("", True)
    ('"FR", "DE"', '[18..65]', '>= 5', '-')
    """
    quoted = text.translate(_QUOTES).split('"')
    # What stands within quotation marks is somebody's text, and stays as it is.
    quoted[::2] = [part.translate(_TYPED) for part in quoted[::2]]
    text = '"'.join(quoted).strip()
    if not text:
        return "-" if unary else "null"
    names = set(known)
    parts = [part.strip() for part in text.split(",")] if unary else [text]
    if all(_WORD.fullmatch(part) for part in parts):
        return ", ".join(part if part in names or part in _WORDS else f'"{part}"' for part in parts)
    if unary and _RANGE.fullmatch(text):
        return f"[{text}]"
    return text
