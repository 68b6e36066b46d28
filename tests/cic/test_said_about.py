"""What systems say about a customer means the same to the live path, to the query and to one customer's facts."""

import json

import pytest

from cic import verification
from cid.kit.clock import HOUR, MINUTE, ManualClock, format_time, parse_time
from cii.ports import Message
from icustomer import ICustomer

START = parse_time("2026-03-01T12:00:00Z")
DEFINED = """
company: {name: A}
systems: {shop: {write key: k}, crm: {write key: c}}
identifiers: {user_id: {}}
attributes:
  tier: {contributors: [crm]}
  size: {type: number}
  consent: {type: boolean, masters: [crm, shop]}
traits:
  points: {formula: if tier = "gold" then 2 else 1}
segments:
  gold: {when: tier = "gold"}
  large: {when: size > 40}
  mail: {when: 'consent("marketing", "email")'}
"""


class World:
    def __init__(self, path, defined=DEFINED):
        self.clock, self.told, self.user = ManualClock(START), 0, ""
        path.mkdir()
        (path / "all.yaml").write_text(defined)
        self.company = ICustomer.open(path, clock=self.clock)

    def say(self, after=0, source="crm", **said):
        self.told += 1
        body = {
            "type": "identify",
            "userId": self.user,
            "messageId": f"m{self.told}",
            "timestamp": format_time(self.clock.now() + after),
        }
        headers = {"source": source, "protocol": "segment"}
        value = json.dumps(body | said).encode()
        self.company.cii.append([Message(self.user.encode(), value, self.clock.now(), headers)])
        self.company.catch_up()

    def consent(self, kind, source, **properties):
        self.say(source=source, type="track", event=f"Consent {kind}", properties=properties)

    def wait(self, time):
        self.clock.moment += time
        self.company.catch_up()

    def inside(self):
        """Return her segments, which all ways must agree upon."""
        cic, now = self.company.cic, format_time(self.clock.now())
        live = cic.traits(f"user_id:{self.user}")
        assert cic.verify()["mismatches"] == 0
        assert cic.verify(now)["mismatches"] == 0
        past = cic.traits(f"user_id:{self.user}", now)
        assert past["segments"] == live["segments"]
        assert past["traits"] == live["traits"]
        for name in ("gold", "large", "mail"):
            members = {row["customer"] for row in cic.members(name, as_of=now)["members"]}
            assert (live["customer"] in members) == (name in live["segments"])
        return set(live["segments"])


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("said") / "acme")
    yield world
    world.company.close()


@pytest.fixture
def world(one, request):
    one.user = request.function.__name__
    return one


def test_what_a_clock_that_is_ahead_says_holds_from_when_we_hear_it(world):
    world.say(traits={"tier": "silver"})
    world.say(after=2 * MINUTE, traits={"tier": "gold"})
    world.consent("Given", "shop")
    assert world.inside() == {"gold", "mail"}
    before = format_time(world.clock.now() - 1)
    world.wait(HOUR)
    assert world.inside() == {"gold", "mail"}
    assert world.company.cic.traits(f"user_id:{world.user}", before)["segments"] == []


def test_a_late_word_does_not_beat_a_newer_one(world):
    world.say(traits={"tier": "gold"})
    world.say(after=-5 * HOUR, traits={"tier": "silver"})
    assert world.inside() == {"gold"}


def test_the_first_named_master_of_consent_beats_a_newer_word_of_the_next(world):
    world.consent("Withdrawn", "crm")
    world.wait(HOUR)
    world.consent("Given", "shop")
    assert world.inside() == set()
    world.consent("Given", "crm")
    assert world.inside() == {"mail"}


def test_a_consent_that_names_nothing_is_about_marketing_by_e_mail(world):
    world.consent("Given", "crm", purpose=None, channel=None)
    assert world.inside() == {"mail"}


def test_who_may_not_say_it_and_what_does_not_fit_was_not_said(world):
    world.say(traits={"tier": "gold", "size": 41})
    world.say(source="shop", traits={"tier": "silver", "size": "large"})
    assert world.inside() == {"gold", "large"}
    world.say(traits={"tier": None, "size": ""})
    assert world.inside() == set()


def test_a_query_that_says_something_else_than_the_live_path_is_reported(world, monkeypatch):
    world.consent("Given", "crm")
    monkeypatch.setattr(verification, "_consents", lambda *_: {})
    found = world.company.cic.verify(segments=["mail"])
    assert found["mismatches"] > 0
    assert {each["name"] for each in found["examples"]} == {"mail"}
