"""Settings: flag > SLUICE_* variable > config file > default.

Kept cheap, because the first picture waits for it: pydantic-settings (0.1 s to import) is loaded only when
there is a config file or a variable beyond SLUICE_HOME, SLUICE_DB and SLUICE_CONFIG.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_config_path, user_data_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sluice.exits import UsageProblem

PREFIX = "SLUICE_"
DATABASE_NAME = "sluice.db"
_PATH_VARIABLES = {"home": "SLUICE_HOME", "db": "SLUICE_DB"}


class Settings(BaseModel):
    """What can be set. Each field is also a key of config.toml and, as SLUICE_<NAME>, a variable."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    home: Path = Field(default_factory=lambda: user_data_path("sluice", appauthor=False))
    """Folder of the database, the log and the working files of live runs."""
    db: Path | None = None
    """The database file; default: sluice.db in `home`."""
    worker_concurrency: Annotated[int, Field(ge=1)] | None = None
    """How many runs the built-in worker executes at once; default: the number of processors."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """From which level on Sluice's own log (sluice.log in `home`) is kept."""

    @property
    def database(self) -> Path:
        """The database file, absolute."""
        return (self.db or self.home / DATABASE_NAME).expanduser().absolute()

    @property
    def state_dir(self) -> Path:
        """`home`, absolute: where the working files of live runs are."""
        return self.home.expanduser().absolute()

    @property
    def log_file(self) -> Path:
        """Sluice's own log."""
        return self.state_dir / "sluice.log"

    @property
    def concurrency(self) -> int:
        """How many runs the worker executes at once."""
        return self.worker_concurrency or os.cpu_count() or 1


_VALIDATED = {PREFIX + name.upper() for name in Settings.model_fields} - set(_PATH_VARIABLES.values())
"""The variables that are more than a path."""


def config_file() -> Path:
    """Where the config file is: SLUICE_CONFIG, else config.toml in the platform's config folder.

    Raises:
        UsageProblem: SLUICE_CONFIG names no file.
    """
    named = os.environ.get("SLUICE_CONFIG")
    if not named:
        return user_config_path("sluice", appauthor=False) / "config.toml"
    file = Path(named).expanduser()
    if not file.is_file():
        raise UsageProblem(f"SLUICE_CONFIG names {file}, and there is no such file")
    return file


def load_settings(db: Path | None = None) -> Settings:
    """The settings in force.

    Args:
        db: the `--db` flag; wins over everything.

    Raises:
        UsageProblem: a value does not fit, the file is not TOML, or SLUICE_CONFIG names no file.
    """
    file = config_file()
    flags: dict[str, Any] = {} if db is None else {"db": db}
    if not file.is_file() and not _VALIDATED & os.environ.keys():
        # Paths need no validation, and a validator takes as long to build as a picture to draw.
        return Settings.model_construct(None, **{**_read_paths(), **flags})
    from sluice.settings_sources import read_sources

    try:
        return Settings(**{**read_sources(file), **flags})
    except ValidationError as error:
        raise UsageProblem(_in_words(error, file)) from error


def is_debugging() -> bool:
    """Whether SLUICE_DEBUG asks for tracebacks on the terminal."""
    return os.environ.get("SLUICE_DEBUG", "").lower() not in {"", "0", "false", "no"}


def _read_paths() -> dict[str, Any]:
    return {key: Path(os.environ[name]) for key, name in _PATH_VARIABLES.items() if os.environ.get(name)}


def _in_words(error: ValidationError, file: Path) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields)
        return f"unknown setting {name!r} in {file}; the settings are: {known}"
    where = f"{PREFIX}{name.upper()}, or {name} in {file}"
    return f"setting {name!r} ({where}): {first['msg']}, not {first['input']!r}"
