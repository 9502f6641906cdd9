"""Settings come from the environment, and a wrong one says which it is and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.settings import PROJECT_DIR, Settings, SettingsError

VARIABLES = ("DATA_DIR", "SOURCES", "TIMEZONE", "CURRENCY", "DEMO_SIZE", "PSEUDONYM_KEY")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(f"NETZPLAN_{name}", raising=False)


def test_defaults() -> None:
    settings = Settings.from_environment()
    assert settings.data_dir == PROJECT_DIR / "data"
    assert (settings.timezone, settings.currency) == ("Europe/Berlin", "EUR")
    assert settings.warehouse.parent == settings.data_dir
    assert settings.sources == (PROJECT_DIR / "sources.yaml" if (PROJECT_DIR / "sources.yaml").is_file() else None)


def test_the_data_folder_may_be_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path / "with space"))
    settings = Settings.from_environment()
    paths = (settings.warehouse, settings.serving_dir, settings.dagster_home, settings.demo_dir)
    assert all(path.is_relative_to(tmp_path / "with space") for path in paths)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SOURCES", "/nowhere/sources.yaml", "NETZPLAN_SOURCES"),
        ("TIMEZONE", "Europe/Atlantis", "Europe/Berlin"),
        ("TIMEZONE", "../etc/passwd", "NETZPLAN_TIMEZONE"),
        ("CURRENCY", "euro", "EUR"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"NETZPLAN_{name}", value)
    with pytest.raises(SettingsError, match=said):
        Settings.from_environment()


def test_the_demo_makes_its_own_key_and_keeps_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NETZPLAN_SOURCES", "demo")
    key = Settings.from_environment().pseudonym_key()
    assert len(key) >= 32
    assert Settings.from_environment().pseudonym_key() == key
    assert oct((tmp_path / "demo" / "pseudonym.key").stat().st_mode & 0o077) == "0o0"


def test_real_sources_need_a_key_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources = tmp_path / "sources.yaml"
    sources.write_text("start: 2026-01-01\nfeeds: {}\n")
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NETZPLAN_SOURCES", str(sources))
    settings = Settings.from_environment()
    with pytest.raises(SettingsError, match=r"secrets\.token_hex"):
        settings.pseudonym_key()
    monkeypatch.setenv("NETZPLAN_PSEUDONYM_KEY", "short")
    with pytest.raises(SettingsError, match="32"):
        settings.pseudonym_key()
    monkeypatch.setenv("NETZPLAN_PSEUDONYM_KEY", "k" * 32)
    assert settings.pseudonym_key() == b"k" * 32


def test_the_keys_before_a_rotation_are_part_of_the_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(tmp_path, tmp_path / "sources.yaml")
    monkeypatch.setenv("NETZPLAN_PSEUDONYM_KEYS_BEFORE", f"{'a' * 32}, {'b' * 32}")
    monkeypatch.delenv("NETZPLAN_PSEUDONYM_KEY", raising=False)
    with pytest.raises(SettingsError, match="NETZPLAN_PSEUDONYM_KEY"):
        settings.pseudonym_key()
    monkeypatch.setenv("NETZPLAN_PSEUDONYM_KEY", "c" * 32)
    assert settings.pseudonym_key() == (b"a" * 32, b"b" * 32, b"c" * 32)
