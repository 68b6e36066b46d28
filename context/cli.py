"""Commands of context."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cid.kit.cli import ask, fail
from cid.kit.errors import ICustomerError, InvalidInput

app = typer.Typer(help="Context: what should happen when.", no_args_is_help=True)
table = typer.Typer(help="Decision tables from spreadsheets.", no_args_is_help=True)
model = typer.Typer(help="Decision models, also those of others.", no_args_is_help=True)
app.add_typer(table, name="table")
app.add_typer(model, name="model")

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
def backtest(
    ctx: typer.Context,
    rule: Annotated[str, typer.Argument(help="Name of the rule; all rules without it.")] = "",
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days back.")] = 90,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The rule as it would be, as YAML."),
    ] = None,
) -> None:
    """Say whom a rule would have reached, and whom a draft of it would gain and lose."""
    if not rule:
        ask(ctx, "context.backtest_all", days=days)
        return
    draft = file.read_text(encoding="utf-8") if file else None
    ask(ctx, "context.backtest", rule=rule, days=days, draft=draft)


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


FilePath = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")]


@table.command("import")
def import_table(file: FilePath) -> None:
    """Print a decision table of a CSV or XLSX file as a definition; errors name the cell."""
    from context.decision.sheets import read_sheet, written
    from context.ports import SHEETS

    try:
        rows = SHEETS.load(file.suffix.lower().lstrip(".") or "csv")().read(file.read_bytes())
        typer.echo(written(*read_sheet(rows, file.stem)), nl=False)
    except ICustomerError as error:
        fail(error)


@model.command("import")
def import_model(file: FilePath) -> None:
    """Print a decision model in DMN XML as a definition; what cannot be decided is told."""
    from context.decision import Model

    try:
        found = Model.from_dmn(file)
        typer.echo(found.to_yaml(), nl=False)
    except ICustomerError as error:
        fail(error)
    for problem in found.problems:
        typer.echo(f"Note: {problem}", err=True)


@model.command("export")
def export_model(
    file: FilePath,
    name: Annotated[str, typer.Argument(help="Which of the file's models.")] = "",
) -> None:
    """Print a decision model of a definition file as DMN XML."""
    from context.decision import Model

    try:
        typer.echo(Model.from_yaml(file.read_text("utf-8"), name).to_dmn().decode(), nl=False)
    except UnicodeDecodeError:
        fail(InvalidInput("The file is not UTF-8 text."))
    except ICustomerError as error:
        fail(error)
