"""The reference pages, written from the program itself.

``python -m icustomer.reference docs/reference`` writes them.

Commands, settings, definitions, measures, HTTP and sockets are described where they are written;
these pages only gather that, so that they cannot be wrong for long: a test compares them.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cbc.model import CAPABILITIES, MEASURES
from cbc.ports import CAPABILITIES as CAPABILITY_PLUGINS
from cic.exploration.questions import KINDS
from cic.semantics import BASES, Vocabulary
from cid.kit.definitions import Definition, Definitions, Feel, Section, Title, load
from context.diagrams import Expression
from icustomer.definitions import SECTIONS
from icustomer.settings import Settings
from icustomer.sockets import PORTS

NOTE = "<!-- Written by `python -m icustomer.reference docs/reference`; do not edit. -->\n"
LAYERS = {
    "cid": "Definition",
    "cii": "Integration",
    "cic": "Intelligence",
    "cfa": "Applications",
    "context": "Context",
    "cbc": "Capabilities",
}
WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    str | int | float | bool: "a value",
    Definition: "title and description",
}
SEEDS = re.compile(r" \((?:also )?S\d\.[^)]*\)")
"""Numbers of requirements in docstrings; they say nothing to a reader of these pages."""
KITS = {
    **{
        f"icustomer.{layer}.stores": f"{layer}.testing.StoreContract"
        for layer in ("cid", "cii", "cic", "cfa", "context")
    },
    "icustomer.cii.transports": "cii.testing.TransportContract",
    "icustomer.cii.connectors": "cii.testing.ConnectorContract",
    "icustomer.cic.engines": "cic.testing.EngineContract",
    "icustomer.cic.scorers": "cic.testing.ScorerContract",
    "icustomer.cfa.apps": "cfa.testing.AppContract",
    "icustomer.context.actions": "context.testing.ActionContract",
    "icustomer.context.notations": "context.testing.NotationContract",
    "icustomer.context.sheets": "context.testing.SheetContract",
    "icustomer.cbc.capabilities": "cbc.testing.CapabilityContract",
}


def pages() -> dict[str, str]:
    """Return every reference page by its file name."""
    return {
        "cli.md": cli_page(),
        "settings.md": settings_page(),
        "definitions.md": definitions_page(),
        "measures.md": measures_page(),
        "exploration.md": exploration_page(),
        "http.md": http_page(),
        "plugins.md": plugins_page(),
    }


def cli_page() -> str:
    """Return the page of all commands."""
    from icustomer.cli import app

    root: Any = typer.main.get_command(app)
    text = [
        f"{NOTE}\n# Commands\n",
        "`--dir DIR` (the company's directory, the present one if not given) and `--json` (one",
        "JSON document on standard output) may stand anywhere. Errors go to standard error with",
        "an exit code other than 0.\n",
        "A command works beside a running server: it finds the server and lets it answer.\n",
    ]
    own = {name: each for name, each in root.commands.items() if not hasattr(each, "commands")}
    groups = {name: each for name, each in root.commands.items() if hasattr(each, "commands")}
    text += ["## The whole\n", *_commands("icustomer", own)]
    for name, group in groups.items():
        text += [f"## {name}\n", f"{group.help}\n", *_commands(f"icustomer {name}", group.commands)]
    return _joined(text)


def _commands(prefix: str, commands: Mapping[str, Any]) -> Iterator[str]:
    for name, command in commands.items():
        if hasattr(command, "commands"):
            yield from _commands(f"{prefix} {name}", command.commands)
            continue
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        options = [each for each in command.params if each.param_type_name == "option"]
        words = [_argument(each) for each in arguments]
        yield f"### {' '.join([prefix, name, *words])}\n"
        yield f"{_line(command.help)}\n"
        rows = [
            (f"`{_argument(each)}`", _line(getattr(each, "help", "")), "") for each in arguments
        ]
        rows += [
            (f"`{'`, `'.join(each.opts)}`", _line(each.help), _default(each.default))
            for each in options
        ]
        if rows:
            yield _table(("", "meaning", "if not given"), rows)


def _argument(argument: Any) -> str:
    name = argument.name.upper() + ("…" if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def settings_page() -> str:
    """Return the page of all settings."""
    rows = []
    for name, info in Settings.model_fields.items():
        default = "empty" if info.default_factory else _default(info.default) or "empty"
        rows.append((f"`ICUSTOMER_{name.upper()}`", _line(info.description), default))
    return _joined(
        [
            f"{NOTE}\n# Settings\n",
            "Every setting is an environment variable.",
            "The defaults are safe on one's own machine.\n",
            _table(("variable", "meaning", "if not given"), rows),
        ]
    )


def definitions_page() -> str:
    """Return the page of all sections and fields of definition files."""
    text = [
        f"{NOTE}\n# Definitions\n",
        "A company's definitions are YAML files below its directory; any file may hold any",
        "section. A section maps names to definitions. `icustomer check` names file, line and a",
        "suggestion for everything that is wrong. `FEEL` fields hold expressions, durations are",
        "written `90 d`.\n",
        "Every definition may have `title` and `description` (`{en: …, zh: …}`), `owner` and `purpose`.\n",
    ]
    told: set[type[BaseModel]] = {Definition, Title}
    for layer, name in LAYERS.items():
        own = [section for section in SECTIONS if section.model.__module__.startswith(f"{layer}.")]
        text.append(f"## {layer}: {name}\n")
        for section in own:
            text += [f"### {section.name}\n", *_model(section.model, told)]
    return _joined(text)


def _model(model: type[BaseModel], told: set[type[BaseModel]]) -> Iterator[str]:
    told.add(model)
    yield f"{_plain(inspect.getdoc(model))}\n"
    hints = typing.get_type_hints(model, include_extras=True)
    notes = _notes(model)
    rows, nested = [], []
    for name, info in model.model_fields.items():
        if name in Definition.model_fields:
            continue
        hint = hints[name]
        shown = "must be given" if info.is_required() else _field_default(info)
        note = _line(notes.get(name) or info.description)
        rows.append((f"`{info.alias or name}`", type_words(hint), note, shown))
        nested += [each for each in _models_in(hint) if each not in told]
    if rows:
        yield _table(("field", "what", "meaning", "if not given"), rows)
    for inner in dict.fromkeys(nested):
        if inner in told:
            continue  # It was told within one of those before it.
        yield f"#### {inner.__name__}\n"
        yield from _model(inner, told)


def type_words(hint: Any) -> str:
    """Say in words what a field holds.

    >>> type_words(tuple[str, ...]), type_words(Literal["a", "b"]), type_words(float | None)
    ('list of text', '`a`, `b`', 'number')
    """
    if hint == Feel:
        return "FEEL"
    if hint is Any:
        return "any value"
    if hint == Expression:
        return "FEEL, or one of the boxes"
    if hint in WORDS:
        return WORDS[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return type_words(parts[0])
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in parts)
    if origin is tuple:
        return f"list of {type_words(parts[0])}"
    if origin is dict:
        return f"names with {type_words(parts[1])}"
    if origin in (UnionType, typing.Union):
        return " or ".join(type_words(each) for each in parts if each is not type(None))
    return f"[{hint.__name__}](#{hint.__name__.lower()})"


def _models_in(hint: Any) -> list[type[BaseModel]]:
    if inspect.isclass(hint) and issubclass(hint, BaseModel):
        return [hint]
    return [found for part in get_args(hint) for found in _models_in(part)]


def _notes(model: type[BaseModel]) -> dict[str, str]:
    """Return the text that stands below each field in the source."""
    notes: dict[str, str] = {}
    for base in model.__bases__:
        if base is not BaseModel and issubclass(base, BaseModel):
            notes |= _notes(base)
    tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    body = typing.cast("ast.ClassDef", tree.body[0]).body
    for before, after in pairwise(body):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            notes[before.target.id] = str(after.value.value)
    return notes


def _field_default(info: FieldInfo) -> str:
    return "" if info.default_factory else _default(info.default)


def shipped_measures() -> Definitions:
    """Return the capabilities and measures that come with the product."""
    sections: tuple[Section[Any], ...] = (MEASURES, CAPABILITIES)
    with TemporaryDirectory() as nothing:
        found, _ = load(Path(nothing), sections, CAPABILITY_PLUGINS.load("builtin")().definitions())
    return found


def measures_page() -> str:
    """Return the page of the measures that come with the product."""
    found = shipped_measures()
    text = [
        f"{NOTE}\n# Measures\n",
        "Each number has one formula and opens to the customers behind it:",
        "`icustomer cbc drill NAME`.",
        "A company's own file may define any of them again.\n",
    ]
    for name, entry in sorted(found.of(MEASURES).items()):
        measure = entry.value
        shows = [
            f"`{capability}`"
            for capability, each in found.of(CAPABILITIES).items()
            if name in each.value.measures
        ]
        text.append(f"## {name}\n")
        heading = f"**{entry.title()}** · {entry.title('zh')}"
        described = f" — {measure.description.en}" if measure.description else ""
        text.append(f"{heading}{described}\n")
        text.append(f"{_plain(measure.formula)}\n")
        facts = [f"unit {measure.unit}", f"{measure.better} is better", f"period {measure.period}"]
        if measure.target is not None:
            facts.append(f"target {measure.target:g}")
        if shows:
            facts.append(f"shows {', '.join(shows)}")
        text.append(f"{'; '.join(facts)}\n")
    return _joined(text)


def exploration_page() -> str:
    """Return the page of what exploration can be asked: kinds of questions, measures, dimensions."""
    words = Vocabulary({})
    text = [
        f"{NOTE}\n# Exploration\n",
        "What `company.cic.query(…)`, `icustomer cic query --file` and `POST /api/cic/query` can be",
        "asked. How: [ask anything](../how-to/ask-anything.md). A company adds its attributes as",
        "dimensions, and [figures](definitions.md#figures) and",
        "[dimensions](definitions.md#dimensions) of its own.\n",
        "## Kinds of questions\n",
    ]
    told: set[type[BaseModel]] = {Definition, Title}
    for kind, model in KINDS.items():
        text += [f"### {kind}\n", *_model(model, told)]
    rows = []
    for name, counted in words.measures.items():
        split = [f"`{each}`" for each in words.dimensions if words.on(counted.base, each)]
        added = "" if counted.additive else "no"
        title = f"{counted.title.en} · {counted.title.zh}"
        of = BASES[counted.base].title.en
        rows.append((f"`{name}`", title, of, counted.unit, added, ", ".join(split)))
    heads = ("measure", "title", "of", "unit", "adds up", "by")
    text += ["## Measures\n", _table(heads, rows)]
    dimensions = [
        (f"`{name}`", f"{split.title.en} · {split.title.zh}", split.type)
        for name, split in words.dimensions.items()
    ]
    text += ["## Dimensions\n", _table(("dimension", "title", "type"), dimensions)]
    return _joined(text)


def http_page() -> str:
    """Return the page of the HTTP interface, from its own OpenAPI description."""
    from icustomer.app import create_app
    from icustomer.company import ICustomer
    from icustomer.starting import init_company

    with TemporaryDirectory() as place:
        init_company(Path(place) / "company")
        with ICustomer.open(Path(place) / "company") as company:
            described = create_app(company, beat=False).openapi()
    by_tag: dict[str, list[tuple[str, str, str, str]]] = {}
    for path, methods in sorted(described["paths"].items()):
        if not path.startswith(("/api/", "/v1/", "/beacon/", "/sourceConfig", "/projects")):
            continue
        for method, said in methods.items():
            tag = (said.get("tags") or ["others"])[0]
            asked = ", ".join(
                f"`{each['name']}`" for each in said.get("parameters", []) if each["in"] == "query"
            )
            about = _line(said.get("description") or said.get("summary"))
            by_tag.setdefault(tag, []).append((f"`{method.upper()} {path}`", about, asked, ""))
    text = [
        f"{NOTE}\n# HTTP\n",
        "A running server describes itself at `/openapi.json`. Errors are",
        "`application/problem+json` (RFC 9457) with `title`, `detail` and, where there is one,",
        "`hint`; on the collect paths they are `{code, message}`, as the clients of that protocol",
        "expect.\n",
    ]
    for tag in sorted(by_tag, key=lambda each: (each != "collect", [*LAYERS, each].index(each))):
        rows = [row[:3] for row in by_tag[tag]]
        text += [f"## {tag}\n", _table(("address", "what it does", "parameters"), rows)]
    return _joined(text)


def plugins_page() -> str:
    """Return the page of the sockets and what is in them."""
    text = [
        f"{NOTE}\n# Sockets\n",
        "A plugin is a class that keeps a socket's protocol and an entry point in the socket's",
        "group. What ships with the product comes in through the same door. See also:",
        "`icustomer plugins`.\n",
    ]
    for port in PORTS:
        protocol = port.protocol
        text += [f"## {port.group}\n", f"{_plain(inspect.getdoc(protocol))}\n"]
        members = [
            (f"`{name}{_signature(value)}`", _line(inspect.getdoc(value)))
            for name, value in vars(protocol).items()
            if inspect.isfunction(value) and not name.startswith("_")
        ]
        text.append(f"`{protocol.__module__}.{protocol.__name__}`\n")
        text.append(_table(("method", "what it does"), members))
        shipped = [row for row in port.describe() if row["distribution"] == "icustomer"]
        listed = ", ".join(f"`{row['name']}` ({row['implementation']})" for row in shipped)
        text.append(f"Ships with: {listed}.\n")
        if port.group in KITS:
            text.append(f"Contract kit: `{KITS[port.group]}`.\n")
    return _joined(text)


def _signature(function: Any) -> str:
    names = [
        name if parameter.default is parameter.empty else f"{name}=…"
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
    ]
    return f"({', '.join(names)})"


def _default(value: Any) -> str:
    if value is None or value == "" or value == () or isinstance(value, BaseModel):
        return ""
    if callable(value) or type(value).__name__ == "Sentinel" or "UNSET" in repr(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{value}`"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _line(text: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return _plain((text or "").strip().partition("\n\n")[0]).replace("\n", " ")


def _plain(text: str | None) -> str:
    """Turn the double ticks of docstrings into Markdown's."""
    return SEEDS.sub("", inspect.cleandoc(text or "")).replace("``", "`")


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    """Write the pages into the directory that is named."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
