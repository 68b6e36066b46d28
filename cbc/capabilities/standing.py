"""What a capability stands on in the layers below, and whether that is in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from cbc.ports import HISTORY, History
from cid.kit.clock import format_time, to_datetime, to_millis

_PAGES = {
    "facts": "/flows",
    "ledger": "/flows",
    "identifiers": "/flows",
    "attributes": "/describe",
    "customers": "/describe",
    "consents": "/describe",
    "systems": "/describe",
    "memberships": "/segments",
    "changes": "/segments",
    "scores": "/segments",
    "verification": "/segments",
    "tasks": "/tasks",
    "cases": "/service",
    "opportunities": "/sales",
    "decisions": "/rules",
    "actions": "/rules",
}
_OWN_PAGES = {"cic.segments": "/segments/", "context.rules": "/rules/"}
_USES = {
    "cic.segments": ("changes", "segment", "known_at"),
    "context.rules": ("decisions", "rule", "at"),
}
"""Where the use of a company's own definition leaves its trace: table, its column, moment."""


class Standing:
    """Looks up the elements of lower layers in the history."""

    def __init__(self, engine: History) -> None:
        self._engine = engine

    def of(self, elements: Sequence[str], since: int, until: int) -> list[dict[str, Any]]:
        """Say of each element how many records it left since a moment, and the last one."""
        return [self._element(name, since, until) for name in elements]

    def _element(self, name: str, since: int, until: int) -> dict[str, Any]:
        layer, _, rest = name.partition(".")
        section, _, own = rest.partition(".")
        table, column, moment = section, "", HISTORY[section].moment if section in HISTORY else ""
        if own:
            table, column, moment = _USES.get(f"{layer}.{section}", ("", "", ""))
        records: int | None = None
        last: int | None = None
        if table in HISTORY:
            records, last = self._use(table, column, own, moment, since, until)
        return {
            "name": name,
            "layer": layer,
            "kind": section,
            "records": records,
            "last": format_time(last) if last is not None else None,
            "in_use": None if records is None else records > 0,
            "link": _link(layer, section, own),
        }

    def _use(
        self, table: str, column: str, own: str, moment: str, since: int, until: int
    ) -> tuple[int, int | None]:
        limits = {"since": to_datetime(since).replace(tzinfo=None)}
        limits["until"] = to_datetime(until + 1).replace(tzinfo=None)
        if not moment:
            return int(self._engine.query(f"SELECT count(*) FROM {table}").rows[0][0]), None
        named = f'AND "{column}" = $own' if column else ""
        params: dict[str, Any] = {**limits, **({"own": own} if column else {})}
        count, last = self._engine.query(
            f'SELECT count(*) FILTER (WHERE "{moment}" >= $since), max("{moment}") FROM {table}'
            f' WHERE "{moment}" < $until {named}',
            params,
        ).rows[0]
        return int(count), to_millis(last) if last is not None else None


def _link(layer: str, section: str, own: str) -> str:
    if own:
        page = _OWN_PAGES.get(f"{layer}.{section}")
        return page + quote(own, safe="") if page else ""
    return _PAGES.get(section, "")
