"""What happens to Northlake: an outage, files gone astray, campaigns, a price rise, a recall."""

from __future__ import annotations

from typing import NamedTuple

from cid.kit.clock import DAY, HOUR, MINUTE
from icustomer.samples.northlake.catalogue import CATEGORIES
from icustomer.samples.northlake.population import MOUNTAIN, SPAN, STORES
from icustomer.samples.northlake.times import at_local, weekday


class Campaign(NamedTuple):
    """A campaign with a hold-out: a fifth hears nothing, so that its effect can be measured."""

    name: str
    at: int
    lift: float
    """Additional chance that a treated customer orders within three weeks."""


class Letter(NamedTuple):
    """A newsletter; without a category it goes to everybody who agreed."""

    name: str
    subject: str
    at: int
    category: str


class World:
    """The days on which something special happens, counted back from now."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.begin = now - SPAN
        self.rise = at_local(now - 240 * DAY, "Europe/Paris", 6)
        # A Saturday morning on which the web shop was silent: nobody bought, nobody browsed.
        self.outage = at_local(self._saturday(97), "Europe/Paris", 9)
        self.outage_end = self.outage + 8 * HOUR
        self.twice = at_local(self._saturday(150), "Europe/Paris", 0) // DAY
        self.astray = at_local(self._saturday(66), "Europe/Paris", 0) // DAY
        self.recall = at_local(now - 120 * DAY, "Europe/Paris", 11)
        self.campaigns = (
            Campaign("members week", now - 160 * DAY, 0.2),
            Campaign("trail days", now - 75 * DAY, 0.17),
        )
        self.letters = tuple(
            Letter(
                f"letter {9 - place}",
                "New on the mountain" if place % 5 == 2 else f"All about {CATEGORIES[place % 10]}",
                at_local(now - (9 + 63 * place) * DAY, "Europe/Paris", 7),
                "" if place % 5 == 2 else CATEGORIES[place % 10],
            )
            for place in range(8, -1, -1)
        )

    def _saturday(self, back: int) -> int:
        moment = self.now - back * DAY
        while weekday(moment, "Europe/Paris") != 5:
            moment -= DAY
        return moment

    def shop_is_down(self, moment: int) -> bool:
        """Say whether the web shop was silent then."""
        return self.outage <= moment < self.outage_end

    def till_arrival(self, moment: int, store: int) -> int:
        """Return when the file with a receipt arrives: at night, and in two cases later."""
        zone = STORES[store].zone
        night = at_local(moment + DAY, zone, 2) + (5 + 3 * store) * MINUTE
        if store == MOUNTAIN:
            night += (6 - weekday(moment, zone)) * DAY
        if moment // DAY == self.astray and store < MOUNTAIN:
            night += 21 * DAY
        return night
