"""Turn the checked tree into Python, for speed.

The source is made of our own words only: every literal, name and text of the author is a numbered
constant beside it, so nothing that somebody wrote is ever run. The names of ``bind`` are given by
the programmer as Python over the parameter ``s``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cid.feel import tree
from cid.feel.conditions import Conditions
from cid.feel.functions import BUILTINS
from cid.feel.ground import Bound, BoundFunctions
from cid.feel.interpreter import passes_functions, reads_partial
from cid.feel.parser import parse, parse_unary
from cid.feel.source import (
    ANY_ENTRY,
    SIGNS,
    Code,
    Place,
)


def compile_expression(
    expression: tree.Node | str,
    bind: Bound | None = None,
    functions: BoundFunctions | None = None,
) -> Callable[[Any], Any]:
    """Make a Python function of one parameter ``s`` from an expression.

    A name in ``bind`` is read by the Python given there, any other by ``s.get(name)``.

    >>> compile_expression("spend > 100", bind={"spend": "s[0]"})([120])
    True
    """
    bind = bind or {}
    node = parse(expression, bind) if isinstance(expression, str) else expression
    return _Writer(bind, functions or {}).function(node, "s")


def compile_unary(
    cell: tree.UnaryTests | str,
    known: Iterable[str] = (),
    bind: Bound | None = None,
    functions: BoundFunctions | None = None,
) -> Callable[[Any, Any], bool | None]:
    """Make a Python function of a value and ``s`` from a cell of a decision table.

    >>> compile_unary("[18..65]")(20, {})
    True
    """
    bind = bind or {}
    node = parse_unary(cell, {*known, *bind}) if isinstance(cell, str) else cell
    return _Writer(bind, functions or {}).function(node, "v, s")


class _Writer(Conditions):
    def function(self, node: tree.Node, parameters: str) -> Callable[..., Any]:
        """Write a whole function and bring it to life."""
        place = Place(input="v" if "v" in parameters else "None")
        code = self._lifted(node, place)
        head = "    try:\n"
        head += "        v = lift(v)\n" if "v" in parameters else ""
        source = "".join(self._parts)
        source += f"def made({parameters}):\n{head}        return {code.text}\n"
        source += "    except RecursionError:\n        return None\n"
        exec(compile(source, "<feel>", "exec"), self._space)
        made: Callable[..., Any] = self._space["made"]
        return made

    # One method for each kind of node; each is named after it.

    def _path(self, node: tree.Path, place: Place) -> Code:
        base = self._code(node.base, place)
        return Code(f"member({base.text}, {self._constant(node.name)})", depth=base.depth + 1)

    def _negation(self, node: tree.Negation, place: Place) -> Code:
        operand = self._code(node.operand, place)
        return Code(f"minus({operand.text})", depth=operand.depth + 1)

    def _arithmetic(self, node: tree.Arithmetic, place: Place) -> Code:
        left, right = self._code(node.left, place), self._code(node.right, place)
        text = f"{SIGNS[node.operator]}({left.text}, {right.text})"
        return Code(text, depth=max(left.depth, right.depth) + 1)

    def _if(self, node: tree.If, place: Place) -> Code:
        codes = [self._lifted(each, place) for each in (node.then, node.condition, node.otherwise)]
        then, condition, otherwise = codes
        text = f"({then.text} if {condition.text} is True else {otherwise.text})"
        return Code(text, depth=max(code.depth for code in codes) + 1)

    def _turns(
        self, iterations: tuple[tree.Iteration, ...], place: Place
    ) -> tuple[str, list[str], Place, int]:
        sources, depth = "", 0
        variables: list[str] = []
        for iteration in iterations:
            source = self._lifted(iteration.source, place)
            depth = max(depth, source.depth)
            if iteration.until is None:
                text = f"elements({source.text})"
            else:
                until = self._lifted(iteration.until, place)
                depth = max(depth, until.depth)
                text = f"run({source.text}, {until.text})"
            sources += f"lambda {', '.join(variables)}: {text}, "
            variables.append(self._variable())
            place = place.having(iteration.name, variables[-1])
        return f"({sources})", variables, place, depth

    def _for(self, node: tree.For, place: Place) -> Code:
        sources, variables, inner, depth = self._turns(node.iterations, place)
        partial = reads_partial(node)
        if partial:
            variables = [*variables, self._variable()]
            inner = inner.having("partial", variables[-1])
        body = self._lifted(node.body, inner)
        text = f"each({sources}, lambda {', '.join(variables)}: {body.text}, {partial})"
        return Code(text, depth=max(depth, body.depth) + 3)

    def _quantified(self, node: tree.Quantified, place: Place) -> Code:
        sources, variables, inner, depth = self._turns(node.iterations, place)
        condition = self._code(node.condition, inner)
        text = f"{node.kind}({sources}, lambda {', '.join(variables)}: {condition.text})"
        return Code(text, depth=max(depth, condition.depth) + 3)

    def _listof(self, node: tree.ListOf, place: Place) -> Code:
        items, depth = self._all(node.items, place)
        return Code(f"[{items}]", depth=depth)

    def _context(self, node: tree.Context, place: Place) -> Code:
        keys = [entry.key for entry in node.entries]
        if len(set(keys)) < len(keys):
            return Code("None")
        values_, depth = [], 0
        for entry in node.entries:
            value = self._lifted(entry.value, place)
            variable = self._variable()
            place = place.having(entry.key, variable)
            depth = max(depth, value.depth)
            values_.append(f"{self._constant(entry.key)}: ({variable} := {value.text}), ")
        # A function of its own keeps the names of the entries to themselves.
        return Code(f"(lambda: {{{''.join(values_)}}})()", depth=depth + 3)

    def _interval(self, node: tree.Interval, place: Place) -> Code:
        ends, depth = self._all([end or tree.Literal(None) for end in (node.low, node.high)], place)
        flags: list[bool | str] = [
            node.low_closed,
            node.high_closed,
            node.low is None,
            node.high is None,
        ]
        flags += [node.operator] * bool(node.operator)
        return Code(f"interval({ends}{', '.join(map(repr, flags))})", depth=depth)

    def _filter(self, node: tree.Filter, place: Place) -> Code:
        base = self._lifted(node.base, place)
        if isinstance(node.condition, tree.Literal) and type(node.condition.value) is int:
            return Code(f"at({base.text}, {node.condition.value})", depth=base.depth + 1)
        variable = self._variable()
        inner = place.having("item", variable).having(ANY_ENTRY, variable)
        condition = self._lifted(node.condition, inner)
        text = f"filtered({base.text}, lambda {variable}: {condition.text})"
        return Code(text, depth=max(base.depth, condition.depth) + 2)

    def _call(self, node: tree.Call, place: Place) -> Code:
        given_as = self._argument if passes_functions(node, self._functions) else self._lifted
        codes = [given_as(each, place) for each in node.positional]
        named = [(each.name, given_as(each.value, place)) for each in node.named]
        depth = max((code.depth for code in [*codes, *(code for _, code in named)]), default=0) + 3
        given = ", ".join(code.text for code in codes)
        name = node.function.name if isinstance(node.function, tree.Name) else ""
        if name in self._functions:
            pairs = ((key.replace(" ", "_"), code) for key, code in named)
            given = given if not named else f"**{self._mapping(pairs)}"
            function = self._chosen(name, self._external(name), place)
            return Code(f"lift({function}({given}))", depth=depth)
        if name in BUILTINS:
            function = self._chosen(name, self._constant(BUILTINS[name]), place)
            way = f".by_name({self._mapping(named)})" if named else f"({given})"
            return Code(f"{function}{way}", depth=depth)
        called = self._lifted(node.function, place)
        given = "".join(f"{code.text}, " for code in codes)
        text = f"apply({called.text}, ({given}), {self._mapping(named)})"
        return Code(text, depth=max(depth, called.depth + 1))

    def _external(self, name: str) -> str:
        function = self._functions[name]
        return f"({function})" if isinstance(function, str) else self._constant(function)

    def _chosen(self, name: str, function: str, place: Place) -> str:
        """Let a function that the expression itself defines win over one from outside."""
        for each, variable in place.names:
            if each == name:
                return f"({variable} if is_function({variable}) else {function})"
        return function

    def _mapping(self, named: Iterable[tuple[str, Code]]) -> str:
        pairs = ", ".join(f"{self._constant(key)}: {code.text}" for key, code in named)
        return f"{{{pairs}}}"

    def _function(self, node: tree.Function, place: Place) -> Code:
        variables: list[str] = []
        for parameter in node.parameters:
            variables.append(self._variable())
            place = place.having(parameter, variables[-1])
        body = self._lifted(node.body, place)
        parameters = "".join(f"{self._constant(each)}, " for each in node.parameters)
        text = f"Lambda(({parameters}), lambda {', '.join(variables)}: {body.text})"
        if node.types:
            types = f"{self._constant(node.types)}, {self._constant(node.named)}"
            text = f"typed(({parameters}), lambda {', '.join(variables)}: {body.text}, {types})"
        return Code(text, depth=body.depth + 2)

    def _instanceof(self, node: tree.InstanceOf, place: Place) -> Code:
        value = self._lifted(node.value, place)
        text = f"is_instance({value.text}, {self._constant(node.type)}"
        text += f", {self._constant(node.named)})" if node.named else ")"
        return Code(text, "boolean", value.depth + 1)


__all__ = ["Bound", "BoundFunctions", "compile_expression", "compile_unary"]
