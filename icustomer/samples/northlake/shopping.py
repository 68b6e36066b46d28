"""Browsing and buying: sessions in shop and app, receipts, and what an order sets off."""

from __future__ import annotations

from random import Random
from typing import Any

from cid.kit.clock import DAY, HOUR, MINUTE, SECOND
from icustomer.samples.northlake.catalogue import (
    BY_CATEGORY,
    CATEGORIES,
    GOES_WITH,
    PRODUCTS,
    RECALLED,
    price_of,
)
from icustomer.samples.northlake.population import STORES, YEAR, Person
from icustomer.samples.northlake.tape import Body, Tape, Who, external, plainly
from icustomer.samples.northlake.times import at_local, date, local, weekday
from icustomer.samples.northlake.world import World

SHOP: Body = {"library": {"name": "analytics-next", "version": "1.84.3"}}
APP: Body = {"library": {"name": "analytics-kotlin", "version": "1.19.0"}}

Item = tuple[int, int, int]
"""Which product, how many, at what price in cents."""


BIG_GEAR = ("tents", "ski", "kids")
"""Categories of which one piece is a decision of its own."""


def viewed(place: int, cents: int) -> Body:
    """Write the properties of ``Product Viewed``."""
    product = PRODUCTS[place]
    return {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "price": cents / 100,
    }


def added(place: int, cents: int, quantity: int, cart: str) -> Body:
    """Write the properties of ``Product Added``."""
    worth = cents * quantity / 100
    return {**viewed(place, cents), "quantity": quantity, "value": worth, "cart_id": cart}


def ordered(
    order_id: str,
    items: tuple[Item, ...],
    total: int,
    channel: str,
    store: str | None,
    campaign: str | None,
    coupon: str | None,
    fresh: bool,
) -> Body:
    """Write the properties of ``Order Completed``."""
    return plainly(
        "order_id", order_id,
        "total", total / 100,
        "margin", margin_of(items, total),
        "currency", "EUR",
        "channel", channel,
        "store", store,
        "campaign", campaign,
        "coupon", coupon,
        "quantity", sum(item[1] for item in items),
        "main_category", PRODUCTS[items[0][0]].category if items else None,
        "big_gear", any(PRODUCTS[item[0]].category in BIG_GEAR for item in items),
        "categories", list(dict.fromkeys(PRODUCTS[item[0]].category for item in items)),
        "new_category", fresh,
        "items", [
            {
                "sku": PRODUCTS[place].sku,
                "name": PRODUCTS[place].name,
                "category": PRODUCTS[place].category,
                "quantity": quantity,
                "price": cents / 100,
            }
            for place, quantity, cents in items
        ],
    )  # fmt: skip


def margin_of(items: tuple[Item, ...], total: int) -> float:
    """Return what is left of an order's total after the goods are paid, in euro."""
    cost = sum(cents * quantity * (1 - PRODUCTS[place].margin) for place, quantity, cents in items)
    return round((total - cost) / 100, 2)


def receipt_row(
    receipt: str,
    moment: int,
    store: int,
    card: str | None,
    items: tuple[Item, ...],
    total: int,
    coupon: str | None,
    original: str = "",
) -> Body:
    """Write a receipt as the tills do: a row of texts."""
    articles = "|".join(
        f"{PRODUCTS[place].sku}~{PRODUCTS[place].name}~{PRODUCTS[place].category}"
        f"~{quantity}~{cents / 100:.2f}"
        for place, quantity, cents in items
    )
    return {
        "receipt": receipt,
        "kind": "return" if original else "sale",
        "original receipt": original,
        "sold at": local(moment, STORES[store].zone),
        "store": STORES[store].name,
        "card": card or "",
        "articles": articles,
        "pieces": str(sum(item[1] for item in items)),
        "categories": "|".join(dict.fromkeys(PRODUCTS[item[0]].category for item in items)),
        "total": f"{total / 100:.2f}",
        "margin": "" if original else f"{margin_of(items, total):.2f}",
        "coupon": coupon or "",
    }


def points(number: int, order_id: str) -> Body:
    """Write the properties of ``Points Earned``; ``change`` is what it does to the balance."""
    return {"points": number, "change": number, "order_id": order_id}


def redeemed(number: int, order_id: str) -> Body:
    """Write the properties of ``Points Redeemed``."""
    return {"points": number, "change": -number, "order_id": order_id}


class Shopping:
    """Writes sessions and orders of one person after the other onto the tape."""

    def __init__(self, tape: Tape, world: World, rng: Random) -> None:
        self.tape = tape
        self.world = world
        self.rng = rng
        self.recalled: list[tuple[Person, str]] = []
        self.meet_nobody()

    def meet_nobody(self) -> None:
        """Forget the person before."""
        self.orders = 0
        self.spent: list[tuple[int, int]] = []
        self.bought: set[str] = set()
        self.balance = 0
        self.tier = "bronze"
        self.known_to_erp = False
        self.stranger = self.known = Who(None, None, None)
        self.app_stranger = self.app_known = self.known

    def meet(self, person: Person) -> None:
        """Begin with a new person."""
        self.meet_nobody()
        self.stranger = Who(None, person.device, SHOP)
        self.known = Who(person.user, person.device, SHOP)
        self.app_stranger = Who(None, person.device + "-app", APP)
        self.app_known = Who(person.user, person.device + "-app", APP)

    def login(self, person: Person, moment: int, received: int, source: str) -> None:
        """Tell who is there: the shop's identify."""
        rng = self.rng
        shop = source == "shop"
        name = person.name
        typed = name.typed(rng)
        self.tape.put(
            received, moment, source, "", self.known if shop else self.app_known, plainly,
            ("email", person.shop_email, "name", typed, "language", person.language,
             "phone", person.phone if rng.random() < 0.4 else None,
             "interest", person.favourite if rng.random() < 0.3 else None),
        )  # fmt: skip

    def session(
        self, person: Person, moment: int, views: int, adds: int, category: str, *, buys: bool
    ) -> tuple[int, int, str]:
        """Let somebody look around; returns when and with what delay it ended, and where it was."""
        rng, put = self.rng, self.tape.put
        source = "app" if person.app and rng.random() < 0.6 else "shop"
        stranger, known = (
            (self.stranger, self.known) if source == "shop" else (self.app_stranger, self.app_known)
        )
        lag = self._lag(source)
        # A device whose clock runs an hour ahead says so with every record: sentAt is ahead, too.
        ahead = HOUR if source == "app" and person.number % 97 == 5 else 0
        inside = person.user is not None and rng.random() < 0.6
        who = known if inside else stranger
        dearer = moment >= self.world.rise
        places = BY_CATEGORY[category]
        cart = f"cart-{person.number}-{moment // MINUTE % 1_000_000}"
        for step in range(views):
            moment += int(rng.random() * 150 * SECOND) + 4 * SECOND
            place = places[int(rng.random() * len(places))]
            cents = price_of(place, dearer)
            received = moment + lag
            sent = received + ahead if ahead or lag > HOUR else 0
            put(
                received,
                moment + ahead,
                source,
                "Product Viewed",
                who,
                viewed,
                (place, cents),
                sent,
            )
            if step >= views - adds and not buys:
                moment += 20 * SECOND
                put(
                    moment + lag, moment + ahead, source, "Product Added", who, added,
                    (place, cents, 1, cart), sent and sent + 20 * SECOND,
                )  # fmt: skip
        if person.user is not None and not inside and (buys or rng.random() < 0.15):
            moment += 30 * SECOND
            self.login(person, moment, moment + lag, source)
        return moment, lag, source

    def _lag(self, source: str) -> int:
        chance = self.rng.random()
        if source == "app" and chance < 0.5:
            # On the mountain there is no net: the app keeps its records and sends them later.
            return int((1 + 4 * self.rng.random()) * DAY)
        if chance < 0.045:
            return int((1 + self.rng.random()) * DAY)
        return SECOND + int(chance * 3 * SECOND)

    def basket(self, person: Person, moment: int, category: str) -> tuple[Item, ...]:
        """Choose what is bought: something of the category, and what goes with it."""
        rng = self.rng
        dearer = moment >= self.world.rise
        draw = rng.random()
        count = 1 if draw < 0.55 else 2 if draw < 0.85 else 3
        items: list[Item] = []
        for step in range(count):
            kind = category
            if step:
                kind = GOES_WITH[category] if rng.random() < 0.55 else category
            place = rng.choice(BY_CATEGORY[kind])
            if any(item[0] == place for item in items):
                continue
            quantity = 1 if rng.random() < 0.9 else 2
            items.append((place, quantity, price_of(place, dearer)))
        return tuple(items)

    def order(self, person: Person, moment: int, campaign: str | None = None) -> int:
        """Let somebody buy; returns when."""
        rng = self.rng
        draw = rng.random()
        category = (
            person.favourite
            if draw < 0.55
            else person.second
            if draw < 0.85
            else CATEGORIES[int(rng.random() * 10)]
        )
        items = self.basket(person, moment, category)
        coupon = "HELLO10" if not self.orders and rng.random() < 0.3 else None
        if coupon is None and rng.random() < 0.07:
            coupon = "SUMMIT10"
        total = sum(quantity * cents for _, quantity, cents in items)
        if coupon:
            total = total * 9 // 10
        kinds = {PRODUCTS[item[0]].category for item in items}
        fresh = bool(self.orders and not kinds <= self.bought)
        self.bought |= kinds
        self.orders += 1
        online = rng.random() < person.online and not self.world.shop_is_down(moment)
        self._look_before(person, moment, category, online)
        if online:
            moment, order_id = self._order_online(
                person, moment, category, items, total, campaign, coupon, fresh
            )
        else:
            moment, order_id = self._order_in_store(person, moment, items, total, coupon)
        recalled = any(PRODUCTS[item[0]].sku == RECALLED for item in items)
        if recalled and order_id and 0 < self.world.recall - moment < 200 * DAY:
            self.recalled.append((person, order_id))
        return moment

    def _look_before(self, person: Person, moment: int, category: str, online: bool) -> None:
        """Look around on the days before: interest announces an order."""
        rng = self.rng
        if person.user is None and rng.random() < 0.7:
            return
        for _ in range(2 if online else 1):
            if rng.random() < 0.42:
                earlier = moment - int((0.3 + rng.expovariate(1 / 5)) * DAY)
                if earlier > person.start and not self.world.shop_is_down(earlier):
                    self.session(person, earlier, rng.randrange(1, 4), 0, category, buys=False)

    def _order_online(
        self,
        person: Person,
        moment: int,
        category: str,
        items: tuple[Item, ...],
        total: int,
        campaign: str | None,
        coupon: str | None,
        fresh: bool,
    ) -> tuple[int, str]:
        rng, put = self.rng, self.tape.put
        moment, lag, source = self.session(
            person, moment, 1 + int(rng.random() * 1.3), 0, category, buys=True
        )
        lag = min(lag, MINUTE)
        who = self.known if source == "shop" else self.app_known
        order_id = f"W{person.number:05d}-{self.orders}"
        for place, quantity, cents in items:
            moment += 25 * SECOND
            args = (place, cents, quantity, "cart-" + order_id)
            put(moment + lag, moment, source, "Product Added", who, added, args)
        moment += 40 * SECOND
        start = ("cart_id", "cart-" + order_id, "total", total / 100)
        put(moment + lag, moment, source, "Checkout Started", who, plainly, start)
        moment += MINUTE + int(rng.random() * 4 * MINUTE)
        channel = "web" if source == "shop" else "app"
        put(
            moment + lag, moment, source, "Order Completed", who, ordered,
            (order_id, items, total, channel, None, campaign, coupon, fresh),
        )  # fmt: skip
        self.after_online(person, moment, order_id, total)
        shown = person.card is not None and rng.random() < 0.85
        if shown:
            self.earn(person, moment, order_id, total)
        return moment, order_id

    def after_online(self, person: Person, moment: int, order_id: str, total: int) -> None:
        """Let the ERP keep the books at night: the debtor's address once, and an invoice."""
        night = at_local(moment + DAY, "Europe/Paris", 1) + person.number % 50 * MINUTE
        erp = external(erp_id=person.erp)
        if not self.known_to_erp:
            self.known_to_erp = True
            self.tape.put(
                night, moment + 5 * MINUTE, "erp", "",
                Who(person.user, None, erp.context), plainly,
                ("name", person.name.full, "email", person.email, "street", person.street,
                 "postcode", person.postcode, "city", person.city, "country", person.country),
            )  # fmt: skip
        invoice = (
            "invoice_id", "I" + order_id, "order_id", order_id, "total", total / 100,
            "currency", "EUR",
        )  # fmt: skip
        self.tape.put(
            night + MINUTE, moment + 6 * MINUTE, "erp", "Invoice Issued", erp, plainly, invoice
        )

    def _order_in_store(
        self, person: Person, moment: int, items: tuple[Item, ...], total: int, coupon: str | None
    ) -> tuple[int, str]:
        rng = self.rng
        store = STORES[person.store]
        if store.country != "CN" and weekday(moment, store.zone) == 6:
            moment -= DAY
        moment = at_local(moment, store.zone, 10.05) + int(rng.random() * 9.8 * HOUR)
        shown = person.card if rng.random() < 0.9 else None
        receipt = f"R{person.store:02d}-{date(moment)}-{person.number:05d}{self.orders:02d}"
        self.till(
            moment, person.store, (receipt, moment, person.store, shown, items, total, coupon)
        )
        if shown:
            self.earn(person, moment, receipt, total)
        if rng.random() < 0.03:
            later = moment + int((3 + 15 * rng.random()) * DAY)
            back = (items[0],)
            money = items[0][1] * items[0][2]
            again = (receipt + "-R", later, person.store, shown, back, money, None, receipt)
            self.till(later, person.store, again)
        return moment, receipt if shown else ""

    def till(self, moment: int, store: int, row: tuple[Any, ...]) -> None:
        """Write a receipt into the night's file."""
        if moment > self.world.now:
            return
        flow = "northlake till shanghai" if STORES[store].country == "CN" else "northlake till"
        arrival = self.world.till_arrival(moment, store)
        self.tape.put(arrival, moment, "till", flow, None, receipt_row, row)
        if moment // DAY == self.world.twice:
            self.tape.put(arrival + DAY, moment, "till", flow, None, receipt_row, row)

    def earn(self, person: Person, moment: int, order_id: str, total: int) -> None:
        """Give points for an order, let some be spent, and look whether the tier changes."""
        if person.card is None:
            return
        put = self.tape.put
        card = external(card=person.card)
        night = at_local(moment + DAY, "Europe/Paris", 3)
        number = total // 100
        self.balance += number
        put(night, moment + MINUTE, "loyalty", "Points Earned", card, points, (number, order_id))
        if self.balance > 600 and self.rng.random() < 0.3:
            self.balance -= 500
            put(
                night,
                moment - MINUTE,
                "loyalty",
                "Points Redeemed",
                card,
                redeemed,
                (500, order_id),
            )
        self.spent.append((moment, total))
        year = sum(cents for when, cents in self.spent if when > moment - YEAR)
        tier = "gold" if year >= 200_000 else "silver" if year >= 80_000 else "bronze"
        if tier != self.tier:
            self.tier = tier
            change = moment + 2 * MINUTE
            put(night + MINUTE, change, "loyalty", "Tier Changed", card, plainly, ("tier", tier))
            put(night + MINUTE, change, "loyalty", "", card, plainly, ("tier", tier))
