"""The stories of the eight people, told backwards from now so that each ends as it should."""

from __future__ import annotations

from random import Random
from typing import Any

from cid.kit.clock import DAY, HOUR, MINUTE
from icustomer.samples.northlake.business import opportunity
from icustomer.samples.northlake.care import FLOW, ticket_row
from icustomer.samples.northlake.catalogue import PLACE, price_of
from icustomer.samples.northlake.names import name_of
from icustomer.samples.northlake.people import PEOPLE
from icustomer.samples.northlake.population import STORES
from icustomer.samples.northlake.shopping import (
    SHOP,
    Item,
    added,
    ordered,
    points,
    receipt_row,
    viewed,
)
from icustomer.samples.northlake.tape import Tape, Who, external, plainly
from icustomer.samples.northlake.times import at_local, last_weekday
from icustomer.samples.northlake.world import World

LYON, ALTONA, XUHUI = 0, 7, 11


class Stories:
    """Writes the eight stories onto the tape."""

    def __init__(self, tape: Tape, world: World) -> None:
        self.tape = tape
        self.world = world
        self.now = world.now

    def tell(self) -> None:
        """Tell all of them."""
        self._ann_keller()
        self._wang_fang()
        self._club_alpin()
        self._jonas_brandt()
        self._marie_dubois()
        self._li_wei()
        self._emma_roth()
        self._guide_school()

    def _ann_keller(self) -> None:
        """A stranger fills a cart, turns out to be Ann, and buys hours later."""
        ann = PEOPLE["Ann Keller"]
        then = self.now - 238 * DAY
        laptop = Who(ann["user_id"], ann["laptop"], SHOP)
        self._register(ann, laptop, then, mail=True)
        self._buy(ann, laptop, then + 20 * MINUTE, "W-ANN-1", "NL-BOO-12", "NL-CLO-31")
        start = self.now - 3 * DAY
        stranger = Who(None, ann["anonymous_id"], SHOP)
        for step, sku in enumerate(("NL-TEN-12", "NL-TEN-14", "NL-TEN-23")):
            self._view(stranger, start + 3 * step * MINUTE, sku)
        tent = PLACE["NL-TEN-23"]
        cents = price_of(tent, dearer=True)
        self._say(
            start + 8 * MINUTE, "shop", "Product Added", stranger, added, tent, cents, 1, "cart-ann"
        )
        known = Who(ann["user_id"], ann["anonymous_id"], SHOP)
        self._identify(start + 2 * HOUR, "shop", known, "email", ann["email"], "name", ann["name"])
        self._view(known, start + 2 * HOUR + MINUTE, "NL-TEN-23")
        self._buy(ann, known, start + 10 * HOUR, "W-ANN-2", "NL-TEN-23", cart=False)

    def _wang_fang(self) -> None:
        """Three records of one person, and a sister whose card carries the family's number."""
        fang = PEOPLE["Wang Fang"]
        then = self.now - 421 * DAY
        known = Who(fang["user_id"], "d-wangfang", SHOP)
        self._identify(
            then, "shop", known, "name", "王芳", "email", fang["email"], "phone", fang["phone"],
            "language", "zh",
        )  # fmt: skip
        self._agree(then + MINUTE, known, "email")
        self._buy(fang, known, then + 30 * MINUTE, "W-FANG-1", "NL-BAC-12")
        card = external(card=fang["card"])
        self._identify(
            then + 20 * DAY, "loyalty", card, "name", "Fang Wang", "phone", fang["phone"],
            "tier", "silver",
        )  # fmt: skip
        for number, ago in enumerate((380, 290, 160, 45)):
            sku = ("NL-CLO-12", "NL-BOO-13", "NL-CLI-12", "NL-CLO-21")[number]
            self._receipt(fang["card"], XUHUI, ago, f"R11-FANG-{number}", sku)
        self._identify(
            self.now - 300 * DAY, "crm", external(crm_id=fang["crm_id"]), "kind", "person",
            "name", "WANG F.", "email", fang["email"], "company", "浦江户外俱乐部",
        )  # fmt: skip
        sister = external(card=fang["sister_card"])
        self._identify(
            self.now - 200 * DAY, "loyalty", sister, "name", fang["sister"],
            "first_name", "舫", "last_name", "王", "phone", fang["phone"], "tier", "bronze",
        )  # fmt: skip
        for number, ago in enumerate((198, 120, 33)):
            sku = ("NL-KID-12", "NL-KID-22", "NL-KID-32")[number]
            self._receipt(fang["sister_card"], XUHUI, ago, f"R11-SISTER-{number}", sku)

    def _club_alpin(self) -> None:
        """One mailbox, eighty members: the mailbox proves nothing about any of them."""
        club = PEOPLE["Club Alpin de Lyon"]
        then = self.now - 500 * DAY
        who = external(crm_id=club["crm_id"])
        self._identify(
            then, "crm", who, "kind", "organisation", "name", club["name"], "company", club["name"],
            "email", club["email"], "phone", club["phone"], "city", "Lyon", "country", "FR",
        )  # fmt: skip
        self._identify(
            then + DAY, "erp", external(crm_id=club["crm_id"], erp_id=club["erp_id"]),
            "name", "CLUB ALPIN DE LYON", "street", "8 place Bellecour", "postcode", "69002",
            "city", "Lyon", "country", "FR", "credit_limit", 15000,
        )  # fmt: skip
        self._order_of_business(club["erp_id"], "B-CLUB-1", "NL-CLI-12", 20, self.now - 310 * DAY)
        self._order_of_business(club["erp_id"], "B-CLUB-2", "NL-CLI-22", 25, self.now - 60 * DAY)
        rng = Random(80)
        first = int(club["first_member_card"][2:])
        for number in range(80):
            name = name_of("FR", number % 2 == 0, rng)
            card = f"NL{first + number}"
            joined = then + (2 + number) * DAY
            self._identify(
                joined, "loyalty", external(card=card), "name", name.full,
                "first_name", name.first, "last_name", name.last, "email", club["email"],
                "country", "FR", "tier", "bronze",
            )  # fmt: skip
            for trip in range(1 + number % 3):
                sku = ("NL-CLI-22", "NL-CLO-21", "NL-BOO-31")[trip]
                ago = 400 - number - 110 * trip
                self._receipt(card, number % 4, ago, f"R00-CLUB-{number}-{trip}", sku)

    def _jonas_brandt(self) -> None:
        """A VIP falls silent: no sign for sixty days, so he leaves `active` twenty days ago."""
        jonas = PEOPLE["Jonas Brandt"]
        then = self.now - 470 * DAY
        who = Who(jonas["user_id"], jonas["anonymous_id"], SHOP)
        self._register(jonas, who, then, mail=True)
        self._agree(then + 2 * MINUTE, who, "phone")
        self._identify(
            then + DAY, "loyalty", external(card=jonas["card"]), "name", jonas["name"],
            "first_name", "Jonas", "last_name", "Brandt", "email", jonas["email"],
            "birth_date", "1979-04-12", "tier", "gold",
        )  # fmt: skip
        withdrawn = self.now - 151 * DAY
        self._say(
            withdrawn, "consent", "Consent Withdrawn", who, plainly,
            "purpose", "marketing", "channel", "email",
        )  # fmt: skip
        bought = (
            (371, "NL-SKI-13"), (339, "NL-CLO-13"), (301, "NL-TEN-23"), (263, "NL-BOO-13"),
            (222, "NL-CLO-14"), (189, "NL-ELE-24"), (149, "NL-CLI-13"), (122, "NL-BAC-23"),
            (97, "NL-BOO-24"),
        )  # fmt: skip
        for number, (ago, sku) in enumerate(bought):
            if number % 3 == 1:
                self._receipt(jonas["card"], ALTONA, ago, f"R07-JONAS-{number}", sku)
            else:
                self._buy(jonas, who, self.now - ago * DAY, f"W-JONAS-{number}", sku)
        self._view(who, self.now - 80 * DAY - 5 * HOUR, "NL-SKI-12")
        # A colleague calls him as the rule asked; five days later he is back.
        back = self.now - 15 * DAY
        self._buy(jonas, who, back, "W-JONAS-BACK", "NL-SKI-14", campaign="win back call")

    def _marie_dubois(self) -> None:
        """Marie moves: the CRM says so first, but the ERP is the master of the address."""
        marie = PEOPLE["Marie Dubois"]
        then = self.now - 400 * DAY
        who = Who(marie["user_id"], marie["anonymous_id"], SHOP)
        self._register(marie, who, then, mail=True)
        books = Who(marie["user_id"], None, external(erp_id=marie["erp_id"]).context)
        home = ("postcode", "69002", "city", "Lyon", "country", "FR")
        self._identify(
            then + DAY, "erp", books, "name", marie["name"], "street", marie["old_street"], *home
        )
        for number, ago in enumerate((399, 260, 110)):
            sku = ("NL-BAC-12", "NL-BOO-22", "NL-CLO-22")[number]
            self._buy(marie, who, self.now - ago * DAY, f"W-MARIE-{number}", sku)
        moved = at_local(self.now - 6 * DAY, "Europe/Paris", 10)
        self._identify(
            moved, "crm", external(crm_id=marie["crm_id"], email=marie["email"]), "kind", "person",
            "name", marie["name"], "email", marie["email"], "street", marie["new_street"], *home,
        )  # fmt: skip
        right = external(erp_id=marie["erp_id"])
        self._identify(moved + 4 * HOUR, "erp", right, "street", marie["new_street"], *home)

    def _li_wei(self) -> None:
        """A complaint on Friday at half past four: half an hour is left before the weekend."""
        wei = PEOPLE["Li Wei"]
        then = self.now - 350 * DAY
        who = Who(wei["user_id"], wei["anonymous_id"], SHOP)
        self._register(wei, who, then, mail=True)
        self._identify(
            then + DAY, "loyalty", external(card=wei["card"]), "name", wei["name"],
            "first_name", "伟", "last_name", "李", "email", wei["email"], "phone", wei["phone"],
            "tier", "gold",
        )  # fmt: skip
        bought = (
            (340, "NL-SKI-14"), (281, "NL-CLO-14"), (230, "NL-TEN-24"), (171, "NL-CLO-13"),
            (118, "NL-BAC-24"), (19, "NL-BOO-14"),
        )  # fmt: skip
        for number, (ago, sku) in enumerate(bought):
            self._buy(wei, who, self.now - ago * DAY, f"W-LIWEI-{number}", sku)
        self._say(
            self.now - 13 * DAY, "shop", "Review Given", who, plainly, "score", 5,
            "text", "靴子进水。",
        )  # fmt: skip
        zone = "Asia/Shanghai"
        friday = last_weekday(self.now - 5 * DAY, 4, zone, 16.5)
        monday = friday + 3 * DAY
        case = wei["case_id"]
        said: tuple[tuple[str, int, tuple[Any, ...]], ...] = (
            ("new", friday, (
                "name", "李伟", "subject", "登山靴漏水", "channel", "phone", "priority", "high",
                "queue", "service shanghai", "text", "新靴子第一次徒步就进水。")),
            ("answered", at_local(monday, zone, 11.8), ("text", "抱歉，请把靴子寄回。")),
            ("solved", at_local(monday, zone, 14.1), ("resolution", "Replaced by a new pair.")),
            ("rated", at_local(monday, zone, 18), ("stars", 2)),
        )  # fmt: skip
        for status, at, pairs in said:
            row = (f"{case}/{status}", case, status, at, "card", wei["card"], *pairs)
            self.tape.put(at + 4 * MINUTE, at, "callcentre", FLOW, None, ticket_row, row)
        refused = at_local(monday + DAY, zone, 11)
        self._say(
            refused, "callcentre", "Offer Rejected", external(card=wei["card"]), plainly,
            "offer", "personal guide day", "reason", "wants his money back, not a guide",
        )  # fmt: skip

    def _emma_roth(self) -> None:
        """Emma asks to be forgotten."""
        emma = PEOPLE["Emma Roth"]
        then = self.now - 330 * DAY
        who = Who(emma["user_id"], emma["anonymous_id"], SHOP)
        self._register(emma, who, then, mail=True)
        self._identify(
            then + DAY, "loyalty", external(card=emma["card"]), "name", emma["name"],
            "first_name", "Emma", "last_name", "Roth", "email", emma["email"],
            "birth_date", "1991-11-03", "tier", "silver",
        )  # fmt: skip
        for number, ago in enumerate((329, 215, 88)):
            sku = ("NL-SLE-12", "NL-KIT-12", "NL-CLO-12")[number]
            self._buy(emma, who, self.now - ago * DAY, f"W-EMMA-{number}", sku)
        self._say(
            self.now - 2 * DAY, "consent", "Erasure Requested", who, plainly, "channel", "web form"
        )

    def _guide_school(self) -> None:
        """A quote with 18 % discount needs approval, becomes an order, and a renewal."""
        school = PEOPLE["Guide school Chamonix"]
        crm, erp, number = school["crm_id"], school["erp_id"], school["opportunity_id"]
        then = self.now - 440 * DAY
        who = external(crm_id=crm)
        self._identify(
            then, "crm", who, "kind", "organisation", "name", school["name"],
            "company", school["name"], "email", school["email"], "phone", school["phone"],
            "city", "Chamonix", "country", "FR",
        )  # fmt: skip
        self._identify(
            then + DAY, "erp", external(crm_id=crm, erp_id=erp), "street", "190 place de l'Église",
            "postcode", "74400", "city", "Chamonix", "country", "FR", "credit_limit", 40000,
        )  # fmt: skip
        self._order_of_business(erp, "B-CHAMONIX-0", "NL-CLI-13", 60, self.now - 400 * DAY)
        name, owner, product = "Ropes and harnesses", "lea.martin", "climbing"
        closes = self.now + 5 * DAY
        stages = (
            (40, "prospecting", 2_800_000, 0), (30, "qualified", 2_600_000, 0),
            (12, "quoted", 2_460_000, 18), (6, "won", 2_460_000, 18),
        )  # fmt: skip
        for ago, stage, cents, discount in stages:
            self._say(
                self.now - ago * DAY, "crm", "Opportunity Updated", who, opportunity, number, name,
                stage, cents, owner, closes, product, discount,
            )  # fmt: skip
        self._say(
            self.now - 12 * DAY + HOUR, "crm", "Quote Sent", who, plainly, "opportunity_id", number,
            "amount", 24600, "discount", 18,
        )  # fmt: skip
        self._order_of_business(erp, "B-CHAMONIX-1", "NL-CLI-13", 130, self.now - 5 * DAY)
        self._say(
            self.now - 3 * DAY, "crm", "Opportunity Updated", who, opportunity,
            school["renewal_id"], "Renewal next season", "prospecting", 2_500_000, owner,
            self.now + 350 * DAY, product, 0,
        )  # fmt: skip

    def _register(self, person: dict[str, str], who: Who, moment: int, *, mail: bool) -> None:
        self._identify(
            moment, "shop", who, "name", person["name"], "email", person["email"],
            "phone", person["phone"],
        )  # fmt: skip
        if mail:
            self._agree(moment + MINUTE, who, "email")

    def _agree(self, moment: int, who: Who, channel: str) -> None:
        self._say(
            moment, "consent", "Consent Given", who, plainly,
            "purpose", "marketing", "channel", channel,
        )  # fmt: skip

    def _view(self, who: Who, moment: int, sku: str) -> None:
        place = PLACE[sku]
        cents = price_of(place, moment >= self.world.rise)
        self._say(moment, "shop", "Product Viewed", who, viewed, place, cents)

    def _buy(
        self,
        person: dict[str, str],
        who: Who,
        moment: int,
        order_id: str,
        *skus: str,
        campaign: str | None = None,
        cart: bool = True,
    ) -> None:
        """Buy in the web shop; points for those with a card, an invoice from the ERP."""
        items: list[Item] = []
        for sku in skus:
            place = PLACE[sku]
            cents = price_of(place, moment >= self.world.rise)
            items.append((place, 1, cents))
            self._view(who, moment - 6 * MINUTE, sku)
            if cart:
                at = moment - 4 * MINUTE
                basket = (place, cents, 1, "cart-" + order_id)
                self._say(at, "shop", "Product Added", who, added, *basket)
        total = sum(item[2] for item in items)
        self._say(
            moment, "shop", "Order Completed", who, ordered,
            order_id, tuple(items), total, "web", None, campaign, None, False,
        )  # fmt: skip
        night = at_local(moment + DAY, "Europe/Paris", 1)
        if "erp_id" in person:
            books = Who(person["user_id"], None, external(erp_id=person["erp_id"]).context)
            self.tape.put(
                night, moment + MINUTE, "erp", "Invoice Issued", books, plainly,
                ("invoice_id", "I" + order_id, "order_id", order_id, "total", total / 100,
                 "currency", "EUR"),
            )  # fmt: skip
        if "card" in person:
            card = external(card=person["card"])
            earned = (total // 100, order_id)
            self.tape.put(night, moment, "loyalty", "Points Earned", card, points, earned)

    def _receipt(self, card: str, store: int, ago: int, receipt: str, sku: str) -> None:
        moment = at_local(self.now - ago * DAY, STORES[store].zone, 15.3)
        items: tuple[Item, ...] = (
            (PLACE[sku], 1, price_of(PLACE[sku], moment >= self.world.rise)),
        )
        total = items[0][2]
        flow = "northlake till shanghai" if STORES[store].country == "CN" else "northlake till"
        arrival = self.world.till_arrival(moment, store)
        row = (receipt, moment, store, card, items, total, None)
        self.tape.put(arrival, moment, "till", flow, None, receipt_row, row)
        who = external(card=card)
        earned = (total // 100, receipt)
        self.tape.put(arrival + HOUR, moment, "loyalty", "Points Earned", who, points, earned)

    def _order_of_business(self, erp: str, number: str, sku: str, count: int, moment: int) -> None:
        place = PLACE[sku]
        cents = price_of(place, moment >= self.world.rise)
        items: tuple[Item, ...] = ((place, count, cents),)
        self._say(
            moment, "erp", "Order Completed", external(erp_id=erp), ordered,
            number, items, count * cents, "b2b", None, None, None, False,
        )  # fmt: skip
        self._say(
            moment + HOUR, "erp", "Invoice Issued", external(erp_id=erp), plainly,
            "invoice_id", "I" + number, "order_id", number, "total", count * cents / 100,
            "currency", "EUR",
        )  # fmt: skip

    def _identify(self, moment: int, source: str, who: Who, *traits: Any) -> None:
        self.tape.put(moment + 2000, moment, source, "", who, plainly, traits)

    def _say(self, moment: int, source: str, event: str, who: Who, make: Any, *args: Any) -> None:
        self.tape.put(moment + 2000, moment, source, event, who, make, args)
