"""Every kind of question against plain code, over made-up histories."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings

from cic.adapters.duckdb import DuckDbHistory
from cic.exploration import Exploration
from cic.exploration.basket import adjusted, tail
from cic.model import Trait
from cic.oracle import trait_of
from cic.policies import Policies
from cic.ports import Mirror
from cic.running import Queries
from cic.testing import Facts, entries, fact
from cid.feel import evaluate
from cid.kit.clock import DAY, HOUR, format_time, parse_time
from cid.kit.definitions import Definitions
from cid.model.definition import ATTRIBUTES, COMPANY, Attribute, Company

ZONE = "Europe/Berlin"
# The clocks go forward on 29 March.
START = parse_time("2026-03-20T00:00:00Z")
NOW = START + 40 * DAY
EVENTS = ("Product Viewed", "Product Added", "Order Completed")
COUNTRIES = {"c1": "DE", "c2": "FR", "c3": None, "c4": "DE"}
THINGS = ("tent", "socks", "lamp")


@dataclass
class Asked:
    """One history, and whom to ask about it."""

    facts: list
    history: DuckDbHistory
    exploration: Exploration

    def query(self, **question):
        return self.exploration.query(question)

    def check_drill(self, answer, place, *keys):
        """Each row opens to as many customers as it counts."""
        names = [column["name"] for column in answer["columns"]]
        for row in answer["rows"]:
            given = {name: row[names.index(name)] for name in keys}
            found = self.exploration.open(answer["question"], given)
            assert found["size"] == row[place], (given, found)
            assert len({each[0] for each in found["rows"]}) == found["size"]


def _properties(chance):
    found = {}
    if chance.random() < 0.6:
        found["total"] = chance.choice([5, 10, 10.5, "many", None])
    if chance.random() < 0.6:
        found["channel"] = chance.choice(["web", "app", None, 7, True])
    things = chance.choices(THINGS, k=chance.randrange(4))
    return {**found, "items": [{"name": thing, "price": 2, "quantity": 1} for thing in things]}


def made_up(seed):
    """Make facts with ties, holes and late arrivals; the first history is empty."""
    chance = Random(seed)
    facts = []
    for n in range(1, seed * 15 % 60 + 1):
        # Few moments, so that many things happen at once; some lie in the future.
        time = START + chance.choice([0, 1, 7, 9, 10, 20, 38, 39, 41]) * DAY
        time += chance.choice([0, 0, 1, 23 * HOUR + 1])
        facts.append(
            fact(
                n,
                chance.choice(EVENTS),
                time=time,
                customer=chance.choice(sorted(COUNTRIES)),
                source=chance.choice(["shop", "app"]),
                properties=_properties(chance),
                message_id=f"m{chance.randrange(4)}-{n}",
            )
        )
    # Two customers may have turned out to be one.
    return facts, seed % 2 == 0


WORLDS = range(200 if settings.default.max_examples >= 2_000 else 4)


@pytest.fixture(scope="module", params=WORLDS)
def asked(request):
    found = asked_of(made_up(request.param))
    yield found
    found.history.close()


def asked_of(made) -> Asked:
    facts, joined = made
    customers = sorted({each.customer for each in facts} - ({"c4"} if joined else set()))
    table = Mirror(
        ("customer", "kind", "name", "country", "first_seen"),
        lambda: [(each, "person", each.upper(), COUNTRIES[each], START) for each in customers],
    )
    source = Facts(facts, {"customers": table}, ZONE)
    history = DuckDbHistory(Path(":memory:"))
    history.sync(source)
    if joined:
        source.of["user_id:c4"] = "c1"
        if "c1" not in customers and "c4" in {each.customer for each in facts}:
            customers.append("c1")
        history.sync(source)
    definitions = Definitions(
        Path(),
        {
            COMPANY.name: entries(company=Company(name="Shop", time_zone=ZONE)),
            ATTRIBUTES.name: entries(country=Attribute()),
        },
    )
    owned = [replace(each, customer=source.of[each.identity]) for each in facts]
    owned.sort(key=lambda each: (each.time, each.source, each.message_id))
    return Asked(
        owned,
        history,
        Exploration(definitions, Queries(history, Policies(definitions), lambda: NOW), lambda: NOW),
    )


def local(time: int) -> date:
    return datetime.fromtimestamp(time / 1000, UTC).astimezone(ZoneInfo(ZONE)).date()


def inside(facts, begin=None):
    return [each for each in facts if each.time <= NOW and (begin is None or each.time > begin)]


def met(each, where):
    return not where or evaluate(where, {**each.properties, "event": each.event}) is True


def by_customer(facts):
    found = defaultdict(list)
    for each in facts:
        found[each.customer].append(each)
    return found


def money(each):
    total = each.properties.get("total")
    return total if isinstance(total, int | float) and not isinstance(total, bool) else None


@pytest.mark.parametrize("last", ["", "10 d"])
def test_a_table_is_what_plain_code_counts(asked, last):
    begin = NOW - int(last.split()[0]) * DAY if last else None
    facts = inside(asked.facts, begin)
    answer = asked.query(
        measures=["events", "customers", "orders", "revenue", "average order value", "items"],
        dimensions=["week"],
        **({"last": last} if last else {}),
    )
    weeks = defaultdict(list)
    for each in facts:
        day = local(each.time)
        weeks[day - timedelta(days=day.weekday())].append(each)
    expected = []
    for week, some in sorted(weeks.items()):
        orders = [each for each in some if each.event == "Order Completed"]
        totals = [money(each) for each in orders if money(each) is not None]
        expected.append(
            [
                week.isoformat(),
                len(some),
                len({each.customer for each in some}),
                len(orders),
                sum(totals),
                round(sum(totals) / len(totals), 2) if totals else None,
                sum(len(each.properties["items"]) for each in orders),
            ]
        )
    assert answer["rows"] == expected
    question = {"measures": ["customers"], "dimensions": ["country", "channel"]}
    asked.check_drill(asked.query(**question), 2, "country", "channel")


@pytest.mark.parametrize("last", ["", "10 d", "39 d"])
def test_visits_begin_after_half_an_hour_of_rest(asked, last):
    begin = NOW - int(last.split()[0]) * DAY if last else None
    expected = 0
    for own in by_customer(inside(asked.facts)).values():
        before = [None, *own]
        expected += sum(
            1
            for earlier, each in zip(before, own, strict=False)
            if (begin is None or each.time > begin)
            and (earlier is None or each.time - earlier.time > HOUR // 2)
        )
    found = asked.query(measures=["visits"], **({"last": last} if last else {}))
    assert found["rows"] == [[expected]]


def deepest(facts, steps, within, group=None):
    """Return for each step the shortest time to it of each (customer, group), by trying every start."""
    best = [{} for _ in steps]
    for customer, own in by_customer(facts).items():
        for n, start in enumerate(own):
            if not (start.event == steps[0][0] and met(start, steps[0][1])):
                continue
            who = (customer, group(start) if group else None)
            best[0][who] = 0
            # All ways through the steps from this start.
            reached = {n}
            for number, (event, where) in enumerate(steps[1:], 1):
                reached = {
                    later
                    for later in range(len(own))
                    if any(later > earlier for earlier in reached)
                    and own[later].event == event
                    and met(own[later], where)
                    and own[later].time < start.time + within
                }
                for later in reached:
                    took = own[later].time - start.time
                    best[number][who] = min(took, best[number].get(who, took))
    return best


def check_portable(asked, answer):
    """What engines without nearest joins are asked has the same answer."""
    plan = asked.exploration.plan(answer["question"])
    assert plan.portable != plan.sql
    rows = asked.history.query(plan.portable).rows
    assert plan.answer(rows)[1] == answer["rows"]


@pytest.mark.parametrize("days", [1, 30])
@pytest.mark.parametrize("where", ["", "total > 5"])
def test_a_funnel_is_what_trying_every_way_finds(asked, days, where):
    steps = [(EVENTS[0], ""), (EVENTS[1], ""), (EVENTS[2], where)]
    written = [{"event": event, "where": where} for event, where in steps]
    answer = asked.query(kind="funnel", steps=written, within=f"{days} d")
    best = deepest(inside(asked.facts), steps, days * DAY)
    for row, found in zip(answer["rows"], best, strict=True):
        took = round(median(found.values()) / 1000, 3) if found else None
        assert (row[2], row[5]) == (len(found), took)
    check_portable(asked, answer)
    asked.check_drill(answer, 2, "step")
    lost = asked.exploration.open(answer["question"], {"step": 2, "lost": True})
    assert {row[0] for row in lost["rows"]} == {who for who, _ in best[0].keys() - best[1].keys()}


def test_a_funnel_by_what_the_first_step_says_counts_each_beginning(asked):
    steps = [(EVENTS[0], ""), (EVENTS[0], "")]
    answer = asked.query(
        kind="funnel",
        steps=[{"event": event} for event, _ in steps],
        within="30 d",
        by="source",
    )
    best = deepest(inside(asked.facts), steps, 30 * DAY, lambda each: each.source)
    expected = {
        (number, group): sum(1 for _, each in found if each == group)
        for number, found in enumerate(best, 1)
        for group in {each for _, each in best[0]}
    }
    assert {(row[0], row[2]): row[3] for row in answer["rows"]} == expected
    check_portable(asked, answer)
    asked.check_drill(answer, 3, "step", "source")


@pytest.mark.parametrize("unit", ["day", "week", "month"])
def test_cohorts_are_what_plain_code_finds(asked, unit):
    answer = asked.query(
        kind="retention",
        first={"event": EVENTS[0]},
        again={"event": EVENTS[2]},
        by=unit,
        periods=3,
        last="35 d",
    )

    def stretch(each):
        day = local(each.time)
        if unit == "month":
            return day.year * 12 + day.month
        return day.toordinal() if unit == "day" else (day.toordinal() - 1) // 7

    cohorts = {}
    for customer, own in by_customer(inside(asked.facts)).items():
        first = [each for each in own if each.event == EVENTS[0]]
        if first and first[0].time > NOW - 35 * DAY:
            cohorts[customer] = (first[0], own)
    expected = Counter()
    for first, own in cohorts.values():
        ages = {
            stretch(each) - stretch(first)
            for each in own
            if each.event == EVENTS[2] and each.time > NOW - 35 * DAY
        }
        expected.update((stretch(first), age) for age in ages if 0 <= age <= 3)
    sizes = Counter(stretch(first) for first, _ in cohorts.values())

    def number(text):
        day = date.fromisoformat(text)
        if unit == "month":
            return day.year * 12 + day.month
        return day.toordinal() if unit == "day" else (day.toordinal() - 1) // 7

    for cohort, age, size, customers, _, partial in answer["rows"]:
        assert size == sizes[number(cohort)]
        assert customers == expected[number(cohort), age]
        assert partial or unit != "day" or number(cohort) + age < local(NOW).toordinal()
    assert {number(row[0]) for row in answer["rows"]} == set(sizes)
    asked.check_drill(answer, 3, "cohort", "age")


@pytest.mark.parametrize("direction", ["after", "before"])
def test_paths_are_what_following_each_customer_finds(asked, direction):
    answer = asked.query(
        kind="paths", event=EVENTS[1], direction=direction, steps=2, within="5 d", top=1000
    )
    times, people = Counter(), defaultdict(set)
    for customer, own in by_customer(inside(asked.facts)).items():
        line = own if direction == "after" else own[::-1]
        for n, start in enumerate(line):
            if start.event != EVENTS[1]:
                continue
            path, before = [start.event], start
            for each in line[n + 1 : n + 3]:
                if abs(each.time - before.time) >= 5 * DAY:
                    break
                path.append(each.event)
                before = each
            path += [None] * (3 - len(path))
            times[tuple(path)] += 1
            people[tuple(path)].add(customer)
    found = {tuple(row[:3]): (row[3], row[4]) for row in answer["rows"]}
    assert found == {path: (times[path], len(people[path])) for path in times}
    asked.check_drill(answer, 4, "step 1", "step 2", "step 3")


@pytest.mark.parametrize("groups", [2, 5])
def test_rfm_groups_are_of_the_same_size_and_what_sorting_finds(asked, groups):
    answer = asked.query(kind="rfm", groups=groups)
    orders = [each for each in inside(asked.facts) if each.event == "Order Completed"]
    bought = {
        customer: (max(each.time for each in own), len(own), sum(money(each) or 0 for each in own))
        for customer, own in by_customer(orders).items()
    }

    def group_of(place):
        ranked = sorted(bought, key=lambda each: (bought[each][place], each))
        size, more = divmod(len(ranked), groups)
        sizes = [size + (n < more) for n in range(groups)]
        return dict(
            zip(ranked, (n + 1 for n, many in enumerate(sizes) for _ in range(many)), strict=True)
        )

    classes = [group_of(place) for place in range(3)]
    expected = Counter(tuple(each[customer] for each in classes) for customer in bought)
    assert {tuple(row[:3]): row[3] for row in answer["rows"]} == expected
    for row in answer["rows"]:
        latest = [bought[each][0] for each in bought if classes[0][each] == row[0]]
        assert row[5:7] == [format_time(min(latest)), format_time(max(latest))]
    asked.check_drill(answer, 3, "recency", "frequency", "monetary")


def test_pairs_in_baskets_are_what_counting_every_order_finds(asked):
    answer = asked.query(kind="basket", min=1, q=1)
    orders = [
        {item["name"] for item in each.properties["items"]}
        for each in inside(asked.facts)
        if each.event == "Order Completed" and each.properties["items"]
    ]
    single = Counter(thing for order in orders for thing in order)
    both = Counter((a, b) for order in orders for a in order for b in order if a < b)
    assert {(row[0], row[1]): row[2] for row in answer["rows"]} == both
    pairs = len(single) * (len(single) - 1) // 2
    tails = {
        (a, b): tail(count, single[a], single[b], len(orders)) for (a, b), count in both.items()
    }
    expected = dict(zip(tails, adjusted(list(tails.values()), pairs), strict=True))
    for a, b, count, support, confidence, back, lift, _, q in answer["rows"]:
        assert support == round(count / len(orders), 6)
        assert (confidence, back) == (round(count / single[a], 6), round(count / single[b], 6))
        assert lift == round(count * len(orders) / single[a] / single[b], 3)
        assert abs(q - expected[a, b]) <= 0.01 * q
    for a, b, *_ in answer["rows"]:
        found = asked.exploration.open(answer["question"], {"a": a, "b": b})
        assert sum(row[2] for row in found["rows"]) == both[a, b]


SAYABLE = [
    ({"measures": ["buyers"], "dimensions": ["country"], "last": "39 d"}, {"country": "DE"}),
    ({"measures": ["buyers"], "dimensions": ["country"]}, {"country": None}),
    ({"measures": ["orders"], "dimensions": ["channel"], "last": "20 d"}, {"channel": "web"}),
    ({"measures": ["events"], "dimensions": ["event"], "last": "9 d"}, {"event": EVENTS[1]}),
    ({"measures": ["orders"], "dimensions": ["source"], "filter": 'country = "DE"'}, {"source": "app"}),
    (
        {"kind": "funnel", "steps": [{"event": EVENTS[0], "where": "total > 5"}, {"event": EVENTS[1]}]},
        {"step": 1},
    ),
    ({"kind": "funnel", "steps": [{"event": EVENTS[0]}, {"event": EVENTS[1]}]}, {"step": 2}),
    (
        {"kind": "funnel", "steps": [{"event": EVENTS[0]}, {"event": EVENTS[1]}], "within": "5 d"},
        {"step": 2, "lost": True},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("question", "row"), SAYABLE)
def test_what_is_said_of_a_row_is_true_of_exactly_the_customers_behind_it(asked, question, row):
    found = asked.exploration.open({**question, "as_of": format_time(NOW)}, row)
    assert found["feel"]
    traits = {name: Trait.model_validate(each) for name, each in found["traits"].items()}
    own = by_customer(asked.facts)
    inside = set()
    for customer, country in COUNTRIES.items():
        values = {name: trait_of(trait, own[customer], NOW) for name, trait in traits.items()}
        if evaluate(found["feel"], {**values, "country": country}) is True:
            inside.add(customer)
    assert inside == {each[0] for each in found["rows"]}


def test_what_is_not_exactly_the_same_is_not_said(asked):
    for question, row in [
        ({"measures": ["orders"], "period": {"to": "2026-04-01"}}, {}),
        ({"measures": ["orders"], "dimensions": ["month"]}, {"month": "2026-03-01"}),
        ({"measures": ["orders"], "dimensions": ["channel"]}, {"channel": "7"}),
        ({"measures": ["orders"], "dimensions": ["channel"]}, {"channel": None}),
        ({"kind": "rfm"}, {"recency": 5}),
        ({"kind": "funnel", "steps": [{"event": EVENTS[0]}] * 3}, {"step": 3}),
        ({"kind": "funnel", "steps": [{"event": EVENTS[0]}] * 2, "last": "9 d"}, {"step": 2}),
    ]:
        assert asked.exploration.open(question, row)["feel"] is None


WHERE = [
    "total > 5",
    "total = 10.5",
    "total in [5..10]",
    'channel = "web"',
    'channel in ("web", "app")',
    'not(channel = "web")',
    'channel = "7"',
    "channel = 7",
    "channel = true",
    "not(total > 5)",
    'total > 5 or channel = "app"',
    'source = "shop" and total between 5 and 11',
    "total = null",
    "total != null and not(total = null)",
    'channel != "web"',
    'not(channel in ("web", "app"))',
    'not(channel in ["web", "app"])',
    'channel in ("web", null)',
    'not(event = "x") and source != "app"',
    'starts with(channel, "w")',
]


@pytest.mark.parametrize("where", WHERE)
def test_a_condition_on_properties_is_what_feel_says(asked, where):
    found = asked.query(kind="paths", event=EVENTS[0], where=where, steps=1, top=1000)
    expected = [
        each
        for each in inside(asked.facts)
        if each.event == EVENTS[0]
        and evaluate(where, {**each.properties, "source": each.source, "event": each.event}) is True
    ]
    assert found["times"] == len(expected)
