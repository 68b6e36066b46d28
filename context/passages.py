"""Decision tables as they are written in YAML: read into a grid of cells, and written from one.

Where a definition stands in its file, and how it is exchanged there, is `cid.kit.passages`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from cid.kit.errors import InvalidInput
from cid.kit.passages import definition, indented, is_comment, passage, place, removed, replaced


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
    held = f"x:\n{chr(10).join(indented(head.rstrip(), 2))}\n"
    for word, written in (
        ("inputs", json.dumps(list(inputs), ensure_ascii=False)),
        ("outputs", json.dumps(list(outputs), ensure_ascii=False)),
        ("rows", "\n".join(["", *(f"    {row_text(row)}" for row in rows)]) if rows else "[]"),
    ):
        held = _with_field(held, name, word, written)
    return "\n".join(line[2:] for line in held.split("\n")[1:]).rstrip()


def _with_field(text: str, name: str, word: str, written: str) -> str:
    found = definition(text, "x", name)
    lines = text.rstrip("\n").split("\n")
    line = f"    {word}: {written}" if not written.startswith("\n") else f"    {word}:{written}"
    new = [part if not index else f"  {part}" for index, part in enumerate(line.split("\n"))]
    fields = found[1].value if found and isinstance(found[1], yaml.MappingNode) else []
    for key, value in fields:
        if str(key.value) == word:
            first = key.start_mark.line
            last = max(value.end_mark.line + (1 if value.end_mark.column > 4 else 0), first + 1)
            while last > first + 1 and (not lines[last - 1].strip() or is_comment(lines[last - 1])):
                last -= 1
            return "\n".join([*lines[:first], *new, *lines[last:], ""])
    return "\n".join([*lines, *new, ""])


def read_grid(name: str, block: str) -> dict[str, Any]:
    r"""Take a decision table apart into columns and cells as texts; empty where it cannot be read.

    >>> read_grid("t", 't:\n  inputs: [a]\n  outputs: [b]\n  rows: [["> 1", true]]')["rows"]
    [['> 1', 'true']]
    """
    found = definition(f"x:\n{chr(10).join(indented(block, 2))}\n", "x", name)
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


__all__ = [
    "passage",
    "place",
    "read_grid",
    "removed",
    "replaced",
    "row_text",
    "table_text",
    "write_grid",
]
