"""A small company that lives in memory: facts in, time passes, segments move; and the same told plainly."""

from cic.conditions import Vocabulary
from cic.model import SEGMENTS, TRAITS, settled
from cic.oracle import trait_of
from cic.segmentation import Segmentation
from cid.customers import Customers
from cid.feel import evaluate
from cid.kit.definitions import parse
from cid.kit.events import Bus
from cid.model.fact import Fact
from cid.projection import Projection


class Kept:
    """A store that remembers what was told."""

    def __init__(self):
        self.told = []

    def save(self, connection, changes, moment, version):
        self.told += changes


class Living:
    """Traits and segments over facts that are given by hand."""

    def __init__(self, traits, segments):
        self.traits, wrong = parse(traits, TRAITS)
        self.segments, also = parse(segments, SEGMENTS)
        self.traits, unsettled = settled(self.traits)
        assert not wrong + also + unsettled, wrong + also + unsettled
        self.facts = []
        self.bus, self.store = Bus(), Kept()
        self.customers = Customers({}, Projection({}), self.store, self.bus)
        self.live = Segmentation(
            self.traits,
            self.segments,
            Vocabulary({}, self.traits, self.segments),
            self.customers,
            self.store,
            self.bus,
            lambda: iter(self.facts),
        )

    def pass_time(self, moment):
        """Let time pass, stopping where something moves by itself as the pipeline does."""
        while (due := self.live.next_due()) is not None and due <= moment:
            self.live.advance(max(due, self.live.now))
        self.live.advance(moment)

    def take(self, fact):
        self.facts.append(fact)
        self.customers.apply(fact)
        self.live.apply(fact)

    def inside(self, customer):
        return set(self.live.segments_of(customer))

    @property
    def changes(self):
        self.live.flush(None)
        return self.store.told


def fact(number, time, event="E", customer="ann", received=None, **properties):
    return Fact(
        number,
        f"m{number:03d}",
        "shop",
        "track",
        event,
        time,
        time if received is None else received,
        (customer,),
        properties,
        {},
        identity=customer,
        customer=customer,
    )


def plainly(living, facts, moment, since):
    """Say in the plainest code in which segments a customer is, from where she has been since when."""
    scope = {name: trait_of(entry.value, facts, moment) for name, entry in living.traits.items()}
    inside = {}
    rest = dict(living.segments)
    while rest:
        for name, entry in list(rest.items()):
            rivals = [
                other
                for other, rival in living.segments.items()
                if entry.value.group
                and rival.value.group == entry.value.group
                and rival.value.priority < entry.value.priority
            ]
            condition = living.live.conditions[living.live.meaning.place(name)]
            if any(word in rest for word in (*condition.words, *rivals)):
                continue
            holds = evaluate(condition.tree, scope) is True
            kept = name in since and moment < since[name] + entry.value.stay_length
            inside[name] = not any(inside[other] for other in rivals) and (holds or kept)
            scope[name] = inside[name]
            del rest[name]
    return {name for name, is_in in inside.items() if is_in}
