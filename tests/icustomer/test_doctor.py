"""The doctor looks at everything and says what to do."""

import sqlite3

from icustomer.doctor import examine
from tests.company import icustomer


def by_name(report):
    return {finding["what"]: finding for finding in report["findings"]}


def test_a_well_installation_is_called_well():
    report = examine()
    assert report["healthy"]
    found = by_name(report)
    assert found["package names"]["state"] == "good"
    assert "sockets" in found["plugins"]["found"]
    assert icustomer("doctor", "--json").code == 0


def test_a_company_is_looked_at_without_being_touched(northlake, tmp_path):
    path = northlake.copy(tmp_path / "company")
    found = by_name(examine(path))
    assert found["definitions"]["found"] == "in order"
    assert found["database"]["state"] == "good"
    assert found["server"]["found"] == "not running"


def test_broken_definitions_are_found(tmp_path):
    icustomer("init", tmp_path / "acme")
    with (tmp_path / "acme" / "definitions.yaml").open("a") as file:
        file.write("\nnonsense: {}\n")
    report = examine(tmp_path / "acme")
    assert not report["healthy"]
    assert "definitions.yaml" in by_name(report)["definitions"]["found"]
    assert icustomer("doctor", "--dir", tmp_path / "acme").code == 1


def test_a_database_of_another_time_is_found_and_mended_as_advised(northlake, tmp_path):
    path = northlake.copy(tmp_path / "company")
    records = sqlite3.connect(path / "data" / "records.sqlite")
    with records:
        records.execute("UPDATE alembic_version SET version_num = '0000'")
    records.close()
    found = by_name(examine(path))["database"]
    assert found["state"] == "bad"
    assert found["advice"] == "Run: icustomer db upgrade"


def test_a_package_that_takes_one_of_our_names_is_found(monkeypatch):
    from icustomer import doctor

    monkeypatch.setattr(
        doctor, "packages_distributions", lambda: {"context": ["icustomer", "context"]}
    )
    report = examine()
    assert not report["healthy"]
    assert by_name(report)["package context"]["advice"] == "Uninstall it: pip uninstall context"


def test_unsafe_settings_are_found(monkeypatch):
    monkeypatch.setenv("ICUSTOMER_HOST", "0.0.0.0")
    assert by_name(examine())["settings"]["state"] == "bad"
