"""Who the customers are: persons with their habits, and where they shop."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from cid.kit.clock import DAY
from icustomer.samples.northlake.catalogue import CATEGORIES
from icustomer.samples.northlake.names import Name, name_of

SPAN = 548 * DAY
"""Eighteen months."""
YEAR = 365 * DAY


class Store(NamedTuple):
    """One of the fourteen stores."""

    name: str
    country: str
    zone: str


STORES = (
    *(
        Store(name, "FR", "Europe/Paris")
        for name in (
            "Lyon Bellecour",
            "Lyon Part-Dieu",
            "Lyon Confluence",
            "Lyon Croix-Rousse",
            "Grenoble",
            "Annecy",
            "Chamonix",
        )
    ),
    *(
        Store(name, "DE", "Europe/Paris")
        for name in ("Hamburg Altona", "Hamburg Mitte", "Hamburg Eppendorf", "Hamburg Harburg")
    ),
    *(
        Store(name, "CN", "Asia/Shanghai")
        for name in ("Shanghai Xuhui", "Shanghai Jing'an", "Shanghai Pudong")
    ),
)
MOUNTAIN = 6
"""Chamonix: its line is so slow that it sends its files once a week."""
_STORES_OF = {
    country: [place for place, store in enumerate(STORES) if store.country == country]
    for country in ("FR", "DE", "CN")
}
_CITIES = {
    "FR": (
        ("Lyon", "69002"),
        ("Lyon", "69006"),
        ("Villeurbanne", "69100"),
        ("Grenoble", "38000"),
        ("Annecy", "74000"),
        ("Chambéry", "73000"),
        ("Saint-Étienne", "42000"),
    ),
    "DE": (
        ("Hamburg", "22765"),
        ("Hamburg", "20095"),
        ("Lübeck", "23552"),
        ("Lüneburg", "21335"),
        ("Bremen", "28195"),
        ("Kiel", "24103"),
    ),
    "CN": (
        ("上海", "200030"),
        ("上海", "200040"),
        ("上海", "200120"),
        ("杭州", "310000"),
        ("苏州", "215000"),
        ("南京", "210000"),
    ),
}
_STREETS = {
    "FR": ("rue de la République", "quai Saint-Vincent", "avenue Foch", "montée des Épies"),
    "DE": ("Große Bergstraße", "Deichstraße", "Am Felde", "Övelgönne"),
    "CN": ("南京西路", "衡山路", "世纪大道", "复兴中路"),
}
_MAIL = {"FR": "courriel.example", "DE": "post.example", "CN": "mail.example"}
_LANGUAGE = {"FR": "fr", "DE": "de", "CN": "zh"}


class Person:
    """A consumer: names and numbers, and the habits that drive what happens."""

    __slots__ = (
        "app",
        "birth",
        "card",
        "city",
        "country",
        "device",
        "email",
        "end",
        "erp",
        "favourite",
        "female",
        "language",
        "mail_ok",
        "mood",
        "name",
        "number",
        "online",
        "opens",
        "phone",
        "phone_ok",
        "postcode",
        "rate",
        "regular",
        "second",
        "shop_email",
        "start",
        "store",
        "street",
        "user",
    )

    number: int
    name: Name
    female: bool
    country: str
    language: str
    city: str
    postcode: str
    street: str
    birth: str
    email: str
    shop_email: str
    phone: str
    user: str | None
    card: str | None
    erp: str
    device: str
    favourite: str
    second: str
    store: int
    app: bool
    regular: bool
    rate: float
    """Orders a year while the relationship lives."""
    online: float
    opens: float
    mood: float
    start: int
    end: int
    mail_ok: bool
    phone_ok: bool


FRENCH_NUMBERS = ("63998", "46571", "35301", "26191", "53649")
GERMAN_NUMBERS = ("4066969", "3023125", "6990009", "8999998")
RESERVED = 8_000
"""From here on in the first block numbers belong to organisations and to the eight people."""


def phone_of(country: str, number: int) -> str:
    """Give out a number that nobody has: mostly from the ranges kept for films."""
    block, rest = divmod(number, 10_000)
    if country == "FR":
        return f"+33{(*FRENCH_NUMBERS, str(97_000 + block))[min(block, 5)]}{rest:04d}"
    if country == "DE":
        return f"+49{(*GERMAN_NUMBERS, str(3_200_000 + block))[min(block, 4)]}{rest:04d}"
    return f"+861700{block:03d}{rest:04d}"


def persons(seed: int, count: int, now: int) -> Iterator[Person]:
    """Yield the persons; the first n of a larger company are the same as of a smaller one."""
    rng = Random()
    begin = now - SPAN
    before: Person | None = None
    for number in range(count):
        rng.seed(seed * 1_000_003 + number)
        person = _person(number, rng, begin, now)
        if before is not None and number % 400 == 21:
            _twin(person, before)
        elif before is not None and number % 400 == 61:
            _son(person, before)
        elif number % 1000 in (331, 661, 991):
            # One number that has had three owners: it proves nothing about any of them.
            person.phone = phone_of("FR", 9_990)
        elif number % 120 == 77:
            person.shop_email = "test@test.com"
        yield person
        before = person


def _person(number: int, rng: Random, begin: int, now: int) -> Person:
    person = Person()
    draw = rng.random
    share = draw()
    country = "FR" if share < 0.38 else "DE" if share < 0.72 else "CN"
    person.number = number
    person.country = country
    person.language = _LANGUAGE[country]
    person.female = draw() < 0.5
    person.name = name = name_of(country, person.female, rng)
    person.city, person.postcode = rng.choice(_CITIES[country])
    house = rng.randrange(1, 120)
    street = rng.choice(_STREETS[country])
    person.street = f"{house} {street}" if country == "FR" else f"{street} {house}"
    person.birth = (
        f"{rng.randrange(1948, 2006)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"
    )
    person.email = f"{name.latin_first}.{name.latin_last}{number}@{_MAIL[country]}".lower().replace(
        "'", ""
    )
    person.shop_email = person.email if draw() < 0.93 else person.email.replace("@", "+shop@")
    person.phone = phone_of(country, number // RESERVED * 10_000 + number % RESERVED)
    person.user = f"u-{number:05d}" if draw() < 0.76 else None
    person.card = f"NL{100_000 + number}" if person.user is None or draw() < 0.58 else None
    person.erp = f"E-{10_000 + number}"
    person.device = f"d-{number:05d}"
    person.favourite = rng.choice(CATEGORIES)
    person.second = rng.choice(CATEGORIES)
    person.store = rng.choice(_STORES_OF[country])
    person.app = draw() < 0.3
    person.regular = draw() < 0.3
    person.rate = min(36.0, 0.5 + rng.gammavariate(0.75, 5.0))
    # Who has a card likes the stores; who has only a login hardly knows them.
    likes = (1.1, 1.5) if person.card else (4.0, 1.0)
    person.online = rng.betavariate(*likes) if person.user else 0.0
    person.opens = rng.betavariate(1.4, 2.6)
    person.mood = rng.betavariate(5, 1.8)
    # Half of them were customers before; the others come during the eighteen months.
    person.start = begin + (
        int(draw() * 40 * DAY) if draw() < 0.55 else int(draw() * (now - begin))
    )
    person.end = person.start + int(rng.expovariate(1 / rng.choice((200, 500, 1000))) * DAY)
    person.mail_ok = draw() < 0.62
    person.phone_ok = draw() < 0.30
    return person


def _twin(person: Person, other: Person) -> None:
    """Make twins who live together: alike in all that a form asks, but the first name."""
    _share_home(person, other)
    person.name = Name(
        person.name.first,
        other.name.last,
        person.name.latin_first,
        other.name.latin_last,
        other.name.chinese,
    )
    person.birth = other.birth


def _son(person: Person, other: Person) -> None:
    """Make father and son with one name in one house."""
    _share_home(person, other)
    person.name = other.name
    person.female = other.female
    person.birth = f"{int(other.birth[:4]) + 27}{other.birth[4:]}"


def _share_home(person: Person, other: Person) -> None:
    person.country, person.language = other.country, other.language
    person.city, person.postcode, person.street = other.city, other.postcode, other.street
    person.store = other.store
