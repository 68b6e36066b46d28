"""Decision models at work: what is decided from what, and the value of any part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from cid.feel.values import Lambda, lift
from cid.kit.clock import Clock, SystemClock, to_datetime
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput, NotFound
from context.decision.boxed import BUDGET, Budget, Maker, TooMuch, function
from context.decision.expressions import Run
from context.decision.grids import ReadyGrid
from context.decision.types import ANY, Type, Types
from context.decision.written import read_model, write_model
from context.diagrams import UNNAMED, DecisionModel, Item, Logic
from context.ports import NOTATIONS

DEEPEST = 100
"""Longest row of decisions, each of which needs the next."""
_NO_ITEM = Item()


class Model:
    """A decision model that can be asked.

    >>> from context.diagrams import DecisionModel
    >>> model = Model(DecisionModel.model_validate({
    ...     "inputs": {"total": "number"},
    ...     "decisions": {"discount": {"needs": ["total"], "is": "if total > 100 then 5 else 0"}},
    ... }))
    >>> model.evaluate("discount", {"total": 120})
    5
    """

    def __init__(
        self,
        definition: DecisionModel,
        others: Iterable[Model] = (),
        clock: Clock = SystemClock(),  # noqa: B008 - it has no state
    ) -> None:
        self.definition = definition
        self.clock = clock
        """What ``now()`` and ``today()`` mean; one moment for each evaluation."""
        self.problems: list[str] = []
        """What is wrong with it; the decisions concerned have the value null."""
        by_namespace = {each.definition.namespace: each for each in others}
        self.imported: dict[str, Model] = {}
        """The models it imports, by the word used for them here."""
        for word, namespace in definition.imports.items():
            if namespace in by_namespace:
                self.imported[word] = by_namespace[namespace]
            else:
                self.problems.append(f"Import {word!r}: no model {namespace!r} was given.")
        self.types: Types = Types(
            definition.types, {word: each.types for word, each in self.imported.items()}
        )
        self.problems.extend(self.types.check())
        self._maker = Maker(self.types, self.problems)
        self._inputs = {
            name: self._maker.type(type_, f"Input {name!r}")
            for name, type_ in definition.inputs.items()
        }
        self._decisions: dict[str, tuple[Run, Type]] = {}
        self._functions: dict[str, tuple[dict[str, Type], Run | None, Type]] = {}
        self._check_needs()
        for name, knowledge in definition.functions.items():
            self._functions[name] = self._knowledge(name, knowledge)
        for name, decision in definition.decisions.items():
            where = f"Decision {name!r}"
            run = self._maker.ready(decision.value, self._known(decision.needs), where)
            self._decisions[name] = run, self._maker.type(decision.type, where)

    @classmethod
    def from_dmn(cls, source: str | Path | bytes, others: Iterable[Model] = ()) -> Model:
        """Read a model from the XML of the standard, DMN 1.1 to 1.5.

        Args:
            source: a file, or the XML itself.
            others: models that this one imports; those beside a file are found by themselves.

        Raises:
            InvalidInput: it is not XML, too large, has entities, or is no decision model.
        """
        made: Model = NOTATIONS.load("dmn")().load(cls, source, others)
        return made

    @classmethod
    def from_yaml(cls, text: str, name: str = "", others: Iterable[Model] = ()) -> Model:
        """Read a model from our own form, the section ``models`` of a definition file.

        Args:
            text: the text of the file.
            name: which of its models; not needed where there is one.
            others: models that this one imports.

        Raises:
            InvalidInput: it is not YAML, or says something that is not known.
        """
        return cls(read_model(text, name), others)

    def to_yaml(self, name: str = "") -> str:
        """Write the model in our own form, the section ``models`` of a definition file."""
        title = self.definition.title
        return write_model(self.definition, name or (title.en if title else "model"))

    def to_dmn(self) -> bytes:
        """Write the model as the XML of the standard, DMN 1.5."""
        others = [each.definition for each in self.imported.values()]
        return NOTATIONS.load("dmn")().write(self.definition, others)

    def evaluate(
        self, decision_name: str, inputs: Mapping[str, Any], *, service: str | None = None
    ) -> Any:
        """Give the value of a decision, of a service, or of a function of the model.

        Args:
            decision_name: what is asked for; with a service, one of its outputs.
            inputs: by name; a value for a decision is taken instead of making it.
            service: the decision service within which it is asked.

        Raises:
            NotFound: there is nothing of that name.
        """
        asked = Asked(self, inputs)
        try:
            if service is not None:
                found = asked.service(service, inputs)
                outputs = self.definition.services[service].outputs
                if decision_name in outputs and len(outputs) > 1:
                    return found.get(decision_name) if isinstance(found, Mapping) else None
                return found
            if decision_name in self._decisions:
                return asked.decision(decision_name)
            if decision_name in self.definition.services:
                return asked.service(decision_name, inputs)
            if decision_name in self._functions:
                return asked.function(decision_name).by_name(dict(inputs))
        except (TooMuch, RecursionError):
            return None
        raise NotFound(
            "decision", decision_name,
            [*self._decisions, *self.definition.services, *self._functions],
        )  # fmt: skip

    def table(self, decision_name: str) -> Callable[[dict[str, Any]], Any]:
        """Give the decision table behind a decision, to ask it alone, many times and fast.

        It is called with the values that the decision needs, by name, as FEEL has them.

        Raises:
            NotFound: there is no such decision.
            InvalidInput: the decision is not made by a table.
        """
        if decision_name not in self._decisions:
            raise NotFound("decision", decision_name, self._decisions)
        run = self._decisions[decision_name][0]
        if not isinstance(run, ReadyGrid):
            raise InvalidInput(f"The decision {decision_name!r} is not made by a table alone.")
        return run.quick()

    def _knowledge(self, name: str, knowledge: Any) -> tuple[dict[str, Type], Run | None, Type]:
        where = f"Function {name!r}"
        logic = Logic.model_construct(
            parameters=knowledge.parameters, kind=knowledge.kind, value=knowledge.value, type=""
        )
        parameters = {
            each: self._maker.type(type_, where) for each, type_ in logic.parameters.items()
        }
        body: Run | None = None
        if logic.kind == "FEEL":
            known = self._known((*knowledge.needs, name)) | set(parameters)
            body = self._maker.ready(logic.value, known, where)
        else:
            self.problems.append(f"{where}: a function in {logic.kind} is not run here.")
        return parameters, body, self._result(knowledge.type, where)

    def _result(self, name: str, where: str) -> Type:
        """Give the type of what a function gives; its own type may be named instead."""
        item = self.definition.types.get(name, _NO_ITEM)
        if item.parameters is not None:
            return self._maker.type(item.type, where)
        found = self._maker.type(name, where)
        return ANY if found.wanted == "function" else found

    def unnamed(self) -> list[Model]:
        """Give the imported models whose parts are as if they were written here."""
        return [each for word, each in self.imported.items() if word.startswith(UNNAMED)]

    def _known(self, needs: Iterable[str]) -> set[str]:
        """Give the names that an expression with these needs may use."""
        known = set(self.types.part_names())
        for need in needs:
            word, dot, rest = need.partition(".")
            if dot and word in self.imported:
                known |= {word, rest, *self.imported[word].types.part_names()}
            else:
                known.add(need)
            service = self.definition.services.get(need)
            if service is not None:
                known.update((*service.inputs, *service.given, *service.outputs))
        return known

    def _check_needs(self) -> None:
        names = self.names()
        wants = {name: each.needs for name, each in self.definition.decisions.items()}
        wants |= {name: each.needs for name, each in self.definition.functions.items()}
        for name, needs in wants.items():
            for need in needs:
                word, dot, rest = need.partition(".")
                found = self.imported[word].names() if dot and word in self.imported else names
                if found is names and any(need in each.names() for each in self.unnamed()):
                    continue
                if (rest if found is not names else need) not in found:
                    self.problems.append(f"{name!r} needs {need!r}, which does not exist.")
        decisions = self.definition.decisions
        graph = {
            name: [need for need in each.needs if need in decisions]
            for name, each in decisions.items()
        }
        try:
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            ring = " → ".join(error.args[1][::-1])
            raise InvalidInput(f"Decisions need each other in a ring: {ring}.") from error
        depth: dict[str, int] = {}
        for name in order:
            depth[name] = 1 + max((depth[need] for need in graph[name]), default=0)
            if depth[name] > DEEPEST:
                raise InvalidInput(f"Decision {name!r} stands on a row of more than {DEEPEST}.")

    def names(self) -> set[str]:
        """Give the names of all inputs, decisions, functions and services."""
        said = self.definition
        return {*said.inputs, *said.decisions, *said.functions, *said.services}


class Asked:
    """One question to a model: each decision is made at most once."""

    def __init__(
        self, model: Model, inputs: Mapping[str, Any], budget: Budget | None = None
    ) -> None:
        self._model = model
        self._given = inputs
        self._budget = budget or Budget()
        self._moment: datetime | None = None
        self._always: dict[str, Any] = {
            BUDGET: self._budget,
            "now": Lambda((), self._now),
            "today": Lambda((), lambda: self._now().date()),
        }
        self._made: dict[str, Any] = {}
        self._functions: dict[str, Lambda] = {}
        self._inner: dict[str, Asked] = {}

    def _now(self) -> datetime:
        if self._moment is None:
            self._moment = to_datetime(self._model.clock.now())
        return self._moment

    def decision(self, name: str) -> Any:
        """Make a decision, or take the value that was given for it."""
        if name not in self._made:
            run, type_ = self._model._decisions[name]
            if name in self._given:
                value = lift(self._given[name])
            else:
                value = run(self.scope(self._model.definition.decisions[name].needs))
            self._made[name] = type_.take(value)
        return self._made[name]

    def function(self, name: str) -> Lambda:
        """Give a shared function as a value."""
        if name not in self._functions:
            parameters, body, result = self._model._functions[name]
            scope = dict(self._always)
            made = function(parameters, body, result, scope)
            self._functions[name] = scope[name] = made
            scope.update(self.scope(self._model.definition.functions[name].needs))
            # What it is called with is seen before what it knows; see `function`.
        return self._functions[name]

    def service(self, name: str, given: Mapping[str, Any]) -> Any:
        """Ask a decision service; it sees what it is given, and nothing else."""
        services = self._model.definition.services
        if name not in services:
            raise NotFound("decision service", name, services)
        service = services[name]
        inner = Asked(
            self._model,
            {each: given.get(each) for each in (*service.inputs, *service.given)},
            self._budget,
        )
        made = {each: inner.decision(each) for each in service.outputs}
        value = next(iter(made.values())) if len(made) == 1 else made
        return self._model._result(service.type, name).take(value)

    def scope(self, needs: Iterable[str]) -> dict[str, Any]:
        """Give the values of what is needed, by name."""
        scope = dict(self._always)
        for need in needs:
            word, dot, rest = need.partition(".")
            other = self._model.imported.get(word) if dot else None
            if other is None:
                scope[need] = self._value(need)
                continue
            given = self._given.get(word)
            given = given if isinstance(given, Mapping) else {}
            # What is known of the other model may also be given by its full name.
            full = {
                key.removeprefix(f"{word}."): value
                for key, value in self._given.items()
                if key.startswith(f"{word}.")
            }
            scope.setdefault(word, {})[rest] = self._in(word, other, {**given, **full})._value(rest)
        return scope

    def _value(self, name: str) -> Any:
        model = self._model
        if name in model._decisions:
            return self.decision(name)
        if name in model._functions:
            return self.function(name)
        if name in model._inputs:
            return model._inputs[name].take(lift(self._given.get(name)))
        if name in model.definition.services:
            service = model.definition.services[name]
            names = (*service.inputs, *service.given)
            call = partial(self._called, name, names)
            return Lambda(names, call)
        for other in model.unnamed():
            if name in other.names():
                return self._in(other.definition.namespace, other, self._given)._value(name)
        return None

    def _in(self, word: str, other: Model, given: Mapping[str, Any]) -> Asked:
        if word not in self._inner:
            self._inner[word] = Asked(other, given, self._budget)
        return self._inner[word]

    def _called(self, name: str, names: tuple[str, ...], *given: Any) -> Any:
        self._budget.spend()
        return self.service(name, dict(zip(names, given, strict=True)))


def ready_models(entries: Mapping[str, Entry[DecisionModel]]) -> dict[str, Model]:
    """Make the models of a company ready; they import each other by name.

    Raises:
        InvalidDefinition: a model is wrong, or imports what is no model.
    """
    ready: dict[str, Model] = {}
    graph = {name: entry.value.imports.values() for name, entry in entries.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise entries[error.args[1][0]].error("models import each other in a ring.") from error
    for name in order:
        entry = entries.get(name)
        if entry is None:
            continue  # The model that imports it says so.
        named = entry.value.model_copy(update={"namespace": name})
        try:
            ready[name] = Model(named, ready.values())
        except InvalidInput as error:
            raise entry.error(error.message, hint=error.hint) from error
        if ready[name].problems:
            raise entry.error(ready[name].problems[0])
    return ready
