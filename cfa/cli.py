"""Commands of the applications."""

from __future__ import annotations

from typing import Annotated

import typer

from cid.kit.cli import ask

app = typer.Typer(help="Applications: where people work.", no_args_is_help=True)


@app.command()
def tasks(
    ctx: typer.Context,
    state: Annotated[str, typer.Option(help="open or done; empty for all")] = "open",
    queue: Annotated[str, typer.Option(help="Only of this queue.")] = "",
    customer: Annotated[str, typer.Option(help="Only about this customer.")] = "",
) -> None:
    """List what people have to do, due first."""
    ask(ctx, "cfa.tasks", state=state, queue=queue, customer=customer)


@app.command()
def complete(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(help="Id of the task.")],
    outcome: Annotated[str, typer.Option(help="What came of it, e.g. accepted.")],
    note: Annotated[str, typer.Option(help="What else there is to say.")] = "",
    actor: Annotated[str, typer.Option(help="Who did it.")] = "agent",
) -> None:
    """Say that a task is done and what came of it."""
    ask(ctx, "cfa.complete_task", id=task, outcome=outcome, note=note, actor=actor)


@app.command()
def cases(
    ctx: typer.Context,
    state: Annotated[str, typer.Option(help="open, waiting or resolved; empty for all")] = "open",
    queue: Annotated[str, typer.Option(help="Only of this queue.")] = "",
    customer: Annotated[str, typer.Option(help="Only of this customer.")] = "",
) -> None:
    """List cases with their clocks, due first."""
    ask(ctx, "cfa.cases", state=state, queue=queue, customer=customer)


@app.command()
def case(ctx: typer.Context, case: Annotated[str, typer.Argument(help="Id of the case.")]) -> None:
    """Show a case and what was said in it."""
    ask(ctx, "cfa.case", id=case)


@app.command()
def board(
    ctx: typer.Context,
    pipeline: Annotated[str, typer.Option(help="The first one if empty.")] = "",
) -> None:
    """Show a pipeline: stages, opportunities, totals, forecast."""
    ask(ctx, "cfa.board", pipeline=pipeline)


@app.command()
def move(
    ctx: typer.Context,
    opportunity: Annotated[str, typer.Argument(help="Id of the opportunity.")],
    stage: Annotated[str, typer.Argument(help="Where it goes.")],
    actor: Annotated[str, typer.Option(help="Who moves it.")] = "agent",
) -> None:
    """Move an opportunity to another stage."""
    ask(ctx, "cfa.move", opportunity=opportunity, stage=stage, actor=actor)
