"""Business customers: guides, schools and clubs, their deals, orders and licences."""

from __future__ import annotations

from random import Random
from typing import Any

from cid.kit.clock import DAY, HOUR, MINUTE
from icustomer.samples.northlake.catalogue import BY_CATEGORY, CATEGORIES, price_of
from icustomer.samples.northlake.names import name_of, plain
from icustomer.samples.northlake.population import RESERVED, phone_of
from icustomer.samples.northlake.shopping import Item, ordered
from icustomer.samples.northlake.tape import Body, Tape, Who, external, plainly
from icustomer.samples.northlake.times import at_local, date
from icustomer.samples.northlake.world import World

OWNERS = ("lea.martin", "finn.petersen", "zhou.min", "hugo.faure")
_KINDS = {
    "FR": ("École d'escalade", "Bureau des guides", "Club alpin", "Ski-club", "Lycée"),
    "DE": ("Bergschule", "Alpenverein", "Skischule", "Wanderverein", "Gymnasium"),
    "CN": ("户外俱乐部", "登山学校", "攀岩馆", "滑雪学校", "徒步协会"),
}
_PLACES = {
    "FR": ("Vercors", "Chartreuse", "Belledonne", "Bauges", "Aravis", "Écrins", "Vanoise"),
    "DE": ("Alster", "Elbe", "Harz", "Ostsee", "Heide", "Weser", "Holstein"),
    "CN": ("浦江", "西湖", "天目山", "莫干山", "太湖", "黄山", "四明山"),
}
_CITY = {"FR": ("Grenoble", "38000"), "DE": ("Hamburg", "20095"), "CN": ("上海", "200040")}


def opportunity(
    number: str,
    name: str,
    stage: str,
    cents: int,
    owner: str,
    closes: int,
    product: str,
    discount: int,
) -> Body:
    """Write the properties of ``Opportunity Updated``."""
    return {
        "opportunity_id": number,
        "name": name,
        "stage": stage,
        "amount": cents / 100,
        "currency": "EUR",
        "owner": owner,
        "close_date": date(closes),
        "pipeline": "business",
        "product": product,
        "discount": discount,
    }


class Business:
    """Writes organisations and what is sold to them."""

    def __init__(self, tape: Tape, world: World, rng: Random) -> None:
        self.tape = tape
        self.world = world
        self.rng = rng

    def organisation(self, number: int, seed: int) -> None:
        """Write one organisation with its contact, its deals and its orders."""
        rng, world = self.rng, self.world
        rng.seed(seed * 1_000_003 + 900_000_000 + number)
        country = rng.choice(("FR", "FR", "DE", "CN"))
        place, kind = rng.choice(_PLACES[country]), rng.choice(_KINDS[country])
        name = f"{place}{kind}" if country == "CN" else f"{kind} {place}"
        name += f" {number // 35 + 1}" if number >= 35 else ""
        crm, erp = f"C-{20_000 + number}", f"E-{50_000 + number}"
        start = world.begin + int(rng.random() * (60 if rng.random() < 0.6 else 500)) * DAY
        self.found(name, crm, erp, start, country, number, 1000 * rng.randrange(2, 40))
        if kind in ("Bureau des guides", "Bergschule", "登山学校"):
            self._licence(number, crm, start, country)
        moment = start + int(rng.random() * 40) * DAY
        deal = 0
        while moment < world.now:
            deal += 1
            moment = self.deal(f"O-{20_000 + number}-{deal}", name, crm, erp, moment)
            moment += int(rng.expovariate(1 / 150) + 20) * DAY

    def found(
        self, name: str, crm: str, erp: str, start: int, country: str, number: int, limit: int
    ) -> None:
        """Tell CRM and ERP of an organisation and of the person who speaks for it."""
        rng, put = self.rng, self.tape.put
        person = name_of(country, rng.random() < 0.5, rng)
        city, postcode = _CITY[country]
        domain = f"org{number}.example"
        phone = phone_of(country, number // 1_500 * 10_000 + RESERVED + number % 1_500)
        who = external(crm_id=crm)
        put(
            start + HOUR, start, "crm", "", who, plainly,
            ("kind", "organisation", "name", name, "company", name, "email", f"office@{domain}",
             "phone", phone, "city", city, "country", country),
        )  # fmt: skip
        contact = external(crm_id=crm.replace("C-", "K-"))
        mail = f"{person.latin_first}.{person.latin_last}@{domain}".lower().replace("'", "")
        put(
            start + HOUR, start + MINUTE, "crm", "", contact, plainly,
            ("kind", "person", "name", person.full, "company", name, "email", mail,
             "language", {"FR": "fr", "DE": "de", "CN": "zh"}[country]),
        )  # fmt: skip
        lead = (
            "lead_id", f"L-{number}", "interest", rng.choice(CATEGORIES),
            "origin", rng.choice(("fair", "web form", "recommendation", "call")),
        )  # fmt: skip
        put(start + HOUR, start + 2 * MINUTE, "crm", "Lead Captured", who, plainly, lead)
        booked = start + DAY
        put(
            booked + 2 * HOUR, booked, "erp", "", external(crm_id=crm, erp_id=erp), plainly,
            ("name", plain(name).upper(), "street", f"{number % 90 + 1} Parc", "postcode", postcode,
             "city", city, "country", country, "credit_limit", limit),
        )  # fmt: skip

    def _licence(self, number: int, crm: str, start: int, country: str) -> None:
        authority = {"FR": "ENSA", "DE": "VDBS", "CN": "CMA"}[country]
        for year in range(2):
            at = start + (30 + 365 * year) * DAY
            self.tape.put(
                at + DAY, at, "crm", "Licence Checked", external(crm_id=crm), plainly,
                ("licence", f"{authority}-{4000 + number}", "authority", authority,
                 "valid_until", date(at + 365 * DAY),
                 "discipline", self.rng.choice(("alpine", "ski", "climbing"))),
            )  # fmt: skip

    def deal(self, number: str, name: str, crm: str, erp: str, moment: int) -> int:
        """Move an opportunity through the stages; returns when it ended."""
        rng = self.rng
        who = external(crm_id=crm)
        category = rng.choice(CATEGORIES)
        cents = int(rng.lognormvariate(0, 0.8) * 4_200) * 100
        draw = rng.random()
        discount = rng.randrange(0, 11) if draw < 0.75 else rng.randrange(11, 16)
        if draw > 0.93:
            discount = rng.randrange(16, 23)
        owner = rng.choice(OWNERS)
        closes = moment + int(30 + rng.random() * 60) * DAY
        label = f"{category.capitalize()} for {name}"

        def stage(word: str) -> None:
            facts = (number, label, word, cents, owner, closes, category, discount)
            self.note(moment, "Opportunity Updated", who, opportunity, facts)

        for word, mean, keep in (("prospecting", 9, 0.8), ("qualified", 14, 0.78)):
            stage(word)
            moment += int((1 + rng.expovariate(1 / mean)) * DAY)
            if rng.random() > keep:
                stage("lost")
                return moment
        stage("quoted")
        quote = ("opportunity_id", number, "amount", cents / 100, "discount", discount)
        self.note(moment + HOUR, "Quote Sent", who, plainly, quote)
        moment += int((2 + rng.expovariate(1 / 13)) * DAY)
        if rng.random() > 0.52 + 0.012 * discount:
            stage("lost")
            return moment
        stage("won")
        for part in range(rng.randrange(1, 4)):
            at = moment + DAY + part * int(20 + 40 * rng.random()) * DAY
            self.order(f"B{number[2:]}-{part + 1}", erp, category, cents // (part + 1), at)
        return moment

    def note(self, moment: int, event: str, who: Who, make: Any, args: tuple[Any, ...]) -> None:
        """Let the CRM say something; it sends every ten minutes."""
        self.tape.put(moment + 8 * MINUTE, moment, "crm", event, who, make, args)

    def order(self, number: str, erp: str, category: str, cents: int, moment: int) -> None:
        """Let the ERP book an order of about this worth and its invoice."""
        place = self.rng.choice(BY_CATEGORY[category])
        price = price_of(place, moment >= self.world.rise)
        count = max(1, min(400, cents // price))
        items: tuple[Item, ...] = ((place, count, price),)
        total = count * price
        who = external(erp_id=erp)
        night = at_local(moment + DAY, "Europe/Paris", 1)
        self.tape.put(
            night, moment, "erp", "Order Completed", who, ordered,
            (number, items, total, "b2b", None, None, None, False),
        )  # fmt: skip
        invoice = (
            "invoice_id", "I" + number, "order_id", number, "total", total / 100, "currency", "EUR",
        )  # fmt: skip
        self.tape.put(night, moment + HOUR, "erp", "Invoice Issued", who, plainly, invoice)
