"""English and Chinese: catalogues read at start; numbers and moments as the reader writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent

from cid.kit.clock import parse_time, to_datetime
from cid.kit.definitions import Title
from cid.kit.errors import InvalidInput
from cid.kit.privacy import SENSITIVE, mask, sees_personal
from icustomer.web.errors import Errors

LANGUAGES = {"en": "English", "zh": "中文"}
LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}
NOTHING = "–"
SHORT_DAYS = {"chart": "MMMd", "month": "yMMM"}


@dataclass
class Catalogue:
    """The messages of one language; English is the source and needs none."""

    language: str
    messages: dict[str, str] = field(default_factory=dict)
    plurals: dict[str, str] = field(default_factory=dict)
    errors: Errors = field(default_factory=Errors)

    def say(self, text: str, /, **values: Any) -> str:
        """Translate a message and put the values in its ``{places}``."""
        message = self.messages.get(text) or text
        return message.format(**values) if values else message

    def count(self, one: str, many: str, n: int, /, **values: Any) -> str:
        """Translate a message about ``n`` things."""
        message = self.plurals.get(one) or (one if n == 1 else many)
        return message.format(**{"n": n, **values})


def read_catalogues(folder: Path) -> dict[str, Catalogue]:
    """Read every ``<language>/*.po``: each layer may bring a file of its own."""
    catalogues = {}
    for language in LANGUAGES:
        catalogue = Catalogue(language)
        for path in sorted((folder / language).glob("*.po")):
            with path.open("rb") as file:
                for message in read_po(file, locale=LOCALES[language]):
                    if not message.id or message.fuzzy:
                        continue
                    texts = message.string
                    if isinstance(message.id, str):
                        catalogue.messages[message.id] = str(texts)
                    elif isinstance(texts, list | tuple):
                        catalogue.plurals[message.id[0]] = texts[0]
            if path.stem == "errors":
                catalogue.errors = Errors(forms_of(path, LOCALES[language]))
        catalogues[language] = catalogue
    return catalogues


def forms_of(path: Path, locale: str) -> dict[str, str]:
    """Read the sentences of a catalogue of errors."""
    with path.open("rb") as file:
        found = read_po(file, locale=locale)
    return {str(each.id): str(each.string) for each in found if each.id}


def choose_language(wanted: str, header: str, offered: Iterable[str]) -> str:
    """Decide in which language to answer: the reader's own choice, else what the browser accepts.

    >>> choose_language("", "fr;q=0.9, zh-CN, en;q=0.5", ["en", "zh"])
    'zh'
    >>> choose_language("en", "zh", ["en", "zh"])
    'en'
    """
    known = [language for language in offered if language in LANGUAGES] or ["en"]
    if wanted in known:
        return wanted
    accepted = []
    for place, part in enumerate(header.split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            weight = 0.0
        accepted.append((-weight, place, tag.strip().lower().partition("-")[0]))
    for _, _, language in sorted(accepted):
        if language in known:
            return language
    return known[0]


@dataclass(frozen=True)
class Reader:
    """Who reads a page: language, role, theme, and the zone and money of the company."""

    catalogue: Catalogue
    role: str
    theme: str
    zone: str
    currency: str
    now: int

    @property
    def language(self) -> str:
        """The language the page is written in."""
        return self.catalogue.language

    @property
    def locale(self) -> str:
        """How numbers and dates are written."""
        return LOCALES[self.language]

    @property
    def sees_personal(self) -> bool:
        """Whether personal data is shown; only to those who talk with customers."""
        return sees_personal(self.role)

    def named(self, thing: Any, name: str = "") -> str:
        """Return the title of a definition in the reader's language, else its name.

        ``thing`` may be a text, ``{"en": …, "zh": …}``, or anything with ``title`` and ``name``.
        """
        if isinstance(thing, Title):
            return thing.in_language(self.language)
        if isinstance(thing, Mapping):
            if "en" in thing:
                return str(thing.get(self.language) or thing["en"])
            title = thing.get("title")
            return self.named(title) if title else self.term(str(thing.get("name", name)))
        return str(thing) if thing else self.term(name)

    def term(self, word: Any) -> str:
        """Translate a word that comes from data, such as a state or an event; itself if unknown."""
        text = str(word if word is not None else "")
        return self.catalogue.messages.get(text) or text

    def told(self, text: Any) -> str:
        """Say an error of the engine in the reader's language, as far as it is known there."""
        said = str(text or "")
        return self.catalogue.messages.get(said) or self.catalogue.errors.say(said)

    def spoken(self, said: Mapping[str, Any]) -> str:
        """Say a sentence of the company in the reader's language: ``form`` with ``words`` in it.

        What has no form is said as it is, in ``text`` or ``reason``.
        """
        form = said.get("form")
        if not form:
            return str(said.get("text") or said.get("reason") or "")
        words = {name: self._word(value) for name, value in said["words"].items()}
        return self.catalogue.say(form, **words)

    def _word(self, value: Any) -> str:
        if isinstance(value, Mapping):
            return self.spoken(value)
        text = str(value)
        return self.moment(text) if text[10:11] == "T" and text.endswith("Z") else self.term(text)

    def moment(self, value: Any, style: str = "medium") -> str:
        """Write a moment in the company's time zone, to the minute."""
        when = as_datetime(value)
        if when is None:
            return NOTHING
        local = when.astimezone(ZoneInfo(self.zone))
        day = format_date(local.date(), style, locale=self.locale)
        return f"{day} {format_datetime(local, 'HH:mm', locale=self.locale)}"

    def day(self, value: Any, style: str = "medium") -> str:
        """Write a day; ``chart`` leaves its year out, ``month`` its day."""
        if isinstance(value, str) and len(value) == 10:
            value = date.fromisoformat(value)
        if not isinstance(value, date) or isinstance(value, datetime):
            when = as_datetime(value)
            if when is None:
                return NOTHING
            value = when.astimezone(ZoneInfo(self.zone)).date()
        if style in SHORT_DAYS:
            return str(format_skeleton(SHORT_DAYS[style], value, locale=self.locale))
        return str(format_date(value, style, locale=self.locale))

    def ago(self, value: Any) -> str:
        """Write how long ago, or in how long."""
        when = as_datetime(value)
        if when is None:
            return NOTHING
        passed = when - to_datetime(self.now)
        if abs(passed) < timedelta(seconds=10):
            return self.term("just now")
        return str(format_timedelta(passed, add_direction=True, locale=self.locale))

    def lasting(self, seconds: Any) -> str:
        """Write a length of time given in seconds."""
        if seconds is None:
            return NOTHING
        return str(format_timedelta(timedelta(seconds=float(seconds)), locale=self.locale))

    def number(self, value: Any, digits: int = 2) -> str:
        """Write a number, with at most so many digits after the point."""
        amount = as_decimal(value)
        if amount is None:
            return NOTHING if value in (None, "") else str(value)
        shape = "#,##0" + ("." + "#" * digits if digits else "")
        return str(format_decimal(amount, shape, locale=self.locale))

    def money(self, value: Any, currency: str = "", digits: int | None = None) -> str:
        """Write an amount of money, in the company's currency if no other is given."""
        amount = as_decimal(value)
        if amount is None:
            return NOTHING
        # What a record calls its currency may be anything.
        code = str(currency)[:8] if currency else self.currency
        if digits is None:
            return str(format_currency(amount, code, locale=self.locale))
        shape = "¤#,##0" + ("." + "0" * digits if digits else "")
        return str(format_currency(amount, code, shape, locale=self.locale, currency_digits=False))

    def percent(self, share: Any, digits: int = 1) -> str:
        """Write a share between 0 and 1 as per cent."""
        amount = as_decimal(share)
        if amount is None:
            return NOTHING
        shape = "#,##0" + ("." + "#" * digits if digits else "") + "%"
        return str(format_percent(amount, shape, locale=self.locale))

    def personal(self, value: Any, sensitivity: str = "personal") -> Any:
        """Show personal data to those who may see it; to others only its shape."""
        if self.sees_personal or sensitivity not in SENSITIVE:
            return value
        return mask(str(value)) if value not in (None, "") else value


def as_datetime(value: Any) -> datetime | None:
    """Read a moment given as ISO text, milliseconds or datetime; None if it is not one."""
    if value in (None, ""):
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return to_datetime(parse_time(value) if isinstance(value, str) else int(value))
    except InvalidInput:
        # What a record calls a day may be anything; the page is shown all the same.
        return None


def as_decimal(value: Any) -> Decimal | None:
    """Read a number given as number or text; None if it is not one, or beyond what anybody reads."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**18 else None
