"""Where analysts write: a rule or a decision table as text, checked while they type, and its way into force.

What is in force is the definition file: publishing writes it and takes effect from the next fact on. Every step
on the way is a fact, so that it stays known who did it and why.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from cic.conditions import shown
from cic.segmentation import Segmentation
from cid.facade import titles
from cid.feel.naming import CALLABLE
from cid.kit.clock import format_time
from cid.kit.definitions import Definitions, Entry, parse
from cid.kit.errors import Conflict, ICustomerError, InvalidInput, NotFound
from cid.model.definition import ATTRIBUTES
from cii.model import DEFINED
from context import passages, scenarios
from context.analysis import ENOUGH, Finding, as_form, domains_of, of_rule, of_table
from context.decision import ReadyRule, Table, ready_rules
from context.model import SCENARIOS, TABLES, Rule
from context.ports import Action, StepRow, Store
from context.pressure import of_pressure
from context.publishing import (
    KINDS,
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

CROWD = 200_000
"""How many customers are looked at one by one while somebody waits."""
MOST = 12
"""How many completions are offered."""
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
_OPERATOR = re.compile(r"[(),<>=+*/\[\]{}:!\"']|\b(?:and|or|not|in|if|then|else|between)\b")
_FIELDS = {"rule": Rule.model_fields, "table": TABLES.model.model_fields}


@dataclass(frozen=True)
class Author:
    """Who writes: the role, and the name under which she logged in; empty where nobody does."""

    role: str
    person: str = ""

    @property
    def named(self) -> str:
        """How the author is written down."""
        return self.person or self.role


@dataclass(frozen=True)
class Draft:
    """A text, read and checked."""

    text: str
    entry: Entry[Any] | None
    found: tuple[Finding, ...]
    outcomes: tuple[scenarios.Outcome, ...]

    @property
    def sound(self) -> bool:
        """Whether it could be published."""
        return (
            self.entry is not None
            and all(each.level != "error" for each in self.found)
            and all(each.passed for each in self.outcomes)
        )


class Workbench:
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
        self._definitions = definitions
        self._segmentation = segmentation
        self._vocabulary = segmentation.vocabulary
        self._ready = ready
        self._actions = actions
        self._store = store
        self._submit = submit
        self._renew = renew
        self._people = people
        self._writing = threading.Lock()

    def open(self, kind: str, name: str, text: str | None = None) -> dict[str, Any]:
        """Give everything the page of a definition shows: its text, what is found in it, its life.

        Raises:
            NotFound: there is no such kind of definition.
        """
        section = _section(kind)
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

    def told(self, draft: Draft) -> dict[str, Any]:
        """Give what was found in a text, as JSON can carry it."""
        return {
            "findings": [each.to_dict() for each in draft.found],
            "scenarios": [vars(each) for each in draft.outcomes],
            "sound": draft.sound,
        }

    def diagnose(self, kind: str, name: str, text: str) -> dict[str, Any]:
        """Say what is wrong with a text, with line and column."""
        return self.told(self.check(kind, name, text))

    def text(self, kind: str, name: str, steps: Sequence[StepRow] | None = None) -> str:
        """Give the text to go on with: the newest draft, else what stands in the file, else a beginning."""
        given = self._store.steps(kind, name, 100) if steps is None else steps
        newest = given[0] if given else None
        if newest and newest.text and newest.state not in (Step.PUBLISHED, Step.RETIRED):
            return newest.text
        beginning = NEW_RULE if kind == "rule" else NEW_TABLE
        return self._stands(kind, name) or beginning.format(name=name)

    def check(self, kind: str, name: str, text: str) -> Draft:
        """Read a text and say everything that is to be said about it."""
        section = _section(kind)
        text = text.replace("\r\n", "\n").rstrip() + "\n"
        entries, errors = parse(text, section, "")
        found = [
            Finding(
                section.name,
                name,
                "error",
                *as_form(each.message),
                (),
                each.line,
                1,
                "",
                each.hint or "",
            )
            for each in errors
        ]
        if not errors and list(entries) != [name]:
            found.append(
                Finding(
                    section.name, name, "error", "The text must define '{name}' and nothing else.",
                    {"name": name},
                )
            )  # fmt: skip
        if found:
            return Draft(text, None, tuple(found), ())
        entry = entries[name]
        placed = _Placed(text, section.name)
        found = [
            placed(each)
            for each in (
                (*of_rule(entry, self._definitions), *self._pressure(entry))
                if kind == "rule"
                else islice(of_table(entry, domains_of(self._definitions)), ENOUGH)
            )
        ]
        outcomes: tuple[scenarios.Outcome, ...] = ()
        if all(each.level != "error" for each in found):
            try:
                outcomes = tuple(self._examples(kind, entry))
            except ICustomerError as error:
                line = getattr(error, "line", 1) or 1
                form, words = as_form(_bare(error.message, name))
                hint = error.hint or ""
                found.append(
                    Finding(section.name, name, "error", form, words, (), line, 1, "", hint)
                )
        found.sort(key=lambda each: (each.line, each.column))
        return Draft(text, entry, tuple(found), outcomes)

    def read(self, name: str, text: str) -> dict[str, Any]:
        """Give a rule as it is written, as a plain document.

        Raises:
            InvalidInput: the text is wrong.
        """
        return _document(self._right(name, text))

    def tried(self, name: str, text: str, author: Author) -> None:
        """Note that a version was tried on history, where nothing else is known of it but that it is right."""
        if author.role not in PUBLISHERS:
            return
        draft = self.check("rule", name, text)
        version = _version(draft)
        known = current(self._store.steps("rule", name, 100))
        live = self._definitions.of(_section("rule")).get(name)
        earlier = known[version].state if version in known else Step.DRAFT
        if (live is None or live.version != version) and earlier in (Step.DRAFT, Step.CHECKED):
            self._step("rule", name, version, Step.TRIED, author, "", draft.text)

    def _right(self, name: str, text: str) -> Entry[Any]:
        draft = self.check("rule", name, text)
        if draft.entry is None or any(each.level == "error" for each in draft.found):
            raise InvalidInput("The text is wrong.", hint="Mend what is marked first.")
        return draft.entry

    def try_on(self, name: str, text: str, customer: str) -> dict[str, Any]:
        """Say whether a rule as it is written would hold for a customer now, and why or why not.

        Raises:
            InvalidInput: the text is wrong.
        """
        _, tables = self._ready()
        rules = ready_rules(
            {name: self._right(name, text)}, tables, self._vocabulary, self._actions
        )
        condition = rules[name].condition
        view = self._segmentation.view(customer, {})
        return {
            "customer": customer,
            "fires": condition.run(view) is True,
            "values": shown(self._vocabulary.scope(view, condition.words)),
            "explanation": self._vocabulary.explain(condition, view),
        }

    def audience(self, name: str, text: str) -> dict[str, int] | None:
        """Count for how many customers a rule's condition holds now; None where that is not known.

        It is not where the condition reads an event, or where something is wrong with the text.
        """
        draft = self.check("rule", name, text)
        if draft.entry is None or any(each.level == "error" for each in draft.found):
            return None
        condition = self._vocabulary.compile(draft.entry.value.when)
        people = self._people()
        if "event" in condition.words or len(people) > CROWD:
            return None
        view = self._segmentation.view
        holds = sum(condition.run(view(customer)) is True for customer in people)
        return {"holds": holds, "of": len(people)}

    def complete(self, kind: str, text: str, caret: int) -> list[dict[str, str | int]]:
        """Offer what the word before the caret may become: names, functions, fields.

        ``replace`` says how many characters before the caret an offer takes the place of.
        """
        before = text[: max(0, caret)]
        line = before[before.rfind("\n") + 1 :]
        if not line.strip():
            return []
        if ":" not in line and not line.lstrip().startswith(("-", "#")):
            return _offers(line.lstrip(), [(word, "field", f"{word}: ") for word in _words(kind)])
        start = max((found.end() for found in _OPERATOR.finditer(line)), default=0)
        part = line[start:].lstrip()
        event = re.search(r"\b(?:event|action): *([^,}\n]+)", text)
        domains = domains_of(self._definitions, event.group(1).strip() if event else "")
        names = [(name, domain.kind or "any", name) for name, domain in domains.items()]
        names += [
            (f"{name}()", "function", f"{name}(") for name in (*CALLABLE, "contains", "consent")
        ]
        return _offers(part, names) if part else []

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
        live = self._definitions.of(_section(kind)).get(name)
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
        live = self._definitions.of(_section(kind)).get(name)
        if live is None:
            raise NotFound(kind, name, self._definitions.of(_section(kind)))
        _reasoned(reason)
        text = self._stands(kind, name)
        self._write(kind, name, None)
        return self._step(kind, name, live.version, Step.RETIRED, author, reason, text)

    def _publish(
        self, kind: str, name: str, draft: Draft, author: Author, reason: str
    ) -> dict[str, Any]:
        section = _section(kind)
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
        live = self._definitions.of(_section(kind)).get(name)
        entries = [entry for entry in (live, draft.entry) if entry is not None]
        return any(getattr(entry.value, "approval", False) for entry in entries)

    def _pressure(self, entry: Entry[Any]) -> Iterable[Finding]:
        event = entry.value.on.event or entry.value.on.action
        return of_pressure(entry, self._definitions, domains_of(self._definitions, event))

    def _examples(self, kind: str, entry: Entry[Any]) -> Iterable[scenarios.Outcome]:
        """Run the examples about a definition as it would be; a mistake in it is raised."""
        rules, known = self._ready()
        tables = dict(known)
        if kind == "rule":
            rules = ready_rules({entry.name: entry}, tables, self._vocabulary, self._actions)
        else:
            tables[entry.name] = Table(entry, self._vocabulary)
        domains = domains_of(self._definitions)
        for name, each in self._definitions.of(SCENARIOS).items():
            about = each.value.rule if kind == "rule" else each.value.table
            if about == entry.name:
                types = self._definitions.of(ATTRIBUTES)
                yield scenarios.run(
                    name, each.value, rules, tables, self._vocabulary, domains, types
                )

    def _may_go_back(self, steps: Sequence[StepRow], live: str) -> str:
        try:
            return previous(steps, live).version
        except InvalidInput:
            return ""

    def _stands(self, kind: str, name: str) -> str:
        """Give the text of a definition as it stands in its file; empty where it is not in force."""
        section = _section(kind)
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
        section = _section(kind)
        files = [
            entry.file for entry in self._definitions.of(section).values() if not entry.builtin
        ]
        return max(sorted(set(files)), key=files.count) if files else f"{section.name}.yaml"

    def _write(self, kind: str, name: str, block: str | None) -> None:
        """Write a definition into its file, or take it out, and let it be in force; or leave all as it was."""
        section = _section(kind)
        with self._writing:
            live = self._definitions.of(section).get(name)
            if live is not None and live.builtin:
                raise Conflict(f"{name!r} comes with the product; it is not changed here.")
            path = self._definitions.directory / (live.file if live else self._home(kind))
            before = path.read_text(encoding="utf-8") if path.is_file() else ""
            if block is None:
                after = passages.removed(before, section.name, name)
            else:
                after = passages.replaced(before, section.name, name, block)
            _exchange(path, after)
            try:
                self._renew()
            except BaseException:
                _exchange(path, before)
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


class _Placed:
    """Gives findings the line and column of the text they are about."""

    def __init__(self, text: str, section: str) -> None:
        lines = [f"  {line}" if line.strip() else "" for line in text.split("\n")]
        self._text = "\n".join([f"{section}:", *lines])

    def __call__(self, finding: Finding) -> Finding:
        """Give the finding with its place in the text."""
        placed = finding.placed(self._text)
        return replace(placed, line=max(1, placed.line - 1), column=max(1, placed.column - 2))


def _section(kind: str) -> Any:
    if kind not in KINDS:
        raise NotFound("kind of definition", kind, KINDS)
    return KINDS[kind]


def _version(draft: Draft) -> str:
    return draft.entry.version if draft.entry else ""


def _document(entry: Entry[Any]) -> dict[str, Any]:
    found: dict[str, Any] = entry.value.model_dump(
        by_alias=True, exclude_defaults=True, mode="json"
    )
    return found


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("Say why.", hint="One sentence: others will read it in the history.")


def _bare(message: str, name: str) -> str:
    return message.removeprefix(f"{name!r}: ")


def _exchange(path: Path, text: str) -> None:
    """Put a file in the place of another in one step, so that nobody ever reads half of it."""
    if not text.strip():
        path.unlink(missing_ok=True)
        return
    aside = path.with_suffix(path.suffix + ".new")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _told(step: StepRow) -> dict[str, Any]:
    return {**step._asdict(), "at": format_time(step.at)}


def _words(kind: str) -> list[str]:
    fields = {field.alias or name for name, field in _FIELDS[kind].items()}
    return sorted(fields - {"kind"})


def _offers(part: str, names: Iterable[tuple[str, str, str]]) -> list[dict[str, str | int]]:
    wanted = part.casefold()
    found = [each for each in names if each[0].casefold().startswith(wanted) and each[0] != part]
    rest = [each for each in names if wanted in each[0].casefold() and each not in found]
    offered = [*found, *(rest if len(wanted) > 1 else [])]
    return [
        {"text": text, "kind": kind, "insert": insert, "replace": len(part)}
        for text, kind, insert in offered[:MOST]
        if text != part
    ]


__all__ = ["Author", "Draft", "Workbench"]
