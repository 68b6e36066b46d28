"""What the company knows of its customers and how far it may be trusted, by hand."""

import pytest


def test_identification_is_the_share_of_records_about_somebody_we_know(measured, history):
    history.add("identifiers", identifier="email:ann@x.org", kind="email", customer="ann")
    history.add("identifiers", identifier="anonymous_id:1", kind="anonymous_id", customer="ann")
    history.add("identifiers", identifier="anonymous_id:2", kind="anonymous_id", customer="who")
    for _ in range(3):
        history.fact("ann", "Product Viewed", "2026-06-10")
    history.fact("who", "Product Viewed", "2026-06-10")

    found = measured("identification rate")

    assert (found["value"], found["denominator"], found["n"]) == (0.75, 4, 2)


def test_a_view_is_unified_when_two_systems_built_it(measured, history):
    history.fact("ann", "Product Viewed", "2026-06-10", source="shop")
    history.fact("ann", "Order Completed", "2025-12-10", source="till")
    history.fact("bob", "Product Viewed", "2026-06-10", source="shop")
    history.fact("cai", "Product Viewed", "2026-05-10", source="shop")  # not seen in the period

    assert measured("unified view")["value"] == 0.5


def test_a_profile_is_complete_with_five_things_known(measured, history):
    history.fact("ann", "Product Viewed", "2026-06-10")
    history.fact("bob", "Product Viewed", "2026-06-10")
    for attribute in ("first_name", "last_name", "email", "phone", "shoe size"):
        history.add("attributes", customer="ann", attribute=attribute, value="x", time="2026-01-01")

    found = measured("profile completeness")

    assert (found["numerator"], found["denominator"]) == (3, 10)
    assert 0 < found["low"] < 0.3 < found["high"] < 1  # a share never leaves 0 to 1


def test_an_interest_takes_three_looks(measured, history):
    for day in (1, 2, 3):
        history.fact("ann", "Product Viewed", f"2026-06-0{day}", category="tents")
    history.fact("bob", "Product Viewed", "2026-06-01", category="tents")

    assert measured("interest known")["value"] == 0.5


def test_channels_are_continuous_when_she_came_from_another_one(measured, history):
    history.add("systems", name="shop", channel="web", expected_ms=0)
    history.add("systems", name="app", channel="web", expected_ms=0)
    history.fact("ann", "Product Viewed", "2026-06-01", source="shop")
    history.fact("ann", "Order Completed", "2026-06-10", source="till")
    history.fact("bob", "Product Viewed", "2026-06-01", source="app")
    history.fact("bob", "Order Completed", "2026-06-10", source="shop")  # the same channel
    history.fact("cai", "Product Viewed", "2026-05-01", source="shop")
    history.fact("cai", "Order Completed", "2026-06-10", source="till")  # too long ago
    history.fact("dee", "Order Completed", "2026-06-10", source="till")

    assert measured("channel continuity")["value"] == 0.25


def test_data_quality_is_applied_of_received(measured, history):
    for state in ("applied", "applied", "applied", "rejected", "duplicate"):
        history.add("ledger", source="shop", state=state, received="2026-06-10")

    assert measured("data quality")["value"] == 0.75


def test_a_feed_is_on_time_while_it_is_not_silent_too_long(measured, history):
    for name in ("shop", "till", "erp"):
        history.add("systems", name=name, expected_ms=86_400_000)
    history.add("systems", name="crm", expected_ms=0)
    history.add("ledger", source="shop", time="2026-06-30T12:00:00Z")
    history.add("ledger", source="till", time="2026-06-20")
    history.add("ledger", source="crm", time="2026-01-20")

    found = measured("feeds on time")

    assert (found["numerator"], found["denominator"]) == (1, 2)


def test_consent_is_covered_by_a_yes_and_by_a_no(measured, history):
    for who in ("ann", "bob", "cai"):
        history.add("customers", customer=who, first_seen="2026-01-01")
        history.add("identifiers", identifier=f"email:{who}", kind="email", customer=who)
    history.add("identifiers", identifier="phone:1", kind="phone", customer="ann")
    said = {"purpose": "marketing", "channel": "email", "since": "2026-02-01"}
    history.add("consents", customer="ann", granted=True, **said)
    history.add("consents", customer="bob", granted=False, **said)

    found = measured("consent coverage")

    assert (found["numerator"], found["denominator"]) == (2, 4)


def test_a_send_counts_the_word_that_was_last_when_it_was_sent(measured, history):
    def says(who, event, day):
        history.fact(who, event, day, source="consent", purpose="marketing", channel="email")

    says("ann", "Consent Given", "2026-01-01")
    history.fact("ann", "Email Sent", "2026-06-01", campaign="spring")
    says("bob", "Consent Given", "2026-01-01")
    says("bob", "Consent Withdrawn", "2026-06-05")
    history.fact("bob", "Email Sent", "2026-06-04", campaign="spring")
    history.fact("bob", "Email Sent", "2026-06-06", campaign="spring")  # after he said no
    history.fact("cai", "Email Sent", "2026-06-06", campaign="spring")  # was never asked
    history.fact("cai", "Email Sent", "2026-06-06")  # a receipt, not a campaign

    found = measured("sends without consent")

    assert (found["value"], found["n"]) == (2, 4)
    assert (found["target"], found["verdict"]) == (0, "not met")


def test_segment_latency_is_from_effect_to_knowledge(measured, history):
    moved = {"customer": "ann", "segment": "vip", "kind": "left"}
    history.add(
        "changes", effective_at="2026-06-10T00:00:00Z", known_at="2026-06-10T00:00:00.500Z", **moved
    )
    history.add(
        "changes", effective_at="2026-06-10T00:00:00Z", known_at="2026-06-10T00:00:02Z", **moved
    )

    assert measured("segment change latency")["value"] == 1.25


def test_needs_are_foreseen_with_a_fresh_score(measured, history):
    history.fact("ann", "Order Completed", "2025-12-10", total=10)
    history.fact("bob", "Order Completed", "2025-12-10", total=10)
    history.add("scores", customer="ann", score="buys again", value=0.5, at="2026-06-20")
    history.add("scores", customer="bob", score="buys again", value=0.5, at="2026-05-20")
    history.fact("cai", "Order Completed", "2025-12-10", total=10)
    history.fact("cai", "Score Updated", "2026-06-20", score="buys again", value=0.5)

    assert measured("scored share")["value"] == pytest.approx(2 / 3)


def test_mismatches_are_those_of_the_last_verification(measured, history):
    history.add("verification", at="2026-06-10", as_of="2026-06-10", mismatches=7)
    history.add("verification", at="2026-06-20", as_of="2026-06-20", mismatches=0)

    found = measured("verify mismatches")

    assert (found["value"], found["verdict"]) == (0, "met")
    assert found["previous"] is None


@pytest.mark.parametrize("name", ["identification rate", "sends without consent", "nps"])
def test_without_records_there_is_no_number_and_no_error(cbc, name):
    found = cbc.measure(name)

    assert (found["value"], found["n"], found["problem"]) == (None, 0, "")
    assert cbc.drill(name)["rows"] == []
