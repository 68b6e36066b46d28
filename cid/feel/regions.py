"""Whether a condition can ever hold: tried on one value of every region in which nothing changes.

A condition that only holds names against constants cannot tell two values apart that lie between the same
constants. So it is enough to try one of each region, and the interpreter, the oracle, says what it is.
What cannot be cut into regions counts as a condition that may have any answer: then less is found, but
nothing that is not so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from math import prod
from typing import Any

from cid.feel import tree
from cid.feel.inference import ANYTHING, Domain, Domains, Remark, path_of, place
from cid.feel.interpreter import evaluate
from cid.feel.notation import write
from cid.feel.values import Range, kind_of

MOST = 20_000
"""How many combinations are tried at most; beyond, nothing is said."""
_PLAIN = ("number", "string", "boolean", "date")


@dataclass(frozen=True, slots=True)
class Cut:
    """A condition with every name and every piece that is not understood put under a number."""

    node: tree.Node
    variables: Mapping[str, str]
    """By number: the path of the name, or nothing for a piece that is not understood."""
    constants: Mapping[str, tuple[Any, ...]]
    """By number: what it is held against."""

    @property
    def opaque(self) -> bool:
        """Whether there are pieces that are not understood."""
        return "" in self.variables.values()


@dataclass
class _Cutter:
    variables: dict[str, str] = field(default_factory=dict)
    constants: dict[str, list[Any]] = field(default_factory=dict)
    numbers: dict[tree.Node, str] = field(default_factory=dict)

    def variable(self, node: tree.Node, path: str) -> tree.Name:
        number = self.numbers.setdefault(node, f"v{len(self.numbers)}")
        self.variables[number] = path
        self.constants.setdefault(number, [])
        return tree.Name(number)

    def cut(self, node: tree.Node) -> tree.Node:
        match node:
            case tree.Literal():
                return node
            case tree.Conjunction(operands=parts) | tree.Disjunction(operands=parts):
                return replace(node, operands=tuple(self.cut(part) for part in parts))
            case tree.Not(operand=operand):
                return tree.Not(self.cut(operand))
            case tree.UnaryTests(tests=tests):
                return replace(node, tests=tuple(self.test(test) for test in tests))
            case tree.Comparison(left=left, right=right):
                return self.held(node, ("left", left), ("right", right))
            case tree.Between(value=value, low=low, high=high):
                return self.held(node, ("value", value), ("low", low), ("high", high))
            case tree.Membership(value=value, tests=tests) if path_of(value):
                constants = [constant for test in tests for constant in _constants_of(test)]
                if all(map(_is_test, tests)) and all(map(_plain, constants)):
                    name = self.variable(value, path_of(value))
                    self.constants[name.name].extend(constants)
                    return replace(node, value=name)
            case tree.Name() | tree.Path() | tree.Input() if path_of(node):
                name = self.variable(node, path_of(node))
                self.constants[name.name].append(True)
                return name
        return self.variable(node, "")

    def test(self, node: tree.Node) -> tree.Node:
        """Cut a test of a cell, which speaks of the tested value or is a condition of its own."""
        constants = list(_constants_of(node))
        if _is_test(node) and all(map(_plain, constants)):
            self.constants[self.variable(tree.Input(), "?").name].extend(constants)
            return node
        if any(isinstance(each, tree.Input) for each in tree.walk(node)):
            return self.cut(node)
        return self.variable(node, "")

    def held(self, node: tree.Node, *sides: tuple[str, tree.Node]) -> tree.Node:
        """Cut a comparison of one name with constants."""
        named = [(where, side) for where, side in sides if not is_constant(side)]
        constants = [evaluate(side, {}) for _, side in sides if is_constant(side)]
        if not named and all(map(_plain, constants)):
            return node
        if len(named) != 1 or not path_of(named[0][1]) or not all(map(_plain, constants)):
            return self.variable(node, "")
        ((where, side),) = named
        name = self.variable(side, path_of(side))
        self.constants[name.name].extend(constants)
        changed: dict[str, Any] = {where: name}
        return replace(node, **changed)


def cut(node: tree.Node) -> Cut:
    """Put names and pieces that are not understood under numbers."""
    cutter = _Cutter()
    found = cutter.cut(node)
    constants = {name: tuple(held) for name, held in cutter.constants.items()}
    return Cut(found, cutter.variables, constants)


def is_constant(node: tree.Node) -> bool:
    """Whether a piece has one value, whatever is known: it reads nothing and calls little.

    >>> is_constant(tree.Negation(tree.Literal(5)))
    True
    """
    if isinstance(node, tree.Literal):
        return True
    if isinstance(node, tree.Negation):
        return is_constant(node.operand)
    match node:
        case tree.Call(function=tree.Name(name="date"), positional=(tree.Literal(),), named=()):
            return True
    return False


def representatives(domain: Domain, constants: Sequence[Any]) -> list[Any]:
    """Give one value of each region into which constants cut a domain.

    >>> representatives(Domain("number", null=False, whole=True, low=Decimal(0)), [2, 3])
    [Decimal('0'), 2, 3, 1, 4]
    """
    if domain.values:
        found = list(domain.values)
    else:
        given = list(constants)
        if domain.kind == "number":
            given += [end for end in (domain.low, domain.high) if end is not None]
        kinds = [domain.kind] if domain.kind else _PLAIN
        found = [
            value
            for kind in kinds
            for value in _regions(kind, [each for each in given if kind_of(each) == kind], domain)
        ]
        if domain.kind not in _PLAIN:
            # Values that are like none of the constants; a list may also be written out in a test.
            found += [[], {}]
            found += [each for each in given if isinstance(each, list)]
    return [*found, None] if domain.null else found


def _regions(kind: str, constants: list[Any], domain: Domain) -> list[Any]:
    if kind == "boolean":
        return [True, False]
    held = sorted(set(constants))
    if kind == "number":
        return _numbers(held, domain)
    if kind == "string":
        between = [f"{each}\0" for each in held if f"{each}\0" not in held]
        # A text that people recognise as another one is a region's best witness.
        other = [word for word in ("other", "another", "anything") if word not in held][:1]
        return list(dict.fromkeys([*held, *other, *between, ""]))
    days = timedelta(1)
    near = [day for each in held for day in _days(each, days)] or [date(2000, 1, 1)]
    return list(dict.fromkeys([*held, *near]))


def _days(each: date, step: timedelta) -> Iterator[date]:
    if each > date.min:
        yield each - step
    if each < date.max:
        yield each + step


def _numbers(held: list[Any], domain: Domain) -> list[Any]:
    if not held:
        return [0]
    found = [*held]
    for low, high in pairwise(held):
        whole = Decimal(low).to_integral_value("ROUND_FLOOR") + 1
        found.append(int(whole) if whole < high else (Decimal(low) + Decimal(high)) / 2)
    found.append(int(Decimal(held[-1]).to_integral_value("ROUND_FLOOR")) + 1)
    found.append(int(Decimal(held[0]).to_integral_value("ROUND_CEILING")) - 1)
    if domain.whole:
        found = [each for each in found if each == Decimal(each).to_integral_value()]
    return [
        each
        for each in dict.fromkeys(found)
        if (domain.low is None or each >= domain.low)
        and (domain.high is None or each <= domain.high)
    ]


def answers(node: tree.Node, domains: Domains, most: int = MOST) -> frozenset[bool | None] | None:
    """Give every answer a condition can have; None where there would be too much to try.

    >>> from cid.feel.parser import parse
    >>> answers(parse("x > 5 and x < 3"), {"x": Domain("number", null=False)})
    frozenset({False})
    """
    found = cut(node)
    choices = [
        representatives(domains.get(path, ANYTHING), found.constants[name])
        if path
        else [True, False, None]
        for name, path in found.variables.items()
    ]
    if prod(map(len, choices)) > most:
        return None
    names = list(found.variables)
    given = set()
    for values in product(*choices):
        scope = dict(zip(names, values, strict=True))
        tested = next((name for name in names if found.variables[name] == "?"), None)
        if tested is not None:
            scope["?"] = scope[tested]
        answer = evaluate(found.node, scope)
        given.add(answer if isinstance(answer, bool) else None)
    return frozenset(given)


def can_hold(node: tree.Node, domains: Domains) -> bool:
    """Whether a condition can be true; true where it is not certain that it cannot."""
    if not isinstance(node, tree.Conjunction):
        found = answers(node, domains)
        return found is None or True in found
    for group in _groups(node.operands):
        found = answers(tree.Conjunction(tuple(group)) if len(group) > 1 else group[0], domains)
        if found is not None and True not in found:
            return False
    return True


def impossible(node: tree.Node, domains: Domains) -> Iterator[Remark]:
    """Yield a remark for each part of a condition that can never be true, the smallest parts first.

    >>> from cid.feel.parser import parse
    >>> print(*impossible(parse("x > 5 and x < 3"), {"x": Domain("number")}))
    x > 5 and x < 3 can never be true together.
    """
    if not isinstance(node, tree.Conjunction):
        if isinstance(node, tree.Disjunction):
            for operand in node.operands:
                yield from impossible(operand, domains)
        elif not _plainly(node) and not can_hold(node, domains):
            yield from _alone(node, domains)
        return
    before = 0
    for operand in node.operands:
        for remark in impossible(operand, domains):
            before += 1
            yield remark
    if before:
        return
    parts = node.operands
    for last in range(1, len(parts)):
        for first in range(last):
            both = tree.Conjunction((parts[first], parts[last]))
            if _share(parts[first], parts[last]) and not can_hold(both, domains):
                line, column = place(parts[last])
                words = {"one": write(parts[first]), "other": write(parts[last])}
                form = "{one} and {other} can never be true together."
                yield Remark(form, words, line, column, "warning")
                return
    if not can_hold(node, domains):
        line, column = place(node)
        words = {"condition": write(node)}
        yield Remark("{condition} can never be true.", words, line, column, "warning")


def _alone(node: tree.Node, domains: Domains) -> Iterator[Remark]:
    line, column = place(node)
    words = {"condition": write(node)}
    form = "{condition} can never be true."
    paths = {path_of(each) for each in tree.walk(node)} & domains.keys()
    if len(paths) == 1:
        (path,) = paths
        domain = domains[path]
        if domain.values:
            form = "{condition} can never be true: {name} is one of {values}."
            words |= {"name": path, "values": ", ".join(map(str, domain.values[:8]))}
        elif domain.low is not None or domain.high is not None:
            form = "{condition} can never be true: {name} is {range}."
            words |= {"name": path, "range": _range(domain)}
    yield Remark(form, words, line, column, "warning")


def _range(domain: Domain) -> str:
    if domain.low is not None and domain.high is not None:
        return f"{domain.low:f} … {domain.high:f}"
    return f">= {domain.low:f}" if domain.low is not None else f"<= {domain.high:f}"


def _plainly(node: tree.Node) -> bool:
    """Whether somebody wrote on purpose that something does not hold."""
    return isinstance(node, tree.Literal)


def _reads(node: tree.Node) -> frozenset[str]:
    return frozenset(path for each in tree.walk(node) if (path := path_of(each)))


def _share(one: tree.Node, other: tree.Node) -> bool:
    return bool(_reads(one) & _reads(other))


def _groups(operands: Sequence[tree.Node]) -> list[list[tree.Node]]:
    """Put conditions together that read something in common; groups do not depend on each other."""
    groups: list[tuple[set[str], list[tree.Node]]] = []
    for operand in operands:
        words, held = set(_reads(operand)), [operand]
        apart = []
        for others, members in groups:
            if others & words:
                words |= others
                held = members + held
            else:
                apart.append((others, members))
        groups = [*apart, (words, held)]
    return [held for _, held in groups]


def _is_test(node: tree.Node) -> bool:
    """Whether a piece is a test with constants only: a value, a comparison, an interval, a list."""
    match node:
        case tree.InputComparison(operand=operand):
            return is_constant(operand)
        case tree.Interval(low=low, high=high):
            return all(end is None or is_constant(end) for end in (low, high))
        case tree.ListOf(items=items):
            return all(map(is_constant, items))
    return is_constant(node)


def _constants_of(node: tree.Node) -> Iterator[Any]:
    match node:
        case tree.InputComparison(operand=operand):
            yield from _constants_of(operand)
        case tree.Interval(low=low, high=high):
            for end in (low, high):
                if end is not None:
                    yield from _constants_of(end)
        case tree.ListOf(items=items):
            for item in items:
                yield from _constants_of(item)
            if is_plain_list(node):
                yield evaluate(node, {})
        case _ if is_constant(node):
            yield evaluate(node, {})


def is_plain_list(node: tree.ListOf) -> bool:
    """Whether a list is written out of constants."""
    return all(map(is_constant, node.items))


def _plain(value: Any) -> bool:
    """Whether regions are known for a value of this kind."""
    if isinstance(value, list):
        return all(map(_plain, value))
    if isinstance(value, datetime | Range):
        return False
    return value is None or kind_of(value) in _PLAIN
