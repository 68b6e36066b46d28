"""Say why: each part of a condition with its value, and the values that were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cid.feel import tree
from cid.feel.env import Env, Functions
from cid.feel.interpreter import value_in
from cid.feel.notation import write
from cid.feel.parser import parse
from cid.feel.reasons import reason
from cid.feel.writing import literal_of


@dataclass(frozen=True, slots=True)
class Explanation:
    """A part of an expression, its value, and the parts it follows from."""

    text: str
    value: Any
    children: tuple[Explanation, ...] = ()
    reason: str = ""
    """Why it is null, where that does not follow from its parts."""

    def reads(self) -> dict[str, Any]:
        """Give the values that were read, by what was read."""
        found: dict[str, Any] = {}
        waiting = [self]
        while waiting:
            part = waiting.pop()
            if not part.children:
                found.setdefault(part.text, part.value)
            waiting.extend(reversed(part.children))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give the explanation as JSON can carry it; values that JSON lacks are written as text."""
        found = {
            "text": self.text,
            "value": _plain(self.value),
            "children": [child.to_dict() for child in self.children],
        }
        return {**found, "reason": self.reason} if self.reason else found

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        lines = [f"{self.text} → {literal_of(self.value)}{why}"]
        for child in self.children:
            lines.extend("  " + line for line in str(child).splitlines())
        return "\n".join(lines)


def explain(
    expression: tree.Node | str, scope: Mapping[str, Any], functions: Functions | None = None
) -> Explanation:
    """Say why an expression has the value it has.

    Where a part is null for a reason of its own, the reason stands beside it.

    >>> print(explain('spend > 100 and tier = "gold"', {"spend": 80, "tier": "gold"}))
    spend > 100 and tier = "gold" → false
      spend > 100 → false
        spend → 80
      tier = "gold" → true
        tier → "gold"
    """
    node = parse(expression, scope) if isinstance(expression, str) else expression
    return _explained(node, Env(scope, functions or {}, scope.get("?")))


def _explained(node: tree.Node, env: Env) -> Explanation:
    value = _asked(node, env)
    parts: tuple[Explanation, ...] = ()
    if not isinstance(node, tree.Path):
        parts = tuple(_explained(part, env) for part in _parts(node, env))
    said = ""
    if value is None:
        said = reason(node, lambda part: _asked(part, env), env.functions)
    return Explanation(write(node), value, parts, said)


def _asked(node: tree.Node, env: Env) -> Any:
    try:
        return value_in(node, env)
    except RecursionError:
        return None  # As the interpreter has it for what is nested too deeply.


def _parts(node: tree.Node, env: Env) -> list[tree.Node]:
    """Give the parts worth showing: those that were looked at, and that read something."""
    match node:
        case tree.If():
            met = value_in(node.condition, env) is True
            shown = [node.condition, node.then if met else node.otherwise]
        case tree.For() | tree.Quantified():
            shown = [node.iterations[0].source]
        case tree.Filter():
            shown = [node.base]
        case tree.Function() | tree.Context():
            shown = []
        case tree.Call():
            shown = [*node.positional, *(argument.value for argument in node.named)]
        case tree.Membership():
            shown = [node.value]
        case _:
            shown = list(tree.children(node))
    return [part for part in shown if _reads(part)]


def _reads(node: tree.Node) -> bool:
    return any(isinstance(each, tree.Name | tree.Input | tree.Call) for each in tree.walk(node))


def _plain(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else f"{value.normalize():f}"
    if depth < _DEEPEST and isinstance(value, list) and len(value) <= _WIDEST:
        return [_plain(item, depth + 1) for item in value]
    if depth < _DEEPEST and isinstance(value, Mapping) and len(value) <= _WIDEST:
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    return literal_of(value).removeprefix('@"').removesuffix('"')


_DEEPEST, _WIDEST = 4, 200
"""What is nested more deeply, or is longer, is written as one text."""
