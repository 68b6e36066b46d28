"""Consent and e-mail: who agreed, what was sent and read, campaigns with a hold-out."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from cid.kit.clock import DAY, HOUR, MINUTE
from icustomer.samples.northlake.population import Person
from icustomer.samples.northlake.tape import Body, Tape, Who, external, plainly
from icustomer.samples.northlake.world import World


def about_letter(campaign: str, number: int, subject: str) -> Body:
    """Write the properties of the e-mail events."""
    return {"campaign": campaign, "message_id": f"{campaign}/{number}", "subject": subject}


class Letters:
    """Writes consents and letters of one person after the other."""

    def __init__(self, tape: Tape, world: World, rng: Random) -> None:
        self.tape = tape
        self.world = world
        self.rng = rng
        self.agreed = self.withdrawn = 0

    def agree(self, person: Person, who: Who) -> None:
        """Let a person say what we may do; only the consent centre knows."""
        rng, put = self.rng, self.tape.put
        moment = person.start + 10 * MINUTE
        self.agreed, self.withdrawn = 0, 0
        if person.mail_ok:
            self.agreed = moment
            self._say(moment, "Consent Given", who, "email")
        if person.phone_ok:
            self._say(moment + MINUTE, "Consent Given", who, "phone")
        if rng.random() < 0.05:
            put(
                moment, moment, "consent", "Consent Given", who, plainly,
                ("purpose", "analytics", "channel", "app"),
            )  # fmt: skip
        if person.mail_ok and rng.random() < 0.1:
            self.withdrawn = moment + int((20 + rng.expovariate(1 / 150)) * DAY)
            if self.withdrawn < self.world.now:
                self._say(self.withdrawn, "Consent Withdrawn", who, "email")

    def _say(self, moment: int, event: str, who: Who, channel: str) -> None:
        received = moment + 3000
        args = ("purpose", "marketing", "channel", channel)
        self.tape.put(received, moment, "consent", event, who, plainly, args)

    def read(self, person: Person, treated: Callable[[Person, str, int], None]) -> None:
        """Send newsletters and campaigns to a person who agreed, and let them be read or not."""
        if not self.agreed:
            return
        rng, put = self.rng, self.tape.put
        who = external(email=person.email)
        bounced = person.number % 61 == 11
        for number, letter in enumerate(self.world.letters):
            if not self._may(letter.at):
                continue
            meant = letter.category in ("", person.favourite, person.second)
            if not meant and (person.number + number) % 3:
                continue
            self._send(person, who, letter.name, letter.subject, letter.at, bounced)
        for campaign in self.world.campaigns:
            if not self._may(campaign.at) or person.number % 7 > 4 or person.start > campaign.at:
                continue
            group = "holdout" if person.number * 7919 % 100 < 20 else "treated"
            put(
                campaign.at, campaign.at, "email", "Campaign Assigned", who, plainly,
                ("campaign", campaign.name, "group", group),
            )  # fmt: skip
            if group == "holdout":
                continue
            at = campaign.at + 10 * MINUTE
            self._send(person, who, campaign.name, f"Come along: {campaign.name}", at, bounced)
            if rng.random() < campaign.lift and person.end > campaign.at:
                treated(person, campaign.name, campaign.at + int((1 + 17 * rng.random()) * DAY))

    def _may(self, moment: int) -> bool:
        return self.agreed < moment and not (self.withdrawn and self.withdrawn < moment)

    def _send(
        self, person: Person, who: Who, name: str, subject: str, at: int, bounced: bool
    ) -> None:
        rng, put = self.rng, self.tape.put
        args = (name, person.number, subject)
        moment = at + person.number % 5000 * 200
        put(moment + 1000, moment, "email", "Email Sent", who, about_letter, args)
        if bounced:
            at = moment + 30_000
            put(at + 1000, at, "email", "Email Bounced", who, about_letter, args)
            return
        at = moment + 5000 + person.number % 7 * 1000
        put(at + 1000, at, "email", "Email Delivered", who, about_letter, args)
        if rng.random() >= person.opens * (1.2 if at < person.end else 0.12):
            return
        at += int(rng.expovariate(1 / 9) * HOUR) + MINUTE
        late = 2 * DAY if rng.random() < 0.2 else 1000
        put(at + late, at, "email", "Email Opened", who, about_letter, args)
        if rng.random() < 0.28:
            at += 40_000
            put(at + late, at, "email", "Email Clicked", who, about_letter, args)
