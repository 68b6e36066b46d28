"""Identifiers in one spelling: records that mean the same customer say it with the same text."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import phonenumbers

from cid.kit.definitions import Entry
from cii.model import IdentifierKind

MAX_LENGTH = 200
CACHE = 200_000
"""How many spellings of a kind are remembered before the memory is emptied."""

_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s.,;<>\"]{2,}\Z")


def text(value: str) -> str:
    r"""Trim, compose accents, remove control characters; empty where nothing or too much is left.

    >>> text("  A\u0301nn\u200b\n ")
    'Ánn'
    """
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    if not value.isprintable():
        value = "".join(each for each in value if unicodedata.category(each)[0] != "C")
    value = value.strip()
    return value if len(value) <= MAX_LENGTH else ""


def email(value: str) -> str:
    """Write an e-mail address in lower case; empty where it cannot be one.

    >>> email(" Ann@Example.ORG "), email("ann at example")
    ('ann@example.org', '')
    """
    value = text(value).lower()
    if value.startswith("mailto:"):
        value = value[7:]
    return value if _EMAIL.match(value) and ".." not in value else ""


def phone(value: str, region: str = "") -> str:
    """Write a phone number in international form (E.164); empty where it cannot be one.

    >>> phone("06 12 34 56 78", "FR"), phone("0033 6 12345678"), phone("12")
    ('+33612345678', '+33612345678', '')
    """
    value = text(value)
    if value.startswith("00"):
        value = f"+{value[2:]}"
    try:
        number = phonenumbers.parse(value, region or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _spelling(kind: IdentifierKind) -> Callable[[str], str]:
    match kind.normalise:
        case "email":
            return email
        case "phone":
            return lambda value: phone(value, kind.region)
        case "lower":
            return lambda value: text(value).lower()
        case "upper":
            return lambda value: text(value).upper()
    return text


class _Reader:
    """Reads values of one kind, and remembers how it read them."""

    def __init__(self, name: str, kind: IdentifierKind) -> None:
        self._prefix = f"{name}:"
        self._spell = _spelling(kind)
        self._ignored = {self._spell(value) for value in kind.ignore} | {""}
        self._known: dict[str, str] = {}

    def read(self, value: object) -> str:
        """Return ``kind:value``; empty where the value identifies nobody."""
        if type(value) is str and (spelt := self._known.get(value)) is not None:
            return spelt
        if not isinstance(value, str):
            if isinstance(value, bool) or not isinstance(value, int | float):
                return ""
            if isinstance(value, float):
                if not math.isfinite(value):
                    return ""
                # Spreadsheets and data frames turn whole numbers into 17850.0.
                value = int(value) if value.is_integer() else value
            value = str(value)
        known = self._known.get(value)
        if known is None:
            if len(self._known) >= CACHE:
                self._known.clear()
            spelt = self._spell(value)
            known = "" if spelt in self._ignored else self._prefix + spelt
            self._known[value] = known
        return known


class Identifiers:
    """The company's kinds of identifiers, strongest first."""

    def __init__(self, kinds: Mapping[str, Entry[IdentifierKind]]) -> None:
        self._readers = {name: _Reader(name, entry.value) for name, entry in kinds.items()}
        self._attributes = tuple(
            (attribute, name)
            for name, entry in kinds.items()
            for attribute in entry.value.attributes
        )
        self._rank = {name: rank for rank, name in enumerate(kinds)}
        self._user = self._reader("user_id")
        self._visitor = self._reader("anonymous_id")
        last = len(kinds)
        self._user_first = self._rank.get("user_id", last) <= self._rank.get("anonymous_id", last)

    def normalise(self, kind: str, value: object) -> str:
        """Return ``kind:value`` as it is stored; empty where it identifies nobody.

        >>> from cid.kit.definitions import Entry
        >>> one = Entry("email", IdentifierKind(normalise="email"), "", 0, "")
        >>> Identifiers({"email": one}).normalise("email", "ANN@x.org")
        'email:ann@x.org'
        """
        reader = self._readers.get(kind)
        return "" if reader is None or value is None else reader.read(value)

    def _reader(self, kind: str) -> Callable[[object], str]:
        reader = self._readers.get(kind)
        return _nobody if reader is None else reader.read

    def of_two(self, user: Any, visitor: Any) -> tuple[str, ...]:
        """Return the same as `identifiers_of` for a record that names these two and nothing else."""
        one = "" if user is None else self._user(user)
        if visitor is None:
            return (one,) if one else ()
        other = self._visitor(visitor)
        if one and other:
            return (one, other) if self._user_first else (other, one)
        return (one or other,) if one or other else ()

    def identifiers_of(
        self,
        ids: Iterable[tuple[str, Any]],
        attributes: Mapping[str, Any] | None = None,
    ) -> tuple[str, ...]:
        """Return all identifiers of a record as ``kind:value``, strongest first, each once.

        Args:
            ids: pairs of kind and value; kinds that are not defined identify nobody.
            attributes: what the record says about the customer; some kinds are found in there.
        """
        found: list[tuple[int, str]] = []
        for kind, value in ids:
            if value is not None and (reader := self._readers.get(kind)) is not None:
                spelt = reader.read(value)
                if spelt:
                    found.append((self._rank[kind], spelt))
        if attributes:
            for attribute, kind in self._attributes:
                value = attributes.get(attribute)
                if value is not None:
                    spelt = self._readers[kind].read(value)
                    if spelt:
                        found.append((self._rank[kind], spelt))
        if len(found) > 1:
            # A stable sort: of several values of a kind, the one named first stays first.
            found.sort(key=_first)
            return tuple(dict.fromkeys([spelt for _, spelt in found]))
        return (found[0][1],) if found else ()


def _first(pair: tuple[int, str]) -> int:
    return pair[0]


def _nobody(value: object) -> str:
    return ""
