"""Variables and the TOML file, read by pydantic-settings. Imported only when there is something to read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from sluice.exits import UsageProblem
from sluice.settings import PREFIX, Settings


class _Sourced(Settings, BaseSettings):
    """The fields of `Settings`, as pydantic-settings wants them to find their variables."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)


def read_sources(file: Path) -> dict[str, Any]:
    """The values of `file` (none when there is no such file) overlaid by the variables', not yet checked.

    Raises:
        UsageProblem: the file cannot be read or is not TOML.
    """
    return {**_read_file(file), **EnvSettingsSource(_Sourced)()}


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return TomlConfigSettingsSource(_Sourced, toml_file=file)()
    except tomllib.TOMLDecodeError as error:
        raise UsageProblem(f"{file} is not valid TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(f"{file} cannot be read: {error}") from error
