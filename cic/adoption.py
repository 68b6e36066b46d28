"""New definitions on a living system: written to their file, and lived by from that very moment on.

What is in force is the definition file; it is exchanged in one step, and whoever is stopped in between finds
either the old or the new one when he starts again, and lives by that. While the live traits of a new definition
are filled from history, facts flow on and are counted by the old ones; what came meanwhile is caught up with the
writer held still, and then the new ones are in force. So nothing is counted twice and nothing is missed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cic.conditions import Vocabulary
from cic.meaning import Meaning
from cic.model import SEGMENTS, TRAITS
from cic.ports import Live
from cic.segmentation import Segmentation
from cid.customers import Customers
from cid.kit import passages
from cid.kit.definitions import Definitions, Entry, Section, parse
from cid.kit.errors import Conflict, ICustomerError, InvalidDefinition, InvalidInput, Refused
from cid.kit.failpoints import reach
from cid.model.definition import ATTRIBUTES, Attribute
from cid.model.fact import Fact
from cid.model.relationship import Regrouped
from cii.model import DEFINED

KINDS: Mapping[str, Section[Any]] = {"segment": SEGMENTS, "trait": TRAITS}
WRITERS = ("analyst", "architect")
"""The roles that may change what traits and segments mean."""
FEW = 2_000
"""Facts that are caught up with while the writer is held still."""
LONGEST = 80
"""Characters of a name."""
NEW_FILE = "segments.yaml"


@dataclass(frozen=True)
class Draft:
    """One definition as somebody wrote it."""

    kind: str
    name: str
    text: str
    """Its YAML: the name, a colon, and what it says; without indentation."""


@dataclass(frozen=True)
class Records:
    """What adoption asks of whoever applies the records."""

    lock: AbstractContextManager[Any]
    ready: Callable[[], Any]
    """Makes sure that what is in memory is what was written."""
    position: Callable[[], int]
    """Tells the position of the last record that was applied."""
    facts: Callable[[int, Collection[str]], Iterator[Fact]]
    """Yields the applied facts after a position, of these events."""
    write: Callable[[], None]
    """Writes what stages have to say, in one transaction."""
    reload: Callable[[], None]
    """Throws the state in memory away; it is read again."""
    submit: Callable[..., Any]
    """Records what somebody here did."""


class Adoption:
    """Takes traits and segments into a living system."""

    def __init__(
        self,
        definitions: Definitions,
        segmentation: Segmentation,
        customers: Customers,
        records: Records,
        read: Callable[[Mapping[Path, str]], tuple[Definitions, list[InvalidDefinition]]],
        renewed: Callable[[], None],
    ) -> None:
        self._definitions = definitions
        self._live = segmentation
        self._customers = customers
        self._records = records
        self._read = read
        self._renewed = renewed
        self._adopting = threading.Lock()

    def definition(self, kind: str, name: str) -> dict[str, Any]:
        """Return a definition as it stands in its file, with the version that a change is made from.

        Raises:
            NotFound: there is no such definition.
        """
        entry = self._definitions.get(_section(kind), name)
        path = self._definitions.directory / entry.file
        found = None
        if not entry.builtin and path.is_file():
            text = path.read_text(encoding="utf-8")
            found = passages.passage(text, _section(kind).name, name)
        return {
            "kind": kind,
            "name": name,
            "text": found.text + "\n" if found else written(name, _plain(entry)),
            "version": entry.version,
            "file": entry.file,
            "line": entry.line,
            "editable": found is not None,
            "definition": _plain(entry),
        }

    def check(self, kind: str, name: str, text: str) -> dict[str, Any]:
        """Say what is wrong with a definition as somebody writes it, with line and column."""
        section, text = _section(kind), _tidy(text)
        answer: dict[str, Any] = {
            "kind": kind, "name": name, "sound": False, "version": "",
            "findings": [], "definition": None,
        }  # fmt: skip
        try:
            entry = _alone(Draft(kind, name, text))
            path, after = self._placed([Draft(kind, name, text)])
            self._meant(path, after)
        except InvalidDefinition as error:
            line = error.line if not error.file else self._line(section, name, text, error)
            answer["findings"] = [_finding(error, line)]
        except ICustomerError as error:
            answer["findings"] = [_finding(error, 1)]
        else:
            answer |= {"sound": True, "version": entry.version, "definition": _plain(entry)}
        return answer

    def save(
        self,
        kind: str,
        name: str,
        text: str = "",
        definition: Mapping[str, Any] | None = None,
        version: str | None = None,
        reason: str = "",
        actor: str = "",
        role: str = "analyst",
    ) -> dict[str, Any]:
        """Bring a trait or a segment into force from this moment on; says whom that moved.

        Args:
            kind: segment or trait.
            name: its name.
            text: its YAML; or
            definition: what it says, to be written as YAML.
            version: the version that the change was made from, empty where there was none; not looked at
                where None.
            reason: why; others read it.
            actor: who.
            role: as what: agents change nothing.

        Raises:
            Conflict: somebody else has changed it meanwhile, or its file.
            InvalidDefinition: it is wrong.
            Refused: the role only reads.
        """
        _section(kind)
        if definition is not None:
            text = written(name, definition)
        draft = Draft(kind, name, _tidy(text))
        return self._adopt([draft], {(kind, name): version}, reason, actor, role)

    def define(
        self, text: str, reason: str = "", actor: str = "", role: str = "analyst"
    ) -> dict[str, Any]:
        """Bring all traits and segments of a text into force at one moment, or none of them.

        The text is a definition file with ``traits:``, ``segments:`` or both.
        """
        drafts = []
        for kind, section in KINDS.items():
            for name in passages.names_in(text, section.name):
                found = passages.passage(text, section.name, name)
                if found is None:
                    raise InvalidInput(f"Write {name!r} on lines of its own, not in braces.")
                drafts.append(Draft(kind, name, found.text + "\n"))
        if not drafts:
            raise InvalidInput(
                "There are neither traits nor segments in it.",
                hint="Begin with a line such as `segments:`.",
            )
        return self._adopt(drafts, {}, reason, actor, role)

    def _adopt(
        self,
        drafts: list[Draft],
        made_from: Mapping[tuple[str, str], str | None],
        reason: str,
        actor: str,
        role: str,
    ) -> dict[str, Any]:
        if role not in WRITERS:
            raise Refused(
                "Agents read definitions; analysts and architects write them.",
                hint="Choose another role, or log in as somebody else.",
            )
        began = time.perf_counter()
        with self._adopting:
            for draft in drafts:
                _alone(draft)
                self._is_the_one_seen(draft, made_from.get((draft.kind, draft.name)))
            path, after = self._placed(drafts)
            found, meaning = self._meant(path, after)
            told = self._take_in(drafts, path, found, meaning)
        versions = {}
        for draft in drafts:
            entry = self._definitions.of(_section(draft.kind))[draft.name]
            versions[draft.name] = entry
            self._records.submit(
                DEFINED,
                properties={
                    "kind": draft.kind,
                    "name": draft.name,
                    "version": entry.version,
                    "state": "published",
                    "reason": reason.strip(),
                    "text": draft.text,
                },
                actor=actor or role,
            )
        first = drafts[0]
        return {
            "kind": first.kind,
            "name": first.name,
            "version": versions[first.name].version,
            "file": versions[first.name].file,
            "line": versions[first.name].line,
            **told,
            "size": len(self._live.members(first.name)) if first.kind == "segment" else None,
            "seconds": round(time.perf_counter() - began, 3),
            "all": [
                {"kind": each.kind, "name": each.name, "version": versions[each.name].version}
                for each in drafts
            ],
        }

    def _is_the_one_seen(self, draft: Draft, version: str | None) -> None:
        live = self._definitions.of(_section(draft.kind)).get(draft.name)
        if live is not None and live.builtin:
            raise Conflict(f"{draft.name!r} comes with the product; it is not changed here.")
        if version is not None and version != (live.version if live else ""):
            raise Conflict(
                f"Somebody else has changed {draft.name!r} meanwhile."
                if live and version
                else f"There is a {draft.kind} called {draft.name!r} already."
                if live
                else f"There is no {draft.kind} called {draft.name!r} any more.",
                hint="Read it again, then make your change anew.",
            )

    def _placed(self, drafts: list[Draft]) -> tuple[Path, str]:
        """Return the one file in which the definitions stand, and its text with them.

        Raises:
            Refused: they stand in several files, which cannot be exchanged in one step.
        """
        known = [
            (live.file, draft)
            for draft in drafts
            if (live := self._definitions.of(_section(draft.kind)).get(draft.name)) is not None
            and not live.builtin
        ]
        files = sorted({file for file, _ in known})
        if len(files) > 1:
            raise Refused(
                f"These definitions stand in several files: {', '.join(files)}.",
                hint="Save them one by one.",
            )
        path = self._definitions.directory / (files[0] if files else self._home(drafts[0].kind))
        after = path.read_text(encoding="utf-8") if path.is_file() else ""
        for draft in drafts:
            section = _section(draft.kind).name
            after = passages.replaced(after, section, draft.name, draft.text)
        return path, after

    def _home(self, kind: str) -> str:
        """Say into which file a new definition goes: where most of its kind are."""
        entries = self._definitions.of(_section(kind)).values()
        files = [entry.file for entry in entries if not entry.builtin]
        return max(sorted(set(files)), key=files.count) if files else NEW_FILE

    def _meant(self, path: Path, after: str) -> tuple[Definitions, Meaning]:
        """Read all definitions as they would be, and compile them beside those in force.

        Raises:
            InvalidDefinition: something would be wrong.
            Conflict: the files say other things than what is in force.
        """
        found, errors = self._read({path: after})
        if errors:
            raise errors[0]
        self._same_attributes(found.of(ATTRIBUTES))
        mine = path.relative_to(self._definitions.directory).as_posix()
        for kind, section in KINDS.items():
            live, new = self._definitions.of(section), found.of(section)
            for name in live.keys() - new.keys():
                raise Conflict(
                    f"The {kind} {name!r} is gone from the files and still in force.",
                    hint="Start the server again to let it be gone.",
                )
            for name, entry in new.items():
                if entry.file != mine and (name not in live or live[name].version != entry.version):
                    if kind == "trait" and name in live and live[name].value.inputs:
                        continue  # It is another one because a trait that it reads is.
                    raise Conflict(
                        f"{entry.file} says something else about {name!r} than what is in force.",
                        hint="Somebody edited it: start the server again, then save.",
                    )
        return found, self.meaning_of(found)

    def _same_attributes(self, found: Mapping[str, Entry[Attribute]]) -> None:
        live = self._definitions.of(ATTRIBUTES)
        for name in sorted({*live, *found}):
            if name not in live:
                said = f"The attribute {name!r} is in the files and not in force yet."
            elif name not in found:
                said = f"The attribute {name!r} is gone from the files and still in force."
            elif live[name].value.decides != found[name].value.decides:
                said = f"The files say something else about the attribute {name!r} than what is in force."
            else:
                continue
            raise Conflict(
                said,
                hint="Start the server again, which reads anew what was said about customers; then save.",
            )

    def meaning_of(self, found: Definitions) -> Meaning:
        """Compile definitions; what is in force already keeps its place."""
        now = self._live.meaning
        attributes = self._definitions.of(ATTRIBUTES)
        traits = _in_places(now.traits, found.of(TRAITS))
        segments = _in_places(now.segments, found.of(SEGMENTS))
        vocabulary = Vocabulary(attributes, traits, segments)
        if clashes := vocabulary.clashes([attributes, traits, segments]):
            raise clashes[0]
        return Meaning.of(traits, segments, vocabulary)

    def _take_in(
        self, drafts: list[Draft], path: Path, found: Definitions, meaning: Meaning
    ) -> dict[str, Any]:
        old = self._live.meaning
        filling = None
        if meaning.lives_otherwise(old):
            filling = _Filling(self._live, self._customers, meaning, self._records)
            filling.until_few()
        sections = dict(self._definitions.sections)
        with passages.WRITING, self._records.lock:
            # Others may have written something else into the file while this was filled.
            before = path.read_text(encoding="utf-8") if path.is_file() else ""
            _, after = self._placed(drafts)
            self._records.ready()
            kernel = filling.finish() if filling else None
            passages.exchange(path, after)
            reach("before adoption")
            try:
                told = self._live.adopt(meaning, kernel)
                for section in KINDS.values():
                    self._definitions.sections[section.name] = _in_places(
                        self._definitions.of(section), found.of(section)
                    )
                self._records.write()
            except BaseException:
                passages.exchange(path, before)
                self._definitions.sections.update(sections)
                self._live.go_back(old)
                self._records.reload()
                raise
            reach("after adoption")
            self._renewed()
        return {
            "entered": sum(entered for _, entered, _ in told),
            "left": sum(left for _, _, left in told),
            "moved": [{"segment": n, "entered": came, "left": went} for n, came, went in told],
            "backfilled": filling.facts if filling else 0,
        }

    def _line(self, section: Section[Any], name: str, text: str, error: InvalidDefinition) -> int:
        """Return the line within a text of a mistake that is told with its line in the file."""
        path, after = self._placed([Draft(_kind(section), name, text)])
        found = passages.passage(after, section.name, name)
        mine = path.relative_to(self._definitions.directory).as_posix() == error.file
        inside = found is not None and found.first < error.line <= found.last
        return error.line - found.first if found and mine and inside else 1


class _Filling:
    """The live traits of a new meaning, filled while facts flow on.

    What the running ones keep is taken over from them; only events of which the new ones need more are read
    from history.
    """

    def __init__(
        self, live: Segmentation, customers: Customers, meaning: Meaning, records: Records
    ) -> None:
        self._live = live
        self._customers = customers
        self._records = records
        self._owners: dict[str, str] = {}
        self.facts = 0
        """How many facts were read from history."""
        self._words = meaning.words
        live.noted = set()
        self._kernel = live.new_kernel(meaning)
        with records.lock:
            records.ready()
            self._kernel.clock = live.now
            kept = live.kernel.columns()
            since = records.position()
        events = self._kernel.events()
        anew = self._kernel.missing(kept.covers) & events
        self._kernel.restore(kept, self._owner, anew)
        self._from = {frozenset(anew): 0, frozenset(events - anew): since}
        """By events: the position after which their facts are still to be read."""

    def until_few(self) -> None:
        """Take in what history holds, until only a few facts are left that came meanwhile."""
        while self._go_on() > FEW:
            pass

    def finish(self) -> Live:
        """Take in the rest, with the writer held still; owners, attributes and clock are those of now."""
        self._go_on()
        moved = {}
        for identity, owner in self._owners.items():
            now = self._owned(identity)
            if now != owner:
                moved[identity] = (owner, now)
        if moved:
            self._kernel.regroup(Regrouped(moved, self._live.now))
        noted, self._live.noted = self._live.noted, None
        for customer in noted or ():
            self._kernel.profile_changed(customer, self._words)
        self._kernel.advance(self._live.now)
        self._kernel.drain()
        return self._kernel

    def _go_on(self) -> int:
        before = self.facts
        for events in self._from:
            if events:
                self._kernel.extend(self._next(events))
        return self.facts - before

    def _next(self, events: frozenset[str]) -> Iterator[Fact]:
        for fact in self._records.facts(self._from[events], events):
            self._from[events] = fact.position
            if fact.customer and fact.event in events:
                self.facts += 1
                # The kernel keeps to the first owner it hears of; who it is now is set at the end.
                self._owners.setdefault(fact.identity, fact.customer)
                yield fact

    def _owner(self, identity: str) -> str:
        return self._owners.setdefault(identity, self._owned(identity))

    def _owned(self, identity: str) -> str:
        seen = self._customers.seen.get(identity)
        return seen.customer if seen is not None else ""


def written(name: str, definition: Mapping[str, Any]) -> str:
    r"""Write a definition in canonical YAML.

    >>> print(written("vip", {"when": "spend > 5", "title": {"en": "VIP"}}), end="")
    vip:
      title: {en: VIP}
      when: spend > 5
    """
    return passages.written(name, definition, first=("title", "description", "owner"))


def _in_places(now: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Bring definitions into the order of their places: those in force first, then what is new."""
    return {name: new[name] for name in now} | dict(new)


def _section(kind: str) -> Section[Any]:
    if kind not in KINDS:
        raise InvalidInput(
            f"{kind!r} is no kind of definition.", hint=f"One of {', '.join(KINDS)}."
        )
    return KINDS[kind]


def _kind(section: Section[Any]) -> str:
    return next(kind for kind, each in KINDS.items() if each is section)


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip() + "\n"


def _alone(draft: Draft) -> Entry[Any]:
    name = draft.name
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > LONGEST:
        raise InvalidInput(f"A {draft.kind} has a name of at most {LONGEST} characters.")
    entries, errors = parse(draft.text, _section(draft.kind))
    if errors:
        raise errors[0]
    if list(entries) != [draft.name]:
        raise InvalidInput(f"The text must define {draft.name!r} and nothing else.")
    return entries[draft.name]


def _plain(entry: Entry[Any]) -> dict[str, Any]:
    held: dict[str, Any] = entry.value.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    return held


def _finding(error: ICustomerError, line: int) -> dict[str, Any]:
    return {
        "level": "error",
        "text": error.message,
        "hint": error.hint or "",
        "line": max(1, line),
        "column": 1,
    }
