"""Memberships and changes in a relational database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    func,
    or_,
    select,
    true,
)

from cic import tables
from cic.ports import ChangeRow
from cid.kit.clock import DAY
from cid.kit.db import Database, insert, remove, upsert

_STREAM = "stream:"
"""What the names begin with under which it is kept how far streams have come."""


class SqlStore:
    """Keeps memberships in the tables ``cic_*``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def memberships(self, connection: Connection) -> Iterator[tuple[str, str, int]]:
        """Yield (customer, segment, since)."""
        t = tables.membership
        for row in connection.execute(select(t.c.customer, t.c.segment, t.c.since)):
            yield (row[0], row[1], row[2])

    def moment(self, connection: Connection) -> int:
        """Return the moment up to which segments are right."""
        return int(self._state(connection, "moment") or 0)

    def version(self, connection: Connection) -> str:
        """Return the version of the definitions with which they were computed."""
        return self._state(connection, "version")

    def save(
        self, connection: Connection, changes: Sequence[ChangeRow], moment: int, version: str
    ) -> None:
        """Write changes, and the memberships that follow from them."""
        if changes:
            insert(connection, tables.change, changes)
        last = {(change.customer, change.segment): change for change in changes}
        entered = [
            {
                "customer": change.customer,
                "segment": change.segment,
                "since": change.effective_at,
                "version": change.version,
            }
            for change in last.values()
            if change.kind == "entered"
        ]
        upsert(connection, tables.membership, entered)
        left = [
            {"customer": change.customer, "segment": change.segment}
            for change in last.values()
            if change.kind == "left"
        ]
        remove(connection, tables.membership, left)
        upsert(
            connection,
            tables.state,
            [{"name": "moment", "value": str(moment)}, {"name": "version", "value": version}],
        )

    def sizes(self) -> dict[str, int]:
        """Return how many customers are in each segment."""
        t = tables.membership
        query = select(t.c.segment, func.count()).group_by(t.c.segment)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def members(self, segment: str, limit: int, after: str = "") -> list[dict[str, Any]]:
        """Return members of a segment, newest first; those that follow the last of the page before."""
        t = tables.membership
        since, _, customer = after.partition("@")
        follows: ColumnElement[bool] = true()
        if since.isdigit():
            follows = or_(
                t.c.since < int(since), and_(t.c.since == int(since), t.c.customer > customer)
            )
        query = (
            select(t.c.customer, t.c.since)
            .where(t.c.segment == segment, follows)
            .order_by(t.c.since.desc(), t.c.customer)
            .limit(limit)
        )
        return self._rows(query)

    def memberships_of(self, customer: str) -> list[dict[str, Any]]:
        """Return the segments of a customer with since when."""
        t = tables.membership
        return self._rows(
            select(t.c.segment, t.c.since)
            .where(t.c.customer == customer)
            .order_by(t.c.since.desc())
        )

    def changes(
        self, segment: str = "", customer: str = "", limit: int = 100
    ) -> list[dict[str, Any]]:
        """Return changes, newest first."""
        t = tables.change
        query = select(t).order_by(t.c.effective_at.desc(), t.c.id.desc()).limit(limit)
        if segment:
            query = query.where(t.c.segment == segment)
        if customer:
            query = query.where(t.c.customer == customer)
        return self._rows(query)

    def entries(
        self, segments: Sequence[str], after: int, until: int
    ) -> list[tuple[str, str, int]]:
        """Return (customer, segment, since) of all who entered in ``(after, until]`` and were in then."""
        t = tables.change
        query = (
            select(t.c.customer, t.c.segment, t.c.kind, t.c.effective_at)
            .where(t.c.segment.in_(segments), t.c.effective_at > after, t.c.effective_at <= until)
            .order_by(t.c.id)
        )
        inside: dict[tuple[str, str], int] = {}
        with self._database.read() as connection:
            for customer, segment, kind, at in connection.execute(query):
                if kind == "entered":
                    inside[customer, segment] = at
                else:
                    inside.pop((customer, segment), None)
        return [(customer, segment, since) for (customer, segment), since in inside.items()]

    def entry(self, customer: str, segment: str, at: int) -> dict[str, Any] | None:
        """Return the change by which a customer entered a segment at a moment."""
        t = tables.change
        found = self._rows(
            select(t)
            .where(t.c.customer == customer, t.c.segment == segment)
            .where(t.c.effective_at == at, t.c.kind == "entered")
            .order_by(t.c.id.desc())
            .limit(1)
        )
        return found[0] if found else None

    def moves(self, segment: str, since: int) -> list[tuple[int, int, int]]:
        """Return (day number, entered, left) for each day since a moment."""
        t = tables.change
        day = t.c.effective_at // DAY
        entered = func.sum(case((t.c.kind == "entered", 1), else_=0))
        left = func.sum(case((t.c.kind == "left", 1), else_=0))
        query = (
            select(day, entered, left)
            .where(and_(t.c.segment == segment, t.c.effective_at >= since))
            .group_by(day)
            .order_by(day)
        )
        with self._database.read() as connection:
            return [(int(row[0]), int(row[1]), int(row[2])) for row in connection.execute(query)]

    def movements(self, since: int) -> dict[str, dict[int, tuple[int, int]]]:
        """Return for all segments by day number how many entered and left since a moment."""
        t = tables.change
        day = t.c.effective_at // DAY
        entered = func.sum(case((t.c.kind == "entered", 1), else_=0))
        left = func.sum(case((t.c.kind == "left", 1), else_=0))
        query = (
            select(t.c.segment, day, entered, left)
            .where(t.c.effective_at >= since)
            .group_by(t.c.segment, day)
        )
        found: dict[str, dict[int, tuple[int, int]]] = {}
        with self._database.read() as connection:
            for segment, number, came, went in connection.execute(query):
                found.setdefault(segment, {})[int(number)] = (int(came), int(went))
        return found

    def count(self) -> int:
        """Return how many changes there were."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(tables.change)).scalar() or 0

    def changes_after(self, place: int, limit: int) -> list[dict[str, Any]]:
        """Return changes after a place, in order; each has its place as ``id``."""
        t = tables.change
        return self._rows(select(t).where(t.c.id > place).order_by(t.c.id).limit(limit))

    def last_change(self) -> int:
        """Return the place of the last change; 0 where there is none."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(tables.change.c.id))).scalar() or 0

    def behind(self, place: int) -> int:
        """Return how many changes there are after a place."""
        t = tables.change
        query = select(func.count()).where(t.c.id > place)
        with self._database.read() as connection:
            return connection.execute(query).scalar() or 0

    def place(self, stream: str) -> int | None:
        """Return how far a stream of changes has come; None where it has not begun.

        Where the records were made anew, changes have other numbers: it goes on after the same change,
        or at the moment at which that was known.
        """
        t = tables.change
        with self._database.read() as connection:
            number, _, rest = self._state(connection, f"{_STREAM}{stream}").partition("@")
            known_at, _, loop = rest.partition("@")
            if not number:
                return None
            same = select(t.c.id).where(t.c.loop == loop).order_by(t.c.id.desc())
            if number == "0":
                return 0
            here = connection.execute(same.where(t.c.id == int(number))).scalar()
            here = here or connection.execute(same).scalar()
            if here is None:
                before = select(func.max(t.c.id)).where(t.c.known_at < int(known_at))
                here = connection.execute(before).scalar()
            return here or 0

    def reached(self, stream: str, place: int) -> None:
        """Note how far a stream of changes has come."""
        t = tables.change
        with self._database.write() as connection:
            found = connection.execute(
                select(t.c.known_at, t.c.loop).where(t.c.id == place)
            ).first()
            value = f"{place}@{found[0]}@{found[1]}" if found else "0"
            upsert(connection, tables.state, [{"name": f"{_STREAM}{stream}", "value": value}])

    def note(self, report: Mapping[str, Any]) -> None:
        """Keep the result of a verification."""
        with self._database.write() as connection:
            upsert(connection, tables.verification, [dict(report)])

    def last_verification(self) -> dict[str, Any] | None:
        """Return the last verification's result."""
        rows = self.verifications(1)
        return rows[0] if rows else None

    def verifications(self, limit: int) -> list[dict[str, Any]]:
        """Return the results of the last verifications, newest first."""
        t = tables.verification
        return self._rows(select(t).order_by(t.c.at.desc()).limit(limit))

    def note_export(self, row: Mapping[str, Any]) -> None:
        """Keep who took which answer out, before it is handed over."""
        with self._database.write() as connection:
            upsert(connection, tables.export, [dict(row)])

    def exports(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return what was taken out, newest first."""
        t = tables.export
        return self._rows(select(t).order_by(t.c.at.desc(), t.c.id).limit(limit))

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""
        return {
            "memberships": "SELECT customer, segment, since FROM cic_membership",
            "changes": (
                "SELECT customer, segment, kind, effective_at, known_at, cause, cause_id, loop"
                " FROM cic_change"
            ),
            "verification": (
                "SELECT at, as_of, traits, segments, customers, mismatches FROM cic_verification"
            ),
        }

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _state(self, connection: Connection, name: str) -> str:
        t = tables.state
        found = connection.execute(select(t.c.value).where(t.c.name == name)).scalar()
        return str(found) if found is not None else ""
