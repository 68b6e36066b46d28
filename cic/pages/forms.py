"""A condition as a form says it: rows of word, operator and value in groups; and its FEEL text, both ways.

Pure. What the form cannot say stays text: then `form_of` gives nothing, and nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from cic.pages.words import CONSENT, operators_of
from cid.feel import FeelError, parse, tree
from cid.feel.writing import quoted

MOST_ROWS = 60
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,15})?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIELD = re.compile(r"g(\d{1,2})\.r(\d{1,2})\.(word|op|value|to)")
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
TAKES_NOTHING = ("known", "unknown", "yes", "no")


@dataclass(frozen=True, slots=True)
class Row:
    """One condition: a word, what it is asked, and the value it is held against."""

    word: str = ""
    op: str = ""
    value: str = ""
    to: str = ""
    """The other end of ``between``; the channel of a consent."""


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all, or any, hold."""

    rows: tuple[Row, ...]
    join: str = "and"


@dataclass(frozen=True, slots=True)
class Form:
    """Groups of which all, or any, hold."""

    groups: tuple[Group, ...] = (Group((Row(),)),)
    join: str = "and"


Words = Mapping[str, Mapping[str, Any]]


def read_form(given: Mapping[str, str], words: Words) -> Form:
    """Read the fields of a form: ``g0.join``, ``g0.r1.word``, ``.op``, ``.value``, ``.to``.

    An operator that does not fit its word (somebody just chose another one) becomes the first that does.
    """
    found: dict[int, dict[int, Row]] = {}
    for name, value in given.items():
        match = _FIELD.fullmatch(name)
        if match and len(found) < MOST_ROWS:
            group = found.setdefault(int(match[1]), {})
            row = group.get(int(match[2]), Row())
            group[int(match[2])] = replace(row, **{match[3]: value.strip()})
    groups = tuple(
        Group(
            tuple(_fitting(row, words) for _, row in sorted(rows.items())),
            _join(given.get(f"g{place}.join", "")),
        )
        for place, rows in sorted(found.items())
    )
    return Form(groups or Form().groups, _join(given.get("join", "")))


def _join(text: str) -> str:
    return "or" if text == "or" else "and"


def _fitting(row: Row, words: Words) -> Row:
    able = operators_of(words, row.word)
    return row if row.op in able or not able else replace(row, op=able[0])


def changed(form: Form, do: str) -> Form:
    """Add or take away: ``row+0`` in group 0, ``row-0.1`` its second row, ``group+``.

    >>> len(changed(Form(), "row+0").groups[0].rows)
    2
    """
    groups = [list(group.rows) for group in form.groups]
    joins = [group.join for group in form.groups]
    kind, sign, place = do.partition("+") if "+" in do else do.partition("-")
    numbers = [int(each) for each in place.split(".") if each.isdigit()]
    if sum(map(len, groups)) < MOST_ROWS and sign == "+":
        if kind == "row" and numbers and numbers[0] < len(groups):
            groups[numbers[0]].append(Row())
        elif kind == "group":
            groups.append([Row()])
            joins.append("or" if form.join == "and" else "and")
    elif kind == "row" and sign == "-" and len(numbers) == 2:
        group, row = numbers
        if group < len(groups) and row < len(groups[group]):
            del groups[group][row]
    kept = [(rows, join) for rows, join in zip(groups, joins, strict=True) if rows]
    made = tuple(Group(tuple(rows), join) for rows, join in kept)
    return Form(made or Form().groups, form.join)


def feel_of(form: Form, words: Words) -> str:
    """Write a form as FEEL; rows that are not finished yet are left out.

    >>> words = {"vip": {"type": "segment"}, "orders": {"type": "number"}}
    >>> feel_of(Form((Group((Row("orders", ">", "3"), Row("vip", "no"))),)), words)
    'orders > 3 and not(vip)'
    """
    parts = []
    for group in form.groups:
        said = [text for row in group.rows if (text := _written(row, words))]
        if said:
            text = f" {group.join} ".join(said)
            parts.append((text, len(said) > 1 and group.join != form.join))
    if len(parts) == 1:
        return parts[0][0]
    return f" {form.join} ".join(f"({text})" if inside else text for text, inside in parts)


def mistake(row: Row, words: Words) -> str:
    """Say what a row still lacks, as a message of the catalogue; empty where it is finished."""
    if not row.word:
        return ""
    if row.word not in words:
        return "Nothing is called so."
    if row.word == CONSENT:
        return "" if row.value and row.to else "A consent has a purpose and a channel."
    if row.op in TAKES_NOTHING:
        return ""
    type_ = words[row.word]["type"]
    values = [row.value, row.to] if row.op == "between" else [row.value]
    if row.op in ("in", "not in"):
        values = _items(row.value) or [""]
    if any(not value for value in values):
        return "A value is missing."
    if any(_literal(value, type_) is None for value in values):
        return "Write a number." if type_ == "number" else "Write a day as 2026-01-31."
    return ""


def _written(row: Row, words: Words) -> str:
    if not row.word or mistake(row, words):
        return ""
    word, type_ = row.word, words[row.word]["type"]
    if word == CONSENT:
        word = f"{CONSENT}({quoted(row.value)}, {quoted(row.to)})"
    value = _literal(row.value, type_)
    match row.op:
        case "yes":
            return word
        case "no":
            return f"not({word})"
        case "known":
            return f"{word} != null"
        case "unknown":
            return f"{word} = null"
        case "between":
            return f"{word} between {value} and {_literal(row.to, type_)}"
        case "in" | "not in":
            items = ", ".join(str(_literal(item, type_)) for item in _items(row.value))
            return f"{word} in ({items})" if row.op == "in" else f"not({word} in ({items}))"
        case "contains" | "starts with":
            return f"{row.op}({word}, {quoted(_bare(row.value))})"
        case "has":
            return f"list contains({word}, {value})"
        case "has not":
            return f"not(list contains({word}, {value}))"
        case _:
            return f"{word} {row.op} {value}"


def _items(text: str) -> list[str]:
    """Split a list as people write it: commas, or 、; what stands in quotes stays together."""
    found = re.findall(r'\s*("(?:[^"\\]|\\.)*"|[^,，、]+)', text)
    return [each.strip() for each in found if each.strip()]


def _bare(text: str) -> str:
    quotes = len(text) > 1 and text[0] == text[-1] == '"'
    if not quotes:
        return text
    try:
        node = parse(text)
    except FeelError:
        return text
    return str(node.value) if isinstance(node, tree.Literal) else text


def _literal(text: str, type_: str) -> str | None:
    """Write a value as FEEL; None where it is none of this type."""
    if type_ == "number":
        return text if _NUMBER.fullmatch(text) else None
    if type_ == "date":
        return f'date("{text}")' if _is_day(text) else None
    if type_ in ("any", "list"):
        if _NUMBER.fullmatch(text) or text in ("true", "false"):
            return text
        if _is_day(text):
            return f'date("{text}")'
    return quoted(_bare(text))


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def form_of(text: str, words: Words) -> Form | None:
    """Read FEEL as a form; None where a form cannot say it, or it is not FEEL.

    >>> words = {"vip": {"type": "segment"}, "orders": {"type": "number"}}
    >>> form_of("vip or (orders > 3 and orders < 9)", words).join
    'or'
    >>> form_of("orders > 2 * orders", words) is None
    True
    """
    if not text.strip():
        return Form()
    try:
        root = parse(text, known=words)
    except FeelError:
        return None
    join, parts = _parts(root)
    groups: list[Group] = []
    for part in parts:
        inner, below = _parts(part)
        rows = [_row(each, words) for each in below]
        if any(row is None for row in rows):
            return None
        whole = tuple(row for row in rows if row is not None)
        # Single conditions that follow one another stand in one group.
        if len(whole) == 1 and groups and groups[-1].join == join:
            groups[-1] = Group((*groups[-1].rows, *whole), join)
        else:
            groups.append(Group(whole, inner if len(whole) > 1 else join))
    form = Form(tuple(groups), join if len(groups) > 1 else "and")
    if sum(len(group.rows) for group in groups) > MOST_ROWS:
        return None
    return form if _same(feel_of(form, words), root, words) else None


def _parts(node: tree.Node) -> tuple[str, list[tree.Node]]:
    match node:
        case tree.Conjunction(operands=parts):
            return "and", list(_flat(parts, tree.Conjunction))
        case tree.Disjunction(operands=parts):
            return "or", list(_flat(parts, tree.Disjunction))
    return "and", [node]


def _flat(parts: Iterable[tree.Node], kind: Any) -> Iterable[tree.Node]:
    for part in parts:
        if isinstance(part, kind):
            yield from _flat(part.operands, kind)
        else:
            yield part


def _same(text: str, root: tree.Node, words: Words) -> bool:
    """Say whether a text means the same: what was read must not have changed on the way."""
    try:
        return bool(_flattened(parse(text, known=words)) == _flattened(root))
    except FeelError:
        return False


def _flattened(node: tree.Node) -> Any:
    join, parts = _parts(node)
    return (join, [_flattened(part) for part in parts]) if len(parts) > 1 else node


def _row(node: tree.Node, words: Words) -> Row | None:
    row = _read(node)
    if row is None or row.op not in operators_of(words, row.word):
        return None
    return row


def _read(node: tree.Node) -> Row | None:
    match node:
        case tree.Name(name=word):
            return Row(word, "yes")
        case tree.Comparison(operator="!=", left=tree.Name(name=word), right=tree.Literal(None)):
            return Row(word, "known")
        case tree.Comparison(operator="=", left=tree.Name(name=word), right=tree.Literal(None)):
            return Row(word, "unknown")
        case tree.Comparison(operator=operator, left=tree.Name(name=word), right=right):
            value = _value(right)
            return None if value is None else Row(word, operator, value)
        case tree.Between(value=tree.Name(name=word), low=low, high=high):
            first, last = _value(low), _value(high)
            return None if first is None or last is None else Row(word, "between", first, last)
        case tree.Membership(value=tree.Name(name=word), tests=tests):
            items = [_value(test) for test in tests]
            known = [_item(item) for item in items if item is not None]
            return Row(word, "in", ", ".join(known)) if len(known) == len(items) else None
        case tree.Call(function=tree.Name(name=function), positional=arguments, named=()):
            return _called(function, arguments)
        case tree.Not(operand=operand):
            row = _read(operand)
            turned = {"yes": "no", "in": "not in", "has": "has not"}.get(row.op if row else "")
            return replace(row, op=turned) if row and turned else None
    return None


def _called(function: str, arguments: tuple[tree.Node, ...]) -> Row | None:
    match function, arguments:
        case "consent", (tree.Literal(str(purpose)), tree.Literal(str(channel))):
            return Row(CONSENT, "yes", purpose, channel)
        case (("contains" | "starts with"), (tree.Name(name=word), tree.Literal(str(text)))):
            return Row(word, function, _safe(text))
        case "list contains", (tree.Name(name=word), item):
            value = _value(item)
            return None if value is None else Row(word, "has", value)
    return None


def _value(node: tree.Node) -> str | None:
    """Write a literal as somebody types it into a field."""
    match node:
        case tree.Literal(bool(value)):
            return "true" if value else "false"
        case tree.Literal(value=int() | Decimal() as number):
            return format(number, "f") if isinstance(number, Decimal) else str(number)
        case tree.Literal(str(text)):
            return _safe(text)
        case tree.Call(function=tree.Name("date"), positional=(tree.Literal(str(day)),), named=()):
            return day
    return None


def _safe(text: str) -> str:
    """Put in quotes what would be taken for something else, or would lose its spaces."""
    plain = text == text.strip() and text and not text.startswith('"')
    mistaken = _NUMBER.fullmatch(text) or _is_day(text) or text in ("true", "false")
    return text if plain and not mistaken else quoted(text)


def _item(text: str) -> str:
    return quoted(text) if re.search("[,，、]", text) and not text.startswith('"') else text
