"""Facts become rows of the subject areas; what means nothing there is passed by."""

import pytest

from cid.kit.definitions import Entry
from cid.model.definition import Entity
from cid.model.fact import Fact
from cid.projection import Projection

ENTITY = Entity(events=("Vehicle Registered",), key="plate")
PROPERTIES = {
    "order_id": "o1",
    "sku": "s1",
    "campaign": "c1",
    "plate": "AB-1",
    "group_id": "g1",
    "total": 5,
}


def fact(event, type="track"):
    return Fact(1, "m1", "shop", type, event, 5, 6, ("user_id:u1",), dict(PROPERTIES), {}, "", "")


@pytest.mark.parametrize(
    "event",
    [
        "Order Completed",
        "Order Refunded",
        "Product Updated",
        "Email Opened",
        "Campaign Assigned",
        "Vehicle Registered",
        "Product Viewed",
        "Page Viewed",
    ],
)
def test_an_event_leaves_rows_if_and_only_if_it_is_one_of_those_that_do(event):
    projection = Projection({"vehicle": Entry("vehicle", ENTITY, "", 0, "")})
    projection.apply(fact(event))
    assert bool(projection.drain()) == (event in projection.events)


def test_a_membership_leaves_a_row_whatever_the_event_is_called():
    projection = Projection({})
    projection.apply(fact("Group", "group"))
    assert list(projection.drain()) == ["relationship"]
