"""Write the function that asks the tables: a few lines of Python for each term, nothing else.

As in compiled Python, the source is made of our own words only; every table and constant is a
numbered name beside it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from types import CodeType
from typing import Any

from cid.feel import tree
from cid.feel.index.lanes import NUMBER, TEXT, Lanes
from cid.feel.values import member

_WHOLE = 1 << 53
"""Whole numbers up to here are as exact in floating point."""


class Reader:
    """How each term is read from what is known, as Python over ``s``."""

    def __init__(self, bind: Mapping[str, str]) -> None:
        self._bind = bind
        self._held: dict[str, str] = {}
        self.names: dict[str, Any] = {"member": member, "dict": dict, "type": type}

    def text(self, term: tree.Node) -> str:
        """Give the Python that reads a term."""
        if isinstance(term, tree.Name):
            if term.name in self._held:
                return self._held[term.name]
            bound = self._bind.get(term.name)
            return f"s.get({self._constant(term.name)})" if bound is None else bound
        assert isinstance(term, tree.Path)
        base, key = self.text(term.base), self._constant(term.name)
        return (
            f"({base}.get({key}) if type({base}) is dict else member({base}, {key}))"
            if base in self._held.values()
            else f"member({base}, {key})"
        )

    def hold(self, terms: Iterable[tree.Node]) -> list[str]:
        """Give the Python that reads once what several terms are parts of."""
        bases = Counter(
            term.base.name
            for term in terms
            if isinstance(term, tree.Path) and isinstance(term.base, tree.Name)
        )
        self._held = {}
        held = {name: f"e{n}" for n, (name, count) in enumerate(bases.items()) if count > 1}
        lines = [f"{variable} = {self.text(tree.Name(name))}" for name, variable in held.items()]
        self._held = held
        return lines

    def _constant(self, value: str) -> str:
        for name, known in self.names.items():
            if type(known) is str and known == value:
                return name
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name


def survivors(
    reader: Reader, tables: Sequence[tuple[tree.Node, Lanes]], everybody: int
) -> Callable[[Any], tuple[int, bool]]:
    """Make the function that gives the rules which no table rules out, as bits.

    It also says whether a value was met that no table knows; then these rules are to be asked.
    """
    space: dict[str, Any] = {"everybody": everybody, "bisect": bisect_left, "Decimal": Decimal}
    space |= {"int": int, "float": float, "str": str, "bool": bool}
    lines = ["alive = everybody", "odd = False", *reader.hold([term for term, _ in tables])]
    for number, (term, lanes) in enumerate(tables):
        lines += _asked(number, reader.text(term), lanes, everybody, space)
        if number < len(tables) - 1:
            lines.append("if not alive: return 0, odd")
    lines.append("return alive, odd")
    source = "def made(s):\n" + "".join(f"    {line}\n" for line in lines)
    space = {"__builtins__": {}, **reader.names, **space}
    exec(_compiled(source), space)
    made: Callable[[Any], tuple[int, bool]] = space["made"]
    return made


@lru_cache(maxsize=500)
def _compiled(source: str) -> CodeType:
    return compile(source, "<feel index>", "exec")


def _asked(
    number: int, read: str, lanes: Lanes, everybody: int, space: dict[str, Any]
) -> list[str]:
    """Write the question to one table; only where a rule that is still alive asks for it."""
    n = str(number)
    space |= {f"care{n}": lanes.care, f"slow{n}": lanes.mask, f"none{n}": lanes.none}
    lines = [f"v = {read}", "k = type(v)"]
    branches: list[tuple[str, list[str]]] = []
    text, numbers = lanes.of[TEXT], lanes.of[NUMBER]
    if not text.same:
        branches.append(("k is str", _text(n, lanes, space)))
    if not numbers.same and (floats := numbers.floats) is not None:
        space |= {f"F{n}": [*floats, float("inf")], f"M{n}": numbers.masks, f"N{n}": numbers.mask}
        space |= {"whole": _WHOLE, "least": -_WHOLE}
        plain = "k is int and least < v < whole or k is float and v - v == 0.0"
        look = [f"j = bisect(F{n}, v)", f"alive &= M{n}[j + j + 1 if F{n}[j] == v else j + j]"]
        branches.append((plain, look))
        near = ["f = float(v)", f"j = bisect(F{n}, f)"]
        near.append(f"alive &= N{n}(v) if F{n}[j] == f else M{n}[j + j]")
        branches.append(("k is Decimal", near))
    if lanes.true != lanes.false:
        space |= {f"true{n}": lanes.true, f"false{n}": lanes.false}
        branches.append(("k is bool", [f"alive &= true{n} if v else false{n}"]))
    branches.append(("v is None", [f"alive &= none{n}"]))
    word = "if"
    for condition, then in branches:
        lines += [f"{word} {condition}:", *(f"    {line}" for line in then)]
        word = "elif"
    lines += [
        "else:",
        f"    m = slow{n}(v)",
        "    if m is None: odd = True",
        "    else: alive &= m",
    ]
    if lanes.care == everybody:
        return lines
    return [f"if alive & care{n}:", *(f"    {line}" for line in lines)]


def _text(n: str, lanes: Lanes, space: dict[str, Any]) -> list[str]:
    lane = lanes.of[TEXT]
    gaps = lane.masks[::2]
    if lane.only_points:
        points = zip(lane.cuts, lane.masks[1::2], strict=True)
        space |= {f"P{n}": {cut: mask for cut, mask in points if mask != gaps[0]}.get}
        space |= {f"G{n}": gaps[0]}
        return [f"alive &= P{n}(v, G{n})"]
    space |= {f"P{n}": dict(zip(lane.cuts, lane.masks[1::2], strict=True)).get}
    space |= {f"G{n}": gaps, f"C{n}": lane.cuts}
    return [f"m = P{n}(v)", f"alive &= G{n}[bisect(C{n}, v)] if m is None else m"]
