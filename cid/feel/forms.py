"""Read the forms of FEEL that have words or signs of their own around expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from cid.feel import tree
from cid.feel.cursor import Cursor
from cid.feel.errors import FeelError
from cid.feel.lexer import unquote

COMPARISONS: frozenset[str] = frozenset(get_args(tree.ComparisonOperator))
COMPARING = 3
"""How tightly a comparison binds; what stands beside it binds more tightly."""


MAX_TYPE_DEPTH = 20
"""Deepest nesting of a type."""
_PARTED = {"list", "context", "function", "range"}


class Forms(Cursor):
    """Lists, contexts, ranges, loops, conditionals, functions, calls and tests."""

    _types: Mapping[str, Any] | None = None
    """Types that somebody named."""

    def expression(self, binding: int = 0) -> tree.Node:
        """Read an expression whose operators bind more tightly than ``binding``."""
        raise NotImplementedError

    def _list(self, at: dict[str, int]) -> tree.Node:
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

    def _parenthesis(self, at: dict[str, int]) -> tree.Node:
        if self._sees(*COMPARISONS):
            sign, end = self._take().text, self.expression(COMPARING)
            self._expect(")", "after the end of the range")
            closed, point = sign in ("=", "<=", ">="), sign in ("=", "!=")
            low = end if point or sign in (">", ">=") else None
            high = end if point or sign in ("<", "<=") else None
            operator: Any = sign if point else ""
            return tree.Interval(
                low,
                high,
                closed and low is end,
                closed and high is end,
                operator,
                line=at["line"],
                column=at["column"],
            )
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
        closed = self._take().text == "]"
        return tree.Interval(low, high, low_closed, closed, line=at["line"], column=at["column"])

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
        types: list[str] = []
        while not self._sees(")"):
            length, name = self._names.until(self._tokens, self._at, ",", ")", ":")
            if not length:
                raise self._unexpected()
            self._names.add(name)
            self._at += length
            parameters.append(name)
            types.append("Any")
            if self._sees(":"):
                self._take()
                types[-1] = self._type()
            if not self._sees(","):
                break
            self._take()
        self._expect(")", "after the parameters")
        if self._sees("external"):
            raise self._unexpected("External functions are not run here.")
        body = self.expression()
        declared = tuple(types) if set(types) - {"Any"} else ()
        return tree.Function(
            tuple(parameters),
            body,
            declared,
            self._types,
            line=token.line,
            column=token.column,
        )

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

    def _type(self, depth: int = 0) -> str:
        """Read a type, and give it in its one form."""
        if depth > MAX_TYPE_DEPTH:
            raise self._unexpected("The type is nested too deeply.")
        length, name = self._names.match_type(self._tokens, self._at)
        if not length:
            raise self._unexpected(hint="Here stands a type: number, string, boolean, date, …")
        self._at += length
        if name not in _PARTED or not self._sees("<"):
            return name
        self._take()
        inner: list[str] = []
        while not self._sees(">"):
            key = ""
            if name == "context":
                length, key = self._names.until(self._tokens, self._at, ":")
                if not length:
                    raise self._unexpected(hint="Write a name and its type: context<a: string>.")
                self._at += length + 1
            inner.append((f"{key}: " if key else "") + self._type(depth + 1))
            if not self._sees(","):
                break
            self._take()
        self._expect(">", "at the end of the type")
        written = f"{name}<{', '.join(inner)}>"
        if name == "function" and self._sees("->"):
            self._take()
            written += f" -> {self._type(depth + 1)}"
        return written

    def _tests(self) -> tuple[tree.Node, ...]:
        found = [self._test()]
        while self._sees(","):
            self._take()
            found.append(self._test())
        return tuple(found)

    def _test(self) -> tree.Node:
        token = self._next
        if not self._sees(*COMPARISONS):
            return self.expression()
        self._take()
        operand = self.expression(COMPARING)
        return tree.InputComparison(
            token.text,  # type: ignore[arg-type]
            operand,
            line=token.line,
            column=token.column,
        )

    def _tests_after_in(self) -> tuple[tree.Node, ...]:
        if not self._sees("("):
            if self._sees(*COMPARISONS):
                return (self._test(),)
            return (self.expression(COMPARING),)
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
