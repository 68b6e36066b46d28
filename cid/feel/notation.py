"""Write a tree as FEEL again: one form for each meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cid.feel import tree
from cid.feel.writing import literal_of, quoted

_OR, _AND, _COMPARISON, _SUM, _PRODUCT, _POWER, _SIGN, _TYPE, _POSTFIX = range(1, 10)
_ARITHMETIC = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "**": _POWER}


def write(node: tree.Node) -> str:
    """Write an expression in its one form.

    >>> from cid.feel.parser import parse
    >>> write(parse("( a+1 )*2>=b  and not( c )"))
    '(a + 1) * 2 >= b and not(c)'
    """
    return _FORMS[type(node)](node)


def _binding(node: tree.Node) -> int:
    match node:
        case tree.Disjunction():
            return _OR
        case tree.Conjunction():
            return _AND
        case tree.Comparison() | tree.Between() | tree.Membership() | tree.InstanceOf():
            return _COMPARISON
        case tree.Arithmetic(operator=operator):
            return _ARITHMETIC[operator]
        case tree.Negation():
            return _SIGN
        case tree.Literal(value=value) if literal_of(value).startswith("-"):
            return _SIGN
        case tree.If() | tree.For() | tree.Quantified() | tree.Function():
            return 0
    return _POSTFIX


def _inside(node: tree.Node, binding: int) -> str:
    """Write an operand, in parentheses where it binds more loosely than what is around it."""
    text = write(node)
    return text if _binding(node) >= binding else f"({text})"


def _list(nodes: tuple[tree.Node, ...]) -> str:
    return ", ".join(write(node) for node in nodes)


def _joined(word: str, binding: int) -> Callable[[Any], str]:
    def joined(node: tree.Conjunction | tree.Disjunction) -> str:
        return f" {word} ".join(_inside(operand, binding + 1) for operand in node.operands)

    return joined


def _arithmetic(node: tree.Arithmetic) -> str:
    binding = _ARITHMETIC[node.operator]
    return f"{_inside(node.left, binding)} {node.operator} {_inside(node.right, binding + 1)}"


def _negation(node: tree.Negation) -> str:
    # `-5` is one literal, `-(5)` is a literal whose sign is turned.
    literal = isinstance(node.operand, tree.Literal)
    return f"-({write(node.operand)})" if literal else f"-{_inside(node.operand, _SIGN)}"


def _comparison(node: tree.Comparison) -> str:
    return f"{_inside(node.left, _SUM)} {node.operator} {_inside(node.right, _SUM)}"


def _between(node: tree.Between) -> str:
    return (
        f"{_inside(node.value, _SUM)} between {_inside(node.low, _SUM)}"
        f" and {_inside(node.high, _SUM)}"
    )


def _membership(node: tree.Membership) -> str:
    return f"{_inside(node.value, _SUM)} in ({_list(node.tests)})"


def _turns(iterations: tuple[tree.Iteration, ...]) -> str:
    return ", ".join(write(iteration) for iteration in iterations)


def _iteration(node: tree.Iteration) -> str:
    until = "" if node.until is None else f"..{write(node.until)}"
    return f"{node.name} in {write(node.source)}{until}"


def _call(node: tree.Call) -> str:
    given = _list(node.positional) or _list(node.named)
    return f"{_inside(node.function, _POSTFIX)}({given})"


def _function(node: tree.Function) -> str:
    types = node.types or ("Any",) * len(node.parameters)
    pairs = zip(node.parameters, types, strict=True)
    given = (name if type_ == "Any" else f"{name}: {type_}" for name, type_ in pairs)
    return f"function({', '.join(given)}) {write(node.body)}"


def _interval(node: tree.Interval) -> str:
    if node.operator and node.low is not None:
        return f"({node.operator} {_inside(node.low, _SUM)})"
    if node.low is None and node.high is not None:
        return f"({'<=' if node.high_closed else '<'} {_inside(node.high, _SUM)})"
    if node.high is None and node.low is not None:
        return f"({'>=' if node.low_closed else '>'} {_inside(node.low, _SUM)})"
    ends = f"{write(node.low)}..{write(node.high)}" if node.low and node.high else ".."
    return f"{'[' if node.low_closed else '('}{ends}{']' if node.high_closed else ')'}"


def _unary_tests(node: tree.UnaryTests) -> str:
    tests = _list(node.tests) or "-"
    return f"not({tests})" if node.negated else tests


_FORMS: dict[type[tree.Node], Callable[[Any], str]] = {
    tree.Literal: lambda node: literal_of(node.value),
    tree.Name: lambda node: node.name,
    tree.Input: lambda node: "?",
    tree.Path: lambda node: f"{_inside(node.base, _POSTFIX)}.{node.name}",
    tree.Negation: _negation,
    tree.Arithmetic: _arithmetic,
    tree.Comparison: _comparison,
    tree.InputComparison: lambda node: f"{node.operator} {_inside(node.operand, _SUM)}",
    tree.Between: _between,
    tree.Conjunction: _joined("and", _AND),
    tree.Disjunction: _joined("or", _OR),
    tree.Not: lambda node: f"not({write(node.operand)})",
    tree.Membership: _membership,
    tree.UnaryTests: _unary_tests,
    tree.If: lambda node: (
        f"if {write(node.condition)} then {write(node.then)} else {write(node.otherwise)}"
    ),
    tree.Iteration: _iteration,
    tree.For: lambda node: f"for {_turns(node.iterations)} return {write(node.body)}",
    tree.Quantified: lambda node: (
        f"{node.kind} {_turns(node.iterations)} satisfies {write(node.condition)}"
    ),
    tree.ListOf: lambda node: f"[{_list(node.items)}]",
    tree.Context: lambda node: f"{{{_list(node.entries)}}}",
    tree.Entry: lambda node: f"{quoted(node.key)}: {write(node.value)}",
    tree.Interval: _interval,
    tree.Filter: lambda node: f"{_inside(node.base, _POSTFIX)}[{write(node.condition)}]",
    tree.Argument: lambda node: f"{node.name}: {write(node.value)}",
    tree.Call: _call,
    tree.Function: _function,
    tree.InstanceOf: lambda node: f"{_inside(node.value, _TYPE)} instance of {node.type}",
}
