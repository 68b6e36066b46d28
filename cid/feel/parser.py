"""Read an expression, or a cell of a decision table, into the tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from cid.feel import tree
from cid.feel.cursor import Cursor
from cid.feel.errors import FeelError
from cid.feel.lexer import Token, unquote
from cid.feel.naming import KEYWORDS
from cid.feel.temporal import parse_temporal
from cid.feel.values import number_from_text

MAX_DEPTH = 100
"""Deepest nesting we read; more is not legible, and would exhaust the machine's stack."""

_OR, _AND, _COMPARISON, _SUM, _PRODUCT, _POWER, _SIGN, _TYPE = range(1, 9)
_COMPARISONS: frozenset[str] = frozenset(get_args(tree.ComparisonOperator))
_BINDING = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys([*_COMPARISONS, "between", "in"], _COMPARISON),
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "**": _POWER,
    "instance": _TYPE,
}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_PARTED = {"list", "context", "function", "range"}
# What may follow an interval that ends in "[", and can never begin an expression.
_AFTER_INTERVAL = {"", ")", "]", "}", ",", "and", "or", "then", "else", "return", "satisfies"}


def parse(text: str, known: Iterable[str] = ()) -> tree.Node:
    """Read an expression; ``known`` are the names that have spaces or odd signs in them.

    >>> parse("spend 365d > 100", known=["spend 365d"]).left
    Name(name='spend 365d')
    """
    parser = _Parser(text, known)
    return parser.finish(parser.expression())


def parse_unary(text: str, known: Iterable[str] = ()) -> tree.UnaryTests:
    """Read a cell of a decision table.

    >>> len(parse_unary('"gold", "silver"').tests)
    2
    """
    parser = _Parser(text, known)
    found = parser.cell()
    parser.finish(found)
    return found


class _Parser(Cursor):
    """Operator precedence, few frames per level: deep nesting ends in a message, not in a crash."""

    _depth = 0

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
            low = self.expression(_COMPARISON)
            self._expect("and", "after the lower end of 'between'")
            return tree.Between(left, low, self.expression(_COMPARISON), **at)
        if sign == "in":
            return tree.Membership(left, self._tests_after_in(), **at)
        if sign == "instance":
            self._expect("of", "after 'instance'")
            return tree.InstanceOf(left, self._type(), **at)
        right = self.expression(power)
        if sign in _COMPARISONS:
            return tree.Comparison(sign, left, right, **at)  # type: ignore[arg-type]
        return tree.Arithmetic(sign, left, right, **at)  # type: ignore[arg-type]

    def _operand(self) -> tree.Node:
        token = self._next
        at = {"line": token.line, "column": token.column}
        node: tree.Node
        match token.kind:
            case "number":
                node = tree.Literal(number_from_text(self._take().text), **at)
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
            if self._sees("]"):
                self._take()
                return tree.ListOf((), **at)
            first = self.expression()
            if self._sees(".."):
                return self._interval(first, True, at)
            items = [first]
            while self._sees(","):
                self._take()
                items.append(self.expression())
            self._expect("]", "at the end of the list")
            return tree.ListOf(tuple(items), **at)
        if token.text == "]":
            return self._interval(self.expression(), False, at)
        if token.kind != "end":
            self._at -= 1
        raise self._unexpected()

    def _parenthesis(self, at: dict[str, int]) -> tree.Node:
        if self._sees(*_COMPARISONS):
            sign, end = self._take().text, self.expression(_COMPARISON)
            self._expect(")", "after the end of the range")
            if sign == "!=":
                raise self._unexpected("A range cannot be written with '!='.")
            closed = sign in ("=", "<=", ">=")
            low = end if sign in ("=", ">", ">=") else None
            high = end if sign in ("=", "<", "<=") else None
            return tree.Interval(low, high, closed and low is end, closed and high is end, **at)
        inner = self.expression()
        if self._sees(".."):
            return self._interval(inner, False, at)
        self._expect(")", "to close the parenthesis")
        return inner

    def _interval(self, low: tree.Node, low_closed: bool, at: dict[str, int]) -> tree.Node:
        self._expect("..", "between the ends of the range")
        high = self.expression()
        if not self._sees("]", ")", "["):
            raise self._unexpected("']' or ')' is missing at the end of the range.")
        return tree.Interval(low, high, low_closed, self._take().text == "]", **at)

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

    def _arguments(self) -> tuple[tuple[tree.Node, ...], tuple[tree.Argument, ...]]:
        positional: list[tree.Node] = []
        named: list[tree.Argument] = []
        while not self._sees(")"):
            token = self._next
            name = self._names.before_colon(self._tokens, self._at)
            if name:
                self._at += name[0]
                value = self.expression()
                named.append(tree.Argument(name[1], value, line=token.line, column=token.column))
            else:
                positional.append(self.expression())
            if positional and named:
                raise FeelError(
                    "Arguments are given either all by position or all by name.",
                    line=token.line,
                    column=token.column,
                )
            if not self._sees(","):
                break
            self._take()
        self._expect(")", "after the arguments")
        return tuple(positional), tuple(named)

    def _if(self) -> tree.Node:
        token = self._take()
        condition = self.expression()
        self._expect("then", "after the condition of 'if'")
        then = self.expression()
        self._expect("else", "after 'then …'; an 'if' always says both")
        otherwise = self.expression()
        return tree.If(condition, then, otherwise, line=token.line, column=token.column)

    def _iterations(self) -> tuple[tree.Iteration, ...]:
        found: list[tree.Iteration] = []
        while not found or self._sees(","):
            self._take()
            token = self._next
            length, name = self._names.until(self._tokens, self._at, "in")
            if not length:
                raise self._unexpected(hint="Write a name and 'in', as in: for item in items …")
            self._names.add(name)
            self._at += length + 1
            source = self.expression()
            until = None
            if self._sees(".."):
                self._take()
                until = self.expression()
            found.append(tree.Iteration(name, source, until, line=token.line, column=token.column))
        return tuple(found)

    def _for(self) -> tree.Node:
        token = self._next
        iterations = self._iterations()
        self._expect("return", "after 'for … in …'")
        return tree.For(iterations, self.expression(), line=token.line, column=token.column)

    def _quantified(self) -> tree.Node:
        token = self._next
        iterations = self._iterations()
        self._expect("satisfies", f"after '{token.text} … in …'")
        condition = self.expression()
        return tree.Quantified(
            "some" if token.text == "some" else "every",
            iterations,
            condition,
            line=token.line,
            column=token.column,
        )

    def _function(self) -> tree.Node:
        token = self._take()
        self._take()
        parameters: list[str] = []
        while not self._sees(")"):
            length, name = self._names.until(self._tokens, self._at, ",", ")", ":")
            if not length:
                raise self._unexpected()
            self._names.add(name)
            self._at += length
            parameters.append(name)
            if self._sees(":"):
                self._take()
                self._type()
            if not self._sees(","):
                break
            self._take()
        self._expect(")", "after the parameters")
        if self._sees("external"):
            raise self._unexpected("External functions are not run here.")
        body = self.expression()
        return tree.Function(tuple(parameters), body, line=token.line, column=token.column)

    def _context(self, at: dict[str, int]) -> tree.Node:
        entries: list[tree.Entry] = []
        while not self._sees("}"):
            token = self._next
            if token.kind == "text":
                key = unquote(self._take().text)
                self._expect(":", "after the name of the entry")
            else:
                length, key = self._names.until(self._tokens, self._at, ":")
                if not length:
                    raise self._unexpected(
                        hint='An entry is written as name: value or "name": value.'
                    )
                self._at += length + 1
            self._names.add(key)
            value = self.expression()
            entries.append(tree.Entry(key, value, line=token.line, column=token.column))
            if not self._sees(","):
                break
            self._take()
        self._expect("}", "at the end of the context")
        return tree.Context(tuple(entries), **at)

    def _type(self) -> str:
        length, name = self._names.match_type(self._tokens, self._at)
        if not length:
            raise self._unexpected(hint="Here stands a type: number, string, boolean, date, …")
        self._at += length
        if name not in _PARTED or not self._sees("<"):
            return name
        parts = [name]
        open_angles = 0
        while self._next.kind != "end":
            text = self._take().text
            parts.append(text)
            open_angles += {"<": 1, ">": -1}.get(text, 0)
            if not open_angles and self._sees("->"):
                parts.append(self._take().text)
                parts.append(self._type())
            if not open_angles:
                return " ".join(parts)
        raise self._unexpected("'>' is missing at the end of the type.")

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

    def _tests(self) -> tuple[tree.Node, ...]:
        found = [self._test()]
        while self._sees(","):
            self._take()
            found.append(self._test())
        return tuple(found)

    def _test(self) -> tree.Node:
        token = self._next
        if not self._sees(*_COMPARISONS):
            return self.expression()
        self._take()
        operand = self.expression(_COMPARISON)
        return tree.InputComparison(
            token.text,  # type: ignore[arg-type]
            operand,
            line=token.line,
            column=token.column,
        )

    def _tests_after_in(self) -> tuple[tree.Node, ...]:
        if not self._sees("("):
            if self._sees(*_COMPARISONS):
                return (self._test(),)
            return (self.expression(_COMPARISON),)
        opening = self._take()
        at = {"line": opening.line, "column": opening.column}
        first = self._test()
        if self._sees("..") and not isinstance(first, tree.InputComparison):
            return (self._interval(first, False, at),)
        found = [first]
        while self._sees(","):
            self._take()
            found.append(self._test())
        self._expect(")", "after the tests of 'in'")
        return tuple(found)
