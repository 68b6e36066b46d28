"""The log is the truth: everything else is a fold of it."""

import pytest

from icustomer import rebuilding
from tests.company import NOW, differences, icustomer, opened, records


def sent(path):
    return sorted(
        (file.name, file.read_bytes()) for file in (path / "data" / "outbox").rglob("*.*")
    )


def test_rebuilding_gives_the_same_state_and_sends_nothing_twice(northlake, tmp_path):
    path = northlake.copy(tmp_path / "company")
    before, letters = records(path), sent(path)
    answer = icustomer("rebuild", "--dir", path, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["same"] is True
    assert answer.json["records"] == northlake.summary["records_received"]
    found = differences(before, records(path))
    assert found == {}
    assert letters
    assert sent(path) == letters
    with opened(path) as company:
        assert company.context.store.pending(company.clock.now() + 10**12, 1_000) == []
        assert company.delivery.run() == 0
        assert company.cic.verify()["mismatches"] == 0
        assert company.cic.verify("2026-08-01T00:00:00Z")["mismatches"] == 0
    assert sent(path) == letters


def test_the_history_can_be_thrown_away(northlake, tmp_path):
    path = northlake.copy(tmp_path / "company")
    with opened(path) as company:
        counted = company.cic.sql(
            "SELECT event, count(*), max(position) FROM facts GROUP BY 1 ORDER BY 1"
        )
        sizes = company.cic.segments()
    for file in (path / "data").glob("history.duckdb*"):
        file.unlink()
    with opened(path) as company:
        again = company.cic.sql(
            "SELECT event, count(*), max(position) FROM facts GROUP BY 1 ORDER BY 1"
        )
        assert again["rows"] == counted["rows"]
        assert company.cic.segments() == sizes
        assert company.cic.verify()["mismatches"] == 0


def test_a_rebuild_that_dies_leaves_the_old_records_untouched(northlake, tmp_path, monkeypatch):
    path = northlake.copy(tmp_path / "company")
    before = records(path)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rebuilding.os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        rebuilding.rebuild_company(path)
    monkeypatch.undo()
    assert differences(before, records(path)) == {}
    with opened(path, NOW) as company:
        assert company.cii.ledger()["balanced"]
