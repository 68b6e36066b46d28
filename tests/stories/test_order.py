"""The order in which records arrive does not matter (promise 3)."""

import random
import shutil
from pathlib import Path

import pytest

from cid.kit.clock import parse_time
from icustomer.demo import messages
from icustomer.samples import northlake
from tests.company import NOW, SCALE, opened

DEFINITIONS = Path(northlake.__file__).parent / "definitions"


@pytest.fixture(scope="module")
def received(acme):
    """All records of Northlake as if they had arrived in one moment, so that only order is left."""
    now = parse_time(NOW)
    stream = messages(acme, northlake.company(now, 7, SCALE))
    return [message._replace(timestamp=now) for message in stream]


def outcome(path, received, **settings):
    """Return who the customers are, what is known of them, and where they belong."""
    shutil.copytree(DEFINITIONS, path)
    with opened(path, **settings) as company:
        company.cii.append(received)
        company.catch_up()
        graph, intelligence = company.pipeline.graph, company.cic.segmentation
        assert company.cii.ledger()["balanced"]
        assert company.cic.verify()["mismatches"] == 0
        return {
            "states": company.cii.ledger()["states"],
            "customers": {name: frozenset(of) for name, of in graph.members.items()},
            "profiles": {name: dict(company.cid.customers.profile(name)) for name in graph.members},
            "traits": {name: intelligence.kernel.values(name) for name in graph.members},
            "segments": {name: set(intelligence.segments_of(name)) for name in graph.members},
        }


@pytest.fixture(scope="module")
def in_order(received, tmp_path_factory):
    return outcome(tmp_path_factory.mktemp("order") / "in order", received)


def test_the_sample_says_something(in_order, received):
    assert len(in_order["customers"]) > 100
    assert len(received) > 3_000
    assert sum(map(len, in_order["segments"].values())) > 200
    assert max(map(len, in_order["customers"].values())) >= 6


@pytest.mark.parametrize(("seed", "partitions"), [(1, 1), (2, 4), (None, 4)])
def test_any_order_ends_in_the_same_customers_traits_and_segments(
    in_order, received, seed, partitions, tmp_path
):
    shuffled = (
        received[::-1] if seed is None else random.Random(seed).sample(received, len(received))
    )
    found = outcome(tmp_path / "shuffled", shuffled, partitions=partitions)
    for part, expected in in_order.items():
        assert found[part] == expected, part
