"""Customers are what hangs together by evidence: in any order, and undoably."""

from hypothesis import given
from hypothesis import strategies as st

from cii.model import IdentifierKind
from cii.resolution import IdentityGraph

KINDS = {
    "user_id": IdentifierKind(unique=True),
    "crm_id": IdentifierKind(unique=True),
    "email": IdentifierKind(limit=2),
    "phone": IdentifierKind(limit=1),
    "anonymous_id": IdentifierKind(limit=2),
}


def graph_of(records):
    graph = IdentityGraph(KINDS)
    for number, (time, identifiers) in enumerate(records):
        graph.resolve(identifiers, "shop", f"m{number}", time)
    return graph


def groups(graph):
    return {customer: frozenset(members) for customer, members in graph.members.items()}


def test_a_login_joins_the_anonymous_visit_and_keeps_its_id():
    graph = IdentityGraph(KINDS)
    before, _ = graph.resolve(["anonymous_id:a"], "shop", "1", 10)
    after, regrouped = graph.resolve(["user_id:u", "anonymous_id:a"], "shop", "2", 20)
    assert after == before
    assert regrouped is None
    assert graph.changes.regroupings == []


def test_a_mailbox_shared_by_many_joins_nobody():
    graph = graph_of([(n, (f"user_id:{n}", "email:club@x.org")) for n in range(4)])
    assert len(graph.members) == 5
    assert graph.known["email:club@x.org"].blocked


def test_a_merge_can_always_be_undone_and_stays_undone():
    records = [
        (1, ("user_id:1", "phone:1")),
        (2, ("crm_id:9", "phone:1")),
    ]
    graph = graph_of(records)
    assert graph.known["user_id:1"].customer == graph.known["crm_id:9"].customer
    assert graph.bridges("crm_id:9", "phone:1") == (["crm_id:9"], ["phone:1", "user_id:1"])
    old = graph.known["user_id:1"].customer
    graph.decide("crm_id:9", "phone:1", same=False, at=5, by="ann", reason="sister", message_id="v")
    assert graph.known["user_id:1"].customer == old != graph.known["crm_id:9"].customer
    graph.resolve(["crm_id:9", "phone:1"], "crm", "again", 6)
    assert graph.known["user_id:1"].customer != graph.known["crm_id:9"].customer
    graph.decide("crm_id:9", "phone:1", same=True, at=7, by="ann", reason="was she", message_id="w")
    assert graph.known["user_id:1"].customer == old == graph.known["crm_id:9"].customer


def test_a_former_id_still_finds_the_customer():
    graph = graph_of([(1, ("user_id:1",)), (2, ("crm_id:9",))])
    former = graph.known["crm_id:9"].customer
    graph.resolve(["user_id:1", "crm_id:9"], "shop", "m", 3)
    assert graph.customer(former) == graph.customer("user_id:1")


identifiers = st.sampled_from([f"{kind}:{n}" for kind in KINDS for n in range(4)])
records = st.lists(
    st.tuples(st.integers(0, 50), st.lists(identifiers, min_size=1, max_size=3, unique=True)),
    max_size=20,
)


@given(records, st.randoms(use_true_random=False))
def test_any_order_of_arrival_ends_in_the_same_customers(arrivals, random):
    shuffled = list(arrivals)
    random.shuffle(shuffled)
    assert groups(graph_of(arrivals)) == groups(graph_of(shuffled))


@given(records)
def test_members_and_owners_always_agree(arrivals):
    graph = graph_of(arrivals)
    for customer, members in graph.members.items():
        assert members
        assert all(graph.known[each].customer == customer for each in members)
    assert sum(map(len, graph.members.values())) == len(graph.known)
