"""Everything that reached Northlake in eighteen months, in the order in which it arrived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

from cid.kit.clock import HOUR, MINUTE
from icustomer.samples.northlake.business import Business
from icustomer.samples.northlake.catalogue import (
    BY_CATEGORY,
    CATEGORIES,
    PRODUCTS,
    RECALLED,
    updated,
)
from icustomer.samples.northlake.life import Life
from icustomer.samples.northlake.population import persons
from icustomer.samples.northlake.shopping import SHOP, viewed
from icustomer.samples.northlake.stories import Stories
from icustomer.samples.northlake.tape import Delivery, Tape, Who, delivery, external, plainly
from icustomer.samples.northlake.trouble import deliver, disturb, share_of_breakable
from icustomer.samples.northlake.world import World

DEFINITIONS = Path(__file__).parent / "definitions"
"""The directory with Northlake's definitions."""

PERSONS = 6_000
ORGANISATIONS = 300
STRANGERS = 900


def company(now: int, seed: int = 7, scale: float = 1.0) -> Iterator[Delivery]:
    """Yield every record of Northlake that had arrived by now, in order of arrival.

    The same arguments always give the same records, byte for byte. The eight people of ``PEOPLE``
    are there at any scale, and nothing of theirs is lost on the way.

    Args:
        now: the moment at which the eighteen months end, in milliseconds.
        seed: another seed gives another company.
        scale: 1 gives about 6,000 persons and 220,000 records; 4 gives four times as much.
    """
    world = World(now)
    tape = Tape()
    rng = Random(seed)
    _catalogue(tape, world)
    life = Life(tape, world, rng)
    for person in persons(seed, round(PERSONS * scale), now):
        rng.seed(seed * 2_000_003 + person.number)
        life.live(person)
    business = Business(tape, world, rng)
    for number in range(round(ORGANISATIONS * scale)):
        business.organisation(number, seed)
    rng.seed(seed)
    _strangers(tape, world, rng, round(STRANGERS * scale))
    _recall(tape, world, life)
    tape.drafts += list(disturb(tape.drafts, rng, now))
    share = share_of_breakable(tape.drafts)
    kept = tape.number
    Stories(tape, world).tell()
    for draft in tape.until(now):
        yield deliver(draft, rng, share) if draft.number <= kept else delivery(draft)


def _catalogue(tape: Tape, world: World) -> None:
    """Tell the products at the beginning and on the day of the price rise."""
    nobody = Who(None, None, None)
    for at, dearer in ((world.begin, False), (world.rise, True)):
        for place in range(len(PRODUCTS)):
            moment = at + place * 1000
            tape.put(moment, moment, "erp", "Product Updated", nobody, updated, (place, dearer))


def _strangers(tape: Tape, world: World, rng: Random, count: int) -> None:
    """Let people look around of whom we never learn anything."""
    for number in range(count):
        moment = world.begin + int(rng.random() * (world.now - world.begin))
        if world.shop_is_down(moment):
            continue
        who = Who(None, f"x-{number:05d}", SHOP)
        places = BY_CATEGORY[rng.choice(CATEGORIES)]
        for _ in range(rng.randrange(1, 4)):
            moment += int(rng.random() * 3 * MINUTE)
            place = rng.choice(places)
            args = (place, PRODUCTS[place].price)
            tape.put(moment + 2000, moment, "shop", "Product Viewed", who, viewed, args)


def _recall(tape: Tape, world: World, life: Life) -> None:
    """Recall a product, and write to everybody of whom we know that they have it."""
    at = world.recall
    reason = ("sku", RECALLED, "reason", "the battery may get hot")
    tape.put(at, at, "erp", "Product Recalled", Who(None, None, None), plainly, reason)
    for place, (person, order_id) in enumerate(life.shopping.recalled):
        if person.user is None:
            who = external(card=person.card or "")
        else:
            who = Who(person.user, None, None)
        moment = at + HOUR + place * MINUTE
        tape.put(
            moment + 2000, moment, "erp", "Recall Notice Sent", who, plainly,
            ("sku", RECALLED, "order_id", order_id),
        )  # fmt: skip
