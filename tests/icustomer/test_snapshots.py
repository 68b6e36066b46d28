"""A snapshot of the live traits is a shortcut: what comes out of it is what reliving everything gives."""

import zlib

import pytest
from structlog.testing import capture_logs

from cic.snapshot import MAGIC
from icustomer.snapshots import NAME
from tests.company import opened

A_TRAIT = """
traits:
  big orders 40d: {sum: total, of: Order Completed, where: total > 77, window: 40 d}
"""


def relived(company):
    """Return everybody's traits by reliving all facts, and how many those were."""
    live = company.cic.segmentation
    kernel = live.new_kernel(live.meaning)
    kernel.clock = live.now
    facts = list(company.pipeline.facts())
    kernel.extend(fact for fact in facts if fact.customer)
    return values(company, kernel), len(facts)


def values(company, kernel=None):
    kernel = kernel or company.cic.segmentation.kernel
    return {name: kernel.values(name) for name in company.pipeline.graph.members}


def filled(company):
    """Return everybody's traits by the way of the snapshot, and how many facts were relived for it."""
    live = company.cic.segmentation
    kernel = live.new_kernel(live.meaning)
    kernel.clock = live.now
    count = company.keeper.reliving.fill(kernel)
    return values(company, kernel), count


@pytest.fixture
def path(northlake, tmp_path):
    return northlake.copy(tmp_path / "northlake")


def test_opening_relives_nothing_that_the_snapshot_holds(path):
    with opened(path) as company:
        expected, facts = relived(company)
        assert values(company) == expected
        assert filled(company) == (expected, 0)
        assert facts > 2_000


def test_each_kernel_goes_on_from_the_snapshot_of_the_other(path):
    with opened(path, kernel="numba") as company:
        expected, _ = relived(company)
        assert filled(company) == (expected, 0)
        company.keeper.reliving._kept = -1
        assert company.keeper.keep()
    with opened(path, kernel="pure") as company:
        assert filled(company) == (expected, 0)


def test_only_what_came_after_the_snapshot_is_relived(path):
    before = (path / "data" / NAME).read_bytes()
    with opened(path) as company:
        members = company.pipeline.graph.members
        one, other = sorted(each for each in members if len(members[each]) == 1)[:2]
        a, b = min(members[one]), min(members[other])
        company.cii.merge(a, b, "the same person", "test")
        company.catch_up()
        expected, _ = relived(company)
        assert values(company) == expected
    # As if the process had been killed before it wrote another.
    (path / "data" / NAME).write_bytes(before)
    with opened(path) as company:
        assert company.pipeline.graph.known[a].customer == company.pipeline.graph.known[b].customer
        found, lived = filled(company)
        assert found == expected == values(company)
        assert lived <= 1
        assert company.cic.verify()["mismatches"] == 0


def of_other_code(data):
    """Return what another version would have written: whole, and of its own making."""
    line, rest = data[len(MAGIC) + 9 :].split(b"\n", 1)
    line = line.replace(b'"code":"', b'"code":"0', 1) + b"\n"
    return MAGIC + f"{zlib.crc32(line):08x}\n".encode() + line + rest


DAMAGES = {
    "torn": lambda data: data[: len(data) // 2],
    "changed": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "made by other code": of_other_code,
    "its head is changed": lambda data: data.replace(b'"code":"', b'"code":"0', 1),
    "empty": lambda data: b"",
    "something else": lambda data: b"iCustomer\n" + data,
    "only its beginning": lambda data: data[:40],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_is_doubtful_everything_is_relived(path, damage):
    file = path / "data" / NAME
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    with capture_logs() as logs, opened(path) as company:
        expected, facts = relived(company)
        found, lived = filled(company)
        assert found == expected == values(company)
        assert 0 < lived <= facts
    assert damage == "empty" or any(each["event"] == "snapshot.not_used" for each in logs)


def test_records_that_went_back_in_time_do_not_believe_a_later_snapshot(path, monkeypatch):
    with opened(path) as company:
        past = company.keeper.reliving._past
        monkeypatch.setattr(past, "position", lambda: 10)
        with capture_logs() as logs:
            filled(company)
        assert "older than it is" in logs[0]["why"]
        company.pipeline.reload()


def test_other_rules_of_reading_make_it_doubtful(path):
    contracts = path / "contracts.yaml"
    contracts.write_text(contracts.read_text().replace("\n", "\n\n# read otherwise\n", 1))
    with opened(path) as company:
        assert filled(company)[1] == 0, "a remark changes nothing"
    systems = path / "systems.yaml"
    systems.write_text(systems.read_text() + "  another:\n    write_key: another-key\n")
    with capture_logs() as logs, opened(path) as company:
        assert values(company) == relived(company)[0]
    assert "other definitions" in next(each["why"] for each in logs if "why" in each)


def test_a_new_trait_relives_its_events_and_no_others(path):
    traits = path / "more.yaml"
    traits.write_text(A_TRAIT)
    with opened(path) as company:
        expected, facts = relived(company)
        assert values(company) == expected
    (path / "data" / NAME).unlink()
    traits.unlink()
    with opened(path):
        pass
    traits.write_text(A_TRAIT)
    with opened(path) as company:
        found, lived = filled(company)
        assert found == expected
        assert lived < facts / 2


def test_while_running_a_snapshot_is_written_after_so_many_records(path):
    (path / "data" / NAME).unlink()
    with opened(path, snapshot_records=1) as company:
        company.catch_up()
        assert (path / "data" / NAME).exists()
        assert not company.keeper.keep_if_due(), "there is one of now"
        assert filled(company)[1] == 0


def test_it_can_be_thrown_away_for_good(path):
    with opened(path) as company:
        company.keeper.reliving.stop()
        assert not (path / "data" / NAME).exists()
    assert not (path / "data" / NAME).exists()
