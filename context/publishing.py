"""The life of a rule or a decision table: who brought which version how far, when and why.

Draft → checked → tried → shadow → published → retired. Each step is a fact of our own people in the log, so it
outlives every rebuild; what is in force is the definition file, and a version is the hash of its content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Protocol

from cid.kit.definitions import Section
from cid.kit.errors import Conflict, InvalidInput, Refused
from cid.model.fact import Fact
from cii.model import DEFINED, STAFF
from context.model import RULES, TABLES
from context.ports import StepRow

KINDS: dict[str, Section[Any]] = {"rule": RULES, "table": TABLES}
"""What has a life, and the section it is defined in."""
PUBLISHERS = ("analyst", "architect")
"""The roles that may change what the company decides."""
SHADOW = " · shadow"
"""What the version that decides beside the published one is called, after the rule's name."""


class Step(StrEnum):
    """How far a version has come."""

    DRAFT = "draft"
    CHECKED = "checked"
    TRIED = "tried"
    SHADOW = "shadow"
    ASKED = "asked"
    """Somebody asked to publish it; a second person has to agree."""
    PUBLISHED = "published"
    RETIRED = "retired"


class _Keeps(Protocol):
    def save_steps(self, connection: Any, steps: Sequence[StepRow]) -> None: ...


class Lives:
    """A stage of the pipeline: the facts about definitions become the lives of their versions."""

    def __init__(self, store: _Keeps) -> None:
        self._store = store
        self._steps: list[StepRow] = []

    def load(self, connection: Any) -> None:
        """Forget what was not written."""
        self._steps = []

    def hears(self, event: str) -> bool:
        """Say whether such facts tell of definitions."""
        return event == DEFINED

    def apply(self, fact: Fact) -> None:
        """Take in a step; only our own people take any."""
        if fact.event == DEFINED and fact.source == STAFF:
            row = step_of(fact)
            if row is not None:
                self._steps.append(row)

    def flush(self, connection: Any) -> None:
        """Write the steps of a batch."""
        if self._steps:
            self._store.save_steps(connection, self._steps)
            self._steps = []


def step_of(fact: Fact) -> StepRow | None:
    """Read a step from a fact; None where it is none."""
    said = fact.properties
    if said.get("kind") not in KINDS or said.get("state") not in list(Step):
        return None
    said = {word: str(value) for word, value in said.items()}
    return StepRow(
        fact.message_id,
        said["kind"],
        said.get("name", ""),
        said.get("version", ""),
        said["state"],
        fact.time,
        fact.actor,
        said.get("reason", ""),
        said.get("text", ""),
        fact.position,
    )


def may_publish(role: str) -> None:
    """Let through whoever may change what the company decides.

    Raises:
        Refused: the role only reads.
    """
    if role not in PUBLISHERS:
        raise Refused(
            "Agents read rules; analysts and architects write them.",
            hint="Choose another role, or log in as somebody else.",
        )


def asked_by(steps: Iterable[StepRow], version: str) -> str:
    """Say who asked to publish a version that nobody has published since; empty where nobody did.

    Steps are given newest first.
    """
    for step in steps:
        if step.version == version:
            return step.actor if step.state == Step.ASKED else ""
    return ""


def approve(steps: Sequence[StepRow], version: str, person: str) -> None:
    """Let a second person publish what a first one asked for.

    Raises:
        Refused: it is not known who agrees, or it is the one who asked.
        Conflict: nobody asked for this version, or it was decided already.
    """
    asked = asked_by(steps, version)
    if not asked:
        raise Conflict("Nobody waits for approval of this version.", hint="Look at the page again.")
    if not person:
        raise unknown_person()
    if asked == person:
        raise Refused("A second person has to agree.", hint=f"Not {person}, who asked for it.")


def unknown_person() -> Refused:
    """Say why approval cannot be asked for where nobody logs in."""
    return Refused(
        "This needs the approval of a second person; who somebody is is known only where people log in.",
        hint="Set ICUSTOMER_CREDENTIALS.",
    )


def previous(steps: Sequence[StepRow], live: str) -> StepRow:
    """Give the version that was in force before the present one, to be rolled back to.

    Steps are given newest first.

    Raises:
        InvalidInput: there was none.
    """
    for step in steps:
        if step.state == Step.PUBLISHED and step.version != live and step.text:
            return step
    raise InvalidInput("There is no earlier version to go back to.")


def current(steps: Iterable[StepRow]) -> dict[str, StepRow]:
    """Give the last step of each version; steps are given newest first."""
    found: dict[str, StepRow] = {}
    for step in steps:
        found.setdefault(step.version, step)
    return found
