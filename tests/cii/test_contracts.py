"""A record that breaks what its type promises is told how, in words."""

import pytest

from cid.kit.definitions import Entry
from cii.contracts import Contracts
from cii.model import Contract
from cii.reasons import Reason

ORDER = Contracts(
    {
        "Order Completed": Entry(
            "Order Completed",
            Contract(
                properties={
                    "order_id": {"type": "text", "required": True},
                    "total": {"type": "number", "minimum": 0, "maximum": 1e6},
                    "currency": {"values": ["EUR", "GBP"]},
                    "items": {"type": "list"},
                    "gift": {"type": "boolean"},
                    "points": {"maximum": 10},
                    "anything": {},
                }
            ),
            "",
            0,
            "",
        )
    }
)
GOOD = {"order_id": "o1", "total": 12.5, "currency": "EUR", "items": [], "gift": True, "more": 1}


def test_a_kept_contract_says_nothing():
    assert ORDER.breach("Order Completed", GOOD) is None
    assert ORDER.breach("Order Completed", {"order_id": "o1"}) is None


def test_an_event_without_a_contract_may_say_anything():
    assert ORDER.breach("Something Else", {"total": "x"}) is None


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"order_id": None}, Reason.CONTRACT_MISSING, "order_id is missing"),
        ({"order_id": 7}, Reason.CONTRACT_TYPE, "order_id is not text: 7"),
        ({"total": "12"}, Reason.CONTRACT_TYPE, "total is not a number: '12'"),
        ({"total": True}, Reason.CONTRACT_TYPE, "total is not a number: true"),
        ({"total": -0.5}, Reason.CONTRACT_RANGE, "total is below 0: -0.5"),
        ({"total": 2_000_000}, Reason.CONTRACT_RANGE, "total is above 1e+06: 2000000"),
        ({"currency": "USD"}, Reason.CONTRACT_VALUE, "currency is not one of EUR, GBP: 'USD'"),
        ({"items": {}}, Reason.CONTRACT_TYPE, "items is not a list: {}"),
        ({"gift": 1}, Reason.CONTRACT_TYPE, "gift is not true or false: 1"),
        ({"points": "many"}, Reason.CONTRACT_TYPE, "points is not a number: 'many'"),
    ],
)
def test_a_breach_is_named_with_its_value(change, reason, detail):
    assert ORDER.breach("Order Completed", GOOD | change) == (reason, detail)


def test_a_long_value_is_shown_shortly():
    _, detail = ORDER.breach("Order Completed", GOOD | {"currency": "x" * 500})
    assert len(detail) < 120
