"""Where a definition stands in its file: to point at a word in it, and to write it anew.

Pure but for `exchange`: takes the text of a file, gives places and texts. What is around a definition, comments
and all, stays as it is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cid.kit.errors import InvalidInput

WRITING = threading.RLock()
"""Held by whoever reads a definition file in order to write it: nobody writes over another's change."""


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
    found = definition(text, section, name)
    if found is None:
        return None
    key, value, flow = found
    lines = text.split("\n")
    first, indent = key.start_mark.line, key.start_mark.column
    if flow or lines[first][:indent].strip():
        return None
    last = value.end_mark.line + (1 if value.end_mark.column > indent else 0)
    last = max(last, first + 1)
    while last > first + 1 and (not lines[last - 1].strip() or is_comment(lines[last - 1])):
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
            [*lines[: found.first], *indented(block, found.indent), *lines[found.last :], ""]
        )
    if definition(text, section, name) is not None:
        raise _braces(name)
    indent, after = _end_of(text, section)
    if after is None:
        return "\n".join([*lines, *([""] if lines else []), f"{section}:", *indented(block, 2), ""])
    return "\n".join([*lines[:after], *indented(block, indent), *lines[after:], ""])


def removed(text: str, section: str, name: str) -> str:
    """Take a definition out of its file.

    Raises:
        InvalidInput: the definition is written in braces, so that its lines cannot be taken out.
    """
    found = passage(text, section, name)
    if found is None:
        if definition(text, section, name) is not None:
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
    found = definition(text, section, name)
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


def names_in(text: str, section: str) -> list[str]:
    r"""Return the names that a section of a text defines, in their order.

    Raises:
        InvalidInput: the text is not YAML.

    >>> names_in("rules:\n  greet: {}\n  ask: {}", "rules")
    ['greet', 'ask']
    """
    try:
        found = _pair(_root(text), section)
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidInput(f"Not YAML: {error}.") from None
    if found is None or not isinstance(found[1], yaml.MappingNode):
        return []
    return [str(key.value) for key, _ in found[1].value]


def written(name: str, definition: Mapping[str, Any], first: Sequence[str] = ()) -> str:
    r"""Write a definition as YAML: one field on each line, short lists and titles on one.

    Args:
        name: its name.
        definition: its fields; those that are empty are left out.
        first: the fields that come before all others.

    >>> print(written("vip", {"when": "a = \"b\"", "of": ["A", "B"], "stay": ""}), end="")
    vip:
      when: a = "b"
      of: [A, B]
    """
    fields = {key: value for key, value in definition.items() if value not in (None, "", [], {})}
    ordered = {key: fields[key] for key in first if key in fields} | fields
    lines = [f"{_scalar(name)}:"]
    lines += [f"  {_scalar(str(key))}: {_scalar(value)}" for key, value in ordered.items()]
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    text: str = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=1 << 30, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


@lru_cache(maxsize=8)
def _root(text: str) -> Any:
    """Read a text into nodes; many findings ask about the same one."""
    return yaml.compose(text, Loader=yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)


def definition(text: str, section: str, name: str) -> tuple[Any, Any, bool] | None:
    """Give the nodes of a name and its definition, and whether the section is in braces."""
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


def indented(block: str, indent: int) -> list[str]:
    """Give the lines of a text, each moved to the right."""
    return [f"{' ' * indent}{line}" if line.strip() else "" for line in block.rstrip().split("\n")]


def is_comment(line: str) -> bool:
    """Say whether a line is nothing but a remark."""
    return line.lstrip().startswith("#")


def _braces(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name!r} is written in braces.",
        hint="Write it on lines of its own, then it can be edited here.",
    )


def exchange(path: Path, text: str) -> None:
    """Put a file in the place of another in one step, so that nobody ever reads half of it; away where empty."""
    if not text.strip():
        path.unlink(missing_ok=True)
        return
    aside = path.with_suffix(path.suffix + ".new")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
