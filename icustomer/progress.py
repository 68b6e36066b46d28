"""Progress bars on standard error, where a person looks; nothing where nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as RichProgress


class Progress(Protocol):
    """Tells how far long work has come."""

    def add(self, what: str, total: int | None) -> int:
        """Begin a piece of work."""

    def advance(self, bar: int, steps: int) -> None:
        """Go on with it."""


class _Bars:
    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars

    def add(self, what: str, total: int | None) -> int:
        return self._bars.add_task(what, total=total)

    def advance(self, bar: int, steps: int) -> None:
        self._bars.advance(TaskID(bar), steps)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress bars while something long goes on."""
    bars = RichProgress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bars:
        yield _Bars(bars)
