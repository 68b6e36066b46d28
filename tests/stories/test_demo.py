"""The demonstration: built once, the same ever after, and right about everybody."""

import json

import pytest

from tests.company import NOW, SCALE, differences, figures, icustomer, records

FIGURES = {
    "records_received", "applied", "duplicates", "rejected", "quarantined", "customers", "merges",
    "traits", "segments", "segment_changes", "rules", "firings", "tasks", "cases", "measures",
    "seconds", "records_per_second", "verify_mismatches",
}  # fmt: skip


def test_the_demonstration_tells_what_it_did(northlake):
    summary = northlake.summary
    assert set(summary) >= FIGURES
    assert summary["verify_mismatches"] == 0
    assert all(summary[name] > 0 for name in FIGURES - {"verify_mismatches"})
    assert summary["balanced"]


def test_building_the_demonstration_again_changes_nothing(northlake, tmp_path):
    path = northlake.copy(tmp_path / "again")
    answer = icustomer(
        "demo", "--headless", "--dir", path, "--scale", SCALE, "--now", NOW, "--json"
    )
    assert answer.code == 0, answer.err
    last = answer.out.strip().split("\n")[-1]
    assert figures(json.loads(last)) == figures(northlake.summary)
    assert differences(records(northlake.path), records(path)) == {}


def test_a_demonstration_of_another_kind_is_not_mixed_in(northlake):
    answer = icustomer("demo", "--headless", "--dir", northlake.path, "--scale", 2)
    assert answer.code == 1
    assert answer.out == ""
    assert "another --dir" in answer.err


def test_the_demonstration_touches_no_directory_that_is_not_its_own(tmp_path):
    (tmp_path / "letter.txt").write_text("do not lose me")
    answer = icustomer("demo", "--headless", "--dir", tmp_path)
    assert answer.code == 1
    assert "not empty" in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    "as_of", ["", "2026-10-01T00:00:00Z", "2026-05-05T05:05:05Z", "2025-12-24T18:00:00+01:00"]
)
def test_every_trait_and_segment_is_what_history_says(acme, as_of):
    report = acme.cic.verify(as_of)
    assert report["mismatches"] == 0, report["examples"]
    assert report["customers"] == len(acme.cid.customers.members)
    assert report["values_compared"] == report["customers"] * (
        len(report["traits"]) + len(report["segments"])
    )


def test_nothing_that_was_received_has_vanished(acme):
    ledger = acme.cii.ledger()
    states = ("applied", "duplicate", "rejected", "quarantined")
    assert ledger["balanced"]
    assert ledger["pending"] == 0
    for source in ledger["sources"]:
        assert source["received"] == sum(source[state] for state in states), source
    for state in states:
        assert ledger["states"][state] == sum(each[state] for each in ledger["sources"])
    assert sum(sum(each["reasons"].values()) for each in ledger["sources"]) == (
        ledger["received"] - ledger["states"]["applied"]
    )


def test_a_tile_the_list_behind_it_and_the_history_agree(acme):
    for row in acme.cic.segments():
        listed = acme.cic.members(row["name"])
        assert listed["size"] == row["size"] == len(listed["members"])
        counted = acme.cic.sql(f"SELECT count(*) FROM memberships WHERE segment = '{row['name']}'")[
            "rows"
        ]
        assert counted == [[row["size"]]]
