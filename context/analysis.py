"""What is wrong with definitions, or can never work, before anybody waits for it: with line and column.

Names that do not exist, values that do not fit, conditions that can never be true, decision tables with gaps and
with rows that contradict or hide each other. Nothing is reported that is not so; where something is not known,
nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import Any

from cic.model import SEGMENTS, TRAITS, Trait
from cid.feel import FeelError, check, parse, parse_unary
from cid.feel.inference import Domain, Domains, Remark, condition_remarks, kinds, remarks
from cid.feel.regions import answers, impossible
from cid.feel.tree import Literal, Node, UnaryTests
from cid.feel.writing import literal_of
from cid.kit.definitions import Definitions, Entry
from cid.model.definition import ATTRIBUTES
from cii.model import CONTRACTS, PropertyContract
from context.coverage import coverage
from context.model import RULES, TABLES, DecisionTable, Rule
from context.passages import place

FUNCTIONS = ("consent",)
ENOUGH = 50
"""What is said about one table at most: nobody reads more before mending that."""
OVERLAPS = 3
"""How many pairs of rows that fit the same are shown of one table."""
_KINDS = {"text": "string", "moment": "string", "number": "number", "boolean": "boolean"}
_KINDS |= {"date": "date", "list": "list"}
_SINGLE = ("first", "unique", "any", "priority")
_FORMS = tuple(
    (re.compile("^" + re.escape(form).replace(r"\{name\}", "(?P<name>.+)") + "$"), form)
    for form in (
        "There is no '{name}'.",
        "There is no function '{name}'.",
        "Did you mean '{name}'?",
        "Known: {name}.",
        "'{name}' is not expected here.",
        "'{name}' is not a date, a time or a duration.",
    )
)
"""Sentences of the language's own errors, so that they can be said in other languages, too."""


@dataclass(frozen=True)
class Finding:
    """Something an author should know about a definition: what, where, and how bad.

    ``level`` is ``error`` for what cannot work, ``warning`` for what is probably not meant, ``note`` for the
    rest. ``form`` is a sentence with places for ``words``; ``hint`` says what to do.
    """

    section: str
    name: str
    level: str
    form: str
    words: Mapping[str, Any] = field(default_factory=dict)
    path: tuple[str | int, ...] = ()
    line: int = 1
    """The line within the value at ``path``, from 1; after `placed`, in the file."""
    column: int = 1
    file: str = ""
    hint: str = ""

    @property
    def text(self) -> str:
        """The sentence in English."""
        return self.form.format(**self.words) if self.words else self.form

    def placed(self, text: str) -> Finding:
        """Give the same finding with line and column of the file it is in."""
        line, column = place(text, self.section, self.name, self.path, self.line, self.column)
        return replace(self, line=line, column=column)

    def to_dict(self) -> dict[str, Any]:
        """Give the finding as JSON can carry it."""
        said = as_form(self.hint)
        return {
            **asdict(self),
            "path": list(self.path),
            "text": self.text,
            "hint": {"form": said[0], "words": said[1]} if self.hint else None,
            "hint_text": self.hint,
        }


def domains_of(definitions: Definitions, event: str = "") -> dict[str, Domain]:
    """Say what the names of the catalogue can stand for; of an event, what its contract promises."""
    found = {
        name: Domain(_KINDS.get(entry.value.type, ""))
        for name, entry in definitions.of(ATTRIBUTES).items()
    }
    found |= {name: _of_trait(entry.value) for name, entry in definitions.of(TRAITS).items()}
    found |= {name: Domain("boolean", null=False) for name in definitions.of(SEGMENTS)}
    contract = definitions.of(CONTRACTS).get(event) if event else None
    if contract is not None:
        found |= {
            f"event.{name}": _of_property(promise)
            for name, promise in contract.value.properties.items()
        }
    return found | {"customer": Domain("string", null=False)}


def _of_trait(trait: Trait) -> Domain:
    if trait.aggregate in ("count", "distinct"):
        return Domain("number", null=False, whole=True, low=Decimal(0))
    if trait.aggregate == "sum":
        return Domain("number", null=False)
    if trait.aggregate == "since":
        return Domain("number", whole=True, low=Decimal(0))
    return Domain("number") if trait.aggregate in ("min", "max", "average") else Domain()


def _of_property(promise: PropertyContract) -> Domain:
    low, high = promise.minimum, promise.maximum
    kind = _KINDS.get(promise.type, "")
    if low is not None or high is not None:
        # Whoever promises a range promises a number.
        kind = "number"
    return Domain(
        kind,
        null=not promise.required,
        low=None if low is None else Decimal(f"{low:g}"),
        high=None if high is None else Decimal(f"{high:g}"),
        values=promise.values if kind == "string" else (),
    )


def findings(definitions: Definitions) -> list[Finding]:
    """Give all that is to be said about segments, rules and decision tables, in the order of their files."""
    found: list[Finding] = []
    domains = domains_of(definitions)
    for entry in definitions.of(SEGMENTS).values():
        found.extend(
            _condition("segments", entry, entry.value.when, ("when",), domains, entry.name)
        )
    for rule in definitions.of(RULES).values():
        found.extend(of_rule(rule, definitions, domains))
    for table in definitions.of(TABLES).values():
        found.extend(islice(of_table(table, domains), ENOUGH))
    return in_files(definitions, found)


def in_files(definitions: Definitions, found: Iterable[Finding]) -> list[Finding]:
    """Give findings the line and column of their files, in that order."""
    texts: dict[str, str] = {}
    placed = []
    for each in found:
        path = definitions.directory / each.file
        if each.file not in texts:
            texts[each.file] = path.read_text(encoding="utf-8") if path.is_file() else ""
        placed.append(each.placed(texts[each.file]) if texts[each.file] else each)
    return sorted(placed, key=lambda each: (each.file, each.line, each.column))


def of_rule(
    entry: Entry[Rule], definitions: Definitions, domains: Domains | None = None
) -> Iterator[Finding]:
    """Give all that is to be said about one rule; places are within its values."""
    rule = entry.value
    event = rule.on.event or rule.on.action
    known = dict(domains or domains_of(definitions)) | (
        domains_of(definitions, event) if event in definitions.of(CONTRACTS) else {}
    )
    yield from _condition("rules", entry, rule.when, ("when",), known)
    for place_of, call in enumerate(rule.do):
        for name, value in call.parameters.items():
            if isinstance(value, str) and value.startswith("="):
                path = ("do", place_of, call.action, name)
                yield from _expression("rules", entry, value[1:], path, known, shift=1)


def of_table(entry: Entry[DecisionTable], domains: Domains) -> Iterator[Finding]:
    """Give all that is to be said about one decision table; places are within its cells."""
    table = entry.value
    brought = {text: Domain() for text in table.inputs if text not in domains and _is_word(text)}
    known = {**domains, **brought}
    columns: list[Domain] = []
    sound = True

    def say(level: str, form: str, path: Sequence[str | int], **words: Any) -> Finding:
        return Finding("tables", entry.name, level, form, words, tuple(path), file=entry.file)

    for place_of, text in enumerate(table.inputs):
        found = list(_expression("tables", entry, text, ("inputs", place_of), known))
        sound = sound and not any(each.level == "error" for each in found)
        yield from found
        columns.append(known[text] if text in known else _computed(text, known))
    width = len(table.inputs) + len(table.outputs)
    rows: list[list[UnaryTests | None]] = []
    for number, row in enumerate(table.rows, start=1):
        if len(row) != width:
            sound = False
            form = "Row {row} has {cells} cells; the table has {width} columns."
            yield say("error", form, ("rows", number - 1), row=number, cells=len(row), width=width)
            continue
        cells: list[UnaryTests | None] = []
        for place_of, cell in enumerate(row):
            path = ("rows", number - 1, place_of)
            text = cell_text(cell)
            if place_of >= len(table.inputs):
                yield from _expression("tables", entry, text, path, known)
                continue
            here = {**known, "?": columns[place_of]}
            parsed, wrong = _cell(entry, text, path, here, table.inputs[place_of])
            cells.append(parsed)
            yield from wrong
            sound = sound and not any(each.level == "error" for each in wrong)
        rows.append(cells)
    if sound and rows and table.inputs:
        yield from _coverage(entry, columns, rows, say)


def _coverage(
    entry: Entry[DecisionTable],
    columns: Sequence[Domain],
    rows: Sequence[Sequence[UnaryTests | None]],
    say: Callable[..., Finding],
) -> Iterator[Finding]:
    table = entry.value
    covering = coverage(table.inputs, columns, rows)
    if not table.default and table.hit in _SINGLE:
        gap, level = covering.gap(plain=True), "warning"
        if gap is None:
            gap, level = covering.gap(plain=False), "note"
        if gap is not None:
            yield say(level, "No row for {values}.", ("rows",), values=witness(gap))
    hidden = set(covering.hidden()) if table.hit == "first" else set()
    for row in sorted(hidden):
        form = "Row {row} is never reached: earlier rows fit whatever it fits."
        yield say("warning", form, ("rows", row - 1), row=row)
    if table.hit in ("unique", "any"):
        shown = 0
        for one, other, values in covering.overlaps():
            same = _outputs(table, one) == _outputs(table, other)
            if shown < OVERLAPS and (table.hit == "unique" or not same):
                shown += 1
                form = "Rows {one} and {other} both fit {values}."
                path = ("rows", other - 1)
                yield say("warning", form, path, one=one, other=other, values=witness(values))


def _outputs(table: DecisionTable, row: int) -> tuple[Any, ...]:
    return tuple(table.rows[row - 1][len(table.inputs) :])


def witness(values: Mapping[str, Any]) -> str:
    """Write values that show something.

    >>> witness({"age": 30, "tier": "gold"})
    'age = 30, tier = "gold"'
    """
    return ", ".join(f"{name} = {literal_of(value)}" for name, value in values.items())


def cell_text(value: Any) -> str:
    """Give a cell of a definition as FEEL."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _computed(text: str, known: Domains) -> Domain:
    try:
        found = kinds(parse(text, known), known)
    except FeelError:
        return Domain()
    return Domain(next(iter(found))) if found and len(found) == 1 else Domain()


def _cell(
    entry: Entry[Any],
    text: str,
    path: tuple[str | int, ...],
    known: Domains,
    tested_as: str,
) -> tuple[UnaryTests | None, list[Finding]]:
    if text.strip() == "-":
        return None, []
    try:
        parsed = parse_unary(text, _names(known))
    except FeelError as error:
        return None, [_mistake("tables", entry, error, path, 0)]
    names = _names(known)
    wrong = [_mistake("tables", entry, each, path, 0) for each in check(parsed, names, FUNCTIONS)]
    tested = known["?"]
    if not wrong and tested.kind:
        for test in parsed.tests:
            for remark in _test_remarks(test, known):
                named = {
                    word: tested_as if said == "?" else said for word, said in remark.words.items()
                }
                wrong.append(_remark("tables", entry, replace(remark, words=named), path, 0))
        dead = not parsed.negated and answers(parsed, known)
        if dead and True not in dead and not any(each.level == "error" for each in wrong):
            form = "{cell} is never met."
            words = {"cell": text}
            file = entry.file
            wrong.append(Finding("tables", entry.name, "warning", form, words, path, file=file))
    return parsed, wrong


def _test_remarks(test: Node, known: Domains) -> Iterator[Remark]:
    """Yield what is wrong with one test of a cell, as if it were written out with the tested value."""
    from cid.feel.tree import Comparison, Input, InputComparison, Interval, Membership

    tested = Input(line=test.line, column=test.column)
    if isinstance(test, InputComparison):
        yield from remarks(Comparison(test.operator, tested, test.operand), known)
    elif isinstance(test, Interval | Literal):
        yield from remarks(Membership(tested, (test,)), known)
    else:
        yield from remarks(test, known)


def _condition(
    section: str,
    entry: Entry[Any],
    text: str,
    path: tuple[str | int, ...],
    domains: Domains,
    own: str = "",
) -> Iterator[Finding]:
    known = {name: domain for name, domain in domains.items() if name != own}
    node, found = _read(section, entry, text, path, known, 0)
    yield from found
    if node is None:
        return
    said = [*condition_remarks(node, known)]
    said = said or ([] if found else [*impossible(node, known)])
    yield from (_remark(section, entry, each, path, 0) for each in said)
    if (
        not said
        and not found
        and not isinstance(node, Literal)
        and answers(node, known) == frozenset({True})
    ):
        form = "{condition} is always true."
        yield Finding(section, entry.name, "note", form, {"condition": text}, path, file=entry.file)


def _expression(
    section: str,
    entry: Entry[Any],
    text: str,
    path: tuple[str | int, ...],
    known: Domains,
    shift: int = 0,
) -> Iterator[Finding]:
    node, found = _read(section, entry, text, path, known, shift)
    yield from found
    if node is not None and not found:
        yield from (_remark(section, entry, each, path, shift) for each in remarks(node, known))


def _read(
    section: str,
    entry: Entry[Any],
    text: str,
    path: tuple[str | int, ...],
    known: Iterable[str],
    shift: int,
) -> tuple[Node | None, list[Finding]]:
    names = _names(known)
    try:
        node = parse(text, names)
    except FeelError as error:
        return None, [_mistake(section, entry, error, path, shift)]
    wrong = check(node, names, FUNCTIONS)
    return node, [_mistake(section, entry, each, path, shift) for each in wrong]


def _names(known: Iterable[str]) -> set[str]:
    """Give the names an author may write; a property of an event is no name of its own."""
    written = {name for name in known if not name.startswith("event.") and name != "?"}
    return written | {"event", "customer"}


def _mistake(
    section: str, entry: Entry[Any], error: FeelError, path: tuple[str | int, ...], shift: int
) -> Finding:
    form, words = as_form(error.message)
    column = error.column + (shift if error.line == 1 else 0)
    hint = error.hint or ""
    return Finding(
        section, entry.name, "error", form, words, path, error.line, column, entry.file, hint
    )


def _remark(
    section: str, entry: Entry[Any], remark: Remark, path: tuple[str | int, ...], shift: int
) -> Finding:
    column = remark.column + (shift if remark.line == 1 else 0)
    words = dict(remark.words)
    line = remark.line
    file = entry.file
    return Finding(section, entry.name, remark.level, remark.form, words, path, line, column, file)


def as_form(text: str) -> tuple[str, dict[str, str]]:
    """Take a sentence of the language's own errors apart, so that it can be said in other languages.

    >>> as_form("There is no 'spned'.")
    ("There is no '{name}'.", {'name': 'spned'})
    """
    for pattern, form in _FORMS:
        found = pattern.match(text)
        if found:
            return form, found.groupdict()
    return text, {}


def _is_word(text: str) -> bool:
    return text.replace(" ", "").replace("_", "").isalnum()


__all__ = ["Finding", "as_form", "domains_of", "findings", "in_files", "of_rule", "of_table"]
