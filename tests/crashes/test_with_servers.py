"""The same companies with their log and records on servers of their own: nothing lost, nothing doubled."""

import pytest

from tests.crashes.conftest import Lives
from tests.crashes.killing import KILLED, LIVED, kill_at_random

HERE = [point for point in LIVED[2:] if "append" not in point and "migration" not in point]


def companies(tmp_path_factory, zygote, receiver, **given):
    lives = Lives(tmp_path_factory.mktemp("lives"), zygote, receiver, **given)
    expected = lives.begin("expected")
    assert lives.live(expected) == 0
    lives.expected = lives.history(expected)
    assert len(lives.expected.applied) > 400
    return lives


@pytest.fixture
def records_in_postgres(tmp_path_factory, zygote, receiver, postgres):
    def fresh(name):
        return {"settings": {"database_url": postgres.database()}}

    return companies(tmp_path_factory, zygote, receiver, fresh=fresh)


@pytest.fixture
def all_in_postgres(tmp_path_factory, zygote, receiver, postgres):
    def fresh(name):
        return {"settings": {"database_url": postgres.database(), "transport": "postgres"}}

    return companies(tmp_path_factory, zygote, receiver, fresh=fresh)


@pytest.fixture
def log_in_kafka(tmp_path_factory, zygote, receiver, broker):
    def fresh(name):
        return {"kafka": {"servers": broker.servers, "prefix": f"{name}."}}

    return companies(tmp_path_factory, zygote, receiver, fresh=fresh, to_the_moment=False)


@pytest.fixture
def log_in_kafka_records_in_postgres(tmp_path_factory, zygote, receiver, broker, postgres):
    def fresh(name):
        kafka = {"servers": broker.servers, "prefix": f"pg-{name}."}
        return {"kafka": kafka, "settings": {"database_url": postgres.database()}}

    return companies(tmp_path_factory, zygote, receiver, fresh=fresh, to_the_moment=False)


PROFILES = [
    "records_in_postgres",
    "all_in_postgres",
    "log_in_kafka",
    "log_in_kafka_records_in_postgres",
]
MANY = 100
"""From so many crashes on, every profile has its share; else one stands for all."""


def pytest_generate_tests(metafunc):
    if "profile" in metafunc.fixturenames:
        many = metafunc.config.getoption("--crashes") >= MANY
        metafunc.parametrize("profile", PROFILES if many else PROFILES[:1])


@pytest.mark.timeout(7_200)
def test_killed_with_servers_beside_it_it_ends_as_if_nothing_had_happened(
    profile, request, record_property
):
    crashes = request.config.getoption("--crashes")
    lives = request.getfixturevalue(profile)
    if crashes >= MANY:
        path = lives.begin("named")
        for point in ("before commit", "after commit", "after effect", "before mark"):
            assert lives.live(path, f"{point}:2") == KILLED, point
        assert lives.live(path) == 0
        verdict = lives.judge(path)
        assert not verdict, verdict
    said = kill_at_random(lives, max(3, crashes // 5), HERE)
    record_property(f"crashes, {profile.replace('_', ' ')}", said)
