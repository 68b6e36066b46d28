"""A merge can always be undone, and stays undone: the story of Wang Fang and her sister."""

import pytest

from cid.kit.clock import DAY, MINUTE
from cid.kit.errors import Conflict, InvalidInput, NotFound
from icustomer.samples.northlake.people import PEOPLE
from tests.company import opened

FANG = PEOPLE["Wang Fang"]
A, B = FANG["wrong_edge_a"], FANG["wrong_edge_b"]
HER, SISTER = f"user_id:{FANG['user_id']}", f"card:{FANG['sister_card']}"
REASON, ACTOR = "the family's number: two sisters", "mei.chen"


def values(company, customer):
    return {row["name"]: row["value"] for row in company.cic.traits(customer)["traits"]}


@pytest.fixture
def company(northlake, tmp_path):
    with opened(northlake.copy(tmp_path / "company")) as opened_company:
        yield opened_company


def test_three_records_of_wang_fang_are_one_customer(acme):
    ids = [HER, f"card:{FANG['card']}", f"crm_id:{FANG['crm_id']}", f"phone:{FANG['phone']}"]
    assert len({acme.cii.customer(each) for each in ids}) == 1


def test_undoing_the_wrong_edge_gives_each_sister_what_is_hers(company):
    together, before = company.cii.customer(HER), values(company, HER)
    assert company.cii.customer(SISTER) == together
    parts = company.cii.preview_unmerge(A, B)["parts"]
    assert sorted(len(part["identifiers"]) for part in parts) == [1, 6]
    records = sum(row["records"] for row in company.cii.evidence(HER)["identities"])
    assert sum(part["records"] for part in parts) == records
    assert min(part["records"] for part in parts) > 0

    answer = company.cii.unmerge(A, B, REASON, ACTOR)
    assert answer["customers"] == sorted({company.cii.customer(HER), company.cii.customer(SISTER)})
    assert len(answer["customers"]) == 2
    assert sorted(part["customer"] for part in parts) == answer["customers"], "as was foretold"
    assert company.cii.customer(together) in answer["customers"], "the old id still leads somewhere"

    hers, sisters = values(company, HER), values(company, SISTER)
    for name in ("orders", "points balance", "spend 365d", "categories 365d"):
        assert hers[name] > 0, name
        assert sisters[name] > 0, name
    for name in ("orders", "points balance"):
        assert hers[name] + sisters[name] == before[name], name
    assert sisters["orders"] == 3
    assert company.cid.customer(SISTER)["name"] == FANG["sister"]
    assert company.cid.customer(HER)["name"] != FANG["sister"]
    assert company.cic.verify()["mismatches"] == 0


def test_everything_follows_the_identifier_it_belongs_to(company):
    company.cii.unmerge(A, B, REASON, ACTOR)
    for name in (HER, SISTER):
        facts = company.cid.timeline(name, limit=500)["facts"]
        own = company.pipeline.graph.members[company.cii.customer(name)]
        assert facts
        assert {row["identity"] for row in facts} <= own
    receipts = company.cid.timeline(SISTER, limit=500, source="till")["facts"]
    assert {row["properties"]["order_id"] for row in receipts} == {
        f"R11-SISTER-{number}" for number in range(3)
    }
    her, sister = company.cii.customer(HER), company.cii.customer(SISTER)
    counted = company.cic.sql(
        f"SELECT customer, count(*) FROM facts WHERE customer IN ('{her}', '{sister}')"
        " AND event = 'Order Completed' GROUP BY 1"
    )
    assert dict(map(tuple, counted["rows"])) == {her: 5, sister: 3}
    for decision in company.context.decisions(customer=sister):
        assert decision["identity"] == SISTER


def test_what_was_undone_stays_undone_after_more_of_the_same_evidence(company):
    company.cii.unmerge(A, B, REASON, ACTOR)
    body = {
        "type": "identify",
        "messageId": "again-the-same-number",
        "timestamp": "2026-11-22T11:59:00Z",
        "traits": {"phone": FANG["phone"], "tier": "bronze"},
        "context": {"externalIds": [{"type": "card", "id": FANG["sister_card"]}]},
    }
    from icustomer.demo import messages
    from icustomer.samples.northlake.tape import Delivery

    company.cii.append(messages(company, [Delivery(company.clock.now(), "loyalty", body)]))
    assert company.catch_up() == 1
    (fate,) = company.cii.find("again-the-same-number")
    assert fate["state"] == "applied"
    assert company.cii.customer(HER) != company.cii.customer(SISTER)
    vetoes = company.cii.evidence(SISTER)["vetoes"]
    assert [(row["reason"], row["actor"]) for row in vetoes] == [(REASON, ACTOR)]


def test_an_undone_merge_survives_a_restart_and_can_itself_be_undone(northlake, tmp_path):
    path = northlake.copy(tmp_path / "company")
    with opened(path) as company:
        before = values(company, HER)
        company.cii.unmerge(A, B, REASON, ACTOR)
        apart = (company.cii.customer(HER), company.cii.customer(SISTER))
    with opened(path) as company:
        assert (company.cii.customer(HER), company.cii.customer(SISTER)) == apart
        assert company.cic.verify()["mismatches"] == 0
        company.clock.moment += MINUTE
        company.cii.merge(A, B, "she has shown both cards", ACTOR)
        assert company.cii.customer(HER) == company.cii.customer(SISTER)
        after = values(company, HER)
        assert after["orders"] == before["orders"]
        assert after["points balance"] == before["points balance"]
        assert company.cic.verify()["mismatches"] == 0


def test_who_decides_must_say_why_and_about_whom(company):
    with pytest.raises(InvalidInput, match="reason"):
        company.cii.unmerge(A, B, "  ", ACTOR)
    with pytest.raises(NotFound):
        company.cii.merge(A, "email:nobody@example.org", REASON, ACTOR)
    with pytest.raises(Conflict):
        company.cii.merge(A, A, REASON, ACTOR)


def test_time_goes_on_for_both_of_them(company):
    company.cii.unmerge(A, B, REASON, ACTOR)
    company.clock.moment += 40 * DAY
    company.catch_up()
    assert company.cic.verify()["mismatches"] == 0
