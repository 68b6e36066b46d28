"""The life of a person with Northlake: joining, seasons, habits, moods, and drifting away."""

from __future__ import annotations

from random import Random

from cid.kit.clock import DAY, HOUR, MINUTE
from icustomer.samples.northlake.care import Care
from icustomer.samples.northlake.catalogue import HIGHEST, season
from icustomer.samples.northlake.letters import Letters
from icustomer.samples.northlake.population import YEAR, Person
from icustomer.samples.northlake.shopping import Shopping
from icustomer.samples.northlake.tape import Tape, Who, external, plainly
from icustomer.samples.northlake.times import at_local, month
from icustomer.samples.northlake.world import World


class Life:
    """Writes everything that one person does in eighteen months."""

    def __init__(self, tape: Tape, world: World, rng: Random) -> None:
        self.tape = tape
        self.world = world
        self.rng = rng
        self.shopping = Shopping(tape, world, rng)
        self.letters = Letters(tape, world, rng)
        self.care = Care(tape, world, rng)

    def live(self, person: Person) -> None:
        """Let a person join, come and buy as their habits say, and go."""
        self.shopping.meet(person)
        self.join(person)
        for moment in self._orders(person):
            self._order(person, moment)
        self._browse(person)
        self.letters.read(person, self._treated)
        if person.app and person.number % 3 == 0:
            self._use(person)

    def join(self, person: Person) -> None:
        """Register: a login, a card, consents."""
        rng, put = self.rng, self.tape.put
        moment = person.start
        if person.user is not None and not self.world.shop_is_down(moment):
            self.shopping.login(person, moment, moment + 2000, "shop")
            if person.app:
                self.shopping.login(person, moment + HOUR, moment + HOUR + 2000, "app")
            if person.country == "FR" and person.number % 7 == 3:
                # Hundreds tried the tablet in the store in Lyon.
                kiosk = Who(person.user, "kiosk-lyon", None)
                at = moment + 20 * MINUTE
                put(at, at, "shop", "", kiosk, plainly, ("email", person.shop_email))
        who = Who(person.user, None, None)
        if person.card is not None:
            later = moment + int(rng.random() * 3 * DAY)
            name = person.name
            card = external(card=person.card)
            if person.user is None:
                who = card
            put(
                at_local(later + DAY, "Europe/Paris", 3), later, "loyalty", "", card, plainly,
                ("name", name.full, "first_name", name.first, "last_name", name.last,
                 "email", person.email if rng.random() < 0.85 else None,
                 "phone", person.phone if rng.random() < 0.7 else None,
                 "birth_date", person.birth if rng.random() < 0.6 else None,
                 "gender", "female" if person.female else "male",
                 "language", person.language, "country", person.country, "tier", "bronze"),
            )  # fmt: skip
            if person.female and person.number % 80 == 3 and not name.chinese:
                married = name.married("Moreau" if person.country == "FR" else "Petersen")
                wedding = later + 200 * DAY
                put(
                    wedding + HOUR, wedding, "loyalty", "", card, plainly,
                    ("name", married.full, "last_name", married.last),
                )  # fmt: skip
        self.letters.agree(person, who)

    def _orders(self, person: Person) -> list[int]:
        rng, now = self.rng, self.world.now
        mean = YEAR / person.rate
        end = min(person.end, now)
        found: list[int] = []
        fresh = person.start > self.world.begin + 40 * DAY
        first = rng.random() * min(mean, 45 * DAY) if fresh else rng.expovariate(1 / mean)
        moment = person.start + first
        while moment < end:
            at = int(moment)
            if person.regular or rng.random() * HIGHEST < season(person.favourite, month(at)):
                found.append(at)
                # A trip is being prepared: something was forgotten.
                while rng.random() < 0.24:
                    at += int((2 + rng.expovariate(1 / 9)) * DAY)
                    if at < end:
                        found.append(at)
            if person.regular:
                moment += rng.gammavariate(5, mean / 5)
            else:
                moment += rng.expovariate(HIGHEST / mean)
        found.sort()
        return found

    def _order(self, person: Person, moment: int, campaign: str | None = None) -> None:
        rng = self.rng
        moment = self.shopping.order(person, self._hour(person, moment), campaign)
        if rng.random() < 0.05 + 0.08 * (1 - person.mood):
            person.mood *= 0.6
            self.care.complain(
                person, moment + int((1 + 9 * rng.random()) * DAY), self.shopping.tier
            )
            if person.mood < 0.45:
                person.end = min(person.end, moment + int(rng.expovariate(1 / 50) * DAY))
        if rng.random() < 0.09:
            self.care.review(person, moment + int((5 + 9 * rng.random()) * DAY))

    def _hour(self, person: Person, moment: int) -> int:
        """Move a moment to an hour at which people are awake, mostly in the evening."""
        zone = "Asia/Shanghai" if person.country == "CN" else "Europe/Paris"
        return at_local(moment, zone, 6.5 + 17 * self.rng.betavariate(3.2, 2))

    def _treated(self, person: Person, campaign: str, moment: int) -> None:
        self._order(person, moment, campaign)

    def _browse(self, person: Person) -> None:
        """Look around without buying, more often while the relationship lives."""
        rng, world = self.rng, self.world
        if person.user is None:
            return
        moment: float = person.start
        alive = 0.8 + 0.28 * person.rate
        while True:
            rate = alive if moment < person.end else 0.25
            moment += rng.expovariate(rate / YEAR)
            at = self._hour(person, int(moment))
            if at > world.now:
                return
            if world.shop_is_down(at):
                continue
            adds = 1 if rng.random() < 0.3 else 0
            category = person.favourite if rng.random() < 0.6 else person.second
            self.shopping.session(person, at, rng.randrange(1, 4), adds, category, buys=False)

    def _use(self, person: Person) -> None:
        """Wear the watch: minutes of use, as long as the person likes it."""
        rng = self.rng
        who = Who(person.user, None, None) if person.user else external(card=person.card or "")
        moment: float = person.start + 10 * DAY
        end = min(person.end, self.world.now)
        while moment < end:
            at = int(moment)
            minutes = int(rng.gammavariate(2, 45)) + 5
            lag = HOUR if rng.random() < 0.65 else 2 * DAY
            self.tape.put(
                at + lag, at, "app", "Usage Recorded", who, plainly,
                ("sku", "NL-ELE-21", "minutes", minutes),
            )  # fmt: skip
            moment += (6 + rng.expovariate(1 / 22)) * DAY
