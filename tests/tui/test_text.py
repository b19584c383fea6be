"""Any text is harmless once it was through `harmless`, and fits where it is put."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text import cut, cut_start, fit, harmless, plural, width_of


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("plain text stays", "plain text stays"),
        ("[/b] is not markup here", "[/b] is not markup here"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]52;c;aGk=\x1b\\after", "after"),
        ("\x1bPq#0;2\x1b\\sixel", "sixel"),
        ("\x1bcreset", "reset"),
        ("bell\x07", "bell␇"),
        ("back\x08space\x7f", "back␈space␡"),
        ("a\tb\nc\r\nd", "a b c d"),
        ("exe.\u202egnp", "exe.\ufffdgnp"),
        ("\u2066isolate\u2069", "\ufffdisolate\ufffd"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("lone \udc80 surrogate", "lone \ufffd surrogate"),
        ("👩‍🚀 ✔️", "👩🚀 ✔"),
        ("naïve café 日本語", "naïve café 日本語"),
    ],
)
def test_harmless_draws_nothing_that_acts(text: str, drawn: str) -> None:
    assert harmless(text) == drawn


def test_lines_are_kept_when_asked_for() -> None:
    assert harmless("a\r\nb\tc\n\x1b]0;never ends\nd", lines=True) == "a\nb       c\n\nd"


@given(st.text(st.characters(), max_size=60))
def test_nothing_dangerous_survives(text: str) -> None:
    drawn = harmless(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in drawn)
    assert not set(drawn) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert harmless(drawn) == drawn
    drawn.encode()


@given(st.text(max_size=40), st.integers(0, 30))
def test_fit_takes_exactly_its_cells(text: str, width: int) -> None:
    drawn = harmless(text)
    assert width_of(fit(drawn, width)) == width
    assert width_of(fit(drawn, width, "right")) == width
    assert width_of(cut(drawn, width)) <= width
    assert width_of(cut_start(drawn, width)) <= width


def test_cut_says_that_something_is_missing() -> None:
    assert cut("deployment", 6) == "deplo…"
    assert cut("日本語", 4) == "日…"
    assert cut("ab", 1) == "…"
    assert cut("ab", 0) == ""
    assert cut_start("/var/lib/sluice.db", 10) == "…sluice.db"


def test_plural() -> None:
    assert [plural(count, "run") for count in (0, 1, 12000)] == ["0 runs", "1 run", "12,000 runs"]
    assert plural(1, "run is", "runs are") == "1 run is"
