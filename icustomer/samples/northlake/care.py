"""What customers say: complaints and questions as tickets, ratings, and reviews of an order."""

from __future__ import annotations

from random import Random
from typing import Any

from cid.kit.clock import DAY, HOUR, MINUTE
from icustomer.samples.northlake.population import Person
from icustomer.samples.northlake.tape import Body, Tape, Who, external, plainly
from icustomer.samples.northlake.times import at_local, local, weekday
from icustomer.samples.northlake.world import World

FLOW = "northlake tickets"
_SUBJECTS = {
    "fr": ("Livraison en retard", "Fermeture cassée", "Question de taille", "Facture manquante"),
    "de": ("Lieferung verspätet", "Reißverschluss kaputt", "Frage zur Größe", "Rechnung fehlt"),
    "zh": ("配送延误", "拉链坏了", "尺码问题", "缺少发票"),
}
_TEXTS = ("We are looking into it.", "A new one is on its way.", "Please send us a picture.")
_PRAISE = ("", "", "Great advice in the store.", "很满意！", "Livraison rapide.", "Gerne wieder.")
_BLAME = ("", "Too late for the trip.", "质量不如以前。", "Trop cher.", "Nie wieder.")
COLUMNS = (
    *("line", "ticket", "status", "at", "caller", "mail", "card", "name", "subject", "channel"),
    *("priority", "queue", "text", "resolution", "stars"),
)


def ticket_row(line: str, ticket: str, status: str, moment: int, *pairs: Any) -> Body:
    """Write a line of the ticket tool: every column is there, most are empty."""
    row: Body = dict.fromkeys(COLUMNS)
    row["line"], row["ticket"], row["status"] = line, ticket, status
    row["at"] = local(moment, "Europe/Paris")
    row.update(zip(pairs[::2], pairs[1::2], strict=True))
    return row


def mistyped(phone: str, rng: Random) -> str:
    """Write a telephone number as somebody types it who listens.

    >>> sorted({mistyped("+33639981234", Random(seed)) for seed in range(60)})[:3]
    ['+33 (0)6 39 98 12 34', '+33639981234', '0033639981234']
    """
    way = rng.random()
    if way < 0.3:
        return phone
    if way < 0.55 or not phone.startswith("+33"):
        return "00" + phone[1:]
    pairs = [phone[place : place + 2] for place in range(4, len(phone), 2)]
    if way < 0.75:
        return f"0{phone[3]} " + " ".join(pairs)
    if way < 0.92:
        return f"+33 (0){phone[3]} " + " ".join(pairs)
    return f"0{phone[3]}." + ".".join(pairs)


class Care:
    """Writes tickets and reviews onto the tape."""

    def __init__(self, tape: Tape, world: World, rng: Random) -> None:
        self.tape = tape
        self.world = world
        self.rng = rng
        self.tickets = 0

    def line(self, ticket: str, status: str, moment: int, *pairs: Any) -> None:
        """Write one change of a ticket; the tool exports every quarter of an hour."""
        received = moment // (15 * MINUTE) * 15 * MINUTE + 16 * MINUTE
        name = f"{ticket}/{moment // 1000}"
        self.tape.put(
            received, moment, "callcentre", FLOW, None, ticket_row,
            (name, ticket, status, moment, *pairs),
        )  # fmt: skip

    def complain(self, person: Person, moment: int, tier: str) -> None:
        """Open a ticket, answer it, solve it, and perhaps get a rating."""
        rng = self.rng
        zone = "Asia/Shanghai" if person.country == "CN" else "Europe/Paris"
        if moment > self.world.now - DAY:
            return
        moment = at_local(moment, zone, 9) + int(rng.random() * 10 * HOUR)
        self.tickets += 1
        ticket = f"T-{person.number:05d}-{self.tickets}"
        who = self._caller(person)
        phoned = who[0] == "caller"
        draw = rng.random()
        subject = rng.choice(_SUBJECTS[person.language])
        self.line(
            ticket, "new", moment, *who, "name", person.name.typed(rng), "subject", subject,
            "channel", "phone" if phoned else "email",
            "priority", "high" if draw < 0.2 else "normal" if draw < 0.75 else "low",
            "queue", "service shanghai" if person.country == "CN" else "service",
            "text", subject,
        )  # fmt: skip
        if phoned:
            at = moment - 2 * MINUTE
            # The call itself is noted by the telephone system.
            self.tape.put(
                at + 1000, at, "callcentre", "Contact Made", external(phone=str(who[1])), plainly,
                ("channel", "phone", "direction", "inbound", "topic", subject),
            )  # fmt: skip
        moment = self._working(moment + int(rng.gammavariate(1.2, 2.2) * HOUR), zone)
        self.line(ticket, "answered", moment, *who, "text", rng.choice(_TEXTS))
        if rng.random() < 0.35:
            moment += int((1 + 20 * rng.random()) * HOUR)
            self.line(ticket, "customer wrote", moment, *who, "text", "…")
            if rng.random() < 0.3:
                self.line(ticket, "reopened", moment + MINUTE, *who)
        moment = self._working(moment + int(rng.gammavariate(1.1, 14) * HOUR), zone)
        if moment > self.world.now - HOUR:
            return
        self.line(ticket, "solved", moment, *who, "resolution", rng.choice(_TEXTS))
        if rng.random() < 0.45:
            stars = 1 + min(4, max(0, round(4.6 * person.mood + rng.gauss(0, 0.9))))
            moment += int((1 + 30 * rng.random()) * HOUR)
            self.line(ticket, "rated", moment, *who, "stars", stars)

    def _caller(self, person: Person) -> tuple[str, str]:
        draw = self.rng.random()
        if draw < 0.55:
            return "caller", mistyped(person.phone, self.rng)
        if draw < 0.85 or person.card is None:
            return "mail", person.email.capitalize()
        return "card", person.card

    def _working(self, moment: int, zone: str) -> int:
        """Move a moment into the desk's hours."""
        morning = at_local(moment, zone, 9)
        if moment < morning:
            moment = morning + int(self.rng.random() * HOUR)
        elif moment > morning + 8 * HOUR:
            moment = morning + DAY + int(self.rng.random() * 2 * HOUR)
        while weekday(moment, zone) > 4:
            moment += DAY
        return moment

    def review(self, person: Person, moment: int) -> None:
        """Ask how likely a recommendation is, 0 to 10."""
        rng = self.rng
        if moment > self.world.now - HOUR:
            return
        score = max(0, min(10, round(10.5 * person.mood + rng.gauss(0, 1.1))))
        if person.user is None:
            who = external(card=person.card or "")
        else:
            who = Who(person.user, None, None)
        text = rng.choice(_PRAISE if score > 6 else _BLAME) or None
        self.tape.put(
            moment + 2000, moment, "shop", "Review Given", who, plainly,
            ("score", score, "text", text),
        )  # fmt: skip
