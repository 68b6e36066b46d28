"""Commands of integration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cid.kit.cli import ask

app = typer.Typer(help="Integration: how customer information flows.", no_args_is_help=True)

Identifier = Annotated[str, typer.Argument(help="An identifier such as email:ann@example.org")]
Reason = Annotated[str, typer.Option(help="How you know.")]
Actor = Annotated[str, typer.Option(help="Who decides.")]


@app.command()
def ledger(ctx: typer.Context) -> None:
    """Show what became of everything received; the totals balance."""
    ask(ctx, "cii.ledger")


@app.command()
def quarantine(
    ctx: typer.Context,
    replay: Annotated[bool, typer.Option("--replay", help="Apply them again.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
) -> None:
    """Show the records that wait, with the reason; or apply them again."""
    if replay:
        ask(ctx, "cii.replay")
    else:
        ask(ctx, "cii.quarantine", limit=limit)


@app.command()
def load(
    ctx: typer.Context,
    flow: Annotated[str, typer.Argument(help="Name of the flow.")],
    files: Annotated[list[Path], typer.Argument(help="Files to load.")],
) -> None:
    """Load files through a flow: every row is applied, duplicate, rejected or quarantined."""
    ask(ctx, "cii.load", flow=flow, files=[str(path.resolve()) for path in files])


@app.command()
def flows(ctx: typer.Context) -> None:
    """List the flows."""
    ask(ctx, "cii.flows")


@app.command()
def matrix(ctx: typer.Context) -> None:
    """Show attribute by system: who may say what, how much each says, what is in force."""
    ask(ctx, "cii.matrix")


@app.command()
def find(
    ctx: typer.Context, message_id: Annotated[str, typer.Argument(help="Id of a record.")]
) -> None:
    """Say what became of one record."""
    ask(ctx, "cii.find", message_id=message_id)


@app.command()
def evidence(
    ctx: typer.Context, customer: Annotated[str, typer.Argument(help="Customer id or identifier.")]
) -> None:
    """Say why we think that this is one customer."""
    ask(ctx, "cii.evidence", customer=customer)


@app.command()
def merge(
    ctx: typer.Context, a: Identifier, b: Identifier, reason: Reason, actor: Actor = "cli"
) -> None:
    """Decide that two identifiers are the same customer."""
    ask(ctx, "cii.merge", a=a, b=b, reason=reason, actor=actor)


@app.command()
def unmerge(
    ctx: typer.Context, a: Identifier, b: Identifier, reason: Reason, actor: Actor = "cli"
) -> None:
    """Veto the evidence between two identifiers; it stays undone."""
    ask(ctx, "cii.unmerge", a=a, b=b, reason=reason, actor=actor)
