"""The sample company is the same every time, as large as promised, and troubled on purpose."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import orjson
import pytest

from cid.kit.clock import DAY, HOUR, parse_time
from cid.model.fact import Fact
from cii.mapping import Mapper
from cii.model import IDENTIFIERS, RecordFault
from cii.ports import LogRecord
from cii.resolution import IdentityGraph
from icustomer.definitions import read
from icustomer.samples.northlake import DEFINITIONS, PEOPLE, Delivery, company
from icustomer.samples.northlake.population import SPAN

NOW = parse_time("2026-11-22T18:44:10.942Z")
SCALE = 0.1
SILENT = (
    *("Email Sent", "Email Delivered", "Points Earned", "Identify"),
    *("Consent Withdrawn", "Invoice Issued"),
)


@dataclass
class Received:
    """What became of the deliveries in the collecting layer."""

    deliveries: int = 0
    facts: list[Fact] = field(default_factory=list)
    fates: Counter[str] = field(default_factory=Counter)
    graph: IdentityGraph | None = None

    def of(self, identifier: str, event: str = "") -> list[Fact]:
        customer = self.graph.customer(identifier)
        return [
            fact
            for fact in self.facts
            if fact.identifiers
            and self.graph.customer(fact.identifiers[0]) == customer
            and event in ("", fact.event)
        ]


def record_of(mapper: Mapper, each: Delivery, place: int) -> LogRecord:
    if each.flow:
        (message,) = mapper.flows[each.flow].messages([each.body], "file", each.received)
        return LogRecord("facts", 0, place, each.received, b"", message.value, message.headers)
    value = orjson.dumps(each.body) if each.raw is None else each.raw
    headers = {"source": each.source, "protocol": "segment"}
    return LogRecord("facts", 0, place, each.received, b"", value, headers)


@pytest.fixture(scope="module")
def received() -> Received:
    definitions, errors = read(DEFINITIONS)
    assert not errors
    mapper = Mapper(definitions)
    kinds = {name: entry.value for name, entry in definitions.of(IDENTIFIERS).items()}
    result = Received(graph=IdentityGraph(kinds))
    seen = set()
    for place, each in enumerate(company(NOW, scale=SCALE)):
        result.deliveries += 1
        try:
            fact = mapper.map(record_of(mapper, each, place))
        except RecordFault as fault:
            result.fates[fault.state] += 1
            continue
        if (fact.source, fact.message_id) in seen:
            result.fates["duplicate"] += 1
            continue
        seen.add((fact.source, fact.message_id))
        result.fates["applied"] += 1
        result.facts.append(fact)
        if fact.identifiers:
            result.graph.resolve(fact.identifiers, fact.source, fact.message_id, fact.time)
    return result


def share(received: Received, fate: str) -> float:
    return received.fates[fate] / received.deliveries


def test_the_same_seed_gives_the_same_bytes():
    once, again, other = (
        [orjson.dumps((d.received, d.source, d.body, d.flow, (d.raw or b"").hex())) for d in stream]
        for stream in (
            company(NOW, scale=0.01),
            company(NOW, scale=0.01),
            company(NOW, seed=8, scale=0.01),
        )
    )
    assert once == again
    assert once != other


def test_records_arrive_in_order_and_never_after_now():
    moments = [each.received for each in company(NOW, scale=0.03)]
    assert moments == sorted(moments)
    assert moments[-1] <= NOW
    assert moments[0] >= NOW - SPAN - HOUR


@pytest.mark.parametrize("now", ["2026-03-01T00:00:00Z", "2027-07-04T09:30:00Z"])
def test_the_story_can_end_on_any_day(now):
    assert sum(1 for _ in company(parse_time(now), scale=0.005)) > 1_000


def test_a_tenth_of_the_company_is_a_tenth_of_two_hundred_thousand(received):
    assert 20_000 <= received.deliveries <= 25_500


def test_about_two_percent_are_invalid(received):
    assert 0.015 < share(received, "rejected") < 0.025


def test_about_one_percent_are_duplicates(received):
    assert 0.007 < share(received, "duplicate") < 0.015


def test_about_half_a_percent_break_their_contract(received):
    assert 0.002 < share(received, "quarantined") < 0.008


def test_about_five_percent_come_a_day_late_or_more(received):
    late = sum(fact.received - fact.time > DAY for fact in received.facts)
    assert 0.035 < late / received.deliveries < 0.065


def test_a_clock_that_ran_ahead_is_put_right_and_the_future_is_refused(received):
    assert any(fact.properties.get("_skew_ms", 0) == -HOUR for fact in received.facts)
    assert any("_clamped" in fact.properties for fact in received.facts)
    assert all(fact.time <= fact.received + 5 * 60_000 for fact in received.facts)


def test_the_shop_is_silent_for_hours_on_a_saturday(received):
    times = sorted(
        fact.time
        for fact in received.facts
        if fact.source == "shop"
        and fact.event in ("Product Viewed", "Order Completed")
        and NOW - 106 * DAY < fact.time < NOW - 96 * DAY
    )
    assert max(later - before for before, later in pairwise(times)) > 8 * HOUR


def test_a_till_file_comes_three_weeks_late(received):
    waits = {(fact.received - fact.time) // DAY for fact in received.facts if fact.source == "till"}
    assert max(waits) >= 21


def test_all_systems_but_our_own_colleagues_send(received):
    assert {fact.source for fact in received.facts} == {
        "shop", "app", "till", "callcentre", "email", "crm", "erp", "loyalty", "consent",
    }  # fmt: skip


def test_campaigns_have_a_hold_out(received):
    groups = Counter(
        (fact.properties["campaign"], fact.properties["group"])
        for fact in received.facts
        if fact.event == "Campaign Assigned"
    )
    assert len(groups) == 4
    assert all(count > 10 for count in groups.values())


def test_shared_mailboxes_and_kiosks_merge_nobody(received):
    people = {"user_id": 1, "card": 2, "erp_id": 1}
    for members in received.graph.members.values():
        kinds = Counter(member.partition(":")[0] for member in members)
        assert all(kinds[kind] <= most for kind, most in people.items()), members


def test_ann_is_a_stranger_then_one_customer_and_buys_hours_later(received):
    ann = PEOPLE["Ann Keller"]
    facts = received.of(f"user_id:{ann['user_id']}")
    added = [fact for fact in facts if fact.identifiers == ("anonymous_id:d-ann-phone",)]
    assert added[-1].event == "Product Added"
    assert NOW - 4 * DAY < added[-1].time < NOW - 2 * DAY
    order = [fact for fact in facts if fact.event == "Order Completed"][-1]
    assert 3 * HOUR < order.time - added[-1].time < DAY
    steps = ("Product Added", "Checkout Started")
    assert not any(fact.event in steps and fact.time > added[-1].time for fact in facts)


def test_wang_fang_is_one_of_three_records_and_her_sister_hangs_on_by_the_phone(received):
    fang = PEOPLE["Wang Fang"]
    graph = received.graph
    same = {graph.customer(f"{kind}:{fang[kind]}") for kind in ("user_id", "card", "crm_id")}
    assert len(same) == 1
    assert graph.customer(fang["wrong_edge_a"]) in same
    points = [f for f in received.facts if f.event == "Points Earned"]
    hers = [f for f in points if f.identifiers[0] == fang["wrong_edge_a"]]
    assert hers
    graph.decide(
        fang["wrong_edge_a"], fang["wrong_edge_b"],
        same=False, at=NOW, by="test", reason="sisters", message_id="test",
    )  # fmt: skip
    assert graph.customer(fang["wrong_edge_a"]) not in same
    assert graph.customer(f"card:{fang['card']}") == graph.customer(f"user_id:{fang['user_id']}")


def test_eighty_members_share_a_mailbox_and_stay_eighty(received):
    club = PEOPLE["Club Alpin de Lyon"]
    first = int(club["first_member_card"][2:])
    cards = {received.graph.customer(f"card:NL{first + number}") for number in range(80)}
    assert len(cards) == 80
    assert received.graph.customer(f"crm_id:{club['crm_id']}") not in cards
    assert received.graph.customer(f"erp_id:{club['erp_id']}") == received.graph.customer(
        f"crm_id:{club['crm_id']}"
    )


def test_jonas_gives_no_sign_of_life_for_sixty_days_and_then_comes_back(received):
    jonas = PEOPLE["Jonas Brandt"]
    facts = received.of(f"user_id:{jonas['user_id']}")
    signs = [fact.time for fact in facts if fact.event not in SILENT]
    silent = max(time for time in signs if time < NOW - 20 * DAY)
    leaves = silent + 60 * DAY
    assert NOW - 21 * DAY < leaves < NOW - 19 * DAY
    assert not any(leaves - DAY < fact.time < leaves + DAY for fact in facts)
    year = [f for f in facts if f.event == "Order Completed" and leaves - 365 * DAY < f.time]
    assert sum(f.properties["total"] for f in year if f.time <= leaves) >= 2_000
    assert year[-1].time > leaves
    consents = [(f.event, f.properties["channel"]) for f in facts if f.event.startswith("Consent")]
    assert consents[-1] == ("Consent Withdrawn", "email")
    assert ("Consent Given", "phone") in consents


def test_the_crm_says_first_that_marie_moved_and_the_erp_hours_later(received):
    marie = PEOPLE["Marie Dubois"]
    said = [
        (fact.source, fact.attributes["street"])
        for fact in sorted(received.of(f"erp_id:{marie['erp_id']}"), key=lambda f: f.time)
        if "street" in fact.attributes
    ]
    assert said == [
        ("erp", marie["old_street"]),
        ("crm", marie["new_street"]),
        ("erp", marie["new_street"]),
    ]


def test_li_wei_complains_on_friday_at_half_past_four_and_is_not_happy(received):
    wei = PEOPLE["Li Wei"]
    facts = received.of(f"card:{wei['card']}")
    (opened,) = [fact for fact in facts if fact.event == "Case Opened"]
    shanghai = opened.time + 8 * HOUR
    assert (shanghai // DAY + 3) % 7 == 4
    assert shanghai % DAY == 16.5 * HOUR
    (rated,) = [fact for fact in facts if fact.event == "Case Rated"]
    assert rated.properties["score"] == 2
    (rejected,) = [fact for fact in facts if fact.event == "Offer Rejected"]
    assert rejected.properties["reason"]


def test_emma_asks_to_be_forgotten(received):
    facts = received.of(f"user_id:{PEOPLE['Emma Roth']['user_id']}")
    assert facts[-1].event == "Erasure Requested"


def test_the_guide_school_gets_eighteen_percent_and_orders(received):
    school = PEOPLE["Guide school Chamonix"]
    facts = received.of(f"crm_id:{school['crm_id']}")
    (quote,) = [fact for fact in facts if fact.event == "Quote Sent"]
    assert quote.properties["discount"] == 18
    stages = [
        fact.properties["stage"]
        for fact in facts
        if fact.properties.get("opportunity_id") == school["opportunity_id"]
        and fact.event == "Opportunity Updated"
    ]
    assert stages == ["prospecting", "qualified", "quoted", "won"]
    assert any(f.event == "Order Completed" and f.time > quote.time for f in facts)
    assert any(f.properties.get("opportunity_id") == school["renewal_id"] for f in facts)
