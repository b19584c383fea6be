"""Flag > variable > file > default, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from sluice.exits import UsageProblem
from sluice.settings import Settings, is_debugging, load_settings
from sluice.settings_sources import CheckedSettings


def write_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(text)
    monkeypatch.setenv("SLUICE_CONFIG", str(file))
    return file


def test_default_database_is_in_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    settings = load_settings()
    assert settings.database == tmp_path / "sluice.db"
    assert settings.log_file == tmp_path / "sluice.log"


def test_default_home_is_the_platforms_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SLUICE_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in load_settings().database.parents


def test_file_then_variable_then_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, monkeypatch, 'db = "/file.db"\nworker_concurrency = 3\nlog_level = "ERROR"\n')
    assert load_settings().database == Path("/file.db")
    assert load_settings().concurrency == 3
    monkeypatch.setenv("SLUICE_DB", "/variable.db")
    monkeypatch.setenv("SLUICE_WORKER_CONCURRENCY", "5")
    settings = load_settings()
    assert settings.database == Path("/variable.db")
    assert settings.concurrency == 5
    assert settings.log_level == "ERROR"
    assert load_settings(Path("/flag.db")).database == Path("/flag.db")


def test_empty_variables_count_as_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_DB", "")
    monkeypatch.setenv("SLUICE_WORKER_CONCURRENCY", "")
    assert load_settings().database.name == "sluice.db"


def test_variables_of_a_run_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_RUN_ID", "x")
    monkeypatch.setenv("SLUICE_PARAMETERS", "{}")
    assert load_settings().log_level == "INFO"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("worker_concurrency = 0", "worker_concurrency"),
        ("colour = 1", "unknown setting 'colour'"),
        ("db = ", "not valid TOML"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_config(tmp_path, monkeypatch, text)
    with pytest.raises(UsageProblem) as refused:
        load_settings()
    assert said in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLUICE_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(UsageProblem, match="there is no such file"):
        load_settings()


def test_a_bad_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_LOG_LEVEL", "loud")
    with pytest.raises(UsageProblem, match="SLUICE_LOG_LEVEL"):
        load_settings()


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_debugging(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_DEBUG", value)
    assert is_debugging() is expected


def test_what_is_checked_is_what_can_be_set() -> None:
    assert list(CheckedSettings.model_fields) == [field.name for field in fields(Settings)]


def test_without_file_and_variables_pydantic_is_not_imported() -> None:
    code = (
        "import sys; from sluice.settings import load_settings; load_settings();"
        "sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
