"""Columns go by priority when it gets narrow, and every line has exactly the width it was given."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tui import NOON, sample_rows

from store.schemas import RecentRun
from tui.screens.deployment_columns import COLUMNS, fitting
from tui.states import LEGEND, STYLES, look_of, look_of_deployment
from tui.text import some_of, width_of
from tui.widgets.activity_bars import COUNT, activity_bars, heights
from tui.widgets.columns import CellContext, fit_cell, lay_out


def shown(width: int) -> list[str]:
    return [column.id for column, _, _ in lay_out(COLUMNS, width)]


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (
            200,
            ["mark", "state", "name", "schedule", "next", "bars", "last", "median", "tags", "pool", "note"],
        ),
        (112, ["mark", "state", "name", "schedule", "next", "bars", "last", "tags"]),
        (104, ["mark", "state", "name", "schedule", "next", "bars", "last", "tags"]),
        (103, ["mark", "state", "name", "schedule", "next", "bars", "last"]),
        (79, ["mark", "state", "name", "schedule", "next", "bars", "last"]),
        (49, ["mark", "state", "name", "next", "bars"]),
        (30, ["mark", "state", "name"]),
    ],
)
def test_columns_by_width(width: int, expected: list[str]) -> None:
    assert shown(width)[: len(expected)] == expected


@given(st.integers(1, 300))
def test_columns_never_overlap_or_leave_the_line(width: int) -> None:
    end = 0
    for _, x, taken in lay_out(COLUMNS, width):
        assert x >= end
        assert taken > 0
        end = x + taken
    assert end <= width


def test_at_eighty_columns_the_whole_line_is_used() -> None:
    last = lay_out(COLUMNS, 79)[-1]
    assert last.x + last.width == 79


@pytest.mark.parametrize("width", [44, 79, 103, 160, 240])
def test_every_cell_of_every_row_fits(width: int) -> None:
    ids = frozenset(shown(width))
    for row in sample_rows():
        for column, _, taken in lay_out(COLUMNS, width):
            cell = column.cell(row, CellContext(taken, NOON, UTC, ids))
            assert sum(width_of(text) for text, _ in fit_cell(cell, taken, column.align)) == taken


def text_of(column_id: str, row_name: str, width: int = 30, shown: frozenset[str] = frozenset()) -> str:
    row = next(row for row in sample_rows() if row.full_name == row_name)
    column = next(column for column in COLUMNS if column.id == column_id)
    return "".join(
        text for text, _ in fit_cell(column.cell(row, CellContext(width, NOON, UTC, shown)), width)
    ).strip()


def test_what_the_cells_say() -> None:
    assert text_of("next", "etl/orders") == "in 12s"
    assert text_of("next", "sync/offsite") == "late 7m"
    assert text_of("next", "import/fx-rates") == "paused"
    assert text_of("next", "fresh/by-hand-only") == "—"
    assert text_of("last", "billing/slow-today") == "4m04s▲"
    assert text_of("last", "billing/quick-today") == "12s▼"
    assert text_of("median", "billing/slow-today") == "~1m01s"
    assert text_of("pool", "billing/no-pool") == "—"
    assert text_of("schedule", "fresh/by-hand-only") == "no schedule"


def test_the_note_moves_into_the_schedule_when_its_column_is_dropped() -> None:
    assert text_of("schedule", "import/vendor-feed") == "vendor migrates until Thursday"
    with_note = frozenset({"note"})
    assert text_of("schedule", "import/vendor-feed", shown=with_note) == "hourly at :05 UTC"
    assert text_of("note", "import/vendor-feed") == "vendor migrates until Thursday"
    assert text_of("note", "import/holidays", 40) == "maintenance · until 18:00:00 UTC"
    assert text_of("note", "billing/bad-rule", 40) == 'Invalid cron string: "61 * * * *"'
    assert text_of("note", "transcode/podcasts") == "3 running"


def test_a_long_flow_gives_way_before_its_deployment() -> None:
    name = "a-flow-with-a-name-that-goes-on-and-on/and-a-deployment-that-does-so-too"
    assert text_of("name", name, 40) == "a-flow-with-…/and-a-deployment-that-doe…"
    assert text_of("name", name, 80).startswith("a-flow-with-a-name-that-goes-on-and-on/")


@pytest.mark.parametrize(
    ("words", "width", "shown"),
    [
        ("daily 19:00 Europe/Berlin", 25, "daily 19:00 Europe/Berlin"),
        ("daily 19:00 Europe/Berlin", 24, "daily 19:00 Berlin"),
        ("daily 19:00 Europe/Berlin", 17, "daily 19:00"),
        ("daily 19:00 Europe/Berlin +1 more", 26, "daily 19:00 Berlin +1 more"),
        ("daily 19:00 Europe/Berlin +1 more", 22, "daily 19:00 Berlin +1"),
        ("daily 19:00 Europe/Berlin +1 more", 15, "daily 19:00 +1"),
        ("daily 06:00 America/Argentina/Buenos_Aires", 30, "daily 06:00 Buenos Aires"),
        ("daily 06:00 America/New_York, 10 times", 32, "daily 06:00 New York, 10 times"),
        ("daily 06:00 UTC, 10 times", 22, "daily 06:00, 10 times"),
        ("monthly 1st Mon 08:30 Europe/Berlin", 18, "monthly 1st Mon…"),
        ("every 15 min from :07 UTC", 18, "every 15 min from…"),
        ("daily 06:30, 18:30 UTC", 14, "daily 06:30…"),
        ("FREQ=YEARLY;BYWEEKNO=20", 12, "FREQ=YEARLY…"),
    ],
)
def test_a_schedule_that_is_too_long_gives_up_its_zone_first(words: str, width: int, shown: str) -> None:
    assert fitting(words, width) == shown


def test_an_extra_column_comes_when_the_others_have_what_they_wish_for() -> None:
    for width in range(80, 300):
        placed = {column.id: taken for column, _, taken in lay_out(COLUMNS, width)}
        if "tags" in placed:
            assert all(placed[column.id] >= column.wish for column in COLUMNS if column.id in placed)


def test_tags_are_whole_or_counted() -> None:
    assert some_of(("ops", "disk"), 10) == "ops disk"
    assert some_of(("ops", "disk", "nas"), 10) == "ops +2"
    assert some_of(("very-long-tag", "x"), 8) == "very… +1"
    assert some_of((), 8) == ""


def test_bars_say_state_by_style_and_duration_by_height() -> None:
    bars = activity_bars(
        (RecentRun("RUNNING", None), RecentRun("FAILED", 40.0), RecentRun("COMPLETED", 10.0))
    )
    assert [text for text, _ in bars] == ["·" * (COUNT - 3), "▅", "✗", "►"]
    assert [style for _, style in bars][1:] == ["state-completed", "state-failed", "state-running"]


def test_a_steady_deployment_is_a_calm_line_and_one_slow_run_does_not_flatten_it() -> None:
    assert set(heights([10.0] * 12)) == {4}
    assert heights([10.0] * 11 + [10000.0]) == [4] * 11 + [7]
    assert heights([None, 0.0]) == [0, 0]


def test_each_state_has_its_own_glyph_and_word() -> None:
    assert len({look.glyph for look in LEGEND}) == len(LEGEND)
    assert len({look.word for look in LEGEND}) == len(LEGEND)
    assert all(width_of(look.glyph) == 1 for look in LEGEND)
    assert {look.style for look in LEGEND} <= set(STYLES)


def test_what_needs_attention_wins() -> None:
    looks = {row.full_name: look_of_deployment(row).word for row in sample_rows()}
    assert looks["billing/bad-rule"] == "Cannot be planned"
    assert looks["transcode/videos"] == "Running"
    assert looks["import/fx-rates"] == "Paused"
    assert looks["sync/offsite"] == "Late"
    assert looks["sync/mirror"] == "Crashed"
    assert looks["fresh/just-applied"] == "Never ran"
    assert look_of("FAILED", "TimedOut").word == "TimedOut"
    assert look_of("SCHEDULED", "Late").glyph == "◔"
