"""The architecture is executed: seven contracts on who may import whom."""

import tomllib
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
LAYERS = ("cid", "cii", "cic", "cfa", "context", "cbc")


@pytest.fixture(scope="module")
def contracts():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {each["id"]: each for each in settings["tool"]["importlinter"]["contracts"]}


def names(line: str) -> set[str]:
    """Return the modules that one line of the anatomy lists.

    >>> sorted(names("(api) | (pages)"))
    ['api', 'pages']
    """
    return {part.strip(" ()\n") for part in line.replace("|", ":").split(":")}


def modules(layer: str) -> set[str]:
    found = {path.stem for path in (ROOT / layer).glob("*.py")} - {"__init__"}
    return found | {path.parent.name for path in (ROOT / layer).glob("*/__init__.py")}


def test_the_seven_import_contracts_are_kept(contracts, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert list(contracts) == [
        "layers", "anatomy", "apps", "core", "tables", "adapters", "acyclic"
    ]  # fmt: skip
    assert lint_imports(no_cache=True) == 0


def test_the_anatomy_is_a_true_table_of_contents(contracts):
    listed = [names(line) for line in contracts["anatomy"]["layers"]]
    everything = set.union(*listed)
    assert sum(map(len, listed)) == len(everything), "a module stands in two places"
    assert set.union(*map(modules, LAYERS)) == everything


def test_every_activity_of_every_layer_is_held_to_know_no_framework(contracts):
    activities = max((names(line) for line in contracts["anatomy"]["layers"]), key=len)
    held = contracts["core"]["source_modules"]
    expected = {f"{layer}.{name}" for layer in LAYERS for name in activities & modules(layer)}
    assert set(held) == expected | {"*.model", "*.ports", "cid.feel"}


def test_each_layer_has_the_frame_of_a_layer():
    for layer in LAYERS:
        assert {"model", "ports", "facade", "api", "pages", "cli"} <= modules(layer), layer
