"""Boards as people make them: definitions like all others, written into their file and in force at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cic.model.board import BOARDS, Board
from cid.kit import passages
from cid.kit.definitions import Definitions, Entry, parse
from cid.kit.errors import Conflict, InvalidInput, Refused

WRITERS = ("analyst", "architect")
HOME = "boards.yaml"
"""Where a new board is written."""
_FIELDS = ("title", "description", "owner")
_writing = passages.WRITING


def boards(definitions: Definitions) -> list[dict[str, Any]]:
    """List the boards with how many tiles each has."""
    return [board(definitions, name) for name in definitions.of(BOARDS)]


def board(definitions: Definitions, name: str) -> dict[str, Any]:
    """Return a board with its tiles.

    Raises:
        NotFound: there is no such board.
    """
    entry = definitions.get(BOARDS, name)
    said = entry.value.model_dump(exclude_defaults=True)
    return {
        "name": name,
        "title": said.get("title"),
        "description": said.get("description"),
        "owner": entry.value.owner,
        "version": entry.version,
        "file": entry.file,
        "line": entry.line,
        "tiles": [
            {"title": tile.title.model_dump() if tile.title else None, "question": tile.question}
            for tile in entry.value.tiles
        ],
    }


def save_board(
    definitions: Definitions, name: str, said: Mapping[str, Any], version: str, role: str
) -> Entry[Board]:
    """Write a board into its file; it is in force at once.

    Args:
        definitions: what is in force; the board is put into it.
        name: its name.
        said: ``title``, ``description``, ``owner`` and ``tiles``, each with ``title`` and ``question``.
        version: the version it was made from; empty for a new one.
        role: who writes.

    Raises:
        Refused: the role only reads.
        Conflict: somebody else has changed it meanwhile.
        InvalidDefinition: it is wrong; says where.
    """
    _may(role)
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > 80:
        raise InvalidInput("A board has a name of at most 80 characters.")
    block = _written(name, said)
    found, errors = parse(block, BOARDS)
    if errors:
        raise errors[0]
    with _writing:
        live = definitions.of(BOARDS).get(name)
        _is_the_one_seen(name, live, version)
        home = live.file if live else HOME
        path = definitions.directory / home
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        after = passages.replaced(before, BOARDS.name, name, block)
        passages.exchange(path, after)
        entry = found[name]
        made = Entry(name, entry.value, home, _line(after, name), entry.version)
        definitions.sections.setdefault(BOARDS.name, {})[name] = made
    return made


def remove_board(definitions: Definitions, name: str, version: str, role: str) -> None:
    """Take a board away.

    Raises:
        NotFound: there is no such board.
        Refused: the role only reads.
        Conflict: somebody else has changed it meanwhile.
    """
    _may(role)
    with _writing:
        live = definitions.get(BOARDS, name)
        _is_the_one_seen(name, live, version)
        path = definitions.directory / live.file
        text = path.read_text(encoding="utf-8")
        left = passages.removed(text, BOARDS.name, name)
        if not passages.names_in(left, BOARDS.name):
            # A section without entries is no section any more.
            left = "".join(
                line for line in left.splitlines(keepends=True) if line.strip() != f"{BOARDS.name}:"
            )
        passages.exchange(path, left)
        del definitions.sections[BOARDS.name][name]


def _may(role: str) -> None:
    if role not in WRITERS:
        raise Refused(
            "Agents look at boards; analysts and architects make them.",
            hint="Choose another role, or log in as somebody else.",
        )


def _is_the_one_seen(name: str, live: Entry[Board] | None, version: str) -> None:
    if live is not None and live.builtin:
        raise Conflict(f"{name!r} comes with the product; it is not changed here.")
    if version != (live.version if live else ""):
        raise Conflict(
            f"Somebody else has changed {name!r} meanwhile.", hint="Look at what is there now."
        )


def _written(name: str, said: Mapping[str, Any]) -> str:
    """Write a board as YAML, a tile on each line: JSON is YAML, too."""
    text = passages.written(name, {field: said.get(field) for field in _FIELDS})
    tiles = [
        {word: tile[word] for word in ("title", "question") if tile.get(word)}
        for tile in said.get("tiles") or ()
    ]
    if not tiles:
        return f"{text}  tiles: []\n"
    lines = [f"    - {json.dumps(tile, ensure_ascii=False, default=str)}" for tile in tiles]
    return text + "\n".join(["  tiles:", *lines, ""])


def _line(text: str, name: str) -> int:
    found = passages.passage(text, BOARDS.name, name)
    return found.first + 1 if found else 1
