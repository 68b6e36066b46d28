"""Attributes defined otherwise: profiles, segments and history follow when the company is opened again."""

import json

import pytest

from cid.kit.clock import HOUR, ManualClock, format_time, parse_time
from cii.ports import Message
from icustomer import ICustomer

START = parse_time("2026-03-01T12:00:00Z")
BEFORE = """
company: {name: A}
systems: {shop: {write key: k}, crm: {write key: c}}
identifiers: {user_id: {}}
attributes: {shoe: {}}
segments:
  wears 41: {when: shoe = "41"}
"""


class Company:
    """A company whose definitions are edited while it is closed."""

    def __init__(self, path):
        self.path, self.clock, self.told = path, ManualClock(START), 0
        path.mkdir()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.living.close()

    def live_by(self, text):
        if self.told:
            self.living.close()
            self.clock.moment += HOUR
        (self.path / "all.yaml").write_text(text)
        self.living = ICustomer.open(self.path, clock=self.clock)
        self.living.catch_up()

    def say(self, user, source="shop", **traits):
        self.told += 1
        said = {
            "type": "identify",
            "userId": user,
            "messageId": f"m{self.told}",
            "timestamp": format_time(self.clock.now()),
            "traits": traits,
        }
        headers = {"source": source, "protocol": "segment"}
        record = Message(user.encode(), json.dumps(said).encode(), self.clock.now(), headers)
        self.living.cii.append([record])
        self.living.catch_up()

    def found(self, user):
        """Return the segments of somebody and her attributes, on which all ways agree."""
        assert self.living.cic.verify()["mismatches"] == 0
        name = f"user_id:{user}"
        held = self.living.cid.customer(name)["attributes"]
        now = self.living.cic.traits(name)["segments"]
        assert self.living.cic.traits(name, format_time(self.clock.now()))["segments"] == now
        return set(now), {each: value["value"] for each, value in held.items()}


@pytest.fixture
def company(tmp_path):
    with Company(tmp_path / "acme") as company:
        company.live_by(BEFORE)
        yield company


def test_a_new_attribute_is_known_from_what_was_said_before(company):
    company.say("ann", shoe="41", pet="cat")
    more = BEFORE.replace("{shoe: {}}", "{shoe: {}, pet: {}}")
    company.live_by(more + '  cats: {when: pet = "cat"}')
    assert company.found("ann") == ({"wears 41", "cats"}, {"shoe": "41", "pet": "cat"})


def test_values_are_read_anew_where_an_attribute_is_of_another_type(company):
    company.say("ann", shoe="41")
    company.say("bob", shoe="large")
    company.live_by(BEFORE.replace("{shoe: {}}", "{shoe: {type: number}}").replace('"41"', "41"))
    assert company.found("ann") == ({"wears 41"}, {"shoe": 41})
    assert company.found("bob") == (set(), {})
    company.live_by(BEFORE)
    assert company.found("bob") == (set(), {"shoe": "large"})


def test_who_may_say_something_holds_also_for_what_was_said_before(company):
    company.say("ann", shoe="41")
    company.say("ann", source="crm", shoe="40")
    company.live_by(BEFORE.replace("{shoe: {}}", "{shoe: {masters: [shop]}}"))
    assert company.found("ann") == ({"wears 41"}, {"shoe": "41"})
    company.live_by(BEFORE.replace("{shoe: {}}", "{shoe: {contributors: [crm]}}"))
    assert company.found("ann") == (set(), {"shoe": "40"})
    company.live_by(BEFORE.replace("{shoe: {}}", "{shoe: {contributors: [shop]}}"))
    assert company.found("ann") == ({"wears 41"}, {"shoe": "41"})


def test_what_nobody_may_say_any_more_stays_unsaid_after_another_start(company):
    company.say("ann", shoe="41")
    other = BEFORE.replace("{shoe: {}}", "{shoe: {contributors: [crm]}}")
    company.live_by(other)
    company.living.catch_up()
    company.live_by(other)
    assert company.found("ann") == (set(), {})
