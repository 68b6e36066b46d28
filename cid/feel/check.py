"""What an expression reads and calls, and which of that does not exist."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from cid.feel import tree
from cid.feel.errors import FeelError
from cid.feel.functions import BUILTINS
from cid.feel.interpreter import passes_functions
from cid.feel.regular import compiled
from cid.kit.errors import suggestion


def names(node: tree.Node) -> frozenset[str]:
    """Give the names an expression reads from outside.

    Within a filter a bare name may be a part of the element as well as a name from outside: it is
    given too. ``items[item.price > 5]`` says which one is meant.

    >>> from cid.feel.parser import parse
    >>> sorted(names(parse("for x in orders return x.total > limit")))
    ['limit', 'orders']
    """
    return frozenset(read.name for read, _ in _reads(node))


def called(node: tree.Node) -> frozenset[str]:
    """Give the names of the functions an expression calls."""
    return frozenset(
        each.function.name
        for each in tree.walk(node)
        if isinstance(each, tree.Call) and isinstance(each.function, tree.Name)
    )


def check(node: tree.Node, known: Iterable[str], functions: Iterable[str] = ()) -> list[FeelError]:
    """Find names and functions that do not exist, and say which were probably meant.

    >>> from cid.feel.parser import parse
    >>> print(check(parse("spned > 5"), ["spend"])[0])
    Line 1, column 1: There is no 'spned'. Did you mean 'spend'?
    """
    known, available = set(known), {*functions, *BUILTINS}
    handed = _handed(node, available)
    found = [
        FeelError(
            f"There is no {read.name!r}.",
            line=read.line,
            column=read.column,
            hint=suggestion(read.name, known),
        )
        for read, filtering in _reads(node)
        if read.name not in known and not filtering and read not in handed
    ]
    for call, defined in _calls(node):
        if call.name not in available | defined | known:
            hint = suggestion(call.name, available)
            found.append(
                FeelError(
                    f"There is no function {call.name!r}.",
                    line=call.line,
                    column=call.column,
                    hint=hint,
                )
            )
    found.extend(_wrong_patterns(node))
    return sorted(found, key=lambda error: (error.line, error.column))


def _handed(node: tree.Node, external: Container[str]) -> list[tree.Node]:
    """Give the names of functions that are handed over to other functions."""
    return [
        given
        for call in tree.walk(node)
        if isinstance(call, tree.Call) and passes_functions(call, external)
        for given in (*call.positional, *(each.value for each in call.named))
        if isinstance(given, tree.Name) and given.name in BUILTINS
    ]


_PATTERNED = frozenset({"matches", "replace", "split"})


def _wrong_patterns(node: tree.Node) -> Iterator[FeelError]:
    for call in tree.walk(node):
        if not isinstance(call, tree.Call) or not isinstance(call.function, tree.Name):
            continue
        match call.function.name in _PATTERNED, call.positional:
            case True, (_, tree.Literal(value=str(pattern)), *_) if compiled(pattern) is None:
                yield FeelError(
                    f"The pattern {pattern!r} is wrong.",
                    line=call.line,
                    column=call.column,
                    hint="Patterns are written as in XPath: no look-ahead, and \\\\ before a sign "
                    "that has a meaning of its own.",
                )


_Local = frozenset[str]


def _scopes(
    node: tree.Node, local: _Local, filtering: bool
) -> Iterator[tuple[tree.Node, _Local, bool]]:
    """Give the parts of a node, each with the local names it sees and whether it filters."""
    match node:
        case (
            tree.For(iterations=iterations, body=body)
            | tree.Quantified(iterations=iterations, condition=body)
        ):
            for iteration in iterations:
                yield iteration.source, local, filtering
                if iteration.until is not None:
                    yield iteration.until, local, filtering
                local |= {iteration.name}
            yield body, local | ({"partial"} if isinstance(node, tree.For) else set()), filtering
        case tree.Context(entries=entries):
            for entry in entries:
                yield entry.value, local, filtering
                local |= {entry.key}
        case tree.Function(parameters=parameters, body=body):
            yield body, local | set(parameters), filtering
        case tree.Filter(base=base, condition=condition):
            yield base, local, filtering
            yield condition, local | {"item"}, True
        case tree.Call(function=tree.Name()):
            for each in (*node.positional, *(argument.value for argument in node.named)):
                yield each, local, filtering
        case _:
            for each in tree.children(node):
                yield each, local, filtering


def _visit(node: tree.Node) -> Iterator[tuple[tree.Node, _Local, bool]]:
    waiting: list[tuple[tree.Node, _Local, bool]] = [(node, frozenset(), False)]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(_scopes(*current))


def _reads(node: tree.Node) -> Iterator[tuple[tree.Name, bool]]:
    for each, local, filtering in _visit(node):
        if isinstance(each, tree.Name) and each.name not in local:
            yield each, filtering


def _calls(node: tree.Node) -> Iterator[tuple[tree.Name, _Local]]:
    for each, local, _ in _visit(node):
        if isinstance(each, tree.Call) and isinstance(each.function, tree.Name):
            yield each.function, local
