"""The plain opening is recognised; everything else is left to typer."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.arguments import Opening, parse_opening


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], Opening(None, False)),
        (["--db", "x.db"], Opening(Path("x.db"), False)),
        (["--db=x.db", "--read-only"], Opening(Path("x.db"), True)),
        (["--db", "a.db", "--db", "b.db"], Opening(Path("b.db"), False)),
        (["--read-only"], Opening(None, True)),
    ],
)
def test_recognises_the_plain_opening(argv: list[str], expected: Opening) -> None:
    assert parse_opening(argv, {}) == expected


@pytest.mark.parametrize(
    "argv", [["ls"], ["--db"], ["--db", "x.db", "ls"], ["--version"], ["--help"], ["-x"]]
)
def test_leaves_the_rest_to_typer(argv: list[str]) -> None:
    assert parse_opening(argv, {}) is None


def test_leaves_shell_completion_to_typer() -> None:
    assert parse_opening([], {"_SLUICE_COMPLETE": "complete_bash"}) is None
