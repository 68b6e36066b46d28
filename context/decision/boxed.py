"""Boxed expressions made ready: each becomes a function from the names in scope to a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from cid.feel import loops
from cid.feel.values import Lambda, apply, has
from cid.kit.errors import InvalidInput
from context import diagrams
from context.decision.expressions import FeelError, Run, expression
from context.decision.grids import ReadyGrid
from context.decision.types import ANY, Type, Types

BUDGET = "\0budget"
"""Where a scope carries what the evaluation may still spend; FEEL cannot spell it."""
MAX_CALLS = 20_000
"""Most calls of a model's functions in one evaluation; beyond, the value is null."""


class TooMuch(Exception):
    """An evaluation calls functions without end."""


class Budget:
    """What one evaluation may still spend."""

    def __init__(self) -> None:
        self.calls = MAX_CALLS

    def spend(self) -> None:
        """Count one call."""
        self.calls -= 1
        if self.calls < 0:
            raise TooMuch


def function(
    parameters: Mapping[str, Type], body: Run | None, result: Type, scope: dict[str, Any]
) -> Lambda:
    """Make a function as a value; what it is given and what it gives is of the right type."""
    types = list(parameters.values())
    budget: Budget = scope[BUDGET]

    def call(*given: Any) -> Any:
        budget.spend()
        values = [type_.take(each) for type_, each in zip(types, given, strict=True)]
        inner = {**scope, **dict(zip(parameters, values, strict=True))}
        try:
            return None if body is None else result.take(body(inner))
        except RecursionError:
            return None

    return Lambda(tuple(parameters), call)


class Maker:
    """Makes boxed expressions ready, and notes what is wrong with them instead of giving up."""

    def __init__(self, types: Types, problems: list[str]) -> None:
        self._types = types
        self._problems = problems

    def type(self, name: str, where: str) -> Type:
        """Give a type by name; anything where there is none of that name."""
        if not name:
            return ANY
        try:
            return self._types.get(name)
        except InvalidInput as error:
            self._problems.append(f"{where}: {error}")
            return ANY

    def ready(self, box: Any, known: Iterable[str], where: str) -> Run:
        """Make an expression ready; one that is wrong has the value null."""
        names = frozenset(known)
        if box is None:
            return _null
        try:
            run: Run = getattr(self, f"_{type(box).__name__.lower()}")(box, names, where)
        except InvalidInput as error:
            self._problems.append(f"{where}: {error}")
            return _null
        type_ = self.type(box.type, where)
        return run if type_.anything else partial(_typed, run, type_)

    # One method for each kind of box; each is named after it.

    def _feeled(self, box: diagrams.Feeled, known: frozenset[str], where: str) -> Run:
        if box.language:
            raise InvalidInput(f"{box.language} is not run here; write it in FEEL.")
        return expression(box.feel, known, self._types.named())

    def _tablebox(self, box: diagrams.TableBox, known: frozenset[str], where: str) -> Run:
        return ReadyGrid(box.table, known, partial(self.type, where=where))

    def _contextbox(self, box: diagrams.ContextBox, known: frozenset[str], where: str) -> Run:
        entries: list[tuple[str, Run]] = []
        for entry in box.context:
            place = f"{where}, {entry.name or 'result'}"
            # A function may call itself by the name it is given here.
            run = self.ready(entry.value, known | {entry.name}, place)
            type_ = self.type(entry.type, place)
            if not type_.anything and type_.wanted != "function":
                run = partial(_typed, run, type_)
            entries.append((entry.name, run))
            known |= {entry.name}

        def context(scope: dict[str, Any]) -> Any:
            scope = dict(scope)
            made: dict[str, Any] = {}
            for name, run in entries:
                value = run(scope)
                if not name:
                    return value
                made[name] = scope[name] = value
            return made

        return context

    def _listbox(self, box: diagrams.ListBox, known: frozenset[str], where: str) -> Run:
        items = [self.ready(each, known, where) for each in box.list]
        return lambda scope: [run(scope) for run in items]

    def _relationbox(self, box: diagrams.RelationBox, known: frozenset[str], where: str) -> Run:
        columns = box.relation.columns
        types = [self.type(each, where) for each in box.relation.types] or [ANY] * len(columns)
        rows = []
        for number, row in enumerate(box.relation.rows, start=1):
            if len(row) != len(columns) or len(types) != len(columns):
                raise InvalidInput(
                    f"Row {number} has {len(row)} values for {len(columns)} columns."
                )
            rows.append([self.ready(each, known, f"{where}, row {number}") for each in row])
        return lambda scope: [
            {
                name: type_.take(run(scope))
                for name, type_, run in zip(columns, types, row, strict=True)
            }
            for row in rows
        ]

    def logic(
        self, logic: diagrams.Logic, known: frozenset[str], where: str
    ) -> Callable[[dict[str, Any]], Lambda]:
        """Make a function definition ready."""
        parameters = {name: self.type(type_, where) for name, type_ in logic.parameters.items()}
        body: Run | None = None
        if logic.kind != "FEEL":
            self._problems.append(f"{where}: a function in {logic.kind} is not run here.")
        else:
            body = self.ready(logic.value, known | set(parameters), where)
        result = self.type(logic.type, where)
        return lambda scope: function(parameters, body, result, scope)

    def _functionbox(self, box: diagrams.FunctionBox, known: frozenset[str], where: str) -> Run:
        return self.logic(box.function, known, where)

    def _callbox(self, box: diagrams.CallBox, known: frozenset[str], where: str) -> Run:
        called = self.ready(box.call, known, where)
        given = {
            name: self.ready(each, known, f"{where}, {name}") for name, each in box.given.items()
        }

        def call(scope: dict[str, Any]) -> Any:
            return apply(called(scope), (), {name: run(scope) for name, run in given.items()})

        return call

    def _ifbox(self, box: diagrams.IfBox, known: frozenset[str], where: str) -> Run:
        condition = self.ready(box.condition, known, f"{where}, if")
        then = self.ready(box.then, known, f"{where}, then")
        otherwise = self.ready(box.otherwise, known, f"{where}, else")
        return lambda scope: then(scope) if condition(scope) is True else otherwise(scope)

    def _turning(
        self, box: diagrams.ForBox | diagrams.SomeBox | diagrams.EveryBox, known: frozenset[str],
        where: str, *more: str,
    ) -> tuple[Run, Run]:  # fmt: skip
        source = self.ready(_run_of(box.source, known), known, f"{where}, in")
        return source, self.ready(box.body, known | {box.name, *more}, where)

    def _forbox(self, box: diagrams.ForBox, known: frozenset[str], where: str) -> Run:
        source, body = self._turning(box, known, where, "partial")

        def run(scope: dict[str, Any]) -> Any:
            found = loops.elements(source(scope))
            return loops.each(
                [lambda: found],
                lambda item, made: body({**scope, box.name: item, "partial": made}),
                True,
            )

        return run

    def _somebox(self, box: diagrams.SomeBox, known: frozenset[str], where: str) -> Run:
        return self._quantified(box, known, where, loops.some)

    def _everybox(self, box: diagrams.EveryBox, known: frozenset[str], where: str) -> Run:
        return self._quantified(box, known, where, loops.every)

    def _quantified(
        self,
        box: diagrams.SomeBox | diagrams.EveryBox,
        known: frozenset[str],
        where: str,
        over: Callable[..., Any],
    ) -> Run:
        source, body = self._turning(box, known, where)

        def run(scope: dict[str, Any]) -> Any:
            found = loops.elements(source(scope))
            if found is None:
                return None
            results = [body({**scope, box.name: item}) for item in found]
            # What is neither true, false nor unknown is a mistake, whatever the others say.
            if not all(each is None or isinstance(each, bool) for each in results):
                return None
            return over([lambda: results], lambda result: result)

        return run

    def _filterbox(self, box: diagrams.FilterBox, known: frozenset[str], where: str) -> Run:
        source = self.ready(box.source, known, where)
        match = self.ready(box.match, known | {"item"}, f"{where}, where")

        def run(scope: dict[str, Any]) -> Any:
            def condition(item: Any) -> Any:
                inner = {**scope, "item": item}
                if isinstance(item, Mapping):
                    inner.update(item)
                if has(item, "item"):
                    inner["item"] = item["item"]
                return match(inner)

            return loops.filtered(source(scope), condition)

        return run


def _run_of(box: Any, known: Iterable[str]) -> Any:
    """Read `1..n`, which FEEL knows within a loop only, as the run of numbers that it is there."""
    if isinstance(box, diagrams.Feeled) and ".." in box.feel and not box.language:
        try:
            expression(box.feel, known)
        except FeelError:
            return box.model_copy(update={"feel": f"for item in {box.feel} return item"})
    return box


def _null(scope: dict[str, Any]) -> None:
    return None


def _typed(run: Run, type_: Type, scope: dict[str, Any]) -> Any:
    return type_.take(run(scope))
