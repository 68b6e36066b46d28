"""The board: what is in each stage of a pipeline, since when, and what may come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from cfa.model import Pipeline, Stage
from cfa.sales.pipeline import LEAD
from cid.kit.clock import DAY, format_time
from cid.kit.definitions import Title

SHOWN = 50
"""Cards shown in one stage; the figures above them count all."""
CLOSED_FOR = 90 * DAY
"""How long a closed opportunity stays on the board."""


def money(ten_thousandths: int | None) -> int | float | None:
    """Return an amount as JSON carries it.

    >>> money(199000), money(1000000)
    (19.9, 100)
    """
    if ten_thousandths is None:
        return None
    whole, rest = divmod(ten_thousandths, 10_000)
    return whole if rest == 0 else ten_thousandths / 10_000


def card(row: Mapping[str, Any], names: Mapping[str, str], now: int) -> dict[str, Any]:
    """Return an opportunity as the board shows it."""
    closed = row["closed_at"]
    return {
        "id": row["id"],
        "title": row["title"],
        "customer": row["customer"],
        "name": names.get(row["customer"], ""),
        "pipeline": row["pipeline"],
        "stage": row["stage"],
        "state": row["state"],
        "amount": money(row["amount"]),
        "currency": row["currency"],
        "discount": None if row["discount"] is None else row["discount"] / 10_000,
        "owner": row["owner"],
        "product": row["product"],
        "close_date": row["close_date"],
        "opened_at": format_time(row["opened_at"]),
        "stage_since": format_time(row["stage_since"]),
        "days_in_stage": max(0, now - row["stage_since"]) // DAY,
        "closed_at": None if closed is None else format_time(closed),
    }


def board(
    pipeline: Pipeline, rows: Iterable[Mapping[str, Any]], names: Mapping[str, str], now: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the columns of the board, and the forecast: amounts times their probability."""
    stages = dict(pipeline.stages)
    held: dict[str, list[Mapping[str, Any]]] = {name: [] for name in stages}
    for row in rows:
        if row["closed_at"] is None or row["closed_at"] > now - CLOSED_FOR:
            held.setdefault(row["stage"], []).append(row)
    order = sorted(held, key=lambda name: (name != LEAD, _place(name, stages)))
    forecast: Counter[str] = Counter()
    columns = []
    for name in order:
        stage = stages.get(name) or Stage(title=_LEADS if name == LEAD else None, probability=0)
        totals: Counter[str] = Counter()
        for row in held[name]:
            totals[row["currency"]] += row["amount"] or 0
            if row["state"] == "open":
                share = Decimal(str(stage.probability)) * (row["amount"] or 0)
                forecast[row["currency"]] += int(share)
        columns.append(
            {
                "stage": name,
                "title": stage.title.model_dump() if stage.title else None,
                "probability": stage.probability,
                "closed": stage.closed,
                "count": len(held[name]),
                "totals": _amounts(totals),
                "cards": [card(row, names, now) for row in held[name][:SHOWN]],
            }
        )
    return columns, _amounts(forecast)


_LEADS = Title(en="Leads", zh="线索")


def _place(name: str, stages: Mapping[str, Stage]) -> int:
    return list(stages).index(name) if name in stages else len(stages)


def _amounts(totals: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"currency": currency, "amount": money(amount)}
        for currency, amount in sorted(totals.items())
        if amount
    ]
