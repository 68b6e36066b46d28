"""What is installed: seven packages that are ours alone, few dependencies, safe names."""

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from icustomer.doctor import PACKAGES

ROOT = Path(__file__).parents[2]


def test_no_other_distribution_provides_one_of_our_seven_packages():
    provided = packages_distributions()
    for name in PACKAGES:
        assert set(provided.get(name, ["icustomer"])) == {"icustomer"}, name


def test_the_wheel_carries_exactly_the_seven_packages():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(wheel) == sorted(PACKAGES)
    assert settings["tool"]["importlinter"]["root_packages"][::-1] == [
        "cid", "cii", "cic", "cfa", "context", "cbc", "icustomer"
    ]  # fmt: skip


def test_the_base_install_stays_small():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert len(settings["project"]["dependencies"]) <= 20
    names = " ".join(settings["project"]["dependencies"])
    assert "kafka" not in names
    assert "psycopg" not in names


def test_no_module_is_named_after_nothing_in_particular():
    vague = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "core"}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            assert path.stem not in vague, path
