"""Definitions are YAML files in one directory; any file may hold any section.

A section (``traits:``, ``segments:``, ``rules:`` …) maps names to definitions. Each layer says which
sections it owns and which frozen model each definition must fit. A definition knows the file and line it
comes from and carries a version: the hash of its canonical content.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from cid.kit.clock import parse_duration
from cid.kit.errors import InvalidDefinition, InvalidInput, NotFound, suggestion
from cid.kit.ids import content_hash

MAX_FILE = 4 << 20
MAX_DEPTH = 40


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Feel = Annotated[str, BeforeValidator(_as_text)]
"""A FEEL expression in a definition; a bare ``true`` or ``7`` of YAML is taken as its text."""


def _as_duration(text: str) -> str:
    if text:
        try:
            parse_duration(text)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
    return text


Duration = Annotated[str, AfterValidator(_as_duration)]
"""A length of time in a definition, e.g. ``2 h`` or ``P30D``; may be empty."""


def _as_zone(text: str) -> str:
    if text:
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{text!r} is no time zone. Write it as Europe/Paris.") from None
    return text


Zone = Annotated[str, AfterValidator(_as_zone)]
"""A time zone in a definition, e.g. ``Asia/Shanghai``; may be empty."""


class Title(BaseModel):
    """What a thing is called, in English and Chinese."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str
    zh: str = ""

    def in_language(self, language: str) -> str:
        """Return the title in a language, English where it is missing."""
        return str(getattr(self, language, "") or self.en)


class Definition(BaseModel):
    """What every definition has: a title, a purpose and an owner; nothing that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    title: Title | None = None
    description: Title | None = None
    owner: str = ""
    purpose: str = ""
    """What it is there for: the decision or the use that needs it."""


D = TypeVar("D", bound=Definition)


@dataclass(frozen=True)
class Section(Generic[D]):
    """A kind of definition: the word it stands under, its model, and whether it is a single thing."""

    name: str
    model: type[D]
    single: bool = False


@dataclass(frozen=True)
class Entry(Generic[D]):
    """One definition with its name, place and version."""

    name: str
    value: D
    file: str
    line: int
    version: str
    builtin: bool = False

    def title(self, language: str = "en") -> str:
        """Return what the definition is called in a language; its name where it has no title."""
        return self.value.title.in_language(language) if self.value.title else self.name

    def error(self, message: str, *, hint: str | None = None) -> InvalidDefinition:
        """Make an error that points at this definition."""
        return InvalidDefinition(
            f"{self.name!r}: {message}", file=self.file, line=self.line, hint=hint
        )


@dataclass
class Definitions:
    """All definitions of a company, by section and name."""

    directory: Path
    sections: dict[str, dict[str, Entry[Any]]] = field(default_factory=dict)

    def of(self, section: Section[D]) -> dict[str, Entry[D]]:
        """Return the definitions of one section, in the order they were read."""
        return self.sections.get(section.name, {})

    def get(self, section: Section[D], name: str) -> Entry[D]:
        """Return one definition by name.

        Raises:
            NotFound: no definition has that name.
        """
        entries = self.of(section)
        if name not in entries:
            raise NotFound(section.name.rstrip("s"), name, entries)
        return entries[name]

    def version(self, without: Collection[str] = ()) -> str:
        """Return the version of the whole: it changes when any definition does, but for some sections."""
        parts = [
            f"{section}/{name}={entry.version}"
            for section, entries in sorted(self.sections.items())
            if section not in without
            for name, entry in sorted(entries.items())
        ]
        return content_hash("\n".join(parts))


def load(
    directory: Path,
    sections: Iterable[Section[Any]],
    builtin: Iterable[Path] = (),
    instead: Mapping[Path, str] | None = None,
) -> tuple[Definitions, list[InvalidDefinition]]:
    """Read every definition below a directory, and everything that is wrong with them.

    Args:
        directory: the company's directory; ``data/`` and hidden folders in it are left out.
        sections: the kinds of definitions that may occur.
        builtin: files shipped with the product, read first; the company's files may replace what they say.
        instead: texts to be read instead of what stands in files of the directory, to see how that would be.
    """
    other = instead or {}
    known = {section.name: section for section in sections}
    result = Definitions(directory, {name: {} for name in known})
    errors: list[InvalidDefinition] = []
    own = [(path, False) for path in sorted({*_files(directory), *other})]
    for path, replaceable in [*((path, True) for path in builtin), *own]:
        shown = path.name if replaceable else str(path.relative_to(directory))
        try:
            text = other[path] if path in other else _read_file(path, shown)
            document = _compose(text, shown)
        except InvalidDefinition as error:
            errors.append(error)
            continue
        for word, node in document:
            section = known.get(str(word.value))
            line = word.start_mark.line + 1
            if section is None:
                errors.append(
                    InvalidDefinition(
                        f"{word.value!r} is not a kind of definition.",
                        file=shown,
                        line=line,
                        hint=suggestion(str(word.value), known),
                    )
                )
                continue
            errors.extend(_read(section, node, shown, line, result, replaceable))
    return result, errors


def parse(
    text: str, section: Section[D], shown: str = ""
) -> tuple[dict[str, Entry[D]], list[InvalidDefinition]]:
    """Read definitions of one section from a text that maps names to them, and all that is wrong.

    >>> parse("a: {titel: {en: A}}", Section("things", Definition))[1][0].hint
    "Did you mean 'title'?"
    """
    result = Definitions(Path(), {section.name: {}})
    try:
        node = _composed(text, shown)
    except InvalidDefinition as error:
        return {}, [error]
    if node is None:
        return {}, []
    errors = list(_read(section, node, shown, 1, result, False))
    return result.of(section), errors


def _files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*.y*ml"):
        parts = path.relative_to(directory).parts
        if path.suffix in (".yaml", ".yml") and parts[0] != "data":
            if not any(part.startswith(".") for part in parts):
                yield path


class _Guarded(yaml.composer.Composer):
    """Composes nodes as YAML does, but without aliases (no bombs) and not without end."""

    check_event: Any
    peek_event: Any

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not used here", mark)
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, "nested too deeply", None)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


class _Loader(_Guarded, yaml.SafeLoader):
    """Safe YAML without aliases and without dates (they stay text)."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _first in "onYyN":
    # In these files `on`, `yes` and `no` are words, as in YAML 1.2.
    _Loader.yaml_implicit_resolvers[_first] = [
        pair
        for pair in _Loader.yaml_implicit_resolvers.get(_first, [])
        if pair[0] != "tag:yaml.org,2002:bool"
    ]

_Fast: Any = None
if yaml.__with_libyaml__:

    class _Quick(_Guarded, yaml.CSafeLoader):
        """The characters are read by libyaml, five times as fast; nodes and places are the same."""

        def __init__(self, text: str) -> None:
            yaml.CSafeLoader.__init__(self, text)
            _Guarded.__init__(self)

    _Quick.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers
    _Fast = _Quick


def _read_file(path: Path, shown: str) -> str:
    if path.stat().st_size > MAX_FILE:
        raise InvalidDefinition(
            f"The file is larger than {MAX_FILE >> 20} MiB.", file=shown, line=1
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidDefinition("The file is not UTF-8 text.", file=shown, line=1) from error


def _compose(text: str, shown: str) -> list[tuple[Any, Any]]:
    node = _composed(text, shown)
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise InvalidDefinition(
            "A definition file maps kinds to definitions.",
            file=shown,
            line=1,
            hint="Begin with a line such as `traits:`.",
        )
    return list(node.value)


def _composed(text: str, shown: str) -> Any:
    try:
        return _node(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidDefinition(
            f"Not YAML: {error.problem or error.context}.", file=shown, line=line
        ) from error
    except yaml.YAMLError as error:
        raise InvalidDefinition(
            "Not YAML: a character that is not allowed.", file=shown, line=1
        ) from error


def _node(text: str) -> Any:
    if _Fast is not None:
        with suppress(yaml.YAMLError):
            return _Fast(text).get_single_node()
    # What is wrong is said in the words of the plain parser, wherever this is installed.
    return _Loader(text).get_single_node()


def _read(
    section: Section[Any],
    node: Any,
    shown: str,
    line: int,
    result: Definitions,
    replaceable: bool,
) -> Iterator[InvalidDefinition]:
    target = result.sections[section.name]
    if section.single:
        pairs = [(None, node)]
    elif isinstance(node, yaml.MappingNode):
        pairs = node.value
    elif isinstance(node, yaml.ScalarNode) and not node.value:
        pairs = []
    else:
        yield InvalidDefinition(
            f"{section.name!r} maps names to definitions.", file=shown, line=line
        )
        return
    for key, value in pairs:
        name = section.name if key is None else str(key.value)
        place = line if key is None else key.start_mark.line + 1
        before = target.get(name)
        if before is not None and not before.builtin:
            yield InvalidDefinition(
                f"{section.name} {name!r} is defined twice; first in {before.file}:{before.line}.",
                file=shown,
                line=place,
            )
            continue
        data, problem = _construct(value)
        if problem is not None:
            yield InvalidDefinition(problem[0], file=shown, line=problem[1])
            continue
        try:
            model = section.model.model_validate(data)
        except ValidationError as error:
            yield from _explain(error, section, name, value, shown, place)
            continue
        version = content_hash(json.dumps(data, sort_keys=True, default=str, ensure_ascii=False))
        target[name] = Entry(name, model, shown, place, version, replaceable)


def _construct(node: Any) -> tuple[Any, tuple[str, int] | None]:
    constructor = _Loader("")
    try:
        data = constructor.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return None, (f"Not YAML: {error.problem}.", mark.line + 1 if mark else 1)
    except (ValueError, RecursionError) as error:
        return None, (f"Not a value: {error}.", node.start_mark.line + 1)
    return ({} if data is None else data), None


def _explain(
    error: ValidationError, section: Section[Any], name: str, node: Any, shown: str, line: int
) -> Iterator[InvalidDefinition]:
    for detail in error.errors():
        path = [part for part in detail["loc"]]
        place, reached = _locate(node, path, line)
        word = str(path[-1]) if path else ""
        hint = None
        if detail["type"] == "extra_forbidden":
            message = f"{section.name} {name!r}: {'.'.join(map(str, reached)) or word!r} is not known here."
            hint = suggestion(word, section.model.model_fields)
        elif detail["type"] == "missing":
            message = f"{section.name} {name!r}: {word!r} is missing."
        else:
            said = detail["msg"].removeprefix("Value error, ").rstrip(".")
            where = f"{'.'.join(map(str, path))}: " if path else ""
            message = f"{section.name} {name!r}: {where}{said}."
        yield InvalidDefinition(message, file=shown, line=place, hint=hint)


def _locate(node: Any, path: list[Any], line: int) -> tuple[int, list[Any]]:
    reached: list[Any] = []
    for part in path:
        found = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if str(key.value) == str(part):
                    line, found = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part < len(node.value):
                found = node.value[part]
                line = found.start_mark.line + 1
        if found is None:
            continue
        node = found
        reached.append(part)
    return line, reached
