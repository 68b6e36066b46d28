"""What is published can be installed by pip into an empty environment, and so can what others add to it."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest

from icustomer.sockets import PORTS
from tests.company import NOW

ROOT = Path(__file__).parents[2]
THIRD_PARTY = Path(__file__).parent / "third_party"
SOCKETS = [port.group for port in PORTS]
ORDERS = "order_id,date,email,total\n" + "".join(
    f"o{n},2026-01-1{n},ann@example.org,{400 + n}\n" for n in range(5)
)


class Environment:
    """An empty environment with pip alone, and beside it what builds packages."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.programs = root / "venv" / "bin"
        self._tools = root / "tools"
        self.run(sys.executable, "-m", "venv", str(root / "venv"))
        self.pip("--target", str(self._tools), "hatchling")

    def run(self, *command: str, cwd: Path | None = None, **variables: str) -> str:
        """Run a command with no trace of the environment that runs the tests; return what it said."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV", "PYTEST", "ICUSTOMER", "COV"))
        }
        done = subprocess.run(
            command, cwd=cwd or self.root, env={**kept, **variables}, capture_output=True,
            text=True, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
        return done.stdout

    def pip(self, *wanted: str) -> None:
        """Install packages, with pip alone."""
        python = str(self.programs / "python")
        options = ["--quiet", "--no-compile", "--prefer-binary", "--retries", "1"]
        self.run(python, "-m", "pip", "install", *options, *wanted)

    def build(self, source: Path, kind: str) -> Path:
        """Build a package; return its file."""
        made = self.root / "dist" / f"{source.name}-{kind}"
        python = str(self.programs / "python")
        build = [python, "-m", "hatchling", "build", "-t", kind, "-d", str(made)]
        self.run(*build, cwd=source, PYTHONPATH=str(self._tools))
        (file,) = made.iterdir()
        return file


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment in which pip finds packages; without an index there is nothing to test."""
    root = tmp_path_factory.mktemp("packaging")
    try:
        return Environment(root)
    except AssertionError as error:
        if os.environ.get("ICUSTOMER_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"pip cannot install packages here: {str(error)[-300:]}")


@pytest.fixture(scope="module")
def installed(environment):
    """The environment with our wheel in it; the wheel is made from our source distribution."""
    packed = environment.build(ROOT, "sdist")
    with tarfile.open(packed) as archive:
        archive.extractall(environment.root / "unpacked", filter="data")
    (source,) = (environment.root / "unpacked").iterdir()
    wheel = environment.build(source, "wheel")
    environment.pip(str(wheel))
    return environment


@pytest.fixture(scope="module")
def tea(installed):
    """The environment with somebody else's wheel beside ours: one plugin for each socket."""
    source = shutil.copytree(THIRD_PARTY, installed.root / "tea-goods")
    for example in (ROOT / "docs" / "examples").glob("*.*"):
        shutil.copy(example, source / "tea_goods")
    with (source / "pyproject.toml").open("a") as project:
        for socket in SOCKETS:
            name = socket.replace(".", "_")
            project.write(
                f'\n[project.entry-points."{socket}"]\ntea = "tea_goods.sockets:{name}"\n'
            )
    installed.pip("--no-deps", str(installed.build(source, "wheel")))
    installed.pip("pytest")
    return installed


def test_the_sample_company_is_built_from_an_empty_directory(installed):
    empty = installed.root / "empty"
    empty.mkdir()
    program = str(installed.programs / "icustomer")
    said = installed.run(program, "demo", "--headless", "--scale", "0.001", "--now", NOW, cwd=empty)
    figures = json.loads(said)
    assert figures["balanced"]
    assert figures["verify_mismatches"] == 0
    assert figures["records_received"] > 500
    assert [path.name for path in empty.iterdir()] == ["northlake"]
    ledger = installed.run(program, "cii", "ledger", "--dir", "northlake", "--json", cwd=empty)
    assert json.loads(ledger)["received"] == figures["records_received"]
    # Extras that nobody asked for are absent, and nothing is wrong with that.
    found = json.loads(installed.run(program, "doctor", "--dir", "northlake", "--json", cwd=empty))
    assert found["healthy"]
    assert {each["what"] for each in found["findings"] if each["state"] == "absent"} >= {"kafka"}


def test_only_what_was_meant_is_in_the_wheel(installed):
    found = installed.run(
        str(installed.programs / "python"),
        "-c",
        "from importlib.metadata import files; print(*files('icustomer'), sep='\\n')",
    ).split()
    tops = {Path(each).parts[0] for each in found}
    assert {each for each in tops if each != ".." and "dist-info" not in each} == {
        "cid", "cii", "cic", "cfa", "context", "cbc", "icustomer",
    }  # fmt: skip
    assert any(each.endswith("licenses/LICENSE") for each in found)
    assert any(each.endswith("echarts.min.js") for each in found)
    assert any(each.endswith("definitions/rules.yaml") for each in found)


def judged(environment: Environment, faulty: str) -> Counter[tuple[str, str]]:
    """Let the kits judge the plugins; return how many tests of each socket ended how."""
    shutil.copy(THIRD_PARTY / "kits.py", environment.root)
    report = environment.root / f"kits-{faulty}.xml"
    options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}", "--rootdir=."]
    command = [str(environment.programs / "python"), "-m", "pytest", *options, "kits.py"]
    try:
        environment.run(*command, TEA_FAULTY=faulty)
    except AssertionError:
        assert report.exists()
    found: Counter[tuple[str, str]] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {each.tag for each in case} & {"failure", "error", "skipped"}
        socket = case.get("classname", "").rpartition("Test_")[2].replace("_", ".")
        found[f"icustomer.{socket}", kinds.pop() if kinds else "passed"] += 1
    return found


def test_plugins_of_others_are_listed_and_keep_the_contracts(tea):
    program = str(tea.programs / "icustomer")
    rows = json.loads(tea.run(program, "plugins", "--json"))
    theirs = [row for row in rows if row["distribution"] == "tea-goods"]
    assert {row["socket"] for row in theirs} == set(SOCKETS)
    found = judged(tea, "0")
    for socket in SOCKETS:
        assert found[socket, "passed"] >= 3, socket
        assert found[socket, "failure"] == found[socket, "error"] == 0, socket


def test_a_kit_finds_the_fault_in_each_plugin(tea):
    found = judged(tea, "1")
    for socket in SOCKETS:
        assert found[socket, "failure"] + found[socket, "error"] > 0, socket
        assert found[socket, "passed"] > 0, f"{socket}: the fault hides in otherwise good work"


def test_a_company_can_stand_on_plugins_of_others_alone(tea):
    program, home = str(tea.programs / "icustomer"), tea.root / "merchant"
    home.mkdir()
    (home / "orders.csv").write_text(ORDERS)
    chosen = {
        "ICUSTOMER_TRANSPORT": "tea",
        "ICUSTOMER_ENGINE": "tea",
        "ICUSTOMER_SCORER": "tea",
        "ICUSTOMER_STORES": json.dumps(
            {layer: "tea" for layer in ("cid", "cii", "cic", "cfa", "context")}
        ),
    }
    tea.run(program, "init", "shop", cwd=home, **chosen)
    load = ["cii", "load", "orders", "orders.csv", "--dir", "shop", "--json"]
    assert json.loads(tea.run(program, *load, cwd=home, **chosen))["applied"] == 5
    asked = ["cic", "verify", "--dir", "shop", "--json"]
    assert json.loads(tea.run(program, *asked, cwd=home, **chosen))["mismatches"] == 0
    assert (home / "shop" / "data" / "log.sqlite" / "facts").is_dir(), "their log is a folder"
