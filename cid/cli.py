"""Commands of the definition of customers."""

from __future__ import annotations

from typing import Annotated

import typer

from cid.kit.cli import ask

app = typer.Typer(help="Definition: what a customer is.", no_args_is_help=True)

Customer = Annotated[
    str, typer.Argument(help="Customer id, former id, or identifier such as email:…")
]


@app.command()
def describe(
    ctx: typer.Context,
    subject: Annotated[
        str, typer.Argument(help="One of the seven subject areas; all if empty.")
    ] = "",
) -> None:
    """Say what a customer is made of, how products relate, which attribute is in force where."""
    ask(ctx, "cid.describe", subject=subject)


@app.command()
def customer(ctx: typer.Context, id: Customer) -> None:
    """Show one customer: every value with its source, consents, identities."""
    ask(ctx, "cid.customer", id=id)


@app.command()
def find(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="Part of a name, value or identifier.")],
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
) -> None:
    """Find customers."""
    ask(ctx, "cid.find", text=text, limit=limit)


@app.command()
def timeline(
    ctx: typer.Context, id: Customer, limit: Annotated[int, typer.Option(min=1, max=500)] = 50
) -> None:
    """Show what happened with a customer over all channels, newest first."""
    ask(ctx, "cid.timeline", customer=id, limit=limit)
