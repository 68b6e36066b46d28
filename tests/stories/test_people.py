"""The eight people of Northlake: each story ends as it should."""

import pytest

from cid.kit.errors import NotFound
from icustomer.samples.northlake.people import PEOPLE
from tests.company import opened

ANN, JONAS, MARIE, WEI, EMMA = (
    f"user_id:{PEOPLE[name]['user_id']}"
    for name in ("Ann Keller", "Jonas Brandt", "Marie Dubois", "Li Wei", "Emma Roth")
)
CLUB = f"crm_id:{PEOPLE['Club Alpin de Lyon']['crm_id']}"
SCHOOL = f"crm_id:{PEOPLE['Guide school Chamonix']['crm_id']}"


def members(company, name):
    return company.pipeline.graph.members[company.cii.customer(name)]


def moves(company, name, segment):
    """Return (kind, moment) of a customer's moves, oldest first."""
    changes = company.cic.changes(company.cii.customer(name))
    return [(row["kind"], row["at"]) for row in reversed(changes) if row["segment"] == segment]


def test_ann_the_stranger_and_ann_the_customer_are_one(acme):
    ann = PEOPLE["Ann Keller"]
    assert members(acme, ANN) >= {
        f"anonymous_id:{ann['anonymous_id']}", f"email:{ann['email']}", f"erp_id:{ann['erp_id']}"
    }  # fmt: skip
    browsed = [row for row in acme.cid.timeline(ANN, limit=500)["facts"] if row["source"] == "shop"]
    assert {"Product Viewed", "Product Added", "Order Completed"} <= {
        row["event"] for row in browsed
    }


def test_ann_is_in_abandoned_cart_from_three_hours_on_until_she_buys(acme):
    entered, left = moves(acme, ANN, "abandoned cart")
    # Put into the cart at 12:08, three quiet hours later with no event at all; bought at 22:00.
    assert entered == ("entered", "2026-11-19T15:08:00.000Z")
    assert left == ("left", "2026-11-19T22:00:02.000Z")
    (decision,) = acme.context.decisions(customer=ANN, rule="abandoned cart")
    assert decision["at"] == entered[1]
    (task,) = acme.cfa.tasks(state="", customer=acme.cii.customer(ANN))
    assert (task["queue"], task["opened_at"]) == ("shop", entered[1])
    assert acme.cic.why("abandoned cart", ANN)["in"] is False


def test_jonas_leaves_active_on_a_day_without_any_event_and_is_won_back(acme):
    silence = moves(acme, JONAS, "active")
    left = next(at for kind, at in reversed(silence) if kind == "left")
    facts = acme.cid.timeline(JONAS, limit=500)["facts"]
    assert not [row for row in facts if row["time"][:10] == left[:10]]
    assert silence[-1][0] == "entered", "he came back"

    (decision,) = acme.context.decisions(customer=JONAS, rule="win back a silent vip")
    assert decision["at"] == left
    assert [action["action"] for action in decision["actions"]] == ["task"], "no e-mail: no consent"
    (task,) = acme.cfa.tasks(state="", customer=acme.cii.customer(JONAS))
    assert (task["state"], task["outcome"]) == ("done", "accepted")
    assert task["loop"] == decision["loop"]


def test_the_loop_of_jonas_can_be_traced_from_insight_to_outcome(acme):
    (decision,) = acme.context.decisions(customer=JONAS, rule="win back a silent vip")
    loop = acme.cbc.loop(decision["loop"])
    assert (loop["state"], loop["outcome"]) == ("closed", "accepted")
    assert loop["customers"] == [acme.cii.customer(JONAS)]
    steps = [(step["layer"], step["kind"], step["what"]) for step in loop["steps"]]
    way = [
        ("cic", "left", "active"),
        ("context", "decided", "win back a silent vip"),
        ("context", "action", "task"),
        ("cfa", "task opened", "Call Jonas Brandt: silent for 60 days"),
        ("cfa", "task done", "Call Jonas Brandt: silent for 60 days"),
        ("cii", "later order", "Order Completed"),
    ]
    assert [steps.index(each) for each in way] == sorted(steps.index(each) for each in way)
    times = [step["time"] for step in loop["steps"]]
    assert times == sorted(times)
    moved = {row["name"] for row in loop["measures"]}
    assert {"loops closed", "tasks on time"} <= moved


@pytest.mark.parametrize(
    ("measure", "as_of"),
    # A win-back is counted thirty days later, when each has had the same time.
    [("loops closed", ""), ("tasks on time", ""), ("win-back success", "2026-12-10T00:00:00Z")],
)
def test_the_loop_of_jonas_is_behind_the_measures_it_moved(acme, measure, as_of):
    jonas = acme.cii.customer(JONAS)
    drilled = acme.cbc.drill(measure, as_of=as_of)
    assert any(row["numerator"] for row in drilled["rows"] if row.get("customer") == jonas)
    number = acme.cbc.measure(measure, as_of=as_of)
    for part in ("numerator", "denominator"):
        assert number[part] == sum(row[part] for row in drilled["rows"])


def test_the_address_of_marie_comes_from_the_erp_whatever_the_crm_says(acme):
    held = acme.cid.customer(MARIE)["attributes"]
    for name in ("street", "city"):
        assert held[name]["source"] == "erp"
        assert "crm" in {other["source"] for other in held[name]["others"]}
    assert held["street"]["value"] == PEOPLE["Marie Dubois"]["new_street"]


def test_until_the_erp_agreed_the_old_address_of_marie_was_in_force(northlake, tmp_path):
    """The CRM's edit came four hours before the ERP's: in between it only contributed."""
    with opened(northlake.copy(tmp_path / "company")) as company:
        said = company.cid.timeline(MARIE, limit=500)["facts"]
        edits = [
            (row["source"], row["attributes"]["street"])
            for row in reversed(said)
            if "street" in row.get("attributes", {})
        ]
    new, old = PEOPLE["Marie Dubois"]["new_street"], PEOPLE["Marie Dubois"]["old_street"]
    assert edits[0] == ("erp", old)
    assert edits[-2:] == [("crm", new), ("erp", new)]


def test_eighty_members_with_one_mailbox_are_eighty_people_and_a_club(acme):
    graph = acme.pipeline.graph
    cards = [f"card:NL6100{number:02d}" for number in range(1, 81)]
    customers = {acme.cii.customer(card) for card in cards}
    assert len(customers) == 80
    assert acme.cii.customer(CLUB) not in customers
    mailbox = f"email:{PEOPLE['Club Alpin de Lyon']['email']}"
    assert graph.known[mailbox].blocked
    edges = acme.cii.evidence(CLUB)["edges"]
    shared = [edge for edge in edges if mailbox in (edge["a"], edge["b"])]
    assert shared
    assert not any(edge["active"] for edge in shared)
    assert "business" in acme.cic.segmentation.segments_of(acme.cii.customer(CLUB))


def test_the_weekend_of_li_wei_does_not_count_but_the_promise_was_missed(acme):
    case = acme.cfa.case(PEOPLE["Li Wei"]["case_id"])
    assert case["state"] == "resolved"
    assert case["csat"] == 2
    assert case["opened_at"].startswith("2026-11-13T08:30")
    # Half an hour was left on Friday: the first answer was due on Monday morning in Shanghai.
    assert case["first_response_due"].startswith("2026-11-16T01:30")
    assert case["first_responded_at"] > case["first_response_due"]
    (decision,) = acme.context.decisions(customer=WEI, rule="bad rating gets an offer")
    assert [action["action"] for action in decision["actions"]] == ["offer", "task"]
    assert {"at risk", "detractors"} <= set(
        acme.cic.segmentation.segments_of(acme.cii.customer(WEI))
    )


def test_the_wish_of_emma_to_be_forgotten_is_on_somebodys_desk(acme):
    tasks = acme.cfa.tasks(state="", customer=acme.cii.customer(EMMA))
    assert [task["queue"] for task in tasks] == ["privacy"]


def test_the_quote_for_the_guide_school_was_approved_won_and_will_be_renewed(acme):
    (decision,) = acme.context.decisions(customer=SCHOOL, rule="big quote needs approval")
    assert decision["actions"][0]["parameters"]["approver"] == "managing director"
    assert decision["variant"].startswith("discount approval #")
    deals = {row["id"]: row for row in acme.cfa.opportunities(acme.cii.customer(SCHOOL))}
    school = PEOPLE["Guide school Chamonix"]
    assert deals[school["opportunity_id"]]["state"] == "won"
    assert deals[school["renewal_id"]]["state"] == "open"


@pytest.mark.parametrize("name", [name for name in PEOPLE if name != "Club Alpin de Lyon"])
def test_each_person_is_found_by_name(acme, name):
    person = PEOPLE[name]
    kind = next(kind for kind in ("user_id", "crm_id") if kind in person)
    wanted = acme.cii.customer(f"{kind}:{person[kind]}")
    found = [row["id"] for text in (person["name"], person["email"]) for row in acme.cid.find(text)]
    assert wanted in found


def test_the_desk_knows_her_by_every_name_she_has(acme):
    by_id = acme.cfa.tasks(state="", customer=acme.cii.customer(JONAS))
    assert by_id
    assert acme.cfa.tasks(state="", customer=JONAS) == by_id
    assert acme.cfa.next_best_action(JONAS) == acme.cfa.next_best_action(acme.cii.customer(JONAS))
    assert acme.cfa.cases(state="", customer=WEI)
    assert len(acme.cfa.opportunities(SCHOOL)) == 2
    with pytest.raises(NotFound):
        acme.cfa.tasks(customer="email:nobody@example.org")


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_a_timeline_read_page_by_page_misses_nothing(acme, limit):
    whole = [row["position"] for row in acme.cid.timeline(JONAS, limit=500)["facts"]]
    pages, before = [], ""
    while True:
        page = acme.cid.timeline(JONAS, before=before, limit=limit)
        pages += [row["position"] for row in page["facts"]]
        before = page["next"]
        if not before:
            break
    assert pages == whole
