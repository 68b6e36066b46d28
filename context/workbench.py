"""Where analysts write: the way of a rule or a decision table from its text into force.

What is in force is the definition file: publishing writes it and takes effect from the next fact on. Every step
on the way is a fact, so that it stays known who did it and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cic.segmentation import Segmentation
from cid.facade import titles
from cid.kit.clock import format_time
from cid.kit.definitions import Definitions
from cid.kit.errors import Conflict, InvalidInput, NotFound
from cid.kit.passages import WRITING, exchange
from cii.model import DEFINED
from context import passages
from context.decision import ReadyRule, Table
from context.drafting import Draft, Drafting, section_of
from context.ports import Action, StepRow, Store
from context.publishing import (
    PUBLISHERS,
    SHADOW,
    Step,
    approve,
    asked_by,
    current,
    may_publish,
    previous,
    unknown_person,
)

NEW_RULE = """{name}:
  title: {{en: {name}}}
  owner: ""
  on: {{event: Order Completed}}
  when: "true"
  do:
    - task: {{queue: "", title: ""}}
"""
NEW_TABLE = """{name}:
  title: {{en: {name}}}
  owner: ""
  inputs: [""]
  outputs: [""]
  rows:
    - ["-", '""']
"""


@dataclass(frozen=True)
class Author:
    """Who writes: the role, and the name under which she logged in; empty where nobody does."""

    role: str
    person: str = ""

    @property
    def named(self) -> str:
        """How the author is written down."""
        return self.person or self.role


class Workbench(Drafting):
    """All that is done to rules and decision tables before and after they are in force."""

    def __init__(
        self,
        definitions: Definitions,
        segmentation: Segmentation,
        ready: Callable[[], tuple[Mapping[str, ReadyRule], Mapping[str, Table]]],
        actions: Mapping[str, Action],
        store: Store,
        submit: Callable[..., Any],
        renew: Callable[[], None],
        people: Callable[[], Sequence[str]],
    ) -> None:
        super().__init__(definitions, segmentation, ready, actions, people)
        self._store = store
        self._submit = submit
        self._renew = renew

    def open(self, kind: str, name: str, text: str | None = None) -> dict[str, Any]:
        """Give everything the page of a definition shows: its text, what is found in it, its life.

        Raises:
            NotFound: there is no such kind of definition.
        """
        section = section_of(kind)
        live = self._definitions.of(section).get(name)
        steps = self._store.steps(kind, name, 100)
        draft = self.check(kind, name, self.text(kind, name, steps) if text is None else text)
        version = draft.entry.version if draft.entry else ""
        states = current(steps)
        waiting = next((each for each in steps if asked_by(steps, each.version)), None)
        return {
            "kind": kind,
            "name": name,
            "text": draft.text,
            "title": titles(live) if live else None,
            "live": live is not None,
            "live_version": live.version if live else "",
            "live_text": self._stands(kind, name),
            "file": live.file if live else self._home(kind),
            "changed": live is None or live.version != version,
            "version": version,
            "state": states[version].state if version in states else "",
            "shadow": name + SHADOW in self._definitions.of(section),
            "asks": _told(waiting) if waiting else None,
            "back": self._may_go_back(steps, live.version if live else ""),
            "steps": [_told(each) for each in steps],
            **self.told(draft),
        }

    def text(self, kind: str, name: str, steps: Sequence[StepRow] | None = None) -> str:
        """Give the text to go on with: the newest draft, else what stands in the file, else a beginning."""
        given = self._store.steps(kind, name, 100) if steps is None else steps
        newest = given[0] if given else None
        if newest and newest.text and newest.state not in (Step.PUBLISHED, Step.RETIRED):
            return newest.text
        beginning = NEW_RULE if kind == "rule" else NEW_TABLE
        return self._stands(kind, name) or beginning.format(name=name)

    def tried(self, name: str, text: str, author: Author) -> None:
        """Note that a version was tried on history, where nothing else is known of it but that it is right."""
        if author.role not in PUBLISHERS:
            return
        draft = self.check("rule", name, text)
        version = _version(draft)
        known = current(self._store.steps("rule", name, 100))
        live = self._definitions.of(section_of("rule")).get(name)
        earlier = known[version].state if version in known else Step.DRAFT
        if (live is None or live.version != version) and earlier in (Step.DRAFT, Step.CHECKED):
            self._step("rule", name, version, Step.TRIED, author, "", draft.text)

    def save(
        self, kind: str, name: str, text: str, author: Author, reason: str = ""
    ) -> dict[str, Any]:
        """Keep a text as draft; checked where nothing is wrong with it."""
        may_publish(author.role)
        draft = self.check(kind, name, text)
        state = Step.CHECKED if draft.sound else Step.DRAFT
        return self._step(kind, name, _version(draft), state, author, reason, draft.text)

    def shadow(
        self, kind: str, name: str, text: str, author: Author, reason: str
    ) -> dict[str, Any]:
        """Let a version of a rule decide beside the published one, and do nothing."""
        may_publish(author.role)
        if kind != "rule":
            raise InvalidInput("Only rules have a shadow; a table is asked by rules.")
        draft = self._sound(kind, name, text, reason)
        beside = re.sub(r"\A[^\n]*:", f'"{name}{SHADOW}":', draft.text, count=1)
        beside = beside.rstrip() + "\n  shadow: true\n"
        self._write(kind, name + SHADOW, beside)
        return self._step(kind, name, _version(draft), Step.SHADOW, author, reason, draft.text)

    def publish(
        self, kind: str, name: str, text: str, author: Author, reason: str
    ) -> dict[str, Any]:
        """Bring a version into force from the next fact on, or ask for approval where the rule wants it.

        Raises:
            Refused: the role only reads; or a second person has to agree and nobody logs in.
            InvalidInput: something is wrong with the text, or no reason is given.
        """
        may_publish(author.role)
        draft = self._sound(kind, name, text, reason)
        if self._needs_approval(kind, name, draft):
            if not author.person:
                raise unknown_person()
            return self._step(kind, name, _version(draft), Step.ASKED, author, reason, draft.text)
        return self._publish(kind, name, draft, author, reason)

    def approve(self, kind: str, name: str, version: str, author: Author) -> dict[str, Any]:
        """Agree, as a second person, to what somebody asked to publish; it is in force then.

        Raises:
            Refused: it is the person who asked, or nobody knows who agrees.
            Conflict: nobody asked for it.
        """
        may_publish(author.role)
        steps = self._store.steps(kind, name, 100)
        approve(steps, version, author.person)
        asked = next(each for each in steps if each.version == version)
        draft = self._sound(kind, name, asked.text, asked.reason)
        reason = f"{asked.reason} ({asked.actor} + {author.named})"
        return self._publish(kind, name, draft, author, reason)

    def roll_back(self, kind: str, name: str, author: Author, reason: str) -> dict[str, Any]:
        """Bring the version that was in force before into force again, in one step."""
        may_publish(author.role)
        live = self._definitions.of(section_of(kind)).get(name)
        before = previous(self._store.steps(kind, name, 1_000), live.version if live else "")
        _reasoned(reason)
        # Examples may have been written for the later version: that must not hold up the way back.
        draft = self.check(kind, name, before.text)
        if draft.entry is None or any(each.level == "error" for each in draft.found):
            raise InvalidInput("The earlier version does not fit the other definitions any more.")
        return self._publish(kind, name, draft, author, reason)

    def retire(self, kind: str, name: str, author: Author, reason: str) -> dict[str, Any]:
        """Take a definition out of force; its versions stay known.

        Raises:
            NotFound: it is not in force.
            Conflict: others still need it.
        """
        may_publish(author.role)
        live = self._definitions.of(section_of(kind)).get(name)
        if live is None:
            raise NotFound(kind, name, self._definitions.of(section_of(kind)))
        _reasoned(reason)
        text = self._stands(kind, name)
        self._write(kind, name, None)
        return self._step(kind, name, live.version, Step.RETIRED, author, reason, text)

    def _publish(
        self, kind: str, name: str, draft: Draft, author: Author, reason: str
    ) -> dict[str, Any]:
        section = section_of(kind)
        known = self._store.steps(kind, name, 1_000)
        live = self._definitions.of(section).get(name)
        if live is not None and not any(
            step.version == live.version and step.state == Step.PUBLISHED for step in known
        ):
            # What came with the files is written down first, so that one can go back to it.
            files = Author("files")
            stands = self._stands(kind, name)
            self._step(kind, name, live.version, Step.PUBLISHED, files, "", stands)
        self._write(kind, name, draft.text)
        if name + SHADOW in self._definitions.of(section):
            self._write(kind, name + SHADOW, None)
        return self._step(kind, name, _version(draft), Step.PUBLISHED, author, reason, draft.text)

    def _sound(self, kind: str, name: str, text: str, reason: str) -> Draft:
        _reasoned(reason)
        draft = self.check(kind, name, text)
        if not draft.sound:
            wrong = next((each.text for each in draft.found if each.level == "error"), "")
            told = wrong or "An example is not kept."
            raise InvalidInput(told, hint="Mend what is marked, then publish.")
        return draft

    def _needs_approval(self, kind: str, name: str, draft: Draft) -> bool:
        live = self._definitions.of(section_of(kind)).get(name)
        entries = [entry for entry in (live, draft.entry) if entry is not None]
        return any(getattr(entry.value, "approval", False) for entry in entries)

    def _may_go_back(self, steps: Sequence[StepRow], live: str) -> str:
        try:
            return previous(steps, live).version
        except InvalidInput:
            return ""

    def _stands(self, kind: str, name: str) -> str:
        """Give the text of a definition as it stands in its file; empty where it is not in force."""
        section = section_of(kind)
        live = self._definitions.of(section).get(name)
        if live is None or live.builtin:
            return ""
        path = self._definitions.directory / live.file
        if not path.is_file():
            return ""
        found = passages.passage(path.read_text(encoding="utf-8"), section.name, name)
        return found.text + "\n" if found else ""

    def _home(self, kind: str) -> str:
        """Say into which file a new definition goes: where most of its kind are."""
        section = section_of(kind)
        files = [
            entry.file for entry in self._definitions.of(section).values() if not entry.builtin
        ]
        return max(sorted(set(files)), key=files.count) if files else f"{section.name}.yaml"

    def _write(self, kind: str, name: str, block: str | None) -> None:
        """Write a definition into its file, or take it out, and let it be in force; or leave all as it was."""
        section = section_of(kind)
        with WRITING:
            live = self._definitions.of(section).get(name)
            if live is not None and live.builtin:
                raise Conflict(f"{name!r} comes with the product; it is not changed here.")
            path = self._definitions.directory / (live.file if live else self._home(kind))
            before = path.read_text(encoding="utf-8") if path.is_file() else ""
            if block is None:
                after = passages.removed(before, section.name, name)
            else:
                after = passages.replaced(before, section.name, name, block)
            exchange(path, after)
            try:
                self._renew()
            except BaseException:
                exchange(path, before)
                raise

    def _step(
        self,
        kind: str,
        name: str,
        version: str,
        state: Step,
        author: Author,
        reason: str,
        text: str,
    ) -> dict[str, Any]:
        told = {
            "kind": kind,
            "name": name,
            "version": version,
            "state": str(state),
            "reason": reason.strip(),
            "text": text,
        }
        self._submit(DEFINED, properties=told, actor=author.named)
        return {**told, "actor": author.named}


def _version(draft: Draft) -> str:
    return draft.entry.version if draft.entry else ""


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("Say why.", hint="One sentence: others will read it in the history.")


def _told(step: StepRow) -> dict[str, Any]:
    return {**step._asdict(), "at": format_time(step.at)}


__all__ = ["Author", "Draft", "Workbench"]
