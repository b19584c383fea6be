"""What is typed after `&` and `/`."""

from __future__ import annotations

import pytest

from store.errors import Invalid
from tui.widgets.log_filter import parse_filter, parse_pattern


def test_nothing_lets_everything_pass() -> None:
    chosen = parse_filter("  ")
    assert not chosen
    assert chosen.passes(0, "anything")


@pytest.mark.parametrize(
    ("text", "level", "line", "passes"),
    [
        ("timeout", 10, "a Timeout occurred", True),
        ("Timeout", 10, "a timeout occurred", False),
        ("level:warning", 20, "timeout", False),
        ("level:WARN", 30, "timeout", True),
        ("level:error time.?out", 40, "time-out", True),
        ("time.?out level:error", 40, "nothing", False),
        ("level:error time.?out", 30, "time-out", False),
    ],
)
def test_a_level_and_a_pattern(text: str, level: int, line: str, passes: bool) -> None:
    assert parse_filter(text).passes(level, line) is passes


def test_an_unknown_level_is_refused_with_those_that_exist() -> None:
    with pytest.raises(Invalid, match=r"level:loud is not a level\. Levels are debug, info"):
        parse_filter("level:loud x")


@pytest.mark.parametrize("text", ["(a", "[z-a]", "*", "a{99999999999999}", "(?P<n>x)(?P<n>y)", "\\"])
def test_a_bad_pattern_is_a_sentence(text: str) -> None:
    with pytest.raises(Invalid, match="is not a regular expression"):
        parse_pattern(text)


@pytest.mark.filterwarnings("error")
def test_a_pattern_that_python_warns_of_is_taken_without_a_word() -> None:
    assert parse_pattern("[[a]").search("[")
