"""How a command of a layer is carried out and its answer printed.

A command names a method of the company, e.g. ``cic.members``. It runs in this process, or, where a server owns
the company's directory, in that server; the command does not know which.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import typer

from cid.kit.errors import ICustomerError

Ask = Callable[[str, Mapping[str, Any]], Any]


def ask(ctx: typer.Context, command: str, **parameters: Any) -> Any:
    """Carry out a command, print its answer and return it; an error goes to standard error, exit code 1."""
    carry_out: Ask = ctx.obj["ask"]
    try:
        answer = carry_out(command, parameters)
    except ICustomerError as error:
        fail(error)
    show(answer, as_json=ctx.obj["json"])
    return answer


def fail(error: ICustomerError) -> NoReturn:
    """Print an error to standard error and end with exit code 1."""
    typer.echo(f"Error: {error}", err=True)
    raise typer.Exit(1)


def show(answer: Any, *, as_json: bool) -> None:
    """Print an answer: as one JSON document, or readably."""
    import orjson

    if as_json:
        # Names of a database's columns are a kind of text of their own.
        option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
        sys.stdout.write(orjson.dumps(answer, option=option).decode() + "\n")
        return
    from rich.console import Console

    console = Console(soft_wrap=True)
    if isinstance(answer, list):
        _table(console, "", answer)
        return
    if not isinstance(answer, Mapping):
        console.print(answer, markup=False)
        return
    for name, value in answer.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            _table(console, name, value)
        elif isinstance(value, Mapping | list):
            console.print(f"{name}:", style="bold", markup=False)
            console.print(value)
        else:
            console.print(f"{name}: {value}", markup=False, highlight=False)


def _table(console: Any, title: str, rows: list[Any]) -> None:
    from rich.table import Table

    if not rows:
        console.print("Nothing.", style="dim")
        return
    if not isinstance(rows[0], Mapping):
        for row in rows:
            console.print(row, markup=False)
        return
    columns = [name for name, value in rows[0].items() if not isinstance(value, Mapping | list)][:9]
    table = Table(title=title or None, title_justify="left", box=None, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows[:500]:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = f"{value:,.4g}" if isinstance(value, float) else str(value)
    return text.replace("[", "\\[")
