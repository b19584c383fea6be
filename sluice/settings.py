"""Settings: flag > SLUICE_* variable > config file > default.

Kept cheap, because the first picture waits for it: what must be checked is read by `settings_sources`, which
is loaded (0.2 s, with pydantic) only when there is a config file or a variable beyond SLUICE_HOME, SLUICE_DB
and SLUICE_CONFIG.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path, user_data_path

from sluice.exits import UsageProblem

PREFIX = "SLUICE_"
DATABASE_NAME = "sluice.db"
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
_PATH_VARIABLES = {"home": "SLUICE_HOME", "db": "SLUICE_DB"}
_CHECKED_VARIABLES = {"SLUICE_WORKER_CONCURRENCY", "SLUICE_LOG_LEVEL", "SLUICE_BACKFILL_MAX_RUNS"}
"""The variables that are more than a path."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be set. Each field is also a key of config.toml and, as SLUICE_<NAME>, a variable."""

    home: Path = field(default_factory=lambda: user_data_path("sluice", appauthor=False))
    """Folder of the database, the log and the working files of live runs."""
    db: Path | None = None
    """The database file; default: sluice.db in `home`."""
    worker_concurrency: int | None = None
    """How many runs the built-in worker executes at once, at least 1; default: the number of processors."""
    log_level: LogLevel = "INFO"
    """From which level on Sluice's own log (sluice.log in `home`) is kept."""
    backfill_max_runs: int = 10_000
    """How many runs one backfill may make, 1 to 100,000. 10,000 keep the database for a quarter second."""

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
    if not file.is_file() and not _CHECKED_VARIABLES & os.environ.keys():
        return Settings(**{**_read_paths(), **flags})
    from sluice.settings_sources import read_checked

    return Settings(**read_checked(file, flags))


def is_debugging() -> bool:
    """Whether SLUICE_DEBUG asks for tracebacks on the terminal."""
    return os.environ.get("SLUICE_DEBUG", "").lower() not in {"", "0", "false", "no"}


def _read_paths() -> dict[str, Any]:
    return {key: Path(os.environ[name]) for key, name in _PATH_VARIABLES.items() if os.environ.get(name)}
