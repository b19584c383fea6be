"""Recognise the plain `sluice`, the one that opens the screen, without loading the command-line library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Opening(NamedTuple):
    """`sluice [--db FILE] [--read-only]`."""

    db: Path | None
    read_only: bool


def parse_opening(argv: Sequence[str], environ: Mapping[str, str]) -> Opening | None:
    """The opening asked for, or null when anything else is on the line and typer must read it.

    Args:
        argv: the arguments after the program's name.
        environ: holds `_SLUICE_COMPLETE` when a shell asks for completions.
    """
    if "_SLUICE_COMPLETE" in environ:
        return None
    db: Path | None = None
    read_only = False
    words = iter(argv)
    for word in words:
        if word == "--read-only":
            read_only = True
        elif word == "--db":
            value = next(words, None)
            if value is None:
                return None
            db = Path(value)
        elif word.startswith("--db="):
            db = Path(word.removeprefix("--db="))
        else:
            return None
    return Opening(db, read_only)
