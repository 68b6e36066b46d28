"""Try a pattern in bounded time: no place is visited twice, and all steps are counted."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from cid.feel.regular.characters import Ranges
from cid.feel.regular.reading import (
    MANY,
    Again,
    Choice,
    Edge,
    Group,
    One,
    Piece,
    Repeat,
    Row,
    Wrong,
)

MAX_PROGRAM = 20_000
"""Longest program a pattern may become."""
MAX_STEPS = 400_000
"""Most steps one question may take; beyond, there is no answer."""


class Exhausted(Exception):
    """It takes more steps than we allow."""


@dataclass(frozen=True, slots=True)
class Take:
    """Go on if the next character is of a set."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """Go on at the one place, and if that fails at the other."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Remember where we are."""

    slot: int


@dataclass(frozen=True, slots=True)
class Loop:
    """Go on only if the repeated part took something since a mark: an empty turn ends."""

    slot: int


Step = Take | Fork | Mark | Loop | Edge | Again


class Machine:
    """A pattern as a program."""

    def __init__(self, pattern: Piece, groups: int) -> None:
        self.groups = groups
        self._program: list[Step] = []
        self._slots = 2 * groups + 2
        self._looks_back = False
        self._write(pattern)
        self._steps = 0

    def _add(self, step: Step) -> int:
        if len(self._program) >= MAX_PROGRAM:
            raise Wrong("too long")
        self._program.append(step)
        return len(self._program) - 1

    def _write(self, piece: Piece) -> None:
        match piece:
            case One(ranges=ranges):
                self._add(_taking(ranges))
            case Edge():
                self._add(piece)
            case Again():
                self._looks_back = True
                self._add(piece)
            case Row(parts=parts):
                for part in parts:
                    self._write(part)
            case Group(number=number, inner=inner):
                self._add(Mark(2 * number))
                self._write(inner)
                self._add(Mark(2 * number + 1))
            case Choice(ways=ways):
                self._choose(ways)
            case Repeat():
                self._repeat(piece)

    def _choose(self, ways: tuple[Piece, ...]) -> None:
        leaving = []
        for way in ways[:-1]:
            fork = self._add(Fork(0, 0))
            self._write(way)
            leaving.append(self._add(Fork(0, 0)))
            self._program[fork] = Fork(fork + 1, len(self._program))
        self._write(ways[-1])
        for each in leaving:
            self._program[each] = Fork(len(self._program), len(self._program))

    def _repeat(self, piece: Repeat) -> None:
        for _ in range(piece.fewest):
            self._write(piece.inner)
        if piece.most == MANY:
            slot = self._slots
            self._slots += 1
            fork = self._add(Fork(0, 0))
            self._add(Mark(slot))
            self._write(piece.inner)
            self._add(Loop(slot))
            back = self._add(Fork(fork, fork))
            self._program[fork] = self._fork(fork + 1, back + 1, piece.greedy)
            return
        forks = []
        for _ in range(piece.most - piece.fewest):
            forks.append(self._add(Fork(0, 0)))
            self._write(piece.inner)
        for each in forks:
            self._program[each] = self._fork(each + 1, len(self._program), piece.greedy)

    @staticmethod
    def _fork(more: int, enough: int, greedy: bool) -> Fork:
        return Fork(more, enough) if greedy else Fork(enough, more)

    def begin(self) -> None:
        """Start counting the steps of a new question."""
        self._steps = 0

    def search(self, text: str, start: int = 0) -> list[int] | None:
        """Find the first match from a place on: where each group begins and ends, -1 where not.

        Raises:
            Exhausted: it takes too many steps.
        """
        failed: set[int] = set()
        for at in range(start, len(text) + 1):
            found = self._match(text, at, failed)
            if found is not None:
                return found
        return None

    def _match(self, text: str, start: int, failed: set[int]) -> list[int] | None:
        program, end = self._program, len(self._program)
        marks = [-1] * self._slots
        marks[0] = start
        waiting: list[tuple[int, int, list[int]]] = [(0, start, marks)]
        width = len(text) + 1
        while waiting:
            place, at, marks = waiting.pop()
            while place < end:
                self._steps += 1
                if self._steps > MAX_STEPS:
                    raise Exhausted
                step = program[place]
                if type(step) is Take:
                    if at >= len(text) or not _holds(step, ord(text[at])):
                        break
                    at += 1
                elif type(step) is Fork:
                    if not self._looks_back:
                        key = place * width + at
                        if key in failed:
                            break
                        failed.add(key)
                    if step.first != step.second:
                        waiting.append((step.second, at, marks))
                    place = step.first
                    continue
                elif type(step) is Mark:
                    marks = marks.copy()
                    marks[step.slot] = at
                elif type(step) is Loop:
                    if marks[step.slot] == at:
                        break
                elif type(step) is Edge:
                    if not _at_edge(step, text, at):
                        break
                else:
                    at = _again(step, text, at, marks)  # type: ignore[arg-type]
                    if at < 0:
                        break
                place += 1
            else:
                marks[1] = at
                return marks[: 2 * self.groups + 2]
        return None


@lru_cache(maxsize=4_096)
def _taking(ranges: Ranges) -> Take:
    return Take(tuple(low for low, _ in ranges), tuple(high for _, high in ranges))


def _holds(step: Take, point: int) -> bool:
    index = bisect_right(step.lows, point) - 1
    return index >= 0 and point <= step.highs[index]


def _at_edge(edge: Edge, text: str, at: int) -> bool:
    if edge.end:
        return at == len(text) or (edge.line and text[at] == "\n")
    return at == 0 or (edge.line and text[at - 1] == "\n" and at < len(text))


def _again(step: Again, text: str, at: int, marks: list[int]) -> int:
    """Tell where we are after what a group has matched; -1 where it does not stand here again."""
    begin, end = marks[2 * step.group], marks[2 * step.group + 1]
    said = text[begin:end] if begin >= 0 and end >= 0 else ""
    here = text[at : at + len(said)]
    same = here == said or (step.any_case and here.lower() == said.lower())
    return at + len(said) if same else -1
