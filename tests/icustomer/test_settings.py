"""Settings: documented, checked, safe on one's own machine and refusing to be unsafe beyond it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from cid.kit.errors import Refused
from icustomer import Settings
from tests.company import icustomer

ROOT = Path(__file__).parents[2]


def test_every_setting_says_what_it_is_for():
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_every_setting_stands_in_the_reference():
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    for name in Settings.model_fields:
        assert f"ICUSTOMER_{name.upper()}" in pages, name


def test_the_defaults_are_safe():
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.local
    settings.refuse_unsafe()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_beyond_this_machine_nothing_is_served_without_credentials(host, tmp_path):
    with pytest.raises(Refused, match="without credentials"):
        Settings(host=host).refuse_unsafe()
    icustomer("init", tmp_path / "acme")
    answer = icustomer("serve", "--host", host, "--port", "0", "--dir", tmp_path / "acme")
    assert answer.code == 1
    assert "ICUSTOMER_CREDENTIALS" in answer.err
    assert not (tmp_path / "acme" / "data").exists()


def test_a_short_password_is_no_credential():
    with pytest.raises(Refused, match="12 characters"):
        Settings(host="0.0.0.0", credentials={"ann": "short"}).refuse_unsafe()
    Settings(host="0.0.0.0", credentials={"ann": "long enough to be one"}).refuse_unsafe()


def test_passwords_are_not_shown():
    assert "secret-password" not in repr(Settings(credentials={"ann": "secret-password"}))


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("ICUSTOMER_PARTITIONS", "2")
    monkeypatch.setenv("ICUSTOMER_CREDENTIALS", '{"ann": "a long password"}')
    settings = Settings()
    assert settings.partitions == 2
    assert settings.credentials["ann"].get_secret_value() == "a long password"


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "99999"), ("PARTITIONS", "0"), ("EVENT_LIMIT", "lots")]
)
def test_a_wrong_setting_is_refused(name, value, monkeypatch):
    monkeypatch.setenv(f"ICUSTOMER_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()
