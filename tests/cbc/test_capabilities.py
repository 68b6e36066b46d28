"""What the company is able to do: boards, links, periods, loops."""

import re
from types import MappingProxyType

import pytest

from cbc.capabilities import Builtin, dead_links
from cbc.facade import Capabilities
from cbc.model import CAPABILITIES, MEASURES, SECTIONS
from cbc.testing import MemoryHistory, check_schema
from cfa.model import SECTIONS as CFA
from cic.model import SECTIONS as CIC
from cic.ports import ENGINES
from cid.kit.clock import DAY, ManualClock, parse_time
from cid.kit.definitions import load
from cid.kit.errors import InvalidInput, NotFound
from context.model import SECTIONS as CONTEXT

SEEDS = [f"S2.B{n}" for n in range(1, 6)] + [f"S2.C{n}" for n in range(1, 11)]


def company(tmp_path, text):
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    definitions, errors = load(tmp_path, [*SECTIONS, *CIC, *CFA, *CONTEXT], Builtin().definitions())
    assert errors == []
    return definitions


def test_all_capabilities_of_the_framework_are_there(definitions):
    shipped = definitions.of(CAPABILITIES).values()

    assert sorted(SEEDS) == sorted(
        seed for entry in shipped for seed in entry.value.seeds if re.match(r"S2\.[BC]", seed)
    )
    assert all(entry.value.measures and entry.value.elements for entry in shipped)


def test_every_measure_we_ship_shows_some_capability(definitions):
    used = {
        name for entry in definitions.of(CAPABILITIES).values() for name in entry.value.measures
    }

    assert used == set(definitions.of(MEASURES))


def test_the_tables_a_capability_may_stand_on_are_those_of_the_history():
    assert check_schema() == set()


def test_the_real_engine_answers_every_measure(definitions, tmp_path):
    engine = ENGINES.load("duckdb")(tmp_path / "history.duckdb")

    class Opened:
        query = staticmethod(engine.query)
        position = staticmethod(engine.position)

        @staticmethod
        def sync():
            return 0

    cbc = Capabilities(definitions, Opened(), ManualClock(parse_time("2026-06-30")))
    try:
        assert [str(problem) for problem in cbc.problems()] == []
        assert {each["problem"] for each in cbc.measures()} == {""}
        assert len(cbc.capability("loyalty")["elements"]) == 6
        with pytest.raises(NotFound):
            cbc.loop("no such loop")
    finally:
        engine.close()


def test_a_dead_link_is_found_with_its_place_and_what_was_meant(tmp_path):
    definitions = company(
        tmp_path,
        """
segments:
  silent: {when: "true"}
capabilities:
  calling back:
    measures: [retension]
    elements: [cic.segments.silent, context.rules.call back, cii.ledgr]
goals:
  stay: {capability: loyal, measure: retention, target: 0.5, segment: silnt}
""",
    )

    found = [str(error) for error in dead_links(definitions)]

    assert len(found) == 5
    assert "own.yaml:5" in found[0]
    assert "'retension', which does not exist. Did you mean 'retention'?" in found[0]
    assert "Did you mean 'cii.ledger'?" in found[2]
    assert "Did you mean 'silent'?" in found[4]


def test_a_measure_that_cannot_be_answered_is_a_problem_and_breaks_no_board(tmp_path, history):
    definitions = company(
        tmp_path,
        """
measures:
  broken: {rows: SELECT x FROM nowhere, formula: none}
  poor: {rows: SELECT 1 AS numerator, formula: none}
""",
    )
    cbc = Capabilities(definitions, history, ManualClock(parse_time("2026-06-30")))

    problems = [str(problem) for problem in cbc.problems()]

    assert len(problems) == 2
    assert "own.yaml:3" in problems[0]
    assert "lack customer, denominator" in problems[1]
    board = {each["name"]: each for each in cbc.measures()}
    assert board["broken"]["problem"]
    assert board["broken"]["value"] is None
    assert board["retention"]["problem"] == ""


def test_a_company_adds_measures_links_and_goals_of_its_own(tmp_path, history):
    definitions = company(
        tmp_path,
        """
rules:
  win back:
    on: {event: Order Completed}
    do: [{task: {queue: loyalty}}]
measures:
  big orders:
    title: {en: Big orders, zh: 大额订单}
    formula: orders above 100 / orders
    period: 7 d
    rows: |
      SELECT customer, 1 AS denominator,
             CAST(CAST(properties->>'total' AS DECIMAL(18,2)) > 100 AS INTEGER) AS numerator
      FROM facts  -- any order
      WHERE event = 'Order Completed' AND time >= $start AND time < $end;
capabilities:
  selling big: {measures: [big orders], elements: [context.rules.win back, cii.facts]}
goals:
  more big ones: {capability: selling big, measure: big orders, target: 0.9, until: 2026-12-31}
""",
    )
    for day in range(1, 5):
        history.fact(f"c{day}", "Order Completed", f"2026-06-2{day}", total=50 if day > 1 else 500)
    history.add("decisions", id="1", rule="win back", at="2026-06-21", fired=True)
    cbc = Capabilities(definitions, history, ManualClock(parse_time("2026-06-27")))

    found = cbc.capability("selling big")

    assert cbc.problems() == []
    assert [(each["value"], each["n"]) for each in found["measures"]] == [(0.25, 4)]
    assert found["measures"][0]["verdict"] == "not met"  # by the goal's target
    assert found["goals"][0]["value"] == 0.25
    rule, facts = found["elements"]
    assert (rule["records"], rule["link"]) == (1, "/rules/win%20back")
    assert (facts["records"], facts["in_use"]) == (4, True)


def test_a_goal_is_judged_among_those_who_were_in_its_segment_when_the_period_began(
    tmp_path, history
):
    definitions = company(
        tmp_path,
        """
segments:
  vip: {when: "true"}
goals:
  keep the vips: {capability: loyalty, measure: retention, target: 0.9, segment: vip}
  happy: {capability: embedded service, measure: csat, target: 4}
""",
    )
    for who, comes_back in (("ann", True), ("bob", False), ("cai", True), ("dee", False)):
        history.fact(who, "Order Completed", "2026-03-01")
        if comes_back:
            history.fact(who, "Order Completed", "2026-06-01")

    def moves(who, kind, day):
        history.add(
            "changes", customer=who, segment="vip", kind=kind, effective_at=day, known_at=day
        )

    moves("ann", "entered", "2026-01-01")
    moves("bob", "entered", "2026-01-01")
    moves("bob", "left", "2026-05-01")  # after the period began: he is one of those who were lost
    moves("cai", "entered", "2026-01-01")
    moves("cai", "left", "2026-02-01")
    moves("dee", "entered", "2026-06-01")
    cbc = Capabilities(definitions, history, ManualClock(parse_time("2026-06-30")))

    found = cbc.measure("retention")

    assert (found["value"], found["target"]) == (0.5, None)  # of all customers
    assert (found["goals"][0]["value"], found["goals"][0]["n"]) == (0.5, 2)  # ann of ann and bob
    assert cbc.capability("loyalty")["goals"] == found["goals"]
    assert ["4 is no share" in str(problem) for problem in cbc.problems()] == [True]


def test_an_element_without_records_is_not_in_use_though_it_is_installed(cbc):
    elements = cbc.capability("loyalty")["elements"]

    assert {each["in_use"] for each in elements} == {False}


def test_a_capability_goes_up_when_more_of_its_measures_got_better_than_worse(cbc, history):
    for number in range(200):
        history.fact(f"a{number}", "Case Rated", "2026-05-20", case_id=str(number), score=1)
        history.fact(f"b{number}", "Case Rated", "2026-06-20", case_id=str(number), score=5)

    board = {each["name"]: each for each in cbc.capabilities()}

    assert board["embedded service"]["state"] == "up"
    assert board["loyalty"]["state"] == "flat"


def test_a_trend_has_twelve_periods_the_last_one_being_the_number(cbc, history):
    for month in range(1, 7):
        history.fact("ann", "Case Rated", f"2026-0{month}-15", case_id=str(month), score=5)

    found = cbc.measure("csat")

    assert len(found["trend"]) == 12
    assert found["trend"][-1]["value"] == found["value"]
    assert found["trend"][-2]["value"] == found["previous"]
    assert [each["n"] for each in found["trend"]][-6:] == [1, 1, 1, 1, 1, 1]
    assert found["trend"][0]["value"] is None


def test_periods_the_history_does_not_cover_are_marked(cbc, history):
    history.fact("ann", "Order Completed", "2026-05-15", total=1)

    found = cbc.measure("active customers")

    assert found["partial"] == ""
    assert [each["partial"] for each in found["trend"][-3:]] == [
        "begins before the first record",
        "begins before the first record",
        "",
    ]
    assert cbc.measure("repeat rate")["partial"] == "begins before the first record"
    assert cbc.measure("csat", as_of="2026-07-10")["partial"] == "not over yet"


def test_a_number_can_be_read_as_of_any_moment(cbc, history):
    history.fact("ann", "Case Rated", "2026-05-20T12:00:00Z", case_id="1", score=5)

    assert cbc.measure("csat", as_of="2026-05-20T12:00:00Z")["n"] == 1
    assert cbc.measure("csat", as_of="2026-05-20T11:59:59.999Z")["n"] == 0
    assert cbc.measure("csat")["n"] == 0  # 41 days ago by now
    assert cbc.measure("csat", as_of="2026-05-21")["fresh"] == "2026-05-20T12:00:00.000Z"
    with pytest.raises(InvalidInput):
        cbc.measure("csat", as_of="yesterday")


def test_numbers_are_read_again_only_when_something_was_recorded(definitions, history):
    asked = []

    class Counting(MemoryHistory):
        def query(self, sql, params=MappingProxyType({})):
            asked.append(sql)
            return super().query(sql, params)

    history, clock = Counting(), ManualClock(parse_time("2026-06-30"))
    cbc = Capabilities(definitions, history, clock)
    first = cbc.measures()
    asked.clear()

    assert cbc.measures() == first
    assert len(asked) == 1

    history.fact("ann", "Case Rated", "2026-06-20", case_id="1", score=5)
    assert {each["name"]: each["n"] for each in cbc.measures()}["csat"] == 1
    asked.clear()
    history.add("tasks", id="1", customer="ann", title="call", state="open", due_at="2026-06-20")
    assert {each["name"]: each["n"] for each in cbc.measures()}["tasks on time"] == 1
    assert not any("Case Rated" in sql for sql in asked)  # a task moves no number about ratings
    clock.moment += 40 * DAY
    assert {each["name"]: each["n"] for each in cbc.measures()}["csat"] == 0


def test_drill_says_when_it_does_not_show_everything(cbc, history):
    for number in range(5):
        history.fact(f"c{number}", "Case Rated", "2026-06-20", case_id=str(number), score=5)

    found = cbc.drill("csat", limit=3)

    assert (len(found["rows"]), found["n"], found["cut"]) == (3, 5, True)
    assert found["columns"][0] == "customer"
    assert found["columns"][-2:] == ["numerator", "denominator"]
    with pytest.raises(InvalidInput):
        cbc.drill("csat", limit=0)
    with pytest.raises(NotFound, match="Did you mean 'csat'"):
        cbc.drill("csatt")


def test_a_loop_is_traced_from_the_change_to_the_measure(cbc, history):
    history.add(
        "changes", customer="jonas", segment="active", kind="left", cause="due", loop="L1",
        effective_at="2026-06-01T00:00:00Z", known_at="2026-06-01T00:00:00Z",
    )  # fmt: skip
    history.add(
        "decisions", id="d1", rule="win back", customer="jonas", fired=True, loop="L1",
        trigger="analysis", reason="he is vip", at="2026-06-01T00:00:00Z",
    )  # fmt: skip
    history.add(
        "actions", id="a1", decision="d1", rule="win back", action="task", customer="jonas",
        at="2026-06-01T00:00:00Z", state="done", loop="L1",
    )  # fmt: skip
    history.add(
        "tasks", id="t1", customer="jonas", rule="win back", title="Call Jonas", queue="loyalty",
        state="done", outcome="accepted", actor="mia", loop="L1", due_at="2026-06-03",
        opened_at="2026-06-01T00:00:00Z", closed_at="2026-06-02T12:00:00Z",
    )  # fmt: skip
    history.fact("jonas", "Offer Presented", "2026-06-02T11:00:00Z", offer="boots", loop="L1")
    history.fact("jonas", "Offer Accepted", "2026-06-02T11:30:00Z", offer="boots", loop="L1")
    history.fact("jonas", "Order Completed", "2026-06-05T00:00:00Z", total=120)
    history.fact("other", "Order Completed", "2026-06-05T00:00:00Z", total=1)

    found = cbc.loop("L1")

    assert [step["kind"] for step in found["steps"]] == [
        *("left", "decided", "action", "task opened"),
        *("told", "outcome", "task done", "later order"),
    ]
    assert [step["layer"] for step in found["steps"]][:4] == ["cic", "context", "context", "cfa"]
    assert (found["state"], found["outcome"], found["hours"]) == ("closed", "boots", 35.5)
    assert found["customers"] == ["jonas"]
    assert found["steps"][0]["link"] == "/segments/active"
    moved = {each["name"]: each["numerator"] for each in found["measures"]}
    assert (moved["loops closed"], moved["tasks on time"], moved["no-touch rate"]) == (1, 1, 0)
    with pytest.raises(NotFound):
        cbc.loop("L2")


def test_a_loop_is_open_until_an_outcome_is_known(cbc, history):
    history.add("decisions", id="d1", rule="r", customer="jonas", fired=True, loop="L1",
                at="2026-06-01")  # fmt: skip
    history.add("tasks", id="t1", customer="jonas", rule="r", title="Call", state="open",
                opened_at="2026-06-01", loop="L1")  # fmt: skip

    found = cbc.loop("L1")

    assert (found["state"], found["closed"], found["hours"]) == ("open", None, None)
