"""Decide: tables of an analyst, and rules that say when they matter.

Pure: takes what is known about a customer, returns what follows and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cic.conditions import Condition, CustomerView, Vocabulary, shown
from cid.feel import FeelError, compile_unary, parse_unary
from cid.kit.clock import parse_duration
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput, suggestion
from context.decision.hits import SINGLE, Ranks, answer, settle
from context.decision.index import CellOf, Index, numbered
from context.model import ActionCall, DecisionTable, Rule

EXTRA_WORDS = ("channel", "priority", "tier", "amount", "discount", "subject")


@dataclass(frozen=True)
class Decided:
    """What a table said, and which of its rows."""

    outputs: dict[str, Any]
    row: int
    """Number of the row that matched, of several the first that counts, from 1; 0 for the default."""
    inputs: dict[str, Any]
    rows: tuple[int, ...] = ()
    """Numbers of all rows that matched."""


class Table:
    """A decision table ready to decide."""

    def __init__(self, entry: Entry[DecisionTable], vocabulary: Vocabulary) -> None:
        self.entry = entry
        table = entry.value
        # An input that nobody defined is a value the caller brings along.
        brought = [text for text in table.inputs if text not in vocabulary.bind]
        brought = [text for text in brought if text.replace(" ", "").replace("_", "").isalnum()]
        columns: list[list[CellOf]] = [[] for _ in table.inputs]
        self._answers: list[list[Condition]] = []
        width = len(table.inputs) + len(table.outputs)
        self._ranks = Ranks(tuple(tuple(table.values.get(name, ())) for name in table.outputs))
        try:
            self._conditions = [vocabulary.compile(text, brought) for text in table.inputs]
            for number, row in enumerate(table.rows, start=1):
                if len(row) != width:
                    raise InvalidInput(
                        f"row {number} has {len(row)} cells, the table has {width} columns."
                    )
                for column, cell in zip(columns, row, strict=False):
                    column.append(_read(_cell(cell), vocabulary))
                self._answers.append(
                    [vocabulary.compile(_cell(cell), brought) for cell in row[len(table.inputs) :]]
                )
            for name in table.values:
                if name not in table.outputs:
                    raise InvalidInput(
                        f"`values` speaks of {name!r}, which is no output.",
                        hint=suggestion(name, table.outputs),
                    )
        except InvalidInput as error:
            raise entry.error(error.message, hint=error.hint) from error
        self._index = Index(columns, len(table.rows))

    def decide(self, view: CustomerView) -> Decided:
        """Return what the rows that match answer, as the hit policy says; else the default.

        Rows that contradict each other (`unique`, `any`) give the default. Where all rows count, an
        output is the list of what they answer, or their sum, least, greatest or number.
        """
        inputs = [condition.run(view) for condition in self._conditions]
        table = self.entry.value
        read = shown(dict(zip(table.inputs, inputs, strict=True)))
        rows = numbered(self._index.matches(inputs, view))
        if table.hit == "first":
            rows = rows[:1]
        if not rows or (table.hit == "unique" and len(rows) > 1):
            return Decided(dict(table.default), 0, read, tuple(rows))
        said = [[each.run(view) for each in self._answers[number - 1]] for number in rows]
        chosen = settle(table.hit, said, self._ranks)
        if chosen is None:
            return Decided(dict(table.default), 0, read, tuple(rows))
        row = rows[next(at for at, each in enumerate(said) if each is chosen[0])]
        values: list[Any] = list(chosen[0])
        if table.hit not in SINGLE:
            values = [
                answer(table.hit, [[each[at]] for each in chosen], [name])
                for at, name in enumerate(table.outputs)
            ]
        outputs = shown(dict(zip(table.outputs, values, strict=True)))
        return Decided(outputs, row, read, tuple(rows))


def _read(text: str, vocabulary: Vocabulary) -> CellOf:
    """Read a cell of a decision table; nothing where anything will do.

    Raises:
        InvalidInput: it is not FEEL.
    """
    if text.strip() == "-":
        return None
    try:
        node = parse_unary(text, list(vocabulary.bind))
    except FeelError as error:
        raise InvalidInput(str(error)) from error
    return node, compile_unary(node)


class Supposed:
    """A customer, with some values as somebody supposes them: "and if she lived in France?"."""

    def __init__(
        self, view: CustomerView, supposed: Mapping[str, Any], vocabulary: Vocabulary
    ) -> None:
        self._view = view
        self._supposed = {
            name: Decimal(repr(value)) if isinstance(value, float) else value
            for name, value in supposed.items()
        }
        self._traits = list(vocabulary.traits)
        self._segments = list(vocabulary.segments)

    def a(self, name: str) -> Any:
        """Return an attribute's value."""
        return self._supposed[name] if name in self._supposed else self._view.a(name)

    def t(self, index: int) -> Any:
        """Return a trait by its place."""
        name = self._traits[index]
        return self._supposed[name] if name in self._supposed else self._view.t(index)

    def m(self, index: int) -> bool:
        """Say whether the customer is in a segment."""
        name = self._segments[index]
        return bool(self._supposed[name]) if name in self._supposed else self._view.m(index)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)


@dataclass(frozen=True)
class ReadyCall:
    """An action of a rule with its parameters compiled."""

    call: ActionCall
    parameters: dict[str, Condition | Any]
    table: Table | None

    def resolve(self, view: CustomerView) -> tuple[dict[str, Any], Decided | None]:
        """Return the parameters for a customer, and what the table said."""
        result = {
            name: shown(value.run(view)) if isinstance(value, Condition) else value
            for name, value in self.parameters.items()
        }
        decided = None
        if self.table is not None:
            decided = self.table.decide(view)
            result.update(decided.outputs)
        return result, decided


@dataclass(frozen=True)
class ReadyRule:
    """A rule ready to run."""

    entry: Entry[Rule]
    condition: Condition
    calls: Sequence[ReadyCall]
    once_per: int
    wait: int
    every: int

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.entry.name


def ready_rules(
    rules: Mapping[str, Entry[Rule]],
    tables: Mapping[str, Table],
    vocabulary: Vocabulary,
    actions: Mapping[str, Any],
) -> dict[str, ReadyRule]:
    """Compile the rules.

    Raises:
        InvalidDefinition: a rule uses a segment, table, action or word that does not exist.
    """
    ready = {}
    for name, entry in rules.items():
        rule = entry.value
        on = rule.on
        for segment in (on.entered, on.left, on.segment):
            if segment and segment not in vocabulary.segments:
                raise entry.error(
                    f"no segment {segment!r}.", hint=suggestion(segment, vocabulary.segments)
                )
        try:
            condition = vocabulary.compile(rule.when)
            calls = [_ready_call(call, entry, tables, vocabulary, actions) for call in rule.do]
        except InvalidInput as error:
            raise entry.error(error.message, hint=error.hint) from error
        ready[name] = ReadyRule(
            entry,
            condition,
            calls,
            parse_duration(rule.once_per) if rule.once_per else 0,
            parse_duration(on.wait) if on.wait else 0,
            parse_duration(on.every) if on.every else 0,
        )
    return ready


def _ready_call(
    call: ActionCall,
    entry: Entry[Rule],
    tables: Mapping[str, Table],
    vocabulary: Vocabulary,
    actions: Mapping[str, Any],
) -> ReadyCall:
    if call.action not in actions:
        raise entry.error(f"no action {call.action!r}.", hint=suggestion(call.action, actions))
    if call.table and call.table not in tables:
        raise entry.error(f"no decision table {call.table!r}.", hint=suggestion(call.table, tables))
    problem = actions[call.action].check(call.parameters)
    if problem:
        raise entry.error(f"action {call.action!r}: {problem}")
    parameters = {
        name: vocabulary.compile(value[1:])
        if isinstance(value, str) and value.startswith("=")
        else value
        for name, value in call.parameters.items()
    }
    return ReadyCall(call, parameters, tables[call.table] if call.table else None)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
