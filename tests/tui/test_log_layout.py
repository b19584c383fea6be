"""Lines of the picture and rows of the log, both ways, against the plain definition."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.log_layout import LogLayout, Place


def naive(widths: list[int], shown: list[int] | None, fold_at: int) -> list[Place]:
    """Every line of the picture, one after the other."""
    places = []
    for row in range(len(widths)) if shown is None else shown:
        width = abs(widths[row])
        room = fold_at if widths[row] >= 0 else max(1, fold_at - 1)
        count = max(1, -(-width // room)) if fold_at else 1
        places += [Place(row, fold) for fold in range(count)]
    return places


WIDTHS = st.lists(st.integers(-200, 200), max_size=40)


@given(before=WIDTHS, after=WIDTHS, fold_at=st.sampled_from([0, 1, 2, 10, 80]), every=st.integers(0, 3))
def test_lines_and_rows_agree_with_the_definition(
    before: list[int], after: list[int], fold_at: int, every: int
) -> None:
    widths = array("i", before)
    chosen = [n for n in range(len(before)) if n % every == 0] if every else None
    layout = LogLayout(widths, array("I", chosen) if chosen is not None else None, fold_at)
    widths.extend(after)
    more = [n for n in range(len(before), len(widths)) if n % every == 0] if every else []
    layout.grow(more)
    shown = None if chosen is None else chosen + more
    places = naive(list(widths), shown, fold_at)
    assert layout.lines == len(places)
    assert [layout.at(line) for line in range(len(places))] == places
    assert layout.at(len(places)) is None
    assert layout.at(-1) is None
    for row in range(len(widths)):
        assert layout.shows(row) == (shown is None or row in shown)
        if layout.shows(row):
            assert layout.line_of(row) == places.index(Place(row, 0))


def test_a_hidden_row_has_the_line_of_the_next_one_shown() -> None:
    layout = LogLayout(array("i", [5] * 10), array("I", [2, 7]), 0)
    assert layout.line_of(0) == 0
    assert layout.line_of(3) == 1
    assert layout.line_of(9) == 2
