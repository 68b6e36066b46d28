"""How long a new segment takes to be in force over many customers whose traits are there already.

Run ``PYTHONPATH=. python tests/benchmarks/adoption.py [customers [events]]``; each line of output is one JSON
object. Seconds are of processor time of one thread; ``each`` is how long it takes to ask the condition about every
customer one by one, as is done when nothing better is to be had. Both must find the same customers.
"""

import sys
import time

import numpy as np

from cic.conditions import Passing, Vocabulary
from cic.crowd import Crowd
from cic.kernel import Kernel
from cic.meaning import Meaning
from cic.model import Segment
from cic.segmentation import Segmentation
from cic.testing import entries
from cid.customers import Customers
from cid.kit.clock import DAY
from cid.kit.events import Bus
from cid.projection import Projection
from tests.benchmarks import kernel as events_of

CONDITIONS = {
    "few": "spend 30d > 700",
    "some": "orders 30d > 0 and largest 30d > 400 and events 7d <= 1",
    "or not": 'not(spend 365d <= 1000) or (last channel = "channel 3" and orders 7d > 0)',
    "between": "spend 30d in [1200..1300]",
    "ratio": "orders 365d > 3 and events 365d / orders 365d < 3",
    "nested": "few and products 365d > 5",
}


class Nowhere:
    """Keeps nothing."""

    def save(self, connection, changes, moment, version):
        return None


def company(kernel, names):
    customers = Customers({}, Projection({}), Nowhere(), Bus())
    customers.members = {name: {name} for name in names}
    traits = events_of.TRAITS
    words = Vocabulary({}, traits, {})
    live = Segmentation(traits, {}, words, customers, Nowhere(), Bus(), lambda: iter(()))
    live.bits = dict.fromkeys(names, 0)
    live.kernel, live.now = kernel, kernel.clock
    return live, customers


def adopted(what, kernel, names):
    live, customers = company(kernel, names)
    defined = {}
    for name, when in CONDITIONS.items():
        defined = defined | entries(**{name: Segment(when=when)})
        traits = events_of.TRAITS
        meaning = Meaning.of(traits, defined, Vocabulary({}, traits, defined))
        condition = meaning.conditions[-1]
        began = time.process_time()
        view = Passing("", customers, kernel.value, 0, None, live.now)
        wanted = {who for who, holds in view.holding(condition, names, live.bits) if holds}
        each = time.process_time() - began
        began = time.process_time()
        crowd = Crowd(customers, kernel, meaning.vocabulary, live.now)
        wrong = len(wanted.symmetric_difference(crowd.inside(condition, live.bits)))
        preview = time.process_time() - began
        began = time.process_time()
        told = live.adopt(meaning)
        seconds = time.process_time() - began
        live.flush(None)
        events_of.told(
            case=f"a new segment from traits, {what}", condition=name, customers=len(names),
            moved=sum(entered + left for _, entered, left in told), seconds=round(seconds, 3),
            preview=round(preview, 3), each=round(each, 3), ratio=round(each / preview, 1),
            mismatches=wrong + len(wanted.symmetric_difference(live.members(name))),
        )  # fmt: skip


def main() -> None:
    customers, count = (int(each) for each in (*sys.argv[1:3], 1_000_000, 10_000_000)[:2])
    events = events_of.Events(customers, count)
    feeder = events_of.Feeder(events)
    feeder.kernel.watch({})
    last = int(np.searchsorted(events.arrival, events_of.DAYS * DAY))
    for start in range(0, last, 100_000):
        feeder.step(start, min(last, start + 100_000))
    adopted("compiled", feeder.kernel, events.names)
    del feeder
    few = events_of.Events(customers // 20, count // 20)
    pure = Kernel(events_of.PLANS, len(events_of.TRAITS))
    pure.watch({})
    for start in range(0, few.count, 10_000):
        end = min(few.count, start + 10_000)
        pure.advance(int(few.arrival[end - 1]))
        pure.extend(few.facts(start, end))
    adopted("pure", pure, few.names)


if __name__ == "__main__":
    main()
