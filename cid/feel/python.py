"""Turn the checked tree into Python, for speed.

The source is made of our own words only: every literal, name and text of the author is a numbered
constant beside it, so nothing that somebody wrote is ever run. The names of ``bind`` are given by
the programmer as Python over the parameter ``s``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import count
from typing import Any

from cid.feel import tree, values
from cid.feel.functions import BUILTINS
from cid.feel.interpreter import decides, passes_functions, reads_partial, stands_alone
from cid.feel.parser import parse, parse_unary
from cid.feel.source import (
    ANY_ENTRY,
    DEEPEST,
    PYTHON,
    SIGNS,
    SIMPLE,
    SYMBOLS,
    TESTS,
    TOOLS,
    Code,
    Place,
)

Bound = Mapping[str, str]
BoundFunctions = Mapping[str, "str | Callable[..., Any]"]


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


class _Writer:
    def __init__(self, bind: Bound, functions: BoundFunctions) -> None:
        self._bind = bind
        self._functions = functions
        self._space: dict[str, Any] = dict(TOOLS)
        self._numbers = count()
        self._parts: list[str] = []

    def function(self, node: tree.Node, parameters: str) -> Callable[..., Any]:
        """Write a whole function and bring it to life."""
        place = Place(input="v" if "v" in parameters else "None")
        code = self._lifted(node, place)
        head = "    v = lift(v)\n" if "v" in parameters else ""
        source = "".join(self._parts)
        source += f"def made({parameters}):\n{head}    return {code.text}\n"
        exec(compile(source, "<feel>", "exec"), self._space)
        made: Callable[..., Any] = self._space["made"]
        return made

    # Names of things in the source.

    def _constant(self, value: Any) -> str:
        if value is None or value is True or value is False:
            return repr(value)
        name = f"c{next(self._numbers)}"
        self._space[name] = value
        return name

    def _variable(self) -> str:
        return f"t{next(self._numbers)}"

    def _code(self, node: tree.Node, place: Place) -> Code:
        code: Code = getattr(self, f"_{type(node).__name__.lower()}")(node, place)
        if code.depth <= DEEPEST:
            return code
        name = f"p{next(self._numbers)}"
        parameters = ", ".join(["s", *place.variables()])
        self._parts.append(f"def {name}({parameters}):\n    return {code.text}\n")
        return Code(f"{name}({parameters})", code.kind, 1, code.raw)

    def _lifted(self, node: tree.Node, place: Place) -> Code:
        code = self._code(node, place)
        return Code(f"lift({code.text})", code.kind, code.depth + 1) if code.raw else code

    def _all(self, nodes: Iterable[tree.Node], place: Place) -> tuple[str, int]:
        codes = [self._lifted(node, place) for node in nodes]
        text = "".join(f"{code.text}, " for code in codes)
        return text, max((code.depth for code in codes), default=0) + 1

    # One method for each kind of node; each is named after it.

    def _literal(self, node: tree.Literal, place: Place) -> Code:
        kind = values.kind_of(node.value)
        return Code(self._constant(node.value), kind, constant=True)

    def _name(self, node: tree.Name, place: Place) -> Code:
        return self._known(node, place, "")

    def _argument(self, node: tree.Node, place: Place) -> Code:
        """Write an argument, which may be the name of a function of FEEL."""
        if isinstance(node, tree.Name) and node.name in BUILTINS:
            function = f", {self._constant(BUILTINS[node.name])}"
            return Code(f"lift({self._known(node, place, function).text})", depth=3)
        return self._lifted(node, place)

    def _known(self, node: tree.Name, place: Place, otherwise: str) -> Code:
        outer: list[str] = []
        for name, variable in place.names:
            if name == node.name:
                found = Code(variable)
                break
            if name == ANY_ENTRY:
                outer.append(variable)
        else:
            if node.name in self._bind:
                text = self._bind[node.name]
                found = Code(text if SIMPLE.match(text) else f"({text})", raw=True)
            else:
                found = Code(f"s.get({self._constant(node.name)}{otherwise})", raw=True)
        text = found.text
        for variable in reversed(outer):
            key = self._constant(node.name)
            text = f"({variable}[{key}] if has({variable}, {key}) else {text})"
        return Code(text, depth=1 + len(outer), raw=found.raw or bool(outer))

    def _input(self, node: tree.Input, place: Place) -> Code:
        if place.input == "None":
            return Code(f"s.get({self._constant('?')})", raw=True)
        return Code(place.input)

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

    def _comparison(self, node: tree.Comparison, place: Place) -> Code:
        return self._compare(
            node.operator, self._code(node.left, place), self._code(node.right, place)
        )

    def _inputcomparison(self, node: tree.InputComparison, place: Place) -> Code:
        tested = self._input(tree.Input(), place)
        return self._compare(node.operator, tested, self._code(node.operand, place))

    def _compare(self, sign: str, left: Code, right: Code) -> Code:
        """Compare directly where the kind is plain to see, and by the general rules elsewhere."""
        python, general = PYTHON.get(sign, sign), SYMBOLS[sign]
        depth = max(left.depth, right.depth) + 1
        kind = right.kind if right.constant else left.kind
        open_ = left if right.constant else right
        if left.constant == right.constant or kind not in TESTS or open_.kind == "boolean":
            return Code(f"{general}({left.text}, {right.text})", "boolean", depth)
        variable = open_.text if SIMPLE.match(open_.text) else self._variable()
        first = variable if variable == open_.text else f"({variable} := {open_.text})"
        if kind == "null" and sign not in ("=", "!="):
            return Code("None", "boolean")
        pair = (variable, right.text) if open_ is left else (left.text, variable)
        direct = f"{pair[0]} {python} {pair[1]}"
        if kind == "null":
            direct = f"{variable} is None" if sign == "=" else f"{variable} is not None"
        test = TESTS[kind].format(first, variable)
        text = f"({direct} if {test} else {general}({pair[0]}, {pair[1]}))"
        return Code(text, "boolean", depth)

    def _between(self, node: tree.Between, place: Place) -> Code:
        value = self._code(node.value, place)
        variable = self._variable()
        low = self._compare("<=", self._code(node.low, place), Code(variable))
        high = self._compare("<=", Code(variable), self._code(node.high, place))
        return self._given(variable, value, self._joined([low, high], "False", "True"))

    def _given(self, variable: str, value: Code, then: Code) -> Code:
        """Give a value a name for the code that follows."""
        text = f"(None if ({variable} := {value.text}) is NOTHING else {then.text})"
        return Code(text, then.kind, max(value.depth, then.depth) + 1, then.raw)

    def _conjunction(self, node: tree.Conjunction, place: Place) -> Code:
        return self._joined([self._code(each, place) for each in node.operands], "False", "True")

    def _disjunction(self, node: tree.Disjunction, place: Place) -> Code:
        return self._joined([self._code(each, place) for each in node.operands], "True", "False")

    def _joined(self, codes: list[Code], decisive: str, neutral: str) -> Code:
        """Join truth values: a decisive one ends it; else all must be neutral, or it is null."""
        if not codes:
            return Code(neutral, "boolean")
        variables = [self._variable() for _ in codes]
        decided = " or ".join(
            f"({variable} := {code.text}) is {decisive}"
            for variable, code in zip(variables, codes, strict=True)
        )
        agreed = " is ".join([*variables, neutral])
        text = f"({decisive} if {decided} else {neutral} if {agreed} else None)"
        return Code(text, "boolean", max(code.depth for code in codes) + 2)

    def _not(self, node: tree.Not, place: Place) -> Code:
        return self._negated(self._code(node.operand, place))

    def _negated(self, code: Code) -> Code:
        if code.kind != "boolean":
            return Code(f"negate({code.text})", "boolean", code.depth + 1)
        variable = self._variable()
        text = f"(None if ({variable} := {code.text}) is None else not {variable})"
        return Code(text, "boolean", code.depth + 1)

    def _tests(self, tests: Iterable[tree.Node], place: Place) -> Code:
        return self._joined([self._test(test, place) for test in tests], "True", "False")

    def _test(self, test: tree.Node, place: Place) -> Code:
        if isinstance(test, tree.Interval) and _plain(test):
            return self._plain_interval(test, place)
        code = self._lifted(test, place)
        if decides(test):
            return code
        if code.constant:
            return self._compare("=", Code(place.input), code)
        meets = "meets_condition" if stands_alone(test) else "meets"
        return Code(f"{meets}({place.input}, {code.text})", "boolean", code.depth + 1)

    def _plain_interval(self, node: tree.Interval, place: Place) -> Code:
        codes = []
        for end, closed, sign in (
            (node.low, node.low_closed, ">"),
            (node.high, node.high_closed, "<"),
        ):
            if end is not None:
                operator = sign + "=" * closed
                codes.append(self._compare(operator, Code(place.input), self._code(end, place)))
        return self._joined(codes, "False", "True")

    def _unarytests(self, node: tree.UnaryTests, place: Place) -> Code:
        if not node.tests:
            return Code("True", "boolean")
        code = self._tests(node.tests, place)
        return self._negated(code) if node.negated else code

    def _membership(self, node: tree.Membership, place: Place) -> Code:
        value = self._lifted(node.value, place)
        if not any(decides(test) for test in node.tests):
            value = self._code(node.value, place)  # The tests bring it into form themselves.
        variable = self._variable()
        return self._given(variable, value, self._tests(node.tests, place.testing(variable)))

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
                return f"({variable} if type({variable}) is Lambda else {function})"
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


def _plain(node: tree.Interval) -> bool:
    """Tell whether both ends are numbers written out, in order: then no range need be made."""
    if node.operator:
        return False
    ends = [end.value for end in (node.low, node.high) if isinstance(end, tree.Literal)]
    if len(ends) != (node.low is not None) + (node.high is not None):
        return False
    return all(type(end) in (int, Decimal) for end in ends) and ends == sorted(ends)
