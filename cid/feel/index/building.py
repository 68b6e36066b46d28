"""The index over many conditions: built from their trees, asked with the values of one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Generic, TypeVar

from cid.feel import tree
from cid.feel.index.lanes import Lanes, answers
from cid.feel.index.terms import Alternative, alternatives
from cid.feel.index.writing import Reader, survivors
from cid.feel.parser import parse
from cid.feel.python import Bound, BoundFunctions, compile_expression

Id = TypeVar("Id")
Check = Callable[[Any], Any]
ALTERNATIVES = 16
"""Ways in which one condition may be true; what has more is asked as a whole."""
_WORTH = 64
"""So many ways must there be before they are told apart by the value of one term first."""
_MOST = 500
"""Values of one term by which they are told apart at most."""


class Index(Generic[Id]):
    """Answers which of many conditions are true, exactly as if each were asked (S3.N2).

    What a condition asks of single values stands in tables, one for each value that is read; one
    look into each table leaves the rules that agree. What a table cannot say, a comparison of two
    values or a function, is asked of compiled Python, of the rules that are left only. An index
    never changes: new rules make a new one, and whoever holds it takes that in one step.
    """

    def __init__(self, rules: Sequence[_Rule[Id]], bind: Bound, costs: Mapping[str, int]) -> None:
        reader = Reader(bind)
        self._rules = rules
        ways = [way for rule in rules for way in rule.ways]
        self._alike = [(way, number) for number, rule in enumerate(rules) for way in rule.ways]
        self._pivot, pinned = _pivot([way for way, _ in self._alike])
        self._read: Check | None = None
        self._parts: dict[Any, _Part[Id]] = {}
        self._rest = _Part(rules, self._chosen(pinned, None), reader, costs)
        if self._pivot is not None:
            self._read = compile_expression(self._pivot, bind)
            for value in dict.fromkeys(value for some in pinned.values() for value in some):
                self._parts[value] = _Part(rules, self._chosen(pinned, value), reader, costs)
        self.size = len(rules)
        self.ways = len(ways)

    @classmethod
    def build(
        cls,
        rules: Mapping[Id, tree.Node | str],
        bind: Bound | None = None,
        functions: BoundFunctions | None = None,
        costs: Mapping[str, int] | None = None,
        limit: int = ALTERNATIVES,
    ) -> Index[Id]:
        """Make an index over conditions.

        Args:
            rules: the conditions by id; answers come in this order.
            bind: Python that reads a name from the values ``s``; any other name is ``s.get(name)``.
            functions: functions beyond those that FEEL brings along, as for compiled Python.
            costs: by name, how dear it is to read; what is cheap is asked first.
            limit: ways in which one condition may be true before it is asked as a whole.

        >>> index = Index.build({"big": "total > 100", "gold": 'tier in ("gold", "black")'})
        >>> index.match({"total": 120, "tier": "gold"}), index.match({"total": 120.0})
        (['big', 'gold'], ['big'])
        """
        bind, functions = bind or {}, functions or {}
        made = []
        for id, condition in rules.items():
            node = parse(condition, bind) if isinstance(condition, str) else condition
            made.append(_Rule(id, node, alternatives(node, limit, functions), bind, functions))
        return cls(made, bind, costs or {})

    def match(self, values: Any) -> list[Id]:
        """Give the ids of the conditions that are true, in the order in which they were given."""
        if self._read is None:
            return self._rest.match(values)
        value = self._read(values)
        if type(value) is str:
            return self._parts.get(value, self._rest).match(values)
        if value is None or type(value) in (bool, int, Decimal):
            return self._rest.match(values)
        return [rule.id for rule in self._rules if rule.whole(values) is True]

    def describe(self) -> dict[str, int]:
        """Say what the index is made of: conditions, ways, and how many are asked beyond tables."""
        beyond = sum(any(way.rest for way in rule.ways) for rule in self._rules)
        without = sum(any(not way.tests for way in rule.ways) for rule in self._rules)
        return {
            "conditions": self.size,
            "ways": self.ways,
            "asked_beyond_tables": beyond,
            "in_no_table": without,
            "parts": len(self._parts) + 1,
        }

    def _chosen(
        self, pinned: Mapping[int, Iterable[str]], value: str | None
    ) -> list[tuple[Alternative, int]]:
        """Give the ways that can be true where the first term has this value, or another one."""
        chosen = []
        for place, (way, number) in enumerate(self._alike):
            if place not in pinned:
                chosen.append((way, number))
            elif value is not None and value in pinned[place]:
                tests = {term: piece for term, piece in way.tests.items() if term != self._pivot}
                chosen.append((Alternative(tests, way.rest), number))
        return chosen


@dataclass
class _Rule(Generic[Id]):
    id: Id
    node: tree.Node
    ways: list[Alternative]
    bind: Bound
    functions: BoundFunctions

    @cached_property
    def whole(self) -> Check:
        """The condition itself, for values that no table knows."""
        return compile_expression(self.node, self.bind, self.functions)

    def rest(self, way: Alternative) -> Check | None:
        """What is to be asked beyond the tables."""
        if not way.rest:
            return None
        node = way.rest[0] if len(way.rest) == 1 else tree.Conjunction(way.rest)
        return compile_expression(node, self.bind, self.functions)


class _Part(Generic[Id]):
    """The tables over some ways of some rules."""

    def __init__(
        self,
        rules: Sequence[_Rule[Id]],
        ways: Sequence[tuple[Alternative, int]],
        reader: Reader,
        costs: Mapping[str, int],
    ) -> None:
        self._wholes = [rules[number] for _, number in ways]
        self._ids = [rule.id for rule in self._wholes]
        self._rests = [rules[number].rest(way) for way, number in ways]
        self._asking = sum(1 << at for at, rest in enumerate(self._rests) if rest is not None)
        self._twice = len({number for _, number in ways}) < len(ways)
        self._by_length = self._ids[:1] + self._ids
        self._bits = [0, *(1 << at for at in range(len(ways)))]
        everybody = (1 << len(ways)) - 1
        asked: dict[tree.Node, list[tuple[int, tree.Node]]] = {}
        for at, (way, _) in enumerate(ways):
            for term, piece in way.tests.items():
                asked.setdefault(term, []).append((1 << at, piece))
        terms = sorted(asked, key=lambda term: (_cost(term, costs), -len(asked[term])))
        tables = [(term, Lanes(asked[term], everybody)) for term in terms]
        self._survivors = survivors(reader, tables, everybody)

    def match(self, values: Any) -> list[Id]:
        """Give the ids of the conditions that are true."""
        alive, odd = self._survivors(values)
        if odd or alive & self._asking:
            return self._asked(alive, odd, values)
        found = []
        ids, bits = self._by_length, self._bits
        while alive:
            # The highest bit is the last rule: its number is the length of what is left.
            length = alive.bit_length()
            found.append(ids[length])
            alive ^= bits[length]
        found.reverse()
        return list(dict.fromkeys(found)) if self._twice else found

    def _asked(self, alive: int, odd: bool, values: Any) -> list[Id]:
        found: dict[Id, None] = {}
        while alive:
            lowest = alive & -alive
            at = lowest.bit_length() - 1
            alive ^= lowest
            id = self._ids[at]
            if id in found:
                continue
            check = self._wholes[at].whole if odd else self._rests[at]
            if check is None or check(values) is True:
                found[id] = None
        return list(found)


def _cost(term: tree.Node, costs: Mapping[str, int]) -> int:
    while isinstance(term, tree.Path):
        term = term.base
    return costs.get(term.name, 0) if isinstance(term, tree.Name) else 0


def _pivot(ways: Sequence[Alternative]) -> tuple[tree.Node | None, dict[int, tuple[str, ...]]]:
    """Find the term whose text tells most rules apart: those of another text need no look at all."""
    if len(ways) < _WORTH:
        return None, {}
    counts = Counter(term for way in ways for term in way.tests)
    for term, count in counts.most_common(3):
        if count < 0.9 * len(ways):
            break
        pinned = {}
        for place, way in enumerate(ways):
            if term in way.tests:
                texts = answers(way.tests[term]).only_texts()
                if texts is not None:
                    pinned[place] = texts
        values = {value for some in pinned.values() for value in some}
        if len(pinned) >= 0.9 * len(ways) and 1 < len(values) <= _MOST:
            return term, pinned
    return None, {}
