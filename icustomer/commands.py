"""What can be asked of a company by name: the same table for the command line and for a running server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cid.kit.errors import InvalidInput, NotFound
from icustomer.company import ICustomer
from icustomer.ownership import ask_owner, listening
from icustomer.settings import Settings

COMMANDS = frozenset(
    {
        "summary",
        "catch_up",
        "cid.describe",
        "cid.customer",
        "cid.find",
        "cid.timeline",
        "cid.products",
        "cii.ledger",
        "cii.quarantine",
        "cii.replay",
        "cii.load",
        "cii.flows",
        "cii.matrix",
        "cii.find",
        "cii.evidence",
        "cii.merge",
        "cii.unmerge",
        "cic.segments",
        "cic.segment",
        "cic.members",
        "cic.sizes",
        "cic.memberships",
        "cic.traits",
        "cic.why",
        "cic.preview",
        "cic.preview_past",
        "cic.definition",
        "cic.check_definition",
        "cic.save",
        "cic.define",
        "cic.query",
        "cic.open",
        "cic.explorable",
        "cic.sql",
        "cic.reads",
        "cic.stop_query",
        "cic.export",
        "cic.exports",
        "cic.verify",
        "cic.verifications",
        "cic.outgoing",
        "cic.scores",
        "cic.score",
        "cfa.tasks",
        "cfa.complete_task",
        "cfa.cases",
        "cfa.case",
        "cfa.board",
        "cfa.apps",
        "context.rules",
        "context.rule",
        "context.why",
        "context.decisions",
        "context.tables",
        "context.ask_table",
        "context.backtest",
        "context.backtest_all",
        "cbc.measures",
        "cbc.measure",
        "cbc.drill",
        "cbc.capabilities",
        "cbc.capability",
        "cbc.loop",
    }
)


def carry_out(company: ICustomer, command: str, parameters: Mapping[str, Any]) -> Any:
    """Carry out a command in this process, on everything that has been received by now.

    Raises:
        NotFound: there is no such command.
        InvalidInput: a parameter is missing or not known.
    """
    if command not in COMMANDS:
        raise NotFound("command", command, COMMANDS)
    target: Any = company
    for part in command.split("."):
        target = getattr(target, part)
    company.catch_up()
    if command.startswith(("cic.", "cbc.", "context.backtest")):
        # Whoever has just loaded a file wants to see it in the next answer.
        company.history.fresh()
    try:
        return target(**parameters)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise InvalidInput(f"{command}: {error}.") from error


def ask(
    directory: Path, command: str, parameters: Mapping[str, Any], settings: Settings | None = None
) -> Any:
    """Carry out a command: in the server that owns the directory, or else here."""
    path = directory.resolve()
    server = listening(path / "data")
    if server is not None:
        return ask_owner(server, command, parameters)
    with ICustomer.open(path, settings=settings) as company:
        return carry_out(company, command, parameters)
