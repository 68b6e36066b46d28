"""Commands of context."""

from __future__ import annotations

from typing import Annotated

import typer

from cid.kit.cli import ask

app = typer.Typer(help="Context: what should happen when.", no_args_is_help=True)

RuleName = Annotated[str, typer.Argument(help="Name of the rule.")]


@app.command()
def rules(ctx: typer.Context) -> None:
    """List the rules: what sets them off, how often they fired."""
    ask(ctx, "context.rules")


@app.command()
def rule(ctx: typer.Context, rule: RuleName) -> None:
    """Show one rule with its definition and its last decisions."""
    ask(ctx, "context.rule", name=rule)


@app.command()
def why(
    ctx: typer.Context,
    rule: RuleName,
    customer: Annotated[str, typer.Argument(help="Customer id or identifier.")],
) -> None:
    """Say why a rule fires, or does not, for a customer."""
    ask(ctx, "context.why", rule=rule, customer=customer)


@app.command()
def decisions(
    ctx: typer.Context,
    customer: Annotated[str, typer.Option(help="Only about this customer.")] = "",
    rule: Annotated[str, typer.Option(help="Only of this rule.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
) -> None:
    """List what was decided, newest first, with the values that were read."""
    ask(ctx, "context.decisions", customer=customer, rule=rule, limit=limit)


@app.command()
def tables(ctx: typer.Context) -> None:
    """List the decision tables."""
    ask(ctx, "context.tables")
