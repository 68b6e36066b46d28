"""The definition of customers, to ask: what do we hold, from where, for what; and who is this?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from cid.customers import CONSENT, Customers
from cid.feel import FeelError, evaluate, parse
from cid.kit.clock import Clock, format_time, parse_duration
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import NotFound
from cid.kit.privacy import SENSITIVE
from cid.model.definition import ATTRIBUTES, COMPANY, ENTITIES, SYSTEMS, Attribute
from cid.model.value import Value
from cid.ports import Store
from cid.profile import plain

SUBJECTS = (
    "customer",
    "product",
    "channel",
    "segment",
    "transaction",
    "relationship",
    "marketing",
)
AMOUNTS = ("total", "price", "refunded", "quantity")


class CustomerDefinition:
    """What makes a customer, how products are related, which attribute is in force where (S2.Q1 – S2.Q3)."""

    def __init__(
        self,
        definitions: Definitions,
        customers: Customers,
        store: Store,
        clock: Clock,
        current: Callable[[str], str | None],
        used_by: Callable[[str], list[str]],
        timeline: Callable[[str, str, int, str], dict[str, Any]],
    ) -> None:
        self.definitions = definitions
        self.customers = customers
        self.store = store
        self._clock = clock
        self._current = current
        self._used_by = used_by
        self._timeline = timeline

    @property
    def company(self) -> dict[str, Any]:
        """What the company is called, its money, its zone."""
        entry = self.definitions.of(COMPANY).get("company")
        if entry is None:
            return {"name": "iCustomer", "currency": "EUR", "time_zone": "UTC", "demo": False}
        value = entry.value
        return {
            "name": value.name,
            "currency": value.currency,
            "time_zone": value.time_zone,
            "demo": value.demo,
        }

    def describe(self, subject: str = "") -> dict[str, Any]:
        """Answer the three questions: what a customer is made of, how products relate, what is in force where.

        Raises:
            NotFound: there is no such subject area.
        """
        if subject and subject not in SUBJECTS:
            raise NotFound("subject area", subject, SUBJECTS)
        systems = self.definitions.of(SYSTEMS)
        counted = self._counted()
        return {
            "customers": len(self.customers.members),
            "subjects": list(SUBJECTS),
            "systems": [
                {
                    "name": name,
                    "title": titles(entry),
                    "kind": entry.value.kind,
                    "channel": entry.value.channel,
                }
                for name, entry in systems.items()
            ],
            "attributes": [
                self._attribute(name, entry, counted)
                for name, entry in self.definitions.of(ATTRIBUTES).items()
                if not subject or entry.value.subject == subject
            ],
            "entities": [
                {
                    "name": name,
                    "title": titles(entry),
                    "description": described(entry),
                    "subject": entry.value.subject,
                    "key": entry.value.key,
                    "events": list(entry.value.events),
                    "attributes": [
                        {"name": each, "title": None, "type": attribute.type}
                        for each, attribute in entry.value.attributes.items()
                    ],
                    "rows": len(self.store.rows("entity", {"entity": name}, 100_000)),
                }
                for name, entry in self.definitions.of(ENTITIES).items()
                if not subject or entry.value.subject == subject
            ],
            "product_relations": [
                {key: row[key] for key in ("sku", "other", "kind", "origin")}
                for row in self.store.rows("product_relation", {}, 500)
            ],
        }

    def attributes(self) -> list[str]:
        """List the names of all attributes."""
        return list(self.definitions.of(ATTRIBUTES))

    def products(self, limit: int = 200) -> list[dict[str, Any]]:
        """List products with category and price."""
        return [_amounts(row) for row in self.store.rows("product", {}, limit)]

    def customer(self, id: str) -> dict[str, Any]:
        """Return one customer: every value with source, time and confidence, consents, identities.

        Accepts the customer's id, a former id, or an identifier such as ``email:ann@example.org``.

        Raises:
            NotFound: nobody is known by it.
        """
        customer = self._current(id)
        row = self.store.customer(customer) if customer else None
        if row is None or customer is None:
            raise NotFound("customer", id)
        profile = self.customers.profile(customer)
        systems = self.definitions.of(SYSTEMS)
        known = self.definitions.of(ATTRIBUTES)
        others = self._others(customer)
        attributes = {}
        for name, value in profile.items():
            if name.startswith(CONSENT):
                continue
            entry = known.get(name)
            system = systems.get(value.source)
            attributes[name] = {
                "title": titles(entry) if entry else None,
                "value": plain(value.value),
                "source": value.source,
                "time": format_time(value.time),
                "confidence": system.value.confidence if system else None,
                "sensitivity": entry.value.sensitivity if entry else "internal",
                "fresh": _fresh(entry, value, self._clock.now()),
                "others": others.get(name, []),
            }
        return {
            "id": customer,
            "kind": row["kind"],
            "name": row["name"],
            "first_seen": format_time(min(each["first_seen"] for each in row["identities"])),
            "last_seen": format_time(max(each["last_seen"] for each in row["identities"])),
            "facts": sum(each["facts"] for each in row["identities"]),
            "aliases": [id] if id.startswith("c_") and id != customer else [],
            "attributes": attributes,
            "consents": self._consents(profile),
            "identities": [
                {
                    "identifier": each["identity"],
                    "facts": each["facts"],
                    "first_seen": format_time(each["first_seen"]),
                    "last_seen": format_time(each["last_seen"]),
                }
                for each in row["identities"]
            ],
            "orders": self._orders([each["identity"] for each in row["identities"]]),
        }

    def personal_attributes(self) -> frozenset[str]:
        """Return the names of the attributes that only some roles may see."""
        return frozenset(
            name
            for name, entry in self.definitions.of(ATTRIBUTES).items()
            if entry.value.sensitivity in SENSITIVE
        )

    def timeline(
        self, customer: str, before: str = "", limit: int = 50, source: str = ""
    ) -> dict[str, Any]:
        """Return what happened with a customer over all channels, newest first."""
        return self._timeline(customer, before, limit, source)

    def find(self, text: str = "", limit: int = 20) -> list[dict[str, Any]]:
        """Find customers by name, value or identifier; the latest seen where nothing is asked."""
        direct = self._current(text.strip()) if text.strip() else None
        rows = self.store.find(text, min(limit, 200)) if text.strip() else self._latest(limit)
        if direct and all(row["id"] != direct for row in rows):
            found = self.store.customer(direct)
            if found:
                rows = [found, *rows]
        result = []
        for row in rows[:limit]:
            profile = self.customers.profile(row["id"])
            city = profile.get("city")
            result.append(
                {
                    "id": row["id"],
                    "name": row["name"],
                    "kind": row["kind"],
                    "city": plain(city.value) if city else "",
                    "last_seen": format_time(self._last_seen(row["id"])),
                    "matched": _matched(profile, text),
                }
            )
        return result

    def name(self, customer: str) -> str:
        """Return what a customer is called."""
        return self.customers.name(customer)

    def names(self, customers: list[str]) -> dict[str, str]:
        """Return what customers are called."""
        return {customer: self.name(customer) for customer in customers}

    def _last_seen(self, customer: str) -> int:
        seen = self.customers.seen
        return max(seen[each].last for each in self.customers.members[customer])

    def _latest(self, limit: int) -> list[dict[str, Any]]:
        seen = self.customers.seen
        members = self.customers.members
        newest = sorted(
            (
                (max(seen[each].last for each in some), customer)
                for customer, some in members.items()
            ),
            reverse=True,
        )[:limit]
        rows = [self.store.customer(customer) for _, customer in newest]
        return [row for row in rows if row]

    def _orders(self, identities: list[str]) -> list[dict[str, Any]]:
        rows = self.store.rows("order", {"identity": identities[:200]}, 20)
        return [_amounts({k: v for k, v in row.items() if k != "stamp"}) for row in rows]

    def _others(self, customer: str) -> dict[str, list[dict[str, Any]]]:
        result: dict[str, list[dict[str, Any]]] = {}
        profile = self.customers.profile(customer)
        for identity in self.customers.members.get(customer, ()):
            for name, by_source in self.customers.said.get(identity, {}).items():
                held = profile.get(name)
                for source, said in by_source.items():
                    if held and (said.value, source) == (held.value, held.source):
                        continue
                    result.setdefault(name, []).append(
                        {
                            "value": plain(said.value),
                            "source": source,
                            "time": format_time(said.time),
                        }
                    )
        return result

    def _consents(self, profile: Mapping[str, Value]) -> list[dict[str, Any]]:
        result = []
        for name, value in sorted(profile.items()):
            if name.startswith(CONSENT):
                purpose, _, channel = name.removeprefix(CONSENT).partition(".")
                result.append(
                    {
                        "purpose": purpose,
                        "channel": channel,
                        "granted": value.value is True,
                        "since": format_time(value.time),
                        "source": value.source,
                    }
                )
        return result

    def _counted(self) -> dict[str, dict[str, Any]]:
        checks: dict[str, Any] = {}
        ages: dict[str, int] = {}
        for name, entry in self.definitions.of(ATTRIBUTES).items():
            if entry.value.quality:
                try:
                    checks[name] = parse(entry.value.quality)
                except FeelError as error:
                    raise entry.error(str(error)) from error
            if entry.value.freshness:
                ages[name] = self._clock.now() - parse_duration(entry.value.freshness)
        counted: dict[str, dict[str, Any]] = {}
        for profile in list(self.customers.profiles.values()):
            for name, value in profile.items():
                if name.startswith(CONSENT):
                    name = "consent"
                one = counted.setdefault(
                    name, {"filled": 0, "bad": 0, "stale": 0, "in_force": Counter()}
                )
                one["filled"] += 1
                one["in_force"][value.source] += 1
                if name in checks and evaluate(checks[name], {"value": value.value}) is not True:
                    one["bad"] += 1
                if name in ages and value.time < ages[name]:
                    one["stale"] += 1
        return counted

    def _attribute(
        self, name: str, entry: Entry[Attribute], counted: Mapping[str, dict[str, Any]]
    ) -> dict[str, Any]:
        value = entry.value
        numbers = counted.get(name, {"filled": 0, "bad": 0, "stale": 0, "in_force": {}})
        return {
            "name": name,
            "title": titles(entry),
            "description": described(entry),
            "subject": value.subject,
            "type": value.type,
            "sensitivity": value.sensitivity,
            "masters": list(value.masters),
            "contributors": list(value.contributors),
            "survivorship": value.survivorship,
            "freshness": value.freshness,
            "quality": value.quality,
            "owner": value.owner,
            "file": entry.file,
            "line": entry.line,
            "version": entry.version,
            "builtin": entry.builtin,
            "used_by": self._used_by(name),
            **{**numbers, "in_force": dict(numbers["in_force"])},
        }


def titles(entry: Entry[Any]) -> dict[str, str] | None:
    """Return a definition's title in all languages."""
    return entry.value.title.model_dump() if entry.value.title else None


def described(entry: Entry[Any]) -> dict[str, str] | None:
    """Return a definition's description in all languages."""
    return entry.value.description.model_dump() if entry.value.description else None


def _fresh(entry: Entry[Attribute] | None, value: Value, now: int) -> bool | None:
    if entry is None or not entry.value.freshness:
        return None
    return value.time >= now - parse_duration(entry.value.freshness)


def _matched(profile: Mapping[str, Value], text: str) -> str:
    wanted = text.strip().casefold()
    for name, value in profile.items():
        if wanted and isinstance(value.value, str) and wanted in value.value.casefold():
            return name
    return ""


def _amounts(row: Mapping[str, Any]) -> dict[str, Any]:
    # Names of columns are more than plain text to the database's library, and to JSON less.
    result = {str(name): value for name, value in row.items() if name != "stamp"}
    for name in AMOUNTS:
        if isinstance(result.get(name), int):
            result[name] = result[name] / 10_000
    if "time" in result:
        result["time"] = format_time(result["time"])
    return result
