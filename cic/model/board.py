"""Boards: answers that are looked at again and again, side by side."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cid.kit.definitions import Definition, Section, Title

MOST_TILES = 24


class Tile(BaseModel):
    """One question of a board; it is asked anew whenever somebody looks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Title | None = None
    """What stands above the answer; what the question says itself where it is empty."""
    question: dict[str, Any]
    """The question, as exploration is asked, e.g. ``{measures: [revenue], dimensions: [month]}``."""


class Board(Definition):
    """Answers that belong together, for somebody who looks at them every day."""

    tiles: tuple[Tile, ...] = Field((), max_length=MOST_TILES)


BOARDS = Section("boards", Board)
