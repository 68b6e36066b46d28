"""Tried on history: the same answer on every way there, nothing known before its time."""

import json

import pytest

from cid.kit.clock import DAY, HOUR
from cid.kit.errors import InvalidDefinition, InvalidInput, NotFound
from context.backtest import Backtests, _as, read_draft
from context.replay import Span, over_history

RULES = """
rules:
  large: {on: {event: Order Completed}, when: event.total > 50, do: [{task: {queue: loyalty, title: A}}]}
  spender: {on: {event: Order Completed}, when: spend > 100, do: [{task: {queue: loyalty, title: B}}]}
  gift:
    on: {event: Order Completed}
    when: event.sort in ("gift", "sale") and event.total >= 20 and not(event.note = "no")
    do: [{task: {queue: loyalty, title: C}}, {task: {queue: loyalty, title: D}}]
    once per: 2 d
  new: {on: {entered: active}, do: [{task: {queue: loyalty, title: E}}]}
  gone: {on: {left: active}, do: [{task: {queue: loyalty, title: F}}]}
  daily:
    on: {every: 1 d, at: "08:00", segment: active}
    when: spend > 60
    do: [{task: {queue: loyalty, title: G}}]
    once per: 3 d
  later: {on: {event: Order Completed, wait: 30 h}, when: orders 60d = 1, do: [{task: {queue: loyalty, title: H}}]}
  served: {on: {action: Order Completed}, when: event.total > 10, do: [{task: {queue: loyalty, title: I}}]}
  agreed:
    on: {event: Order Completed}
    when: consent("marketing", "email")
    do: [{task: {queue: loyalty, title: J}}]
  lady: {on: {event: Order Completed}, when: email != null and active, do: [{task: {queue: loyalty, title: K}}]}
attributes: {email: {}}
"""
ODD = (20, 70, 50.5, "70", True, None, 1e17, [60], {"eur": 70}, 50)


def lives(w, days=9):
    """Let three people shop for some days."""
    w.happens("Consent Given", who="bob", purpose="marketing", channel="email")
    for day in range(days):
        who = ("ann", "bob", "cid")[day % 3]
        said = {"total": ODD[day % len(ODD)], "sort": ("gift", "sale", 3)[(day % 2 + day // 7) % 3]}
        w.happens("Order Completed", who=who, note=(None, "no", 5)[day % 3], **said)
        w.happens("Order Completed", who="ann", actor="bea" if day % 2 else "", total=25)
        if day == 4:
            w.happens("Identify", who="ann", kind="identify", email="ann@example.org")
            w.happens("Consent Withdrawn", who="bob", purpose="marketing", channel="email")
        w.passes(DAY + HOUR)


def test_history_lived_again_decides_what_was_decided(world):
    with world(RULES) as w:
        lives(w, 6)
        w.passes(62 * DAY)
        answer = w.company.context.backtest_all(days=365)
        assert answer["way"] == "relived"
        assert {row["rule"]: row["firings"] for row in answer["rules"]} == {
            row["rule"]: row["fired"] for row in answer["rules"]
        }
        assert all(row["fired"] for row in answer["rules"])
        really = w.company.context.decisions(limit=1_000)
        assert sum(row["firings"] for row in answer["by_day"]) == len(really)
        done = sum(len(row["actions"]) for row in really)
        assert sum(row["actions"] for row in answer["rules"]) == done


def test_all_ways_give_the_same_answer(world):
    with world(RULES) as w:
        lives(w, 12)
        w.company.history.fresh()
        context = w.company.context
        now = w.company.clock.now()
        for name in ("large", "gift", "served"):
            tests: Backtests = context._backtests
            live = context._rules[name]
            asked = tests.versions(name, {"live": live}, 365, now)
            assert asked.way == "sql"
            span = Span(asked.span.begin, now, {})
            rules = {"live": _as("live", live)}
            events = over_history(tests._engine, rules, tests._vocabulary, span)
            relived = tests._past.live_through(rules, span)
            assert asked.firings == events == relived
            assert len(events["live"]) == asked.fired[name] > 1


@pytest.mark.parametrize(
    "when",
    [
        "event.total > 50",
        "event.total >= 50.5 or event.sort = 3",
        "not(event.total > 50)",
        "event.total = null",
        "event.total != 70",
        'event.total = "70"',
        "event.total",
        'event.note = "no" or event.total in [20..60]',
        'starts with(event.sort, "gi")',
        "event.total > 20 and event.total < event.limit",
        "event.total.eur = 70",
        "event.total + 1 > 51",
        "true",
        'event.time = null and event.source = "x"',
    ],
)
def test_sql_and_the_events_agree_for_values_of_any_kind(odd, when):
    tests, context, now = odd
    rule = context._ready(read_draft("r", {"on": {"event": "Order Completed"}, "when": when,
                                           "do": [{"task": {"queue": "loyalty", "title": "x"}}]}))  # fmt: skip
    outcome = tests.versions("r", {"draft": rule}, 365, now)
    rules = {"draft": _as("draft", rule)}
    assert outcome.firings == over_history(
        tests._engine, rules, tests._vocabulary, Span(outcome.span.begin, now, {})
    )


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    from icustomer import ICustomer
    from tests.context.conftest import BASE, START, ManualClock, World

    path = tmp_path_factory.mktemp("shop")
    (path / "base.yaml").write_text(BASE, encoding="utf-8")
    with ICustomer.open(path, clock=ManualClock(START)) as company:
        w = World(company)
        lives(w, 10)
        company.history.fresh()
        yield company.context._backtests, company.context, company.clock.now()


def test_a_condition_sees_what_was_known_when_the_event_was_received(world):
    with world(RULES) as w:
        w.happens("Order Completed", total=60)
        w.passes(DAY)
        w.happens("Order Completed", total=30)
        w.passes(DAY)
        # Known only now: she had spent much before all that.
        w.happens("Order Completed", total=500, at=w.company.clock.now() - 5 * DAY)
        w.passes(DAY)
        answer = w.company.context.backtest("spender", days=30)
        assert answer["way"] == "relived"
        assert (answer["live"]["firings"], answer["fired"]) == (1, 1)
        assert "known when the event" in answer["assumed"][1]


def test_a_draft_is_compared_with_the_live_version(world):
    with world(RULES) as w:
        w.happens("Order Completed", who="ann", total=60)
        w.happens("Order Completed", who="bob", total=45)
        w.happens("Order Completed", who="cid", total=90)
        w.passes(DAY)
        w.happens("Order Completed", who="ann", total=70)
        w.passes(HOUR)
        draft = (
            "on: {event: Order Completed}\nwhen: event.total in [40..80]\ndo:\n"
            "- task: {queue: loyalty, title: A}\n- task: {queue: loyalty, title: B}\n"
        )
        answer = w.company.context.backtest("large", days=2, draft=draft)
        assert answer["way"] == "sql"
        assert (answer["gained"], answer["lost"], answer["kept"]) == (1, 1, 1)
        assert [who["customer"] for who in answer["who_gained"]] == [
            w.company.cii.customer("user_id:bob")
        ]
        assert [who["customer"] for who in answer["who_lost"]] == [
            w.company.cii.customer("user_id:cid")
        ]
        assert (answer["live"]["firings"], answer["draft"]["firings"]) == (3, 3)
        assert (answer["live"]["actions_a_day"], answer["draft"]["actions_a_day"]) == (1.5, 3)
        assert answer["live"]["version"] != answer["draft"]["version"]
        assert [(row["day"], row["live"], row["draft"]) for row in answer["by_day"]] == [
            ("2026-03-01", 0, 0),
            ("2026-03-02", 2, 2),
            ("2026-03-03", 1, 1),
        ]
        assert answer["by_segment"] == [
            {"segment": "active", "live": 2, "draft": 2, "gained": 1, "lost": 1}
        ]
        whole = "rules:\n  large:\n" + "".join(f"    {line}\n" for line in draft.splitlines())
        named = whole.partition("\n")[2].replace("\n  ", "\n")[2:]
        assert named.startswith("large:\n")
        for text in (whole, named):
            again = w.company.context.backtest("large", days=2, draft=text)
            assert again["draft"] == answer["draft"]
        assert len(w.decisions("large")) == 3, "nothing is decided by trying"


def test_once_per_counts_what_really_happened_before(world):
    with world(RULES) as w:
        w.happens("Order Completed", total=60, sort="gift")
        w.passes(DAY)
        w.happens("Order Completed", total=60, sort="gift")
        w.passes(DAY + HOUR)
        w.happens("Order Completed", total=60, sort="gift")
        w.passes(HOUR)
        answer = w.company.context.backtest("gift", days=2)
        assert (answer["live"]["firings"], answer["fired"]) == (1, 1)
        draft = read_draft("gift", {"on": {"event": "Order Completed"},
                                    "when": 'event.sort = "gift" and orders 60d > 0', "once per": "2 d",
                                    "do": [{"task": {"queue": "loyalty", "title": "x"}}]})  # fmt: skip
        text = draft.value.model_dump(by_alias=True, exclude_defaults=True)
        relived = w.company.context.backtest("gift", days=2, draft=text)
        assert relived["way"] == "relived"
        assert relived["live"]["firings"] == relived["draft"]["firings"] == 1
        assert w.company.context.backtest("gift", days=30)["live"]["firings"] == 2


def test_a_rule_that_waits_has_heard_what_came_before(world):
    with world(RULES) as w:
        w.happens("Order Completed", total=60)
        w.passes(2 * DAY)
        answer = w.company.context.backtest("later", days=1)
        assert (answer["live"]["firings"], answer["fired"]) == (1, 1)
        w.passes(DAY)
        answer = w.company.context.backtest("later", days=1)
        assert (answer["live"]["firings"], answer["fired"]) == (0, 0)


def test_what_is_wrong_with_a_draft_is_said(world):
    with world(RULES) as w:
        context = w.company.context
        with pytest.raises(NotFound, match="larg"):
            context.backtest("larg")
        with pytest.raises(InvalidInput, match="0 days"):
            context.backtest("large", days=0)
        with pytest.raises(InvalidDefinition, match="spned"):
            context.backtest("large", draft="on: {event: x}\nwhen: spned > 5\ndo: [{email: {}}]")
        with pytest.raises(InvalidDefinition, match=r"draft.yaml"):
            context.backtest("large", draft="on: {event: x}\nwhenn: 5\ndo: [{email: {}}]")
        with pytest.raises(InvalidInput, match="no rule 'large'"):
            context.backtest("large", draft="rules: {small: {on: {event: x}, do: [{email: {}}]}}")


def test_a_rule_that_does_not_exist_yet_gains_everybody_it_reaches(world):
    with world(RULES) as w:
        w.happens("Order Completed", total=60)
        w.passes(HOUR)
        draft = {
            "on": {"event": "Order Completed"},
            "do": [{"task": {"queue": "loyalty", "title": "x"}}],
        }
        answer = w.company.context.backtest("brand new", days=1, draft=draft)
        assert answer["live"] is None
        assert (answer["gained"], answer["lost"], answer["fired"]) == (1, 0, 0)


def test_a_rule_that_is_switched_off_can_be_tried(world):
    off = RULES.replace(
        "{on: {event: Order Completed}, when: event.total > 50",
        "{enabled: false, on: {event: Order Completed}, when: event.total > 50",
    )
    with world(off) as w:
        w.happens("Order Completed", total=60)
        w.passes(HOUR)
        answer = w.company.context.backtest("large", days=1)
        assert (answer["live"]["firings"], answer["fired"]) == (1, 0)
        assert json.dumps(answer)


def test_it_is_asked_over_http_and_names_are_hidden_from_those_who_may_not_see_them(world):
    from fastapi.testclient import TestClient

    from icustomer.app import create_app

    with world(RULES) as w:
        w.happens("Order Completed", who="bob", total=45)
        w.happens("Identify", who="bob", kind="identify", email="bob@example.org")
        w.passes(HOUR)
        draft = "on: {event: Order Completed}\nwhen: event.total > 40\ndo: [{task: {queue: loyalty, title: x}}]"
        app = create_app(w.company, beat=False)
        with TestClient(app, base_url="http://127.0.0.1") as client:
            ask = {"url": "/api/context/rules/large/backtest", "json": {"days": 2, "draft": draft}}
            answer = client.post(**ask).json()
            assert (answer["gained"], answer["who_gained"][0]["name"]) == (1, "bob@example.org")
            client.cookies.set("role", "analyst")
            assert client.post(**ask).json()["who_gained"][0]["name"] == "b••@•••••••••••"
            wrong = client.post(**{**ask, "json": {"days": 2, "draft": "on: 5"}})
            assert (wrong.status_code, "rules 'large': on" in wrong.text) == (422, True)
            every = client.post("/api/context/backtest", params={"days": 2}).json()
            assert {row["rule"] for row in every["rules"]} == set(w.company.context._rules)


def test_it_is_asked_on_the_command_line(world, tmp_path):
    from tests.company import icustomer

    with world(RULES) as w:
        w.happens("Order Completed", total=60)
    (tmp_path / "draft.yaml").write_text(
        "on: {event: Order Completed}\nwhen: event.total > 90\ndo: [{task: {queue: loyalty, title: x}}]"
    )
    ask = ["--dir", tmp_path / "shop", "--json", "context", "backtest"]
    answer = icustomer(*ask, "large", "--days", 3650, "--file", tmp_path / "draft.yaml")
    assert (answer.json["live"]["firings"], answer.json["lost"]) == (1, 1)
    assert len(icustomer(*ask).json["rules"]) == 10
