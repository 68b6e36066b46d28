"""The command line: ``icustomer …``, one group of commands for each layer."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cbc import cli as cbc_cli
from cfa import cli as cfa_cli
from cic import cli as cic_cli
from cid import cli as cid_cli
from cid.kit.cli import ask as ask_company
from cid.kit.cli import fail, show
from cid.kit.errors import ICustomerError, NotFound
from cii import cli as cii_cli
from context import cli as context_cli
from icustomer.logs import log_to_stderr

app = typer.Typer(
    help="iCustomer: one trustworthy picture of each customer, from touchpoint to capability.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _name, _layer in (
    ("cid", cid_cli),
    ("cii", cii_cli),
    ("cic", cic_cli),
    ("cfa", cfa_cli),
    ("context", context_cli),
    ("cbc", cbc_cli),
):
    app.add_typer(_layer.app, name=_name)

INTERRUPTED = 130
"""What a command ends with that somebody has interrupted."""
database = typer.Typer(help="The database of the records.", no_args_is_help=True)
app.add_typer(database, name="db")

Now = Annotated[
    str, typer.Option(help="Moment (ISO 8601) at which the sample company ends; now if empty.")
]


@app.callback()
def root() -> None:
    """Options --dir DIR and --json may stand anywhere in the command."""


@app.command()
def init(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where the company is to live.")],
    add: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="An example to put beside them: lifecycle, rfm; may be repeated."
        ),
    ] = None,
) -> None:
    """Make a company's directory with commented example definitions, or add an example to one."""
    from icustomer.starting import init_company

    try:
        told = init_company(directory, add or ())
    except ICustomerError as error:
        fail(error)
    show(
        {"made": str(directory), "next": told} if ctx.obj["json"] else told, as_json=ctx.obj["json"]
    )


@app.command()
def check(
    ctx: typer.Context,
    directory: Annotated[Path | None, typer.Argument(help="The company's directory.")] = None,
    language: Annotated[str, typer.Option(help="Language of what is found: en or zh.")] = "en",
) -> None:
    """Check a company's definitions: names file, line, what is wrong, and a suggestion.

    Warnings and notes are told, too; only errors make the command fail.
    """
    from icustomer.starting import check_company

    problems = check_company(directory or ctx.obj["dir"], "zh" if language == "zh" else "en")
    if ctx.obj["json"]:
        show({"problems": problems}, as_json=True)
    else:
        for problem in problems:
            typer.echo(problem["text"], err=True)
        if not problems:
            typer.echo("Everything is in order.")
    if any(problem["level"] == "error" for problem in problems):
        raise typer.Exit(1)


@app.command()
def demo(
    ctx: typer.Context,
    headless: Annotated[
        bool, typer.Option(help="Do the work, print the figures, do not serve.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="Directory with real data sets to load instead.")
    ] = None,
    scale: Annotated[
        float, typer.Option(help="Size of the sample company.", min=0.001, max=100)
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the sample company.")] = 7,
    now: Now = "",
    port: Annotated[
        int, typer.Option(help="Port to serve the pages on; ICUSTOMER_PORT or 8000 if not given.")
    ] = -1,
) -> None:
    """Build the sample company, or load real data sets, and open its pages."""
    from icustomer.demo import build_demo
    from icustomer.ownership import listening

    directory: Path = (
        ctx.obj["dir"] if ctx.obj["dir_given"] else Path("real" if data else "northlake")
    )
    if listening(directory / "data") is not None and not headless:
        typer.echo(f"A server is running on {directory} already.", err=True)
    try:
        summary = build_demo(directory, data=data, scale=scale, seed=seed, now=now)
    except ICustomerError as error:
        fail(error)
    if headless or ctx.obj["json"]:
        import orjson

        sys.stdout.write(orjson.dumps(summary).decode() + "\n")
    if not headless:
        _serve(directory, "", port)


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "",
    port: Annotated[
        int, typer.Option(help="Port to listen on; ICUSTOMER_PORT or 8000 if not given, 0 for any.")
    ] = -1,
) -> None:
    """Serve pages, API and the collect endpoint of a company."""
    _serve(ctx.obj["dir"], host, port)


@app.command()
def worker(ctx: typer.Context) -> None:
    """Apply records without pages: one worker or server has the turn, the others stand by."""
    import signal
    import threading

    from icustomer.working import work_on

    ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ended.set())
    try:
        work_on(ctx.obj["dir"], ended)
    except ICustomerError as error:
        fail(error)


@app.command()
def rebuild(ctx: typer.Context) -> None:
    """Make all records anew from the log: the same state, nothing is sent again."""
    from icustomer.rebuilding import rebuild_company

    _answer(ctx, lambda: rebuild_company(ctx.obj["dir"]))


@app.command()
def doctor(ctx: typer.Context) -> None:
    """Check the installation, names, database, services and the company's directory."""
    from icustomer.doctor import examine

    found = examine(ctx.obj["dir"] if ctx.obj["dir_given"] else None)
    show(found, as_json=ctx.obj["json"])
    if not found["healthy"]:
        raise typer.Exit(1)


@app.command()
def plugins(ctx: typer.Context) -> None:
    """List every socket with the plugins in it."""
    from icustomer.sockets import installed

    show(installed(), as_json=ctx.obj["json"])


@app.command()
def summary(ctx: typer.Context) -> None:
    """Show the figures of the whole company."""
    ask_company(ctx, "summary")


@database.command()
def upgrade(ctx: typer.Context) -> None:
    """Bring the database to the newest revision."""
    from cid.kit.db import Database
    from icustomer import migrations
    from icustomer.settings import Settings, records_url

    def work() -> dict[str, Any]:
        if not ctx.obj["dir"].is_dir():
            raise NotFound("company directory", str(ctx.obj["dir"]))
        data = ctx.obj["dir"] / "data"
        data.mkdir(parents=True, exist_ok=True)
        opened = Database(records_url(Settings(), data))
        before = migrations.current(opened)
        after = migrations.upgrade(opened)
        opened.close()
        return {"before": before or None, "after": after}

    _answer(ctx, work)


@database.command()
def move(ctx: typer.Context) -> None:
    """Make the records anew in the Postgres database that the settings name; nothing is sent again."""
    from icustomer.rebuilding import move_company

    _answer(ctx, lambda: move_company(ctx.obj["dir"]))


def main() -> None:
    """Run the command line; ``--dir`` and ``--json`` are taken from anywhere in it."""
    # A company's state is millions of small objects that live on: looking through them all again and
    # again for garbage took a quarter of the time. Few are looked through at once, so that nobody waits
    # long for it (200,000 at once were a pause of 80 ms, ten times as many one of 400 ms), and those that
    # have been looked through twice hardly ever again.
    gc.set_threshold(20_000, 5, 100)
    # SQLite's driver gives up the interpreter for every row that it reads; beside a thread that computes,
    # each row then waits for this long. 5 ms made a page of 300 rows ten times as slow.
    sys.setswitchinterval(0.0005)
    log_to_stderr()
    arguments, directory, as_json = _common(sys.argv[1:])
    path = Path(directory or ".")

    def carry_out(command: str, parameters: Mapping[str, Any]) -> Any:
        from icustomer.commands import ask

        return ask(path, command, parameters)

    try:
        app(
            args=arguments,
            prog_name="icustomer",
            obj={
                "ask": carry_out,
                "json": as_json,
                "dir": path,
                "dir_given": directory is not None,
            },
        )
    except RuntimeError as error:
        # In the middle of a query DuckDB says so, and takes Ctrl-C for itself.
        if str(error) != "Query interrupted":
            raise
        raise SystemExit(INTERRUPTED) from None


def _common(arguments: list[str]) -> tuple[list[str], str | None, bool]:
    """Take ``--dir DIR`` and ``--json`` out of the arguments.

    >>> _common(["cic", "members", "vip", "--dir", "acme", "--json"])
    (['cic', 'members', 'vip'], 'acme', True)
    """
    rest: list[str] = []
    directory, as_json = None, False
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest.extend([argument, *waiting])
        elif argument == "--json":
            as_json = True
        elif argument == "--dir":
            directory = next(waiting, None)
            if directory is None:
                typer.echo("Error: --dir needs a directory.", err=True)
                raise SystemExit(2)
        elif argument.startswith("--dir="):
            directory = argument.removeprefix("--dir=")
        else:
            rest.append(argument)
    return rest, directory, as_json


def _answer(ctx: typer.Context, work: Any) -> None:
    try:
        answer = work()
    except ICustomerError as error:
        fail(error)
    show(answer, as_json=ctx.obj["json"])


def _serve(directory: Path, host: str, port: int) -> None:
    from icustomer.serving import serve_company

    try:
        serve_company(directory, host, port)
    except ICustomerError as error:
        fail(error)
