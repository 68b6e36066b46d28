"""Write comparisons, truth values and tests as Python that looks twice only where it must."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from cid.feel import tree
from cid.feel.ground import Ground
from cid.feel.interpreter import decides, stands_alone
from cid.feel.source import PYTHON, SIMPLE, SYMBOLS, TESTS, Code, Place


class Conditions(Ground):
    """Comparisons, joined conditions, and the tests of cells and of ``in``."""

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


def _plain(node: tree.Interval) -> bool:
    """Tell whether both ends are numbers written out, in order: then no range need be made."""
    if node.operator:
        return False
    ends = [end.value for end in (node.low, node.high) if isinstance(end, tree.Literal)]
    if len(ends) != (node.low is not None) + (node.high is not None):
        return False
    return all(type(end) in (int, Decimal) for end in ends) and ends == sorted(ends)
