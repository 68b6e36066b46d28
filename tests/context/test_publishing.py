"""From draft to in force and back: each step is known, and takes effect from the next fact on."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from cid.kit.clock import ManualClock, format_time, parse_time
from cid.kit.errors import Conflict, InvalidDefinition, InvalidInput, Refused
from cii.ports import Message
from context.model import RULES
from context.passages import read_grid, write_grid
from context.workbench import Author
from icustomer import ICustomer
from icustomer.app import create_app
from icustomer.definitions import read
from icustomer.rebuilding import rebuild_company
from icustomer.starting import STARTER

ANN, BOB = Author("analyst", "ann"), Author("architect", "bob")
RULE = """thank:
  on: {event: Order Completed}
  when: event.total >= 30
  do:
    - task: {queue: loyalty, title: Thank}
"""
FILES = """
# Comments stay where they are.
rules:
  thank:
    on: {event: Order Completed}
    when: event.total >= 100
    do:
      - task: {queue: loyalty, title: Thank}  # at once
tables:
  gift:
    inputs: [orders 90d]
    outputs: [gift]
    rows:
      - ["> 3", '"book"']
    default: {gift: card}
scenarios:
  a small order: {rule: thank, given: {event: {total: 20}}, expect: {fires: false}}
"""


@pytest.fixture
def company(tmp_path):
    directory = tmp_path / "shop"
    directory.mkdir()
    for path in STARTER.glob("*.yaml"):
        (directory / path.name).write_bytes(path.read_bytes())
    (directory / "ours.yaml").write_text(FILES)
    clock = ManualClock(parse_time("2026-11-22T12:00:00Z"))
    with ICustomer.open(directory, clock=clock) as company:
        yield company


def message(event: str, properties: dict[str, Any], id: str, at: int) -> Message:
    """What the shop's system sends about Zoe."""
    body = {
        "type": "track",
        "event": event,
        "messageId": id,
        "timestamp": format_time(at),
        "properties": properties,
        "context": {"externalIds": [{"type": "email", "id": "zoe@example.org"}]},
    }
    headers = {"source": "crm", "protocol": "segment", "id": id}
    return Message(b"zoe", orjson.dumps(body), at, headers)


@pytest.fixture
def buys(company):
    """Let Zoe buy something; say what the rule has decided by now: done or not."""

    def buy(number: int, total: float) -> list[bool]:
        at = company.clock.now() + number
        said = {"order_id": str(number), "total": total}
        company.cii.transport.append("facts", [message("Order Completed", said, f"m{number}", at)])
        company.catch_up(at)
        return [each["fired"] for each in company.context.decisions()]

    return buy


def bench(company: ICustomer):
    return company.context.workbench


def test_what_is_published_holds_from_the_next_fact_on_and_stands_in_its_file(company, buys):
    assert buys(1, 50) == []
    done = bench(company).publish("rule", "thank", RULE, ANN, "thank for more")
    assert done["state"] == "published"
    text = (company.directory / "ours.yaml").read_text()
    assert "when: event.total >= 30" in text
    assert "# Comments stay where they are." in text
    assert buys(2, 50) == [True]
    assert company.context.rule("thank")["version"] == done["version"]
    (company.directory / "ours.yaml").write_text(text)
    again, errors = read(company.directory)
    assert errors == []
    assert again.of(RULES)["thank"].version == done["version"]


def test_one_goes_back_in_one_step_and_it_stays_known_who_did_what_and_why(company, buys):
    before = company.context.rule("thank")["version"]
    bench(company).publish("rule", "thank", RULE, ANN, "thank for more")
    bench(company).roll_back("rule", "thank", BOB, "too many thanks")
    assert company.context.rule("thank")["version"] == before
    assert buys(1, 50) == []
    steps = bench(company).open("rule", "thank")["steps"]
    assert [(each["state"], each["actor"], each["reason"]) for each in steps] == [
        ("published", "bob", "too many thanks"),
        ("published", "ann", "thank for more"),
        ("published", "files", ""),
    ]


def test_the_shadow_decides_and_does_nothing(company, buys):
    bench(company).shadow("rule", "thank", RULE, ANN, "how often would it be?")
    assert buys(1, 50) == [False]
    assert company.cfa.tasks() == []
    rule = company.context.rule("thank · shadow")
    assert (rule["fired"], rule["shadowed"]) == (0, 1)
    bench(company).publish("rule", "thank", RULE, ANN, "not too often")
    assert "shadow" not in (company.directory / "ours.yaml").read_text()
    assert buys(2, 50) == [True, False]
    assert len(company.cfa.tasks()) == 1


def test_where_the_rule_wants_it_a_second_person_must_agree(company, buys):
    text = RULE + "  approval: true\n"
    with pytest.raises(Refused, match="log in"):
        bench(company).publish("rule", "thank", text, Author("analyst"), "more")
    asked = bench(company).publish("rule", "thank", text, ANN, "more")
    assert asked["state"] == "asked"
    assert buys(1, 50) == []
    for nobody in (ANN, Author("architect"), Author("agent", "carl")):
        with pytest.raises(Refused):
            bench(company).approve("rule", "thank", asked["version"], nobody)
    bench(company).approve("rule", "thank", asked["version"], BOB)
    assert buys(2, 50) == [True]
    with pytest.raises(Conflict):
        bench(company).approve("rule", "thank", asked["version"], BOB)
    with pytest.raises(Refused):
        bench(company).publish("rule", "thank", RULE, Author("analyst"), "without asking")


def test_what_is_wrong_or_breaks_an_example_is_not_published(company):
    before = (company.directory / "ours.yaml").read_text()
    for text in (
        RULE.replace("30", "10"),
        RULE.replace("event.total", "evnt.total"),
        RULE.replace("queue", "qeue"),
        RULE.replace("thank:", "other:"),
        "thank: [",
        "",
    ):
        found = bench(company).diagnose("rule", "thank", text)
        assert not found["sound"]
        with pytest.raises(InvalidInput):
            bench(company).publish("rule", "thank", text, ANN, "why not")
    with pytest.raises(InvalidInput, match="why"):
        bench(company).publish("rule", "thank", RULE, ANN, " ")
    with pytest.raises(Refused):
        bench(company).publish("rule", "thank", RULE, Author("agent"), "I want to")
    assert (company.directory / "ours.yaml").read_text() == before


def test_a_draft_is_kept_with_what_is_wrong_and_gone_on_with(company):
    wrong = RULE.replace("event.total", "evnt.total")
    assert bench(company).save("rule", "thank", wrong, ANN)["state"] == "draft"
    assert bench(company).open("rule", "thank")["text"] == wrong
    assert bench(company).save("rule", "thank", RULE, ANN)["state"] == "checked"
    assert "when: event.total >= 100" in (company.directory / "ours.yaml").read_text()


def test_what_others_need_is_not_taken_out_of_force(company, buys):
    bench(company).retire("rule", "thank", ANN, "nobody wants it")
    assert buys(1, 500) == []
    assert bench(company).open("rule", "thank")["live"] is False
    user = "ask:\n  on: {event: Order Completed}\n  do: [{offer: {table: gift}}]\n"
    bench(company).publish("rule", "ask", user, ANN, "new")
    before = (company.directory / "ours.yaml").read_text()
    with pytest.raises(InvalidDefinition):
        bench(company).retire("table", "gift", ANN, "nobody wants it")
    assert (company.directory / "ours.yaml").read_text() == before
    assert company.context.ask_table("gift", {"orders 90d": 5})["gift"] == "book"


def test_a_table_is_published_from_its_grid(company):
    grid = read_grid("gift", bench(company).text("table", "gift"))
    assert grid["rows"] == [["> 3", '"book"']]
    given = {"i0": "orders 90d", "o0": "gift", "c0.0": "> 3", "c0.1": '"book"', "c1.0": "[2..3]"}
    given |= {"c1.1": '"pen"', "do": "publish"}
    text = write_grid("gift", bench(company).text("table", "gift"), given)
    bench(company).publish("table", "gift", text, ANN, "a pen for the middle")
    assert company.context.ask_table("gift", {"orders 90d": 2})["gift"] == "pen"
    assert company.context.tables()[0]["default"] == {"gift": "card"}


def test_steps_outlive_a_rebuild_and_only_our_own_people_take_any(company):
    bench(company).publish("rule", "thank", RULE, ANN, "thank for more")
    before = company.context.store.steps("rule", "thank", 9)
    said = {"kind": "rule", "name": "thank", "version": "v9", "state": "published"}
    forged = message("Definition Changed", said, "forged", company.clock.now())
    company.cii.transport.append("facts", [forged])
    company.catch_up()
    directory = company.directory
    company.close()
    assert rebuild_company(directory)["same"]
    with ICustomer.open(directory, clock=company.clock) as again:
        assert again.context.store.steps("rule", "thank", 9) == before


def test_what_a_word_may_become_is_offered(company):
    for text, offered in (
        ("thank:\n  wh", "when: "),
        ("thank:\n  when: orders 9", "orders 90d"),
        ("thank:\n  when: vip and spe", "spend 365d"),
        ("thank:\n  on: {event: Order Completed}\n  when: event.to", "event.total"),
        ("thank:\n  when: not(con", "consent("),
    ):
        found = bench(company).complete("rule", text, len(text))
        assert offered in [each["insert"] for each in found], text


def test_how_many_it_holds_for_is_counted_where_that_is_known(company, buys):
    buys(1, 50)
    now = RULE.replace("event.total >= 30", "orders 90d > 0")
    assert bench(company).audience("thank", now) == {"holds": 1, "of": 1}
    assert bench(company).audience("thank", now.replace("> 0", "> 5")) == {"holds": 0, "of": 1}
    assert bench(company).audience("thank", RULE) is None
    assert bench(company).audience("thank", "thank: [") is None


def test_whom_a_rule_may_speak_to_too_often_is_told(company):
    text = RULE + "  proactive: true\n"
    said = [each["text"] for each in bench(company).diagnose("rule", "thank", text)["findings"]]
    assert any("again and again" in each for each in said)
    offer = text.replace("task: {queue: loyalty, title: Thank}", "offer: {table: gift}")
    offer += "  once per: 30 d\n"
    bench(company).publish("rule", "thank", offer.replace(">= 30", ">= 100"), ANN, "a gift")
    other = offer.replace("thank:", "greet:", 1)
    said = [each["text"] for each in bench(company).diagnose("rule", "greet", other)["findings"]]
    assert said == [
        "thank is set off by the same, does offer too, and nothing keeps the two apart."
    ]
    apart = other.replace(">= 30", "< 50")
    assert bench(company).diagnose("rule", "greet", apart)["findings"] == []


def test_behind_a_login_two_people_publish_what_needs_two(company):
    people = {"ann/analyst": "a", "bob/architect": "b", "carl/agent": "c"}
    company.settings = company.settings.model_copy(
        update={"credentials": {name: SecretStr(word) for name, word in people.items()}}
    )
    text = RULE + "  approval: true\n"
    given = {"do": "publish", "text": text, "reason": "more thanks"}
    with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1") as client:

        def post(name: str, **said: str) -> str:
            word = people[next(each for each in people if each.startswith(name))]
            answer = client.post("/rules/thank/edit", data=said, auth=(name, word))
            assert answer.status_code == 200
            return answer.text

        assert "Agents read rules" in post("carl", **given)
        assert "A second person is asked" in post("ann", **given)
        version = bench(company).open("rule", "thank")["asks"]["version"]
        assert "A second person has to agree" in post("ann", do="approve", version=version)
        assert "Published" in post("bob", do="approve", version=version)
    assert company.context.rule("thank")["version"] == version
    newest = bench(company).open("rule", "thank")["steps"][0]
    assert (newest["actor"], newest["reason"]) == ("bob", "more thanks (ann + bob)")
