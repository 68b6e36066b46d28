"""Rows: a flow's expressions, made ready for the columns that a file really has.

The expressions of a flow are FEEL over the row's columns. A column is named

* as it is written, where FEEL can read that: ``Quantity``, ``Timely response?``
* always also with every run of other signs than letters and digits as one ``_``:
  ``Timely_response``, and ``case_concept_name`` for ``case:concept:name``; such a name is null
  where a file lacks the column
* the whole row is ``row``, so ``get value(row, "any column")`` reads any column
* in ``when`` the row before, under the names with ``_``, is ``previous``; null for the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any

from cid.feel import FeelError, compile_expression, names, parse
from cii.model import Flow

Row = Mapping[str, Any]
Read = Callable[[Row], Any]

LAYOUTS = 256
"""How many sets of columns of one flow are remembered."""

_PLAIN = frozenset((str, int, float, bool))
_ODD = re.compile(r"[\W_]+")
_LEGIBLE = re.compile(r"[^\W\d][\w .?'/:*+-]*\Z")
_PREVIOUS = "\0previous"
_PREVIOUS_COLUMN = re.compile(r"\bprevious\s*\.\s*(\w+)")


def column_name(column: str) -> str:
    """Return the name under which a column can always be used.

    >>> column_name("Timely response?"), column_name("case:concept:name"), column_name("2nd")
    ('Timely_response', 'case_concept_name', '_2nd')
    """
    name = _ODD.sub("_", column).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


def plain(value: Any) -> Any:
    """Turn a value of FEEL into one that JSON can hold, without losing digits.

    >>> plain([Decimal("15.30"), Decimal("4.0"), date(2026, 1, 2)])
    [15.3, 4, '2026-01-02']
    """
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"PT{value.total_seconds():.15g}S"
    return str(value)


class Fields:
    """Several named expressions over a row, sorted by what they cost."""

    def __init__(self, layout: Layout, texts: Mapping[str, str]) -> None:
        self._constants: dict[str, Any] = {}
        self._columns: list[tuple[str, str]] = []
        self._computed: list[tuple[str, Read]] = []
        for name, text in texts.items():
            column = layout.columns.get(text.strip())
            if column is not None:
                self._columns.append((name, column))
                continue
            found, constant = layout.compiled(text)
            if not constant:
                self._computed.append((name, found))
            elif (value := plain(found({}))) is not None:
                self._constants[name] = value

    def of(self, row: Row) -> dict[str, Any]:
        """Return the values of a row; those that are null are left out."""
        values = self._constants.copy()
        for name, column in self._columns:
            value = row[column]
            if value is not None:
                values[name] = value
        for name, found in self._computed:
            value = found(row)
            if value is not None:
                values[name] = value if type(value) in _PLAIN else plain(value)
        return values


class Layout:
    """A flow's expressions for rows with one set of columns.

    Raises:
        FeelError: an expression cannot be read with these columns.
    """

    def __init__(self, flow: Flow, columns: Sequence[str]) -> None:
        # Where two columns come to one name, the first one has it.
        self.columns = {column_name(each): each for each in reversed(columns)}
        self.columns |= {each: each for each in columns}
        self._known = [each for each in columns if _LEGIBLE.match(each) and not each.isidentifier()]
        self._binding = {name: f"s.get({column!r})" for name, column in self.columns.items()}
        self._binding |= {"row": "s", "previous": f"s.get({_PREVIOUS!r})"}
        record = flow.record
        self.type = self._read(record.type)
        self.event = self._read(record.event)
        self.id = self._read(record.id) if record.id else None
        self.time = self._read(record.time) if record.time else None
        self.received = self._read(record.received) if record.received else None
        self.when = self._when(flow.when) if flow.when else None
        self.identifiers = Fields(self, record.identifiers)
        self.properties = Fields(self, record.properties)
        self.attributes = Fields(self, record.attributes)

    def compiled(self, text: str) -> tuple[Read, bool]:
        """Compile an expression, and say whether it reads nothing of the row."""
        tree = parse(text, self._known)
        return compile_expression(tree, bind=self._binding), not names(tree)

    def _read(self, text: str) -> Read:
        column = self.columns.get(text.strip())
        if column is not None:
            return itemgetter(column)
        found, constant = self.compiled(text)
        if constant:
            value = plain(found({}))
            return lambda row: value
        return lambda row: plain(found(row))

    def _when(self, text: str) -> Callable[[Row, Row | None], bool]:
        tree = parse(text, self._known)
        found: Read = compile_expression(tree, bind=self._binding)
        if "previous" not in names(tree):
            return lambda row, previous: found(row) is True
        # Only what is asked for is carried over from row to row.
        wanted = set(_PREVIOUS_COLUMN.findall(text))
        columns = [(name, self.columns[name]) for name in wanted if name in self.columns]

        def compared(row: Row, previous: Row | None) -> bool:
            before = previous and {name: previous.get(column) for name, column in columns}
            return found({**row, _PREVIOUS: before}) is True

        return compared


class Layouts:
    """The layouts of a flow, made when rows with new columns appear."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._known: dict[tuple[str, ...], Layout | FeelError] = {}

    def of(self, row: Row) -> Layout:
        """Return the layout that reads a row.

        Raises:
            FeelError: an expression of the flow cannot be read with the row's columns.
        """
        columns = tuple(row)
        layout = self._known.get(columns)
        if layout is None:
            if len(self._known) >= LAYOUTS:
                self._known.clear()
            try:
                layout = Layout(self._flow, columns)
            except FeelError as error:
                layout = error
            self._known[columns] = layout
        if isinstance(layout, FeelError):
            raise layout
        return layout
