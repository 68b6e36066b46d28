"""Commands of the capabilities."""

from __future__ import annotations

from typing import Annotated

import typer

from cid.kit.cli import ask

app = typer.Typer(help="Capabilities: what the company is able to do.", no_args_is_help=True)

AsOf = Annotated[str, typer.Option(help="Moment (ISO 8601) at which to look; now if empty.")]


@app.command()
def measures(ctx: typer.Context, as_of: AsOf = "") -> None:
    """List all measures: number, interval, the period before, target and verdict."""
    ask(ctx, "cbc.measures", as_of=as_of)


@app.command()
def measure(
    ctx: typer.Context,
    measure: Annotated[str, typer.Argument(help="Name of the measure.")],
    as_of: AsOf = "",
) -> None:
    """Show one measure with its trend, formula and SQL."""
    ask(ctx, "cbc.measure", name=measure, as_of=as_of)


@app.command()
def drill(
    ctx: typer.Context,
    measure: Annotated[str, typer.Argument(help="Name of the measure.")],
    as_of: AsOf = "",
    limit: Annotated[int, typer.Option(help="How many rows at most.")] = 1000,
) -> None:
    """Open a number: the customers and things it counts."""
    ask(ctx, "cbc.drill", name=measure, as_of=as_of, limit=limit)


@app.command()
def capabilities(ctx: typer.Context) -> None:
    """List what the company is able to do, and whether it is getting better at it."""
    ask(ctx, "cbc.capabilities")


@app.command()
def capability(
    ctx: typer.Context,
    capability: Annotated[str, typer.Argument(help="Name of the capability.")],
    as_of: AsOf = "",
) -> None:
    """Show one capability: its measures, goals, and the elements it stands on."""
    ask(ctx, "cbc.capability", name=capability, as_of=as_of)


@app.command()
def loop(ctx: typer.Context, loop: Annotated[str, typer.Argument(help="Id of the loop.")]) -> None:
    """Trace a loop from the insight to what came of it."""
    ask(ctx, "cbc.loop", loop_id=loop)
