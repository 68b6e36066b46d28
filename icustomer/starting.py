"""Begin with a company: make its directory, check its definitions."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cid.kit.errors import Conflict, ICustomerError, InvalidDefinition, InvalidInput, NotFound

LOCALES = Path(__file__).parent / "web" / "locales"
STARTER = Path(__file__).parent / "samples" / "starter"
EXAMPLES = Path(__file__).parent / "samples" / "examples"
"""Definitions that any company may take over, a file for each example."""


def examples() -> list[str]:
    """List the examples by which a company's definitions may begin.

    >>> examples()
    ['lifecycle', 'rfm']
    """
    return sorted(path.stem for path in EXAMPLES.glob("*.yaml"))


def init_company(directory: Path, add: Sequence[str] = ()) -> str:
    """Make a company's directory with commented definitions; return what to do next.

    Args:
        directory: where the company is to live.
        add: examples to put beside them; where there is a company already, they are put beside its own.

    Raises:
        Conflict: there are definitions already, or a file of an example is.
        NotFound: there is no such example.
        InvalidInput: the directory cannot be written.
    """
    for name in add:
        if name not in examples():
            raise NotFound("example", name, examples())
    there = directory.exists() and any(directory.glob("*.yaml"))
    if there and not add:
        raise Conflict(
            f"There are definitions in {directory} already.",
            hint="Choose an empty directory, or add an example to it: --with lifecycle",
        )
    files = [EXAMPLES / f"{name}.yaml" for name in dict.fromkeys(add)]
    files += [] if there else sorted(STARTER.glob("*.yaml"))
    for path in files:
        if (directory / path.name).exists():
            raise Conflict(
                f"There is a file {path.name} in {directory} already.", hint="Change that one."
            )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path in files:
            shutil.copyfile(path, directory / path.name)
    except OSError as error:
        raise InvalidInput(
            f"{directory} cannot be written: {error.strerror}.", hint="Choose another directory."
        ) from error
    told = ", ".join(path.name for path in files) if there else str(directory)
    return (
        f"Made {told}. Look at the files, then:\n"
        f"  icustomer check {directory}\n  icustomer serve --dir {directory}"
    )


def check_company(directory: Path, language: str = "en") -> list[dict[str, Any]]:
    """Return everything that is wrong with a company's definitions; empty where all is in order.

    What is of level ``error`` cannot be opened; a ``warning`` or a ``note`` works, but is hardly meant.
    """
    from icustomer.definitions import read

    try:
        definitions, errors = read(directory)
    except ICustomerError as error:
        return [_problem(error)]
    if not errors and not definitions.sections["company"]:
        errors.append(
            InvalidDefinition(
                "There is no `company:` in this directory.",
                file="company.yaml",
                line=1,
                hint="See `icustomer init` for an example.",
            )
        )
    if errors:
        return [_problem(error) for error in errors]
    found = _found(definitions, language)
    if any(each["level"] == "error" for each in found):
        return found
    return [*(_problem(error) for error in _meaning(directory, definitions)), *found]


def _found(definitions: Any, language: str) -> list[dict[str, Any]]:
    """Say what analysis finds in conditions and tables, in a language."""
    from context.analysis import as_form, findings, in_files
    from context.pressure import pressures
    from context.scenarios import failures
    from icustomer.web.language import read_catalogues

    catalogue = read_catalogues(LOCALES)[language]
    problems = []
    for each in [
        *findings(definitions),
        *pressures(definitions),
        *in_files(definitions, failures(definitions)),
    ]:
        words = {
            name: catalogue.messages.get(str(word)) or word for name, word in each.words.items()
        }
        form, named = as_form(each.hint)
        message = catalogue.say(each.form, **words)
        hint = catalogue.say(form, **named)
        text = f"{each.file}:{each.line}:{each.column}: {each.name!r}: {message} {hint}".rstrip()
        place = {"file": each.file, "line": each.line, "column": each.column}
        problems.append(
            {**place, "message": message, "hint": hint, "text": text, "level": each.level}
        )
    return problems


def _meaning(directory: Path, definitions: Any) -> list[ICustomerError]:
    """Put the company together in a place aside, to find what is wrong beyond the form."""
    from cic.conditions import Vocabulary
    from cic.model import SEGMENTS, TRAITS
    from cid.kit.clock import ManualClock
    from cid.model.definition import ATTRIBUTES
    from icustomer.build import build
    from icustomer.checking import dead_names
    from icustomer.company import ICustomer
    from icustomer.settings import Settings

    parts = [definitions.of(section) for section in (ATTRIBUTES, TRAITS, SEGMENTS)]
    errors: list[ICustomerError] = list(Vocabulary(*parts).clashes(parts))
    errors.extend(dead_names(definitions))
    if errors:
        return errors
    with TemporaryDirectory() as aside:
        settings = Settings(database_url="", transport="sqlite")
        try:
            layers = build(directory, definitions, settings, ManualClock(0), data=Path(aside))
        except ICustomerError as error:
            return [error]
        with ICustomer(directory, definitions, settings, ManualClock(0), layers) as company:
            errors.extend(company.cbc.problems())
    return errors


def _problem(error: ICustomerError) -> dict[str, Any]:
    return {
        "file": getattr(error, "file", ""),
        "line": getattr(error, "line", 0),
        "column": 1,
        "level": "error",
        "message": error.message,
        "hint": error.hint or "",
        "text": str(error),
    }
