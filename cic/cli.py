"""Commands of intelligence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cid.kit.cli import ask, fail
from cid.kit.errors import InvalidInput

app = typer.Typer(help="Intelligence: what it means.", no_args_is_help=True)

AsOf = Annotated[str, typer.Option(help="Moment (ISO 8601) at which to look; now if empty.")]
Customer = Annotated[str, typer.Argument(help="Customer id or identifier.")]


@app.command()
def segments(ctx: typer.Context) -> None:
    """List the segments with their sizes."""
    ask(ctx, "cic.segments")


@app.command()
def members(
    ctx: typer.Context,
    segment: Annotated[str, typer.Argument(help="Name of the segment.")],
    as_of: AsOf = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1000,
) -> None:
    """List who is in a segment, now or at any moment before."""
    ask(ctx, "cic.members", segment=segment, as_of=as_of, limit=limit)


@app.command()
def traits(ctx: typer.Context, customer: Customer, as_of: AsOf = "") -> None:
    """Show a customer's traits, now or at any moment before."""
    ask(ctx, "cic.traits", customer=customer, as_of=as_of)


@app.command()
def why(
    ctx: typer.Context,
    segment: Annotated[str, typer.Argument(help="Name of the segment.")],
    customer: Customer,
) -> None:
    """Say why a customer is, or is not, in a segment."""
    ask(ctx, "cic.why", segment=segment, customer=customer)


@app.command()
def query(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Option(help="File with a JSON query.")] = None,
    sql: Annotated[str, typer.Option(help="One SELECT over the history.")] = "",
    row: Annotated[
        str, typer.Option(help="A row of the answer, as JSON: list the customers behind it.")
    ] = "",
) -> None:
    """Ask anything: a question as JSON from a file (table, funnel, retention, paths, …), or SQL."""
    if (file is None) == (not sql):
        fail(InvalidInput("Give either --file QUERY.json or --sql TEXT."))
    if file is None:
        ask(ctx, "cic.sql", text=sql)
        return
    try:
        read = file.read_bytes()
    except OSError as error:
        fail(InvalidInput(f"{file} cannot be read: {error.strerror}."))
    document = _object(read, str(file), "a query")
    if row:
        ask(ctx, "cic.open", query=document, row=_object(row.encode(), "--row", "a row"))
    else:
        ask(ctx, "cic.query", query=document)


@app.command()
def verify(ctx: typer.Context, as_of: AsOf = "") -> None:
    """Recompute all traits and segments from history and report every mismatch."""
    ask(ctx, "cic.verify", as_of=as_of)


@app.command()
def scores(
    ctx: typer.Context, train: Annotated[str, typer.Option(help="Train this model anew.")] = ""
) -> None:
    """List the models with their quality; or train one."""
    if train:
        ask(ctx, "cic.score", name=train)
    else:
        ask(ctx, "cic.scores")


def _object(text: bytes, where: str, what: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        fail(InvalidInput(f"{where} is not JSON: {error}."))
    if not isinstance(found, dict):
        fail(InvalidInput(f"{where} is not {what}: a JSON object is expected."))
    return dict(found)
