"""Variables and the TOML file, read and checked by pydantic-settings; loaded only when there is one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from sluice.exits import UsageProblem
from sluice.settings import PREFIX, LogLevel


class CheckedSettings(BaseSettings):
    """The fields of `Settings` with what their values must be; null is one that nobody set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid")

    home: Path | None = None
    db: Path | None = None
    worker_concurrency: Annotated[int, Field(ge=1)] | None = None
    log_level: LogLevel | None = None
    backfill_max_runs: Annotated[int, Field(ge=1, le=100_000)] | None = None


def read_checked(file: Path, flags: dict[str, Any]) -> dict[str, Any]:
    """The settings that `file` (which need not exist), the variables or `flags` give; the later ones win.

    Raises:
        UsageProblem: the file cannot be read or is not TOML, or a value does not fit.
    """
    given = {**_read_file(file), **EnvSettingsSource(CheckedSettings)(), **flags}
    try:
        checked = CheckedSettings.model_validate(given)
    except ValidationError as error:
        raise UsageProblem(_in_words(error, file)) from error
    return checked.model_dump(exclude_none=True)


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return TomlConfigSettingsSource(CheckedSettings, toml_file=file)()
    except tomllib.TOMLDecodeError as error:
        raise UsageProblem(f"{file} is not valid TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(f"{file} cannot be read: {error}") from error


def _in_words(error: ValidationError, file: Path) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(CheckedSettings.model_fields)
        return f"unknown setting {name!r} in {file}; the settings are: {known}"
    where = f"{PREFIX}{name.upper()}, or {name} in {file}"
    return f"setting {name!r} ({where}): {first['msg']}, not {first['input']!r}"
