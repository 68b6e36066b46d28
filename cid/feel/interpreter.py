"""Evaluate the tree directly: the oracle every other target is held against."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from cid.feel import arithmetic, comparison, loops, tree, values
from cid.feel.env import Env, Functions
from cid.feel.functions import BUILTINS
from cid.feel.parser import parse, parse_unary
from cid.feel.types import is_instance, typed
from cid.feel.values import Lambda, Range, has, lift, member


def evaluate(
    expression: tree.Node | str, scope: Mapping[str, Any], functions: Functions | None = None
) -> Any:
    """Give the value of an expression; a wrong operation has the value null.

    >>> evaluate('spend > 100 and tier = "gold"', {"spend": 120.5, "tier": "gold"})
    True
    """
    node = parse(expression, scope) if isinstance(expression, str) else expression
    try:
        return _value(node, Env(scope, functions or {}, scope.get("?")))
    except RecursionError:
        return None  # A value that is nested too deeply, or functions that call each other.


def evaluate_unary(
    cell: tree.UnaryTests | str,
    value: Any,
    scope: Mapping[str, Any] | None = None,
    functions: Functions | None = None,
) -> bool | None:
    """Tell whether a value meets a cell of a decision table.

    >>> evaluate_unary("[18..65)", 65), evaluate_unary("> 5", "text")
    (False, None)
    """
    scope = scope or {}
    node = parse_unary(cell, scope) if isinstance(cell, str) else cell
    try:
        found: bool | None = _value(node, Env(scope, functions or {}, lift(value)))
    except RecursionError:
        return None
    return found


def value_in(node: tree.Node, env: Env) -> Any:
    """Give the value of a part of an expression at its place."""
    return _value(node, env)


def _value(node: tree.Node, env: Env) -> Any:
    return _RULES[type(node)](node, env)


def _name(node: tree.Name, env: Env) -> Any:
    env_: Env | None = env
    while env_ is not None and env_.local is not None:
        if node.name in env_.local:
            # What the expression itself has made needs no preparation; a filtered element may.
            found = env_.local[node.name]
            return lift(found) if env_.filtering else found
        env_ = env_.outer
    return lift(env.scope.get(node.name))


def _conjunction(node: tree.Conjunction, env: Env) -> bool | None:
    result: bool | None = True
    for operand in node.operands:
        result = comparison.both(result, _value(operand, env))
        if result is False:
            return False
    return result


def _disjunction(node: tree.Disjunction, env: Env) -> bool | None:
    result: bool | None = False
    for operand in node.operands:
        result = comparison.either(result, _value(operand, env))
        if result is True:
            return True
    return result


def _between(node: tree.Between, env: Env) -> bool | None:
    value = _value(node.value, env)
    return comparison.both(
        comparison.at_most(_value(node.low, env), value),
        comparison.at_most(value, _value(node.high, env)),
    )


def _tests(tests: tuple[tree.Node, ...], env: Env) -> bool | None:
    result: bool | None = False
    for test in tests:
        result = comparison.either(result, _meets(test, env))
        if result is True:
            return True
    return result


def _meets(test: tree.Node, env: Env) -> bool | None:
    found = _value(test, env)
    if decides(test):
        return found if isinstance(found, bool) else None
    return (comparison.meets_condition if stands_alone(test) else comparison.meets)(
        env.input, found
    )


def stands_alone(test: tree.Node) -> bool:
    """Tell whether a test is a condition that may hold whatever the tested value is."""
    return isinstance(test, _CONDITIONS)


_CONDITIONS = (
    *(tree.Comparison, tree.Between, tree.Conjunction, tree.Disjunction, tree.Not),
    *(tree.Membership, tree.Quantified, tree.InstanceOf, tree.Call, tree.If),
)


def decides(test: tree.Node) -> bool:
    """Tell whether a test says itself if it is met, because it speaks of the tested value."""
    if isinstance(test, tree.InputComparison):
        return True
    waiting = [test]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tree.Input):
            return True
        if isinstance(node, tree.Membership):
            waiting.append(node.value)  # What stands after `in` speaks of another value.
        else:
            waiting.extend(tree.children(node))
    return False


def _unary_tests(node: tree.UnaryTests, env: Env) -> bool | None:
    if not node.tests:
        return True
    met = _tests(node.tests, env)
    return comparison.negate(met) if node.negated else met


def _membership(node: tree.Membership, env: Env) -> bool | None:
    tested = env.inner({})
    tested.input = _value(node.value, env)
    return _tests(node.tests, tested)


def _sources(iterations: tuple[tree.Iteration, ...], env: Env) -> list[loops.Source]:
    return [_source(iterations, index, env) for index in range(len(iterations))]


def _source(iterations: tuple[tree.Iteration, ...], index: int, env: Env) -> loops.Source:
    def source(*turn: Any) -> list[Any] | None:
        inner = _at_turn(iterations, turn, env)
        iteration = iterations[index]
        if iteration.until is None:
            return loops.elements(_value(iteration.source, inner))
        return loops.run(_value(iteration.source, inner), _value(iteration.until, inner))

    return source


def _at_turn(iterations: tuple[tree.Iteration, ...], turn: tuple[Any, ...], env: Env) -> Env:
    names = (iteration.name for iteration in iterations)
    return env.inner(dict(zip(names, turn, strict=False)))


def _for(node: tree.For, env: Env) -> Any:
    def body(*turn: Any) -> Any:
        inner = _at_turn(node.iterations, turn, env)
        if partial:
            inner = inner.inner({"partial": turn[-1]})
        return _value(node.body, inner)

    partial = reads_partial(node)
    return loops.each(_sources(node.iterations, env), body, partial)


def reads_partial(node: tree.For) -> bool:
    """Tell whether the body of a loop looks at the values made so far."""
    return any(each == tree.Name("partial") for each in tree.walk(node.body))


def _quantified(node: tree.Quantified, env: Env) -> bool | None:
    def condition(*turn: Any) -> Any:
        return _value(node.condition, _at_turn(node.iterations, turn, env))

    over = loops.some if node.kind == "some" else loops.every
    return over(_sources(node.iterations, env), condition)


def _context(node: tree.Context, env: Env) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    for entry in node.entries:
        if entry.key in made:
            return None
        made[entry.key] = _value(entry.value, env)
        env = env.inner({entry.key: made[entry.key]})
    return made


def _filter(node: tree.Filter, env: Env) -> Any:
    def condition(item: Any) -> Any:
        local = {**item, "item": item} if isinstance(item, Mapping) else {"item": item}
        if has(item, "item"):
            local["item"] = item["item"]
        return _value(node.condition, env.inner(local, filtering=True))

    return loops.filtered(_value(node.base, env), condition)


def _call(node: tree.Call, env: Env) -> Any:
    given = _argument if passes_functions(node, env.functions) else _value
    positional = tuple(given(each, env) for each in node.positional)
    named = {each.name: given(each.value, env) for each in node.named}
    if isinstance(node.function, tree.Name):
        name = node.function.name
        defined = env.defined(name)
        if defined is None and name in env.functions:
            words = {key.replace(" ", "_"): value for key, value in named.items()}
            return lift(env.functions[name](*positional, **words))
        if defined is None and name in BUILTINS:
            return BUILTINS[name].by_name(named) if named else BUILTINS[name](*positional)
    return values.apply(_value(node.function, env), positional, named)


_HIGHER = frozenset({"sort", "list replace"})


def passes_functions(node: tree.Call, external: Container[str]) -> bool:
    """Tell whether a function of FEEL may be handed over by its name, as in ``twice(abs, -5)``.

    Only to functions that somebody wrote, and to the few of FEEL that take one: everywhere else
    the name stands for a value that may be missing.
    """
    name = node.function.name if isinstance(node.function, tree.Name) else ""
    return name in _HIGHER or (name not in BUILTINS and name not in external)


def _argument(node: tree.Node, env: Env) -> Any:
    if isinstance(node, tree.Name) and node.name in BUILTINS:
        if env.holder(node.name) is None and node.name not in env.scope:
            return BUILTINS[node.name]
    return _value(node, env)


def _function(node: tree.Function, env: Env) -> Lambda:
    def body(*given: Any) -> Any:
        return _value(node.body, env.inner(dict(zip(node.parameters, given, strict=True))))

    return typed(node.parameters, body, node.types, node.named)


def _if(node: tree.If, env: Env) -> Any:
    met = _value(node.condition, env) is True
    return _value(node.then if met else node.otherwise, env)


def _interval(node: tree.Interval, env: Env) -> Range | None:
    low = None if node.low is None else _value(node.low, env)
    high = None if node.high is None else _value(node.high, env)
    return comparison.interval(
        low,
        high,
        node.low_closed,
        node.high_closed,
        node.low is None,
        node.high is None,
        node.operator,
    )


_RULES: dict[type[tree.Node], Callable[[Any, Env], Any]] = {
    tree.Literal: lambda node, env: node.value,
    tree.Name: _name,
    tree.Input: lambda node, env: env.input,
    tree.Path: lambda node, env: member(_value(node.base, env), node.name),
    tree.Negation: lambda node, env: arithmetic.minus(_value(node.operand, env)),
    tree.Arithmetic: lambda node, env: arithmetic.CALCULATE[node.operator](
        _value(node.left, env), _value(node.right, env)
    ),
    tree.Comparison: lambda node, env: comparison.COMPARE[node.operator](
        _value(node.left, env), _value(node.right, env)
    ),
    tree.InputComparison: lambda node, env: comparison.COMPARE[node.operator](
        env.input, _value(node.operand, env)
    ),
    tree.Between: _between,
    tree.Conjunction: _conjunction,
    tree.Disjunction: _disjunction,
    tree.Not: lambda node, env: comparison.negate(_value(node.operand, env)),
    tree.Membership: _membership,
    tree.UnaryTests: _unary_tests,
    tree.If: _if,
    tree.For: _for,
    tree.Quantified: _quantified,
    tree.ListOf: lambda node, env: [_value(item, env) for item in node.items],
    tree.Context: _context,
    tree.Interval: _interval,
    tree.Filter: _filter,
    tree.Call: _call,
    tree.Function: _function,
    tree.InstanceOf: lambda node, env: is_instance(_value(node.value, env), node.type, node.named),
}
