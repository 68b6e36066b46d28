"""The examples that any company may take over: stages of a relationship, and classes of buyers."""

import json
import random
from itertools import groupby

import pytest
import yaml

from cic.model import SEGMENTS, TRAITS
from cid.kit.clock import DAY, HOUR, ManualClock, format_time, parse_time
from cii.ports import Message
from icustomer import ICustomer
from icustomer.starting import EXAMPLES, examples
from tests.company import icustomer

BEGIN = parse_time("2024-01-01T00:00:00Z")
DAYS = 900
GROUPS = ("lifecycle", "rfm")


def generated(seed, people=40):
    """Nine hundred days of looks and orders, some told late, some by browsers that turn out to be somebody."""
    chance = random.Random(seed)
    told = []
    for person in range(people):
        at, often = BEGIN + chance.randrange(500 * DAY), chance.choice((4, 20, 60, 150, 300))
        for number in range(chance.choice((1, 2, 5, 12))):
            known = chance.random() < 0.8
            browser = f"b{person % 25}"
            event = {
                "type": "track",
                "messageId": f"{person}-{number}",
                "timestamp": format_time(at),
                "anonymousId": browser,
                "event": "Order Completed" if chance.random() < 0.7 else "Product Viewed",
                "properties": {"order_id": f"{person}-{number}", "total": chance.randrange(1, 900)},
            } | ({"userId": f"u{person}"} if known else {})
            # Days of twins: the same moment again, and exactly a window later.
            received = at + (chance.randrange(40 * DAY) if chance.random() < 0.1 else 0)
            told.append((received, event))
            at += chance.choice((0, 60 * DAY, 182 * DAY, 365 * DAY, chance.randrange(often * DAY)))
            if at >= BEGIN + DAYS * DAY:
                break
    told.sort(key=lambda each: (each[0], each[1]["messageId"]))
    headers = {"source": "shop", "protocol": "segment"}
    return [
        Message(event["messageId"].encode(), json.dumps(event).encode(), received, headers)
        for received, event in told
    ]


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    path = tmp_path_factory.mktemp("examples") / "acme"
    answer = icustomer("init", path, "--with", "lifecycle", "--with", "rfm")
    assert answer.code == 0, answer.err
    clock = ManualClock(BEGIN + DAYS * DAY + HOUR)
    with ICustomer.open(path, clock=clock) as company:
        company.cii.append(generated(7))
        company.catch_up()
        yield company


def lives(company):
    """By customer: after each instant at which something changed, the segments she is in."""
    inside, found = {}, {}
    changes = company.cic.store.changes_after(0, 1_000_000)
    assert len(changes) > 300
    for (customer, at), some in groupby(changes, lambda row: (row["customer"], row["known_at"])):
        mine = inside.setdefault(customer, set())
        for row in some:
            (mine.add if row["kind"] == "entered" else mine.remove)(row["segment"])
        found.setdefault(customer, []).append((at, frozenset(mine)))
    return found


def of_group(company, group):
    entries = company.definitions.of(SEGMENTS).values()
    return {entry.name for entry in entries if entry.value.group == group}


def test_everybody_is_in_exactly_one_stage_at_every_moment(company):
    stages = of_group(company, "lifecycle")
    met = set()
    for customer, life in lives(company).items():
        gone = not company.cic.segmentation.segments_of(customer)
        for at, inside in life[: len(life) - gone]:
            assert len(inside & stages) == 1, (customer, format_time(at), inside & stages)
            met |= inside & stages
    assert met == stages, "each stage was lived through"
    for customer in company.cid.customers.members:
        assert len(stages.intersection(company.cic.segmentation.segments_of(customer))) == 1
    for day in range(0, DAYS, 97):
        as_of = format_time(BEGIN + day * DAY)
        members = [set(names(company, stage, as_of)) for stage in stages]
        assert sum(map(len, members)) == len(set().union(*members))


def test_whoever_has_bought_is_in_exactly_one_class_and_nobody_else_in_any(company):
    classes = of_group(company, "rfm")
    met = set()
    for customer, life in lives(company).items():
        for at, inside in life:
            bought = bool(inside & of_group(company, "lifecycle") - {"connect"})
            assert len(inside & classes) == bought, (customer, format_time(at), inside)
            met |= inside & classes
    assert met == classes, "each class was lived through"


def test_what_is_in_force_is_what_history_says(company):
    for as_of in ("", *(format_time(BEGIN + day * DAY) for day in (200, 400, 700))):
        found = company.cic.verify(as_of)
        assert found["mismatches"] == 0, found["examples"]
        assert found["values_compared"] > 400


def names(company, segment, as_of):
    return [row["customer"] for row in company.cic.members(segment, as_of)["members"]]


@pytest.mark.parametrize("name", examples())
def test_an_example_is_whole_and_says_in_both_languages_what_it_is_for(name, tmp_path):
    assert icustomer("init", tmp_path / "acme").code == 0
    assert icustomer("init", tmp_path / "acme", "--with", name).code == 0
    assert icustomer("check", tmp_path / "acme", "--json").json["problems"] == []
    held = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert set(held) == {TRAITS.name, SEGMENTS.name}
    for section in held.values():
        for what in section.values():
            assert what["title"]["en"]
            assert what["title"]["zh"]
            assert what["owner"]
            assert what["purpose"]
    assert {what["group"] for what in held["segments"].values()} <= set(GROUPS)


def test_an_example_overwrites_nothing(tmp_path):
    path = tmp_path / "acme"
    icustomer("init", path, "--with", "rfm")
    (path / "rfm.yaml").write_text("# mine\n", encoding="utf-8")
    answer = icustomer("init", path, "--with", "lifecycle", "--with", "rfm")
    assert answer.code == 1
    assert "rfm.yaml" in answer.err
    assert (path / "rfm.yaml").read_text(encoding="utf-8") == "# mine\n"
    assert not (path / "lifecycle.yaml").exists()
    assert "Did you mean 'rfm'" in icustomer("init", path, "--with", "rfn").err
