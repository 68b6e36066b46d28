"""The nouns of context: rules with their triggers and actions, and decision tables."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from pydantic import Field, model_validator

from cid.kit.clock import MINUTE, parse_duration
from cid.kit.definitions import Definition, Duration, Feel, Section
from context.diagrams import DecisionModel, HitPolicy

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3])(:[0-5]\d)?")


class TriggerKind(StrEnum):
    """What can set off a rule (S2.T1 – S2.T4)."""

    EVENT = "event"
    ACTION = "action"
    TIME = "time"
    ANALYSIS = "analysis"


class Trigger(Definition):
    """What sets off a rule; exactly one of event, action, entered, left, every.

    * ``event``: a fact of that name arrives (S2.T1)
    * ``action``: a colleague or the customer does that in an application: a fact with an actor (S2.T2)
    * ``every``: time passes, e.g. ``7 d`` counted from 1970 in UTC, for each member of ``segment`` (S2.T3)
    * ``entered`` / ``left``: a customer moves into or out of a segment (S2.T4)
    * ``wait``: with any of them, look only after that time (also S2.T3)
    """

    event: str = ""
    action: str = ""
    every: Duration = ""
    at: str = "00:00"
    """Time of day in the company's zone for ``every``."""
    segment: str = ""
    entered: str = ""
    left: str = ""
    wait: Duration = ""

    @model_validator(mode="after")
    def _exactly_one(self) -> Trigger:
        given = [
            name for name in ("event", "action", "every", "entered", "left") if getattr(self, name)
        ]
        if len(given) != 1:
            raise ValueError("give exactly one of event, action, every, entered, left")
        if self.every and not self.segment:
            raise ValueError("`every` needs the `segment` whose members it looks at")
        if self.every and parse_duration(self.every) < MINUTE:
            raise ValueError(f"every {self.every} is too often; at least a minute must pass")
        if not _TIME_OF_DAY.fullmatch(self.at):
            raise ValueError(f"{self.at!r} is no time of day; write it as 08:30")
        return self

    @property
    def kind(self) -> TriggerKind:
        """Which of the four triggers it is."""
        if self.wait or self.every:
            return TriggerKind.TIME
        if self.event:
            return TriggerKind.EVENT
        return TriggerKind.ACTION if self.action else TriggerKind.ANALYSIS


class ActionCall(Definition):
    """One thing to do: which action, and its parameters.

    A parameter that begins with ``=`` is a FEEL expression over the customer and the event.
    ``table`` names a decision table whose outputs become further parameters.
    """

    action: str
    table: str = ""
    parameters: dict[str, str | int | float | bool] = Field(default_factory=dict)


class Rule(Definition):
    """When this happens to a customer of whom that is true, do these things."""

    on: Trigger
    when: Feel = "true"
    do: tuple[ActionCall, ...] = Field(min_length=1)
    once_per: Duration = Field("", alias="once per")
    """Not again for the same customer within this time."""
    proactive: bool = False
    """The company speaks first (S2.DEF2)."""
    enabled: bool = True
    shadow: bool = False
    """It decides like any other rule, is written down, and nothing is done."""
    approval: bool = False
    """A second person must agree before a new version of it is published."""

    @model_validator(mode="before")
    @classmethod
    def _short_actions(cls, data: object) -> object:
        """Accept ``- task: {queue: loyalty}`` for ``- {action: task, parameters: {queue: loyalty}}``."""
        if isinstance(data, dict) and isinstance(data.get("do"), list):
            calls = []
            for call in data["do"]:
                if isinstance(call, dict) and len(call) == 1 and "action" not in call:
                    ((name, given),) = call.items()
                    given = dict(given or {})
                    table = given.pop("table", "")
                    call = {"action": name, "table": table, "parameters": given}
                calls.append(call)
            return {**data, "do": calls}
        return data


class DecisionTable(Definition):
    """A table of an analyst: inputs, outputs, and rows of cells.

    Input cells are FEEL unary tests (``-`` for anything); output cells are FEEL expressions.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    hit: HitPolicy = "first"
    """Which rows count where several match: first, unique, any, priority, rule order, …"""
    values: dict[str, tuple[str | int | float | bool, ...]] = Field(default_factory=dict)
    """By output: its values, the best one first, for `priority` and `output order`."""
    rows: tuple[tuple[str | int | float | bool, ...], ...]
    default: dict[str, str | int | float | bool] = Field(default_factory=dict)


class Scenario(Definition):
    """An example of how a rule or a decision table is to behave, checked whenever definitions are.

    ``given`` are values by name, ``event`` those of the event, ``consent`` a list such as ``marketing/email``; what
    is not given is not known. ``expect`` says whether the rule ``fires`` and with which parameters of an action,
    or the outputs or the ``row`` of the table.
    """

    rule: str = ""
    table: str = ""
    given: dict[str, Any] = Field(default_factory=dict)
    expect: dict[str, Any] = Field(min_length=1)

    @model_validator(mode="after")
    def _about_one_thing(self) -> Scenario:
        if bool(self.rule) == bool(self.table):
            raise ValueError("give exactly one of rule, table")
        return self


RULES = Section("rules", Rule)
TABLES = Section("tables", DecisionTable)
SCENARIOS = Section("scenarios", Scenario)
MODELS = Section("models", DecisionModel)
SECTIONS = (RULES, TABLES, SCENARIOS, MODELS)
