"""`sluice demo`: a throw-away database full of real flows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Make the demo in this folder and leave it there.", file_okay=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number makes another history.")] = 1,
    no_screen: Annotated[
        bool, typer.Option("--no-screen", help="With --keep: make the database and stop.")
    ] = False,
) -> None:
    """Open a throw-away database: about 40 deployments that really run, and 2,000 runs of history."""
    from sluice.demo import open_demo

    raise typer.Exit(open_demo(keep, seed=seed, screen=not no_screen))
