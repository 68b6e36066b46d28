"""Where a definition stands in its file: to point at a word in it, and to write it anew.

Pure: takes the text of a file, gives places and texts. What is around a definition, comments and all, stays as
it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from cid.kit.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Passage:
    """The lines of one definition."""

    text: str
    """The definition as it stands in the file, without the indentation of its section."""
    first: int
    """Its first line, from 0."""
    last: int
    """The line after its last one."""
    indent: int


def passage(text: str, section: str, name: str) -> Passage | None:
    r"""Find a definition in the text of a file; None where it is not there or cannot be told apart.

    >>> print(passage("rules:\n  greet:\n    when: vip\n\n  # next\n  ask: {}", "rules", "greet").text)
    greet:
      when: vip
    """
    found = _definition(text, section, name)
    if found is None:
        return None
    key, value, flow = found
    lines = text.split("\n")
    first, indent = key.start_mark.line, key.start_mark.column
    if flow or lines[first][:indent].strip():
        return None
    last = value.end_mark.line + (1 if value.end_mark.column > indent else 0)
    last = max(last, first + 1)
    while last > first + 1 and (not lines[last - 1].strip() or _is_comment(lines[last - 1])):
        last -= 1
    block = "\n".join(
        line[indent:] if not line[:indent].strip() else line for line in lines[first:last]
    )
    return Passage(block, first, last, indent)


def replaced(text: str, section: str, name: str, block: str) -> str:
    r"""Write a definition anew where it stands, or at the end of its section.

    Raises:
        InvalidInput: the definition is written in braces, so that its lines cannot be exchanged.

    >>> print(replaced("rules:\n  ask:\n    when: a", "rules", "greet", "greet:\n  when: b"), end="")
    rules:
      ask:
        when: a
      greet:
        when: b
    """
    found = passage(text, section, name)
    lines = text.rstrip("\n").split("\n") if text.strip() else []
    if found is not None:
        return "\n".join(
            [*lines[: found.first], *_indented(block, found.indent), *lines[found.last :], ""]
        )
    if _definition(text, section, name) is not None:
        raise _braces(name)
    indent, after = _end_of(text, section)
    if after is None:
        return "\n".join(
            [*lines, *([""] if lines else []), f"{section}:", *_indented(block, 2), ""]
        )
    return "\n".join([*lines[:after], *_indented(block, indent), *lines[after:], ""])


def removed(text: str, section: str, name: str) -> str:
    """Take a definition out of its file.

    Raises:
        InvalidInput: the definition is written in braces, so that its lines cannot be taken out.
    """
    found = passage(text, section, name)
    if found is None:
        if _definition(text, section, name) is not None:
            raise _braces(name)
        return text
    lines = text.split("\n")
    return "\n".join([*lines[: found.first], *lines[found.last :]])


def place(
    text: str, section: str, name: str, path: Sequence[str | int], line: int = 1, column: int = 1
) -> tuple[int, int]:
    r"""Give the line and column in a file of a place within a value, e.g. of a condition.

    Args:
        text: the file.
        section: the section, e.g. ``rules``.
        name: the definition.
        path: the way to the value within the definition, e.g. ``["do", 0, "task", "title"]``.
        line: the line within the value, from 1.
        column: the column within that line, from 1.

    >>> place("rules:\n  greet:\n    when: 'a = \"b\"'", "rules", "greet", ["when"], 1, 5)
    (3, 16)
    >>> place("rules:\n  greet:\n    when: a = b", "rules", "greet", ["when"], 1, 5)
    (3, 15)
    """
    found = _definition(text, section, name)
    if found is None:
        return 1, 1
    key, node, _ = found
    at = key
    for step in path:
        pair = _step(node, step)
        if pair is None:
            return at.start_mark.line + 1, at.start_mark.column + 1
        at = node = pair
    return _within(text, node, line, column)


def _within(text: str, node: Any, line: int, column: int) -> tuple[int, int]:
    start = node.start_mark
    here = start.line + 1, start.column + 1
    if not isinstance(node, yaml.ScalarNode):
        return here
    lines = text.split("\n")
    if node.style in ("|", ">"):
        body = lines[start.line + 1 : node.end_mark.line + 1]
        indent = next((len(each) - len(each.lstrip()) for each in body if each.strip()), 0)
        # A folded text is one long line; only its first line can be pointed at exactly.
        exact = node.style == "|" or column <= len(body[0]) - indent if body else False
        return (start.line + 1 + line, indent + column) if exact else here
    if line > 1 or node.end_mark.line != start.line:
        return here
    source = lines[start.line][start.column : node.end_mark.column]
    return start.line + 1, start.column + 1 + _offset(source, node.style, column - 1)


def _offset(source: str, style: str | None, wanted: int) -> int:
    """Count how far a character of a value stands from the beginning of its source."""
    if not style:
        return wanted
    at = 1
    for _ in range(wanted):
        if style == "'" and source[at : at + 2] == "''":
            at += 2
        elif style == '"' and source[at : at + 1] == "\\":
            at += {"x": 4, "u": 6, "U": 10}.get(source[at + 1 : at + 2], 2)
        else:
            at += 1
    return at


def row_text(row: Sequence[Any]) -> str:
    """Write a row of a decision table on one line of YAML.

    >>> print(row_text(["> 5", "-", '"gold"', 15]))
    - ["> 5", "-", '"gold"', 15]
    """
    return f"- [{', '.join(map(_quoted, row))}]"


def _quoted(value: Any) -> str:
    if isinstance(value, str) and '"' in value and value.isprintable() and "'" not in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)


def table_text(
    name: str,
    block: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> str:
    """Write the rows of a decision table anew; all else of the definition stays as it is."""
    head = f"{block.rstrip()}\n" if block.strip() else f"{json.dumps(name, ensure_ascii=False)}:\n"
    held = f"x:\n{chr(10).join(_indented(head.rstrip(), 2))}\n"
    for word, written in (
        ("inputs", json.dumps(list(inputs), ensure_ascii=False)),
        ("outputs", json.dumps(list(outputs), ensure_ascii=False)),
        ("rows", "\n".join(["", *(f"    {row_text(row)}" for row in rows)]) if rows else "[]"),
    ):
        held = _with_field(held, name, word, written)
    return "\n".join(line[2:] for line in held.split("\n")[1:]).rstrip()


def _with_field(text: str, name: str, word: str, written: str) -> str:
    found = _definition(text, "x", name)
    lines = text.rstrip("\n").split("\n")
    line = f"    {word}: {written}" if not written.startswith("\n") else f"    {word}:{written}"
    new = [part if not index else f"  {part}" for index, part in enumerate(line.split("\n"))]
    fields = found[1].value if found and isinstance(found[1], yaml.MappingNode) else []
    for key, value in fields:
        if str(key.value) == word:
            first = key.start_mark.line
            last = max(value.end_mark.line + (1 if value.end_mark.column > 4 else 0), first + 1)
            while last > first + 1 and (
                not lines[last - 1].strip() or _is_comment(lines[last - 1])
            ):
                last -= 1
            return "\n".join([*lines[:first], *new, *lines[last:], ""])
    return "\n".join([*lines, *new, ""])


@lru_cache(maxsize=8)
def _root(text: str) -> Any:
    """Read a text into nodes; many findings ask about the same one."""
    return yaml.compose(text, Loader=yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)


def _definition(text: str, section: str, name: str) -> tuple[Any, Any, bool] | None:
    try:
        root = _root(text)
    except (yaml.YAMLError, RecursionError):
        return None
    found = _pair(root, section)
    if found is None or not isinstance(found[1], yaml.MappingNode):
        return None
    pair = _pair(found[1], name)
    return None if pair is None else (*pair, bool(found[1].flow_style))


def _pair(node: Any, word: str) -> tuple[Any, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if str(key.value) == word:
                return key, value
    return None


def _step(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    pair = _pair(node, str(step))
    return None if pair is None else pair[1]


def _end_of(text: str, section: str) -> tuple[int, int | None]:
    """Give the indentation of a section's definitions and the line after its last one."""
    try:
        root = _root(text)
    except (yaml.YAMLError, RecursionError):
        raise InvalidInput("The file is not YAML; mend it first.") from None
    found = _pair(root, section)
    if found is None:
        return 2, None
    if not isinstance(found[1], yaml.MappingNode) or not found[1].value:
        return 2, found[0].start_mark.line + 1
    if found[1].flow_style:
        raise _braces(section)
    name = str(found[1].value[-1][0].value)
    last = passage(text, section, name)
    return (last.indent, last.last) if last else (2, None)


def _indented(block: str, indent: int) -> list[str]:
    return [f"{' ' * indent}{line}" if line.strip() else "" for line in block.rstrip().split("\n")]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _braces(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name!r} is written in braces.",
        hint="Write it on lines of its own, then it can be edited here.",
    )


def read_grid(name: str, block: str) -> dict[str, Any]:
    r"""Take a decision table apart into columns and cells as texts; empty where it cannot be read.

    >>> read_grid("t", 't:\n  inputs: [a]\n  outputs: [b]\n  rows: [["> 1", true]]')["rows"]
    [['> 1', 'true']]
    """
    found = _definition(f"x:\n{chr(10).join(_indented(block, 2))}\n", "x", name)
    held: dict[str, Any] = {"inputs": [], "outputs": [], "rows": []}
    if found is None or not isinstance(found[1], yaml.MappingNode):
        return held
    for key, value in found[1].value:
        if str(key.value) in held and isinstance(value, yaml.SequenceNode):
            held[str(key.value)] = [_plain(each) for each in value.value]
    return held


def _plain(node: Any) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each) for each in node.value]
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def write_grid(name: str, block: str, given: Mapping[str, str]) -> str:
    """Write a decision table from the fields of a form: ``i0``, ``o0`` name columns, ``c0.1`` a cell.

    ``do`` may add or take away: ``row+1`` a row after the first, ``row-1`` the first row, ``in+`` and ``out+``
    a column, ``in-0`` and ``out-0`` one.

    Raises:
        InvalidInput: there are more than `MOST_CELLS` cells.
    """
    inputs = _numbered(given, "i")
    outputs = _numbered(given, "o")
    width = len(inputs) + len(outputs)
    count = 1 + max(
        (int(key[1:].partition(".")[0]) for key in given if _CELL.fullmatch(key)), default=-1
    )
    if count * max(width, 1) > MOST_CELLS:
        raise InvalidInput(f"A table has at most {MOST_CELLS} cells here.", hint="Edit its file.")
    rows = [[given.get(f"c{row}.{column}", "") for column in range(width)] for row in range(count)]
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    do = given.get("do", "")
    kind, sign, number = do.partition("+") if "+" in do else do.partition("-")
    place_of = int(number) if number.isdigit() else 0
    if kind == "row" and sign == "+":
        rows.insert(place_of, ["-"] * len(inputs) + ["" for _ in outputs])
    elif kind == "row" and sign == "-" and 0 < place_of <= len(rows):
        del rows[place_of - 1]
    elif kind == "in" and sign == "+":
        inputs.append("")
        rows = [[*row[: len(inputs) - 1], "-", *row[len(inputs) - 1 :]] for row in rows]
    elif kind == "out" and sign == "+":
        outputs.append("")
        rows = [[*row, ""] for row in rows]
    elif kind == "in" and sign == "-" and place_of < len(inputs) > 1:
        del inputs[place_of]
        rows = [[*row[:place_of], *row[place_of + 1 :]] for row in rows]
    elif kind == "out" and sign == "-" and place_of < len(outputs) > 1:
        del outputs[place_of]
        rows = [row[: len(inputs) + place_of] + row[len(inputs) + place_of + 1 :] for row in rows]
    cells = [
        [_typed(cell or ("-" if column < len(inputs) else '""')) for column, cell in enumerate(row)]
        for row in rows
    ]
    return table_text(name, block, inputs, outputs, cells)


MOST_CELLS = 5_000
_CELL = re.compile(r"c\d{1,5}\.\d{1,4}")


def _numbered(given: Mapping[str, str], letter: str) -> list[str]:
    found: list[str] = []
    while f"{letter}{len(found)}" in given:
        found.append(given[f"{letter}{len(found)}"].strip())
    return found


def _typed(cell: str) -> str | int | float:
    text = cell.strip()
    if re.fullmatch(r"-?\d{1,15}", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,12}\.\d{1,6}", text) else text
