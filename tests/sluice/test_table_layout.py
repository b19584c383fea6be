"""Which columns stay on a narrow terminal, and how wide."""

from __future__ import annotations

import pytest

from sluice.commands.ls import COLUMNS as LS
from sluice.commands.runs import COLUMNS as RUNS
from sluice.table_layout import GAP, Column, lay_out

RUN_WIDTHS = (11, 16, 36, 27, 8, 8, 5, 90)
LS_WIDTHS = (11, 46, 69, 8, 10, 5, 20, 72)
LS_TITLES = [column.title for column in LS]


def titles(columns: tuple[Column, ...], shown: dict[int, int]) -> list[str]:
    return [columns[index].title for index in shown]


def total(shown: dict[int, int]) -> int:
    return sum(shown.values()) + GAP * (len(shown) - 1)


def test_with_room_for_all_nothing_is_cut() -> None:
    assert lay_out(RUNS, RUN_WIDTHS, 300) == dict(enumerate(RUN_WIDTHS))


def test_runs_at_80_keep_whole_names_and_say_when() -> None:
    shown = lay_out(RUNS, RUN_WIDTHS, 80)
    assert titles(RUNS, shown) == ["STATE", "RUN", "DEPLOYMENT", "DUE", "TOOK", "MESSAGE"]
    assert (shown[0], shown[1], shown[4]) == (11, 16, 8)
    assert total(shown) == 80


def test_ls_at_80_keeps_the_state_and_the_next_run() -> None:
    shown = lay_out(LS, LS_WIDTHS, 80)
    assert titles(LS, shown) == ["STATE", "DEPLOYMENT", "SCHEDULE", "NEXT", "LAST RUN"]
    assert total(shown) == 80


def test_an_empty_column_takes_no_room() -> None:
    assert titles(LS, lay_out(LS, (11, 20, 12, 8, 0, 0, 0, 0), 80)) == LS_TITLES[:4]


@pytest.mark.parametrize("room", range(1, 220, 7))
def test_no_line_is_longer_than_the_terminal_while_a_cell_is_left_to_cut(room: int) -> None:
    for columns, widths in ((LS, LS_WIDTHS), (RUNS, RUN_WIDTHS)):
        shown = lay_out(columns, widths, room)
        assert total(shown) <= room or set(shown.values()) == {1}
        assert all(width >= 1 for width in shown.values())
