"""What stands on the command line for every command alike: `--db FILE` and `--read-only`.

A command reads it from its context: `with opened(ctx) as backend: ...`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from backend.protocol import Backend
from sluice.log_file import start_log_file
from sluice.settings import Settings, load_settings
from store.errors import DatabaseProblem


@dataclass
class Invocation:
    """The options that every command has, wherever on the line they stood."""

    db: Path | None = None
    read_only: bool = False

    def settings(self) -> Settings:
        """The settings in force, `--db` included. Raises UsageProblem."""
        return load_settings(self.db)


def invocation(ctx: typer.Context) -> Invocation:
    """The options that stood on the line of this command."""
    found = ctx.find_root().ensure_object(Invocation)
    assert isinstance(found, Invocation)
    return found


@contextmanager
def opened(ctx: typer.Context, *, make: bool = False) -> Iterator[Backend]:
    """The backend of the database that the command line means; neither schedules nor works.

    Args:
        ctx: of the command.
        make: a database named with `--db` that does not exist is made; else it is a typing mistake.

    Raises:
        UsageProblem: the settings cannot be understood.
        DatabaseProblem: the database cannot be used.
    """
    from sluice.house import open_house  # not needed for --help, which imports every command

    asked = invocation(ctx)
    settings = asked.settings()
    if asked.db is not None and not make and not settings.database.exists():
        raise DatabaseProblem(
            settings.database,
            f"there is no database {settings.database}; `sluice apply` and `sluice import-crontab` make one, "
            "and so do `sluice serve` and the screen",
        )
    start_log_file(settings)
    with open_house(settings, scheduler=False, worker=False, read_only=asked.read_only) as house:
        yield house.backend


def _take_db(ctx: typer.Context, value: Path | None) -> None:
    if value is not None:
        invocation(ctx).db = value


def _take_read_only(ctx: typer.Context, value: bool) -> None:
    if value:
        invocation(ctx).read_only = True


DbOption = Annotated[
    Path | None,
    typer.Option(
        "--db",
        metavar="FILE",
        help="The database file. Default: $SLUICE_DB, else sluice.db in $SLUICE_HOME.",
        callback=_take_db,
        expose_value=False,
        show_default=False,
    ),
]
ReadOnlyOption = Annotated[
    bool,
    typer.Option(
        "--read-only",
        help="Change nothing; neither schedule nor work.",
        callback=_take_read_only,
        expose_value=False,
    ),
]
