"""All definitions of a company: what the product and its plugins ship, and what the company wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cbc.model
import cfa.model
import cic.model
import cid.model.definition
import cii.model
from cbc.ports import CAPABILITIES as CAPABILITY_PLUGINS
from cic.model import SCORES, TRAITS, Trait, settled
from cid.kit.definitions import Definitions, Entry, Section, load
from cid.kit.errors import InvalidDefinition, NotFound
from cid.model.definition import ATTRIBUTES, COMPANY
from cid.ports import EXTENSIONS
from context import model as context_model

SECTIONS: tuple[Section[Any], ...] = (
    *cid.model.definition.SECTIONS,
    *cii.model.SECTIONS,
    *cic.model.SECTIONS,
    *cfa.model.SECTIONS,
    *context_model.SECTIONS,
    *cbc.model.SECTIONS,
)


def read(
    directory: Path, instead: Mapping[Path, str] | None = None
) -> tuple[Definitions, list[InvalidDefinition]]:
    """Read a company's definitions with all that is wrong with their form.

    ``instead`` gives texts to be read instead of what stands in files, to see how that would be.

    Raises:
        NotFound: there is no such directory.
    """
    if not directory.is_dir():
        raise NotFound("company directory", str(directory))
    builtin = [
        path
        for port in (EXTENSIONS, CAPABILITY_PLUGINS)
        for name in port.names()
        for path in port.load(name)().definitions()
    ]
    definitions, errors = load(directory, SECTIONS, builtin, instead)
    _add_scores(definitions)
    company = definitions.of(COMPANY).get("company")
    zone = company.value.time_zone if company else "UTC"
    traits, wrong = settled(definitions.of(TRAITS), definitions.of(ATTRIBUTES), zone)
    definitions.sections[TRAITS.name] = traits
    return definitions, errors + wrong


def _add_scores(definitions: Definitions) -> None:
    """A published score is a trait: the last value said by the model of that name."""
    traits = definitions.sections[TRAITS.name]
    for name, entry in definitions.of(SCORES).items():
        trait = Trait(
            title=entry.value.title,
            description=entry.value.description,
            of=("Score Updated",),
            last="value",
            where=f'score = "{name}"',
        )
        traits.setdefault(name, Entry(name, trait, entry.file, entry.line, entry.version))
