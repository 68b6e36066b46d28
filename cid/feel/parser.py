"""Read an expression, or a cell of a decision table, into the tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cid.feel import tree
from cid.feel.errors import FeelError
from cid.feel.forms import COMPARING, COMPARISONS, Forms
from cid.feel.lexer import Token, unquote
from cid.feel.naming import KEYWORDS
from cid.feel.temporal import parse_temporal
from cid.feel.values import number_from_text

MAX_DEPTH = 100
"""Deepest nesting we read; more is not legible, and would exhaust the machine's stack."""

_OR, _AND, _SUM, _PRODUCT, _POWER, _SIGN, _TYPE = 1, 2, *range(COMPARING + 1, COMPARING + 6)
_BINDING = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys([*COMPARISONS, "between", "in"], COMPARING),
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "**": _POWER,
    "instance": _TYPE,
}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
# What may follow an interval that ends in "[", and can never begin an expression.
_AFTER_INTERVAL = {
    "",
    ")",
    "]",
    "}",
    ",",
    ".",
    "and",
    "or",
    "then",
    "else",
    "return",
    "satisfies",
} | {*("=", "!=", "<", "<=", ">", ">=", "in", "instance", "between", "+", "*", "/", "**", "..")}


def parse(
    text: str, known: Iterable[str] = (), types: Mapping[str, Any] | None = None
) -> tree.Node:
    """Read an expression; ``known`` are the names that have spaces or odd signs in them.

    ``types`` are those that somebody named, each with ``admits`` and ``take`` (see ``Named``).

    >>> parse("spend 365d > 100", known=["spend 365d"]).left
    Name(name='spend 365d')
    """
    parser = _Parser(text, known, types)
    return parser.finish(parser.expression())


def parse_unary(
    text: str, known: Iterable[str] = (), types: Mapping[str, Any] | None = None
) -> tree.UnaryTests:
    """Read a cell of a decision table.

    >>> len(parse_unary('"gold", "silver"').tests)
    2
    """
    parser = _Parser(text, known, types)
    found = parser.cell()
    parser.finish(found)
    return found


class _Parser(Forms):
    """Operator precedence, few frames per level: deep nesting ends in a message, not in a crash."""

    def __init__(
        self, text: str, known: Iterable[str], types: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(text, known)
        self._depth = 0
        self._types = types or None
        self._names.add_types(self._types or ())

    def finish(self, node: tree.Node) -> tree.Node:
        """Make sure that nothing is left over and that the tree is not too deep."""
        if self._next.kind != "end":
            raise self._left_over()
        level = [node]
        for _ in range(MAX_DEPTH):
            level = [part for each in level for part in tree.operands(each)]
            if not level:
                return node
        raise self._too_deep()

    def _too_deep(self) -> FeelError:
        return self._unexpected(
            f"The expression is nested deeper than {MAX_DEPTH} levels.",
            hint="Give a part of it a name of its own.",
        )

    def expression(self, binding: int = 0) -> tree.Node:
        """Read an expression whose operators bind more tightly than ``binding``."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._too_deep()
        left = self._operand()
        while True:
            token = self._next
            power = _BINDING.get(token.text, 0) if token.kind in ("sign", "word") else 0
            if power <= binding:
                break
            left = self._operation(left, self._take(), power)
        self._depth -= 1
        return left

    def _operation(self, left: tree.Node, token: Token, power: int) -> tree.Node:
        at = {"line": left.line, "column": left.column}
        sign = token.text
        if sign in ("and", "or"):
            operands = [left, self.expression(power)]
            while self._sees(sign):
                self._take()
                operands.append(self.expression(power))
            kind = tree.Conjunction if sign == "and" else tree.Disjunction
            return kind(tuple(operands), **at)
        if sign == "between":
            low = self.expression(COMPARING)
            self._expect("and", "after the lower end of 'between'")
            return tree.Between(left, low, self.expression(COMPARING), **at)
        if sign == "in":
            return tree.Membership(left, self._tests_after_in(), **at)
        if sign == "instance":
            self._expect("of", "after 'instance'")
            return tree.InstanceOf(left, self._type(), self._types, **at)
        right = self.expression(power)
        if sign in COMPARISONS:
            return tree.Comparison(sign, left, right, **at)  # type: ignore[arg-type]
        return tree.Arithmetic(sign, left, right, **at)  # type: ignore[arg-type]

    def _operand(self) -> tree.Node:
        token = self._next
        at = {"line": token.line, "column": token.column}
        node: tree.Node
        match token.kind:
            case "number":
                number = number_from_text(self._take().text)
                if number is None:
                    said = f"{token.text!r} is too large a number."
                    raise FeelError(said, line=token.line, column=token.column)
                node = tree.Literal(number, **at)
            case "text":
                node = tree.Literal(unquote(self._take().text), **at)
            case "at":
                self._take()
                written = unquote(token.text[1:].lstrip())
                value = parse_temporal(written)
                if value is None:
                    raise FeelError(
                        f"{written!r} is not a date, a time or a duration.",
                        **at,
                        hint='Write @"2026-01-31", @"2026-01-31T12:00:00Z" or @"P30D".',
                    )
                node = tree.Literal(value, **at)
            case "word":
                node = self._word(token)
            case _:
                node = self._sign(token)
        return self._postfix(node)

    def _word(self, token: Token) -> tree.Node:
        at = {"line": token.line, "column": token.column}
        length, name = self._names.match(self._tokens, self._at)
        if length == 1 and name in KEYWORDS:
            if name in _CONSTANTS:
                self._take()
                return tree.Literal(_CONSTANTS[name], **at)
            following = self._tokens[self._at + 1].text
            if name == "not" and following == "(":
                self._at += 2
                if self._sees("negand") and self._tokens[self._at + 1].text == ":":
                    self._at += 2  # The name of its only parameter.
                operand = self.expression()
                self._expect(")", "after 'not('")
                return tree.Not(operand, **at)
            if name == "if":
                return self._if()
            if name == "for":
                return self._for()
            if name in ("some", "every"):
                return self._quantified()
            if name == "function" and following == "(":
                return self._function()
            raise self._unexpected()
        self._at += length
        return tree.Name(name, **at)

    def _sign(self, token: Token) -> tree.Node:
        at = {"line": token.line, "column": token.column}
        self._take()
        if token.text == "?":
            return tree.Input(**at)
        if token.text == "-":
            written_out = self._next.kind == "number"
            operand = self.expression(_POWER)
            if written_out and isinstance(operand, tree.Literal):
                return tree.Literal(-operand.value, **at)
            return tree.Negation(operand, **at)
        if token.text == "{":
            return self._context(at)
        if token.text == "(":
            return self._parenthesis(at)
        if token.text == "[":
            return self._list(at)
        if token.text == "]":
            return self._interval(self.expression(), False, at)
        if token.kind != "end":
            self._at -= 1
        raise self._unexpected()

    def _postfix(self, node: tree.Node) -> tree.Node:
        while self._sees(".", "[", "("):
            at = {"line": node.line, "column": node.column}
            sign = self._next.text
            if sign == ".":
                self._take()
                if self._next.kind != "word":
                    raise self._unexpected(hint="After a dot stands the name of a part.")
                length, name = self._names.match(self._tokens, self._at)
                self._at += length
                node = tree.Path(node, name, **at)
            elif sign == "[" and self._tokens[self._at + 1].text not in _AFTER_INTERVAL:
                self._take()
                condition = self.expression()
                self._expect("]", "at the end of the filter")
                node = tree.Filter(node, condition, **at)
            elif sign == "(" and not isinstance(node, tree.Literal):
                self._take()
                positional, named = self._arguments()
                node = tree.Call(node, positional, named, **at)
            else:
                return node
        return node

    def cell(self) -> tree.UnaryTests:
        """Read a cell: ``-``, ``not(…)``, or tests with commas between them."""
        token = self._next
        at = {"line": token.line, "column": token.column}
        following = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        if token.text == "-" and following.kind == "end":
            self._take()
            return tree.UnaryTests((), False, **at)
        if token.kind == "word" and token.text == "not" and following.text == "(":
            self._at += 2
            tests = self._tests()
            if self._sees(")") and self._tokens[self._at + 1].kind == "end":
                self._take()
                return tree.UnaryTests(tests, True, **at)
            self._at = 0
        return tree.UnaryTests(self._tests(), False, **at)
