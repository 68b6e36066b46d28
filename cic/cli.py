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
Segment = Annotated[str, typer.Argument(help="Name of the segment.")]
Reason = Annotated[str, typer.Option(help="Why; others read it.")]


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
def sizes(
    ctx: typer.Context,
    segment: Segment,
    days: Annotated[int, typer.Option(min=1, max=3_660)] = 90,
) -> None:
    """Show the size of a segment day by day, with who entered and left."""
    ask(ctx, "cic.sizes", segment=segment, days=days)


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
        if row:
            fail(InvalidInput("--row opens the row of a question: give it with --file."))
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
def export(
    ctx: typer.Context,
    to: Annotated[Path, typer.Argument(help="File to write: its name ends in .csv or .parquet.")],
    file: Annotated[Path | None, typer.Option(help="File with a JSON query.")] = None,
    sql: Annotated[str, typer.Option(help="One SELECT over the history.")] = "",
    row: Annotated[
        str, typer.Option(help="A row of the answer, as JSON: export the customers behind it.")
    ] = "",
) -> None:
    """Write an answer as a CSV or Parquet file; who took it and what for is noted."""
    asked: dict[str, Any] = {"sql": sql}
    if file is not None:
        try:
            asked["question"] = _object(file.read_bytes(), str(file), "a query")
        except OSError as error:
            fail(InvalidInput(f"{file} cannot be read: {error.strerror}."))
    if row:
        asked["row"] = _object(row.encode(), "--row", "a row")
    ask(ctx, "cic.export", path=str(to.resolve()), **asked)


@app.command()
def exports(
    ctx: typer.Context, limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100
) -> None:
    """List what was exported, newest first: who, what for, how many rows."""
    ask(ctx, "cic.exports", limit=limit)


@app.command()
def reads(
    ctx: typer.Context,
    stop: Annotated[str, typer.Option(help="Stop the running query with this id.")] = "",
) -> None:
    """List the queries that are running, and who read what for lately; or stop one."""
    if stop:
        ask(ctx, "cic.stop_query", id=stop)
    else:
        ask(ctx, "cic.reads")


@app.command()
def preview(
    ctx: typer.Context,
    when: Annotated[str, typer.Argument(help="The condition, in FEEL.")],
    segment: Annotated[str, typer.Option(help="The segment that would have it.")] = "",
    stay: Annotated[str, typer.Option(help="The minimum stay it would have.")] = "",
    days: Annotated[int, typer.Option(min=0, max=3_660, help="Also how it would have been.")] = 0,
) -> None:
    """Say who meets a condition; for a segment, who would enter and leave; how it would have been."""
    if days:
        ask(ctx, "cic.preview_past", when=when, days=days)
    else:
        ask(ctx, "cic.preview", when=when, segment=segment, stay=stay)


@app.command()
def save_segment(
    ctx: typer.Context,
    name: Segment,
    when: Annotated[str, typer.Option(help="The condition, in FEEL.")],
    title: Annotated[str, typer.Option(help="What it is called in English.")] = "",
    title_zh: Annotated[str, typer.Option(help="What it is called in Chinese.")] = "",
    owner: Annotated[str, typer.Option(help="Whose it is.")] = "",
    stay: Annotated[str, typer.Option(help="Minimum stay, e.g. '7 d'.")] = "",
    group: Annotated[str, typer.Option(help="Of a group she is in one at most.")] = "",
    priority: Annotated[int | None, typer.Option(help="Its place in the group.")] = None,
    version: Annotated[str | None, typer.Option(help="Only if this is the present one.")] = None,
    reason: Reason = "",
) -> None:
    """Bring a segment into force from now on, also while a server runs."""
    titles = {"en": title or name, "zh": title_zh}
    definition = {
        "title": {language: text for language, text in titles.items() if text},
        "owner": owner,
        "when": when,
        "stay": stay,
        "group": group,
        "priority": priority,
    }
    ask(
        ctx,
        "cic.save",
        kind="segment",
        name=name,
        definition=definition,
        version=version,
        reason=reason,
    )


@app.command()
def define(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file with `traits:` and `segments:`.")],
    reason: Reason = "",
) -> None:
    """Bring all traits and segments of a file into force at one moment, or none of them."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        fail(InvalidInput(f"{file} cannot be read: {error.strerror}."))
    except UnicodeDecodeError as error:
        fail(InvalidInput(f"{file} cannot be read: {error}."))
    ask(ctx, "cic.define", text=text, reason=reason)


@app.command()
def verify(
    ctx: typer.Context,
    as_of: AsOf = "",
    trait: Annotated[
        list[str] | None, typer.Option(help="Only this trait; may be repeated.")
    ] = None,
    segment: Annotated[
        list[str] | None, typer.Option(help="Only this segment; may be repeated.")
    ] = None,
) -> None:
    """Recompute traits and segments from history and report every mismatch; exit code 1 if there is one."""
    chosen = {"traits": trait or [], "segments": segment or []} if trait or segment else {}
    answer = ask(ctx, "cic.verify", as_of=as_of, **chosen)
    if answer["mismatches"]:
        raise typer.Exit(1)


@app.command()
def verifications(
    ctx: typer.Context, limit: Annotated[int, typer.Option(min=1, max=1_000)] = 30
) -> None:
    """List what the last verifications found."""
    ask(ctx, "cic.verifications", limit=limit)


@app.command()
def streams(ctx: typer.Context) -> None:
    """List the streams of changes: to whom, and how many changes wait."""
    ask(ctx, "cic.outgoing")


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
