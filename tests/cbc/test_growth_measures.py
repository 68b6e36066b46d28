"""Cross-sell, up-sell, offers, campaigns and the pipeline, by hand."""

import pytest


def test_cross_sell_is_an_existing_customer_in_a_category_new_to_her(measured, history):
    history.fact("ann", "Order Completed", "2026-01-10", categories=["tents"])
    history.fact("ann", "Order Completed", "2026-06-10", categories=["tents", "stoves"])
    history.fact("bob", "Order Completed", "2026-01-10", items=[{"category": "tents"}])
    history.fact("bob", "Order Completed", "2026-06-10", items=[{"category": "tents"}])
    history.fact("cai", "Order Completed", "2026-06-10", categories=["tents"])  # new customer
    history.fact("dee", "Order Completed", "2026-01-10", categories=["tents"])  # not active

    found = measured("cross-sell rate")

    assert (found["numerator"], found["denominator"]) == (1, 2)


def test_up_sell_is_a_dearer_piece_in_a_category_she_knows(measured, history):
    def buys(who, day, category, price):
        history.fact(who, "Order Completed", day, items=[{"category": category, "price": price}])

    buys("ann", "2026-01-10", "tents", 100)
    buys("ann", "2026-06-10", "tents", 110)
    buys("bob", "2026-01-10", "tents", 100)
    buys("bob", "2026-06-10", "tents", 109)  # not a tenth more
    buys("cai", "2026-01-10", "tents", 100)
    buys("cai", "2026-06-10", "stoves", 500)  # another category: cross-sell
    buys("dee", "2026-01-10", "tents", 100)
    buys("dee", "2026-06-10", "tents", 50)

    found = measured("up-sell rate")

    assert (found["numerator"], found["denominator"]) == (1, 3)


def test_offer_acceptance_gives_every_offer_fourteen_days(measured, history):
    # Offers of 18 May to 16 June are counted in June.
    history.fact("ann", "Offer Presented", "2026-06-01", offer="stove")
    history.fact("ann", "Offer Accepted", "2026-06-05", offer="stove")
    history.fact("bob", "Offer Presented", "2026-06-01", offer="stove")
    history.fact("bob", "Offer Accepted", "2026-06-20", offer="stove")  # too late
    history.fact("cai", "Offer Presented", "2026-06-01", offer="stove")
    history.fact("cai", "Offer Accepted", "2026-06-02", offer="tent")  # another offer
    history.fact("dee", "Offer Presented", "2026-06-25", offer="stove")  # has had no time yet
    made = {"action": "offer", "state": "done", "at": "2026-06-01", "rule": "r"}
    history.add("actions", id="1", customer="eva", loop="l1", **made)
    history.fact("eva", "Offer Presented", "2026-06-01", offer="tent", loop="l1")  # the same one
    history.add("tasks", id="1", customer="eva", loop="l1", outcome="accepted",
                closed_at="2026-06-03")  # fmt: skip
    history.add("actions", id="2", customer="fay", loop="l2", **made)

    found = measured("offer acceptance")

    assert (found["numerator"], found["denominator"]) == (2, 5)


def test_uplift_is_treated_less_holdout_within_each_campaign(measured, history):
    def assign(campaign, group, who, orders):
        history.fact(who, "Campaign Assigned", "2026-04-10", campaign=campaign, group=group)
        if orders:
            history.fact(who, "Order Completed", "2026-04-20", total=10)

    for number in range(8):
        assign("spring", "treated", f"t{number}", orders=number < 4)  # 4 of 8
    for number in range(4):
        assign("spring", "holdout", f"h{number}", orders=number < 1)  # 1 of 4
    for number in range(2):
        assign("guides", "treated", f"g{number}", orders=number < 1)  # 1 of 2
        assign("guides", "holdout", f"k{number}", orders=True)  # 2 of 2
    history.fact("t7", "Order Completed", "2026-06-01", total=10)  # after the 30 days
    history.fact("z", "Campaign Assigned", "2026-06-15", campaign="running", group="treated")

    found = measured("campaign uplift")

    # (8 · (4/8 − 1/4) + 2 · (1/2 − 2/2)) / 10
    assert found["value"] == pytest.approx(0.1)
    assert found["low"] < 0 < found["high"]
    assert found["n"] == 16


def test_win_rate_is_won_of_closed(measured, history):
    for number, (stage, closed) in enumerate(
        [("won", "2026-05-01"), ("lost", "2026-05-02"), ("lost", "2026-06-02"), ("quoted", None)]
    ):
        history.add(
            "opportunities", id=str(number), customer="guides", stage=stage, closed_at=closed
        )
    history.add("opportunities", id="old", customer="guides", stage="won", closed_at="2026-01-01")

    assert measured("win rate")["value"] == pytest.approx(1 / 3)


def test_the_pipeline_is_weighted_with_the_company_s_own_record(measured, history):
    def update(key, day, stage, amount=100):
        history.fact(
            "guides", "Opportunity Updated", day, opportunity_id=key, stage=stage, amount=amount
        )

    for key, end in (("a", "won"), ("b", "lost"), ("c", "lost"), ("d", "lost")):
        update(key, "2026-01-01", "qualified")
        if key in "ab":
            update(key, "2026-02-01", "quoted")
        update(key, "2026-03-01", end)
    update("e", "2026-06-01", "qualified", 1000)  # 1 of 4 that were qualified was won
    update("f", "2026-06-01", "quoted", 200)  # 1 of 2 that were quoted was won
    update("g", "2026-06-01", "prospecting", 5000)  # nobody finished from there: left out

    found = measured("weighted pipeline")

    assert found["value"] == 1000 * 0.25 + 200 * 0.5
    assert found["n"] == 2


def test_individualisation_is_how_often_knowing_her_changed_the_decision(measured, history):
    for number, variant in enumerate(("tent", "default", "stove", "default")):
        history.add(
            "decisions",
            id=str(number),
            customer="ann",
            fired=True,
            variant=variant,
            default_variant="default",
            at="2026-06-10",
        )
    history.add("decisions", id="x", customer="ann", fired=True, variant="", at="2026-06-10")

    assert measured("individualisation")["value"] == 0.5


def test_a_buyer_with_points_has_service_attached(measured, history):
    history.fact("ann", "Order Completed", "2026-06-10", total=10)
    history.fact("ann", "Points Earned", "2026-06-10", points=10)
    history.fact("bob", "Order Completed", "2026-06-10", total=10)
    history.fact("cai", "Points Redeemed", "2026-06-10", points=10)

    assert measured("service attach")["value"] == 0.5


def test_usage_is_known_of_buyers_of_a_year_who_used_it_now(measured, history):
    history.fact("ann", "Order Completed", "2025-09-10", total=10)
    history.fact("ann", "Usage Recorded", "2026-06-10", minutes=10)
    history.fact("bob", "Order Completed", "2026-06-10", total=10)
    history.fact("bob", "Usage Recorded", "2026-05-10", minutes=10)
    history.fact("cai", "Order Completed", "2025-05-10", total=10)

    assert measured("usage known")["value"] == 0.5
