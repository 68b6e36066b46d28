"""The small tables of all layers as history copies them: whole at first, then only what has changed since."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text

from cic.model import SCORES, TRAITS
from cic.ports import Mirror, News
from cic.segmentation import Segmentation
from cid.customers import CONSENT, Customers
from cid.kit.db import Database
from cid.kit.definitions import Definitions
from cid.kit.ids import new_id
from cid.model.definition import ATTRIBUTES
from cid.profile import plain

AT_ONCE = 20_000
"""Rows of a small table that are fetched at once: not so small a table fits in memory, too."""
REMEMBERED = 200_000
"""Of how many facts it is remembered whom they were about, until history has heard of it."""
FEW = 4
"""Beyond one in so many customers, all are copied."""
Row = Sequence[Any]


class Touched:
    """Whom anything was heard of, so that nobody else need be looked at again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began, self._first = new_id(), 0
        self._customers: list[str] = []

    @property
    def began(self) -> str:
        """Return a text that changes when it is no longer known who was touched before."""
        return self._began

    def forget(self) -> None:
        """Know nothing of what was before."""
        with self._lock:
            self._began, self._first, self._customers = new_id(), 0, []

    def note(self, customers: Collection[str]) -> None:
        """Remember that something was heard of these customers."""
        if len(self._customers) > REMEMBERED:
            self.forget()
        with self._lock:
            self._customers.extend(customers)

    def since(self, mark: str) -> tuple[str, set[str] | None]:
        """Return the mark of now, and who was touched since one; None where that is not known."""
        began, _, number = mark.partition(":")
        with self._lock:
            now = f"{self._began}:{self._first + len(self._customers)}"
            if began != self._began or int(number) < self._first:
                return now, None
            # What lies before, nobody asks for again.
            del self._customers[: int(number) - self._first]
            self._first = int(number)
            return now, set(self._customers)


class _Growth(NamedTuple):
    """How what is new in a table is found by a number that grows."""

    table: str
    number: str
    """The greatest number that is there."""
    new: str
    """Which rows are new: those of numbers in ``({after}, {until}]``."""
    gone: str = ""
    """The customers all of whose rows are replaced."""
    total: str = "NULL"
    """How many rows there are, so that it is seen if any went."""


_LAST = "(SELECT coalesce(max(id), 0) FROM cic_change)"
_MOVED = "SELECT customer FROM cic_change WHERE id > {after} AND id <= {until}"
_GROWTH = {
    "changes": _Growth("cic_change", _LAST, "id > {after} AND id <= {until}"),
    # Whoever enters or leaves a segment is in the changes, in the same transaction.
    "memberships": _Growth("cic_membership", _LAST, f"customer IN ({_MOVED})", _MOVED),
    # A record that is applied again after quarantine leaves its place and takes a new one.
    "ledger": _Growth(
        "cii_ledger",
        "(SELECT coalesce(max(position), 0) FROM cii_ledger)",
        "position > {after} AND position <= {until}",
        total="(SELECT coalesce(sum(records), 0) FROM cii_count)",
    ),
}
MANY = 20_000
"""Beyond so many new numbers, a table whose rows are replaced is copied whole."""


class Mirrored:
    """Hands out the small tables, each with what can be said of its news."""

    def __init__(
        self,
        customers: Customers,
        database: Database,
        definitions: Definitions,
        selects: Mapping[str, str],
        segmentation: Segmentation,
        touched: Touched,
        owning: Touched,
        identifiers: Callable[[], Mapping[str, Collection[str]]],
    ) -> None:
        self._customers = customers
        self._owning = owning
        """Customers whose identifiers came or went."""
        self._identifiers = identifiers
        """All identifiers of each customer, also those of which nothing was heard."""
        self._database = database
        self._definitions = definitions
        self._selects = selects
        self._segmentation = segmentation
        self._touched = touched
        with database.read() as connection:
            self._columns = {
                name: tuple(connection.execute(text(f"SELECT * FROM ({select}) q LIMIT 0")).keys())
                for name, select in selects.items()
            }

    def tables(self, version: str) -> dict[str, Mirror]:
        """Return the small tables by name; they are as they were while the version is the same."""
        result = {
            name: self._of_records(name, select, version) for name, select in self._selects.items()
        }
        if self._selects.get("identifiers", "").endswith(" FROM cii_identifier"):
            result["identifiers"] = self._of_customers(
                ("identifier", "kind", "customer"),
                self._identifier_rows,
                version,
                self._owning,
                self._identifiers,
            )
        names = list(self._definitions.of(ATTRIBUTES))
        columns = tuple(
            dict.fromkeys(("customer", "kind", "name", "first_seen", "last_seen", *names))
        )
        result["customers"] = self._of_customers(
            columns, lambda customer: self._customer_rows(customer, columns), version
        )
        consents = ("customer", "purpose", "channel", "granted", "since")
        result["consents"] = self._of_customers(consents, self._consent_rows, version)
        scores = ("customer", "score", "value", "version", "at")
        result["scores"] = Mirror(scores, self._score_rows, version)
        return result

    def _of_records(self, name: str, select: str, version: str) -> Mirror:
        growth, columns = _GROWTH.get(name), self._columns[name]
        # Another store may keep its tables elsewhere: these are then read whole.
        if growth is None or not select.endswith(f" FROM {growth.table}"):
            return Mirror(columns, lambda: self._read(select), version)
        known = growth
        return Mirror(
            columns,
            lambda: self._read(select),
            version,
            news=lambda mark: self._grown(known, select, mark),
            key="customer" if growth.gone else "",
        )

    def _grown(self, growth: _Growth, select: str, mark: str) -> News:
        began = self._touched.began
        ((number, total),) = self._read(f"SELECT {growth.number}, {growth.total}")
        until, total = int(number), int(total or 0)
        now = f"{began}:{until}:{total}"
        before = mark.split(":")
        if len(before) == 3 and before[0] == began:
            after, was = int(before[1]), int(before[2])
            place = {"after": after, "until": until}
            if growth.gone and until - after <= MANY:
                gone = {row[0] for row in self._read(growth.gone.format(**place))}
                rows = self._read(f"{select} WHERE {growth.new.format(**place)}")
                return News(now, rows if gone else (), gone)
            if not growth.gone and until - after <= total - was + MANY:
                new = list(self._read(f"{select} WHERE {growth.new.format(**place)}"))
                if growth.total == "NULL" or was + len(new) == total:
                    return News(now, new, ())
        if growth.gone:
            return News(now, self._read(select))
        return News(now, self._read(f"{select} WHERE {growth.new.format(after=-1, until=until)}"))

    def _of_customers(
        self,
        columns: Sequence[str],
        rows: Callable[[str], Iterable[Row]],
        version: str,
        changed: Touched | None = None,
        customers: Callable[[], Collection[str]] | None = None,
    ) -> Mirror:
        def some(customers: Iterable[str]) -> Iterator[Row]:
            for customer in customers:
                yield from rows(customer)

        def news(mark: str) -> News:
            now, touched = (changed or self._touched).since(mark)
            everybody = self._customers.members if customers is None else customers()
            if touched is None or len(touched) * FEW > len(everybody):
                return News(now, some(list(everybody)))
            return News(now, some(touched), touched)

        return Mirror(columns, tuple, version, news=news, key="customer")

    def _read(self, select: str) -> Iterator[Row]:
        with self._database.read() as connection:
            if self._database.postgres:
                answer = connection.execution_options(yield_per=AT_ONCE).execute(text(select))
                yield from map(tuple, answer)
                return
            # The driver's own rows: nobody reads them by name.
            cursor = connection.connection.cursor()
            cursor.execute(select)
            while some := cursor.fetchmany(AT_ONCE):
                yield from some
            cursor.close()

    def _customer_rows(self, customer: str, columns: Sequence[str]) -> Iterator[Row]:
        customers = self._customers
        members = list(customers.members.get(customer, ()))
        # Whoever applies records beside us may have begun anew.
        seen = [there for each in members if (there := customers.seen.get(each)) is not None]
        if not seen:
            return
        profile = customers.profile(customer)
        kind = profile.get("kind")
        fixed = {
            "customer": customer,
            "kind": kind.value if kind else "person",
            "name": customers.name(customer),
            "first_seen": min(each.first for each in seen),
            "last_seen": max(each.last for each in seen),
        }
        yield [
            fixed[column] if column in fixed else _text(profile.get(column)) for column in columns
        ]

    def _consent_rows(self, customer: str) -> Iterator[Row]:
        for name, value in list(self._customers.profile(customer).items()):
            if name.startswith(CONSENT):
                purpose, _, channel = name.removeprefix(CONSENT).partition(".")
                yield (customer, purpose, channel, value.value is True, value.time)

    def _identifier_rows(self, customer: str) -> Iterator[Row]:
        for identifier in list(self._identifiers().get(customer, ())):
            yield (identifier, identifier.partition(":")[0], customer)

    def _score_rows(self) -> Iterator[Row]:
        """The last word of each model on each customer, as her trait has it."""
        for name in self._definitions.of(SCORES):
            place = list(self._definitions.of(TRAITS)).index(name)
            for customer in list(self._customers.members):
                value = self._segmentation.kernel.value(customer, place)
                if value is not None:
                    yield (customer, name, value, "", self._segmentation.now)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    held = plain(value.value)
    return (
        held
        if isinstance(held, str)
        else str(held).lower()
        if isinstance(held, bool)
        else str(held)
    )
