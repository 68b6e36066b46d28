"""The compose file and the Dockerfile fit the product; looked at without docker."""

import re
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from icustomer import Settings
from icustomer.cli import app
from tests.company import icustomer

ROOT = Path(__file__).parents[2]
OURS = ("app", "worker")
VARIABLE = re.compile(r"\$\{(\w+)(:\?[^}]+)?\}")
EXACT = re.compile(r"[\w/.-]+:v?\d+\.\d+(\.\d+)?(-\w+)*")
STAYS = {"app", "outbox", "kafka", "postgres"}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dockerfile():
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_it_starts_the_app_workers_kafka_and_postgres(compose):
    assert set(compose["services"]) == {*OURS, "kafka", "postgres"}


def test_every_image_is_pinned_to_one_version(compose, dockerfile):
    images = {name: each["image"] for name, each in compose["services"].items()}
    assert all(EXACT.fullmatch(image) for image in images.values()), images
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {images[name] for name in OURS} == {f"icustomer:{version}"}
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.M)
    assert len(bases) == 2
    assert all(EXACT.fullmatch(base) for base in bases), bases
    assert re.search(r"uv==\d", dockerfile)


def test_every_setting_of_ours_is_one(compose):
    names = {f"ICUSTOMER_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        given = compose["services"][name]["environment"]
        assert set(given) <= names
        assert given["ICUSTOMER_TRANSPORT"] == "kafka"
        assert given["ICUSTOMER_DATABASE_URL"].startswith("postgresql://")


def test_the_settings_let_the_app_start(compose, monkeypatch):
    for name, value in compose["services"]["app"]["environment"].items():
        monkeypatch.setenv(name, VARIABLE.sub("a-long-enough-word", str(value)))
    settings = Settings()
    settings.refuse_unsafe()
    assert list(settings.credentials) == ["ann"]


def test_every_command_exists(compose, dockerfile):
    commands = typer.main.get_command(app).commands
    for name in OURS:
        command = compose["services"][name]["command"]
        assert command[0] in commands
        assert "Usage" in icustomer(command[0], "--help").out
    entry, default = re.findall(r'^(?:ENTRYPOINT|CMD) \["(\w+)"', dockerfile, re.M)
    assert entry == "icustomer"
    assert default in commands
    assert compose["services"]["worker"]["healthcheck"]["test"][1:3] == ["icustomer", "doctor"]


def test_ports_are_open_to_this_machine_only(compose):
    ports = [port for each in compose["services"].values() for port in each.get("ports", ())]
    assert ports == ["127.0.0.1:8000:8000"]


def test_what_must_stay_is_in_volumes_that_are_declared(compose):
    assert set(compose["volumes"]) == STAYS
    used = set()
    for each in compose["services"].values():
        for volume in each["volumes"]:
            source, _, target = volume.rpartition(":")
            assert target.startswith("/")
            if source and not source.startswith("./"):
                used.add(source)
    assert used == STAYS


def test_everything_says_whether_it_is_well_and_waits_for_what_it_needs(compose):
    for each in compose["services"].values():
        health = each["healthcheck"]
        assert health["test"][0] == "CMD"
        assert {"interval", "timeout", "retries", "start_period"} < set(health)
    for name in OURS:
        needs = compose["services"][name]["depends_on"]
        assert needs == {who: {"condition": "service_healthy"} for who in ("kafka", "postgres")}


def test_no_secret_is_inside(compose, dockerfile):
    """Passwords come from outside, and without them nothing starts."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for line in text.splitlines():
        if re.search(r"(PASSWORD|CREDENTIALS|SECRET|://\w+:)\S*:? \S", line) and "#" not in line:
            found = VARIABLE.findall(line)
            assert found, line
            assert all(must for _, must in found), line
    assert not re.search(r"password|secret|ARG|ENV \w*KEY", dockerfile, re.I)


def test_the_image_holds_the_product_only_and_does_not_run_as_root(dockerfile):
    assert re.search(r"^USER (?!root)\w+$", dockerfile, re.M)
    ignored = (ROOT / ".dockerignore").read_text().split()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[0] == "*"
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = packages["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert kept == {*wheel, "pyproject.toml", "uv.lock", "README.md", "LICENSE"}
    extras = set(re.findall(r"--extra (\w+)", dockerfile))
    # Spark would be most of the image; who needs it builds upon it.
    assert extras == set(packages["project"]["optional-dependencies"]) - {"spark"}
