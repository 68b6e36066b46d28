"""Decision models in our own form: the section ``models`` of a YAML file, and back."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import ValidationError

from cid.kit.errors import InvalidInput, NotFound
from context.diagrams import DecisionModel, Feeled, Grid, InputClause, Item, Noun, OutputClause

MAX_TEXT = 4 << 20
"""Longest text we read."""

MAX_DEPTH = 100
"""Deepest nesting we read."""
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read_model(text: str, name: str = "") -> DecisionModel:
    """Read a model from a text with a section ``models``.

    Raises:
        InvalidInput: it is not YAML, or says something that is not known.
        NotFound: it has no model of that name.
    """
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"The model is longer than {MAX_TEXT >> 20} MiB.")
    try:
        _look_through(text)
        # Every scalar stays the text that was written: it is FEEL's business what it means.
        data = yaml.load(text, _LOADER)
    except yaml.YAMLError as error:
        raise InvalidInput(f"The model is not YAML: {error}.") from error
    models = data.get("models") if isinstance(data, dict) else None
    if not isinstance(models, dict) or not models:
        raise InvalidInput("There is no model.", hint="Begin with the line `models:`.")
    if name and name not in models:
        raise NotFound("model", name, models)
    if not name and len(models) > 1:
        raise InvalidInput(f"There are several models: {', '.join(models)}.", hint="Name one.")
    found = models[name or next(iter(models))]
    try:
        return DecisionModel.model_validate(found if isinstance(found, dict) else {})
    except ValidationError as error:
        said = error.errors()[0]
        place = ", ".join(str(part) for part in said["loc"])
        raise InvalidInput(f"The model is wrong: {place}: {said['msg']}.") from error


def _look_through(text: str) -> None:
    """Refuse what grows when it is read, before it is read."""
    depth = 0
    for each in yaml.parse(text, _LOADER):
        if isinstance(each, yaml.AliasEvent):
            raise InvalidInput("The model has YAML aliases; these are not read.")
        if isinstance(each, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(each, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise InvalidInput(f"The model is nested deeper than {MAX_DEPTH} levels.")


def write_model(model: DecisionModel, name: str) -> str:
    """Write a model as the section ``models`` of a file, in its one form."""
    said = plain(model)
    said.pop("ids", None)
    text: str = yaml.dump(
        {"models": {name: said}}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100
    )
    return text


class _Row(list[Any]):
    """A row of a table: it stands on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes rows on one line."""


_Dumper.add_representer(
    _Row, lambda dumper, row: dumper.represent_sequence("tag:yaml.org,2002:seq", row, True)
)


def plain(value: Any) -> Any:
    """Give a noun as YAML has it: what is not said is left out, plain FEEL is a text."""
    if isinstance(value, Feeled) and not (value.type or value.language):
        return value.feel
    if isinstance(value, Noun | DecisionModel):
        made = {}
        for name, field in type(value).model_fields.items():
            held = getattr(value, name)
            if field.is_required() or held != field.get_default(call_default_factory=True):
                made[field.alias or name] = plain(held)
        if isinstance(value, Grid):
            made["rows"] = [_Row(row) for row in value.rows]
        for kind, key in ((InputClause, "feel"), (OutputClause, "name"), (Item, "type")):
            if isinstance(value, kind) and made.keys() <= {key}:
                return made.get(key, "")
        return made
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value.model_dump(exclude_defaults=True) if hasattr(value, "model_dump") else value
