"""Each number by hand, on a history small enough to see through."""

import pytest


def test_retention_is_the_share_of_the_last_period_that_came_back(measured, history):
    for who in ("ann", "bob", "cai"):
        history.fact(who, "Order Completed", "2026-03-01", total=10)
    history.fact("ann", "Order Completed", "2026-05-01", total=10)
    history.fact("ann", "Order Completed", "2026-06-01", total=10)
    history.fact("dee", "Order Completed", "2026-06-02", total=10)  # new: not in last period
    history.fact("bob", "Product Viewed", "2026-06-02")  # came, but did not buy

    found = measured("retention")

    assert found["value"] == pytest.approx(1 / 3)
    assert (found["numerator"], found["denominator"], found["n"]) == (1, 3, 3)
    # Wilson, 90 %, z² = 2.7055: (1/3 + z²/6 ∓ z·√(2/27 + z²/36)) / (1 + z²/3)
    assert (found["low"], found["high"]) == pytest.approx((0.0783, 0.7465), abs=5e-4)


def test_repeat_rate_waits_until_everybody_had_ninety_days(measured, history):
    # First orders between 3 March and 2 April are counted in June.
    history.fact("ann", "Order Completed", "2026-03-10", total=10)
    history.fact("ann", "Order Completed", "2026-06-01", total=10)  # day 83: in time
    history.fact("bob", "Order Completed", "2026-03-10", total=10)
    history.fact("bob", "Order Completed", "2026-06-20", total=10)  # day 102: too late
    history.fact("cai", "Order Completed", "2026-05-20", total=10)  # has had no time yet
    history.fact("dee", "Order Completed", "2025-01-01", total=10)  # not a new customer
    history.fact("dee", "Order Completed", "2026-03-10", total=10)

    assert measured("repeat rate")["value"] == 0.5


def test_active_customers_are_those_with_an_order(measured, history):
    history.fact("ann", "Order Completed", "2026-06-10", total=10)
    history.fact("ann", "Order Completed", "2026-06-11", total=10)
    history.fact("bob", "Product Viewed", "2026-06-11")
    history.fact("cai", "Order Completed", "2026-05-11", total=10)

    found = measured("active customers")

    assert (found["value"], found["n"]) == (1, 2)
    assert found["low"] is None


def test_average_order_value_counts_an_order_once_though_two_systems_report_it(measured, history):
    history.fact("ann", "Order Completed", "2026-06-10", order_id="1", total=10.10, currency="EUR")
    history.fact(
        "ann",
        "Order Completed",
        "2026-06-10",
        source="erp",
        order_id="1",
        total=10.10,
        currency="EUR",
    )
    history.fact("bob", "Order Completed", "2026-06-11", order_id="2", total=0.20, currency="EUR")
    history.fact("bob", "Order Completed", "2026-06-11", order_id="2", total=0.10, currency="EUR")
    history.fact("cai", "Order Completed", "2026-06-11", order_id="3", total=900, currency="CNY")

    found = measured("average order value")

    assert found["numerator"] == 10.4  # 10.10 + (0.20 + 0.10), exactly, and no yuan
    assert found["value"] == 5.2


def test_revenue_per_customer_is_what_a_buyer_spends(measured, history):
    history.fact("ann", "Order Completed", "2026-06-10", order_id="1", total=10)
    history.fact("ann", "Order Completed", "2026-06-12", order_id="2", total=20)
    history.fact("bob", "Order Completed", "2026-06-11", order_id="3", total=50)

    found = measured("revenue per customer")

    assert (found["value"], found["n"]) == (40, 2)
    # mean 40, sample deviation 14.142, standard error 10
    assert found["low"] == pytest.approx(40 - 16.449, abs=1e-3)


def test_refund_rate_gives_every_order_thirty_days(measured, history):
    # Orders of 2–31 May are counted in June.
    history.fact("ann", "Order Completed", "2026-05-10", order_id="1", total=10)
    history.fact("ann", "Order Refunded", "2026-05-20", order_id="1", total=10, reason="too small")
    history.fact("bob", "Order Completed", "2026-05-10", order_id="2", total=10)
    history.fact("bob", "Order Refunded", "2026-06-20", order_id="2", total=10)  # day 41
    history.fact("cai", "Order Completed", "2026-05-10", order_id="3", total=10)
    history.fact("dee", "Order Completed", "2026-05-11", order_id="4", total=10)
    history.fact("dee", "Order Completed", "2026-06-10", order_id="5", total=10)  # too young

    assert measured("refund rate")["value"] == 0.25


def test_nps_is_promoters_less_detractors(measured, history):
    for day, score in enumerate((10, 9, 9, 8, 7, 6, 0, 10), start=10):
        history.fact("ann", "Review Given", f"2026-06-{day}", score=score)
    history.fact("ann", "Review Given", "2026-06-20", score=11)  # no such answer

    found = measured("nps")

    assert (found["value"], found["n"]) == (25, 8)  # 4 promoters, 2 detractors of 8
    # variance of −100, 0, 100 about 25 with n−1: (4·75² + 2·25² + 2·125²)/7 = 7857.14; se = 31.339
    assert found["high"] == pytest.approx(25 + 1.64485 * 31.339, abs=1e-2)


def test_win_back_succeeds_when_an_accepted_task_of_a_rule_is_followed_by_an_order(
    measured, history
):
    task = {"app": "sales", "state": "done", "opened_at": "2026-04-01", "closed_at": "2026-04-10"}
    history.add("tasks", id="1", customer="ann", rule="win back", outcome="accepted", **task)
    history.add("tasks", id="2", customer="bob", rule="win back", outcome="accepted", **task)
    history.add("tasks", id="3", customer="cai", rule="win back", outcome="no answer", **task)
    history.add("tasks", id="4", customer="dee", rule="", outcome="accepted", **task)
    history.fact("ann", "Order Completed", "2026-05-01", total=10)
    history.fact("bob", "Order Completed", "2026-05-20", total=10)  # day 40
    history.fact("cai", "Order Completed", "2026-04-11", total=10)

    assert measured("win-back success")["value"] == 0.5
