"""The lines a log view holds: every row by number, texts within a budget, read again by windows of ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from store.schemas import LogLine
from tui.widgets.log_lines import CHUNK, MAX_LINE, LogLines, read_window, rows_of, split_message

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def make_lines(messages: list[str], levels: list[int] | None = None, first: int = 1) -> list[LogLine]:
    """Lines with ids that leave gaps, as other runs' lines come between."""
    return [
        LogLine.model_construct(
            id=first + n * 3,
            name="stdout",
            level=levels[n] if levels else 20,
            timestamp=NOON + timedelta(seconds=n),
            message=message,
        )
        for n, message in enumerate(messages)
    ]


class Source:
    """Answers reads and counts them."""

    def __init__(self, lines: list[LogLine]) -> None:
        self.lines = lines
        self.reads = 0

    def read(self, after_id: int, limit: int) -> list[LogLine]:
        self.reads += 1
        return [line for line in self.lines if line.id > after_id][:limit]


def test_a_message_becomes_its_lines() -> None:
    assert split_message("one") == ["one"]
    assert split_message("") == [""]
    assert split_message("Traceback\n  File\nValueError: x\n") == ["Traceback", "  File", "ValueError: x"]


def test_colours_titles_and_links_are_stripped() -> None:
    message = "\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1b[2J\x9b5mend"
    assert split_message(message) == ["red link end"]


def test_a_carriage_return_leaves_what_a_terminal_would_show() -> None:
    assert split_message("10%\r50%\r100%\r\nnext") == ["100%", "next"]


def test_controls_bidi_and_tabs_are_harmless() -> None:
    (row,) = split_message("a\tb\x07 \u202egnp.exe\x00")
    assert row.startswith("a       b")
    assert not any(character in row for character in "\x07\x00\u202e\t")


def test_a_very_long_line_is_cut_with_a_count() -> None:
    (row,) = split_message("x" * (MAX_LINE + 1_234) + "\n")
    assert row == "x" * MAX_LINE + " … and 1,234 more characters"


def test_rows_keep_level_part_and_width() -> None:
    rows = rows_of(make_lines(["plain", "日本\nend"], [300, 40]))
    assert [(row.id, row.part, row.level, row.width) for row in rows] == [
        (1, 0, 255, 5),
        (4, 0, 40, -4),
        (4, 1, 40, 3),
    ]


def test_texts_over_the_budget_are_let_go_and_read_again() -> None:
    source = Source(make_lines([f"line {n}\nmore of {n}" for n in range(CHUNK * 3)]))
    everything = rows_of(source.lines)
    lines = LogLines(budget=300_000)
    for start in range(0, len(everything), 500):
        lines.append(everything[start : start + 500])
    assert len(lines) == CHUNK * 6
    assert lines.kept_bytes <= 300_000 + 300_000
    assert lines.row(5) is None
    assert lines.row(len(lines) - 1) == everything[-1]
    lines.put(0, read_window(lines.window(0), source.read))
    assert [lines.row(n) for n in range(CHUNK)] == everything[:CHUNK]
    assert [row for _, row in lines.read(0, len(lines), source.read)] == everything


def test_a_chunk_that_begins_inside_a_message_is_read_back_whole() -> None:
    messages = ["\n".join(f"{n}.{part}" for part in range(7)) for n in range(500)]
    source = Source(make_lines(messages))
    lines = LogLines()
    lines.append(rows_of(source.lines))
    for chunk in range(3):
        again = read_window(lines.window(chunk), source.read)
        assert again == [lines.row(n) for n in range(chunk * CHUNK, chunk * CHUNK + CHUNK)]


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 2_500), min_size=1, max_size=6),
    earlier=st.integers(0, 2_700),
    budget=st.sampled_from([100_000, 10_000_000]),
)
def test_joining_keeps_every_row_under_its_number(sizes: list[int], earlier: int, budget: int) -> None:
    source = Source(make_lines([f"line {n}" for n in range(earlier + sum(sizes))]))
    everything = rows_of(source.lines)
    head, tail = LogLines(budget), LogLines(budget)
    head.append(everything[:earlier])
    at = earlier
    for size in sizes:
        tail.append(everything[at : at + size])
        at += size
    head.join(tail)
    assert len(head) == len(everything)
    assert list(head.ids) == [row.id for row in everything]
    for number, row in enumerate(everything):
        assert head.row(number) in (None, row)
    assert [row for _, row in head.read(0, len(head), source.read)] == everything


def test_errors_are_found_by_where_their_run_begins() -> None:
    levels = [20, 40, 40, 20, 50, 30, 40]
    lines = LogLines()
    lines.append(rows_of(make_lines(["a\nb"] * 7, levels)))
    starts = []
    at = lines.next_error(0)
    while at is not None:
        starts.append(at)
        at = lines.next_error(at + 1)
    assert starts == [2, 4, 8, 12], "a message of several rows is an error of its own"
    assert lines.previous_error(12) == 8
    assert lines.previous_error(2) is None


def test_single_line_errors_in_a_row_count_as_one_place() -> None:
    lines = LogLines()
    lines.append(rows_of(make_lines(["x"] * 9, [20, 40, 40, 40, 20, 20, 40, 40, 20])))
    assert lines.next_error(0) == 1
    assert lines.next_error(2) == 6
    assert lines.previous_error(9) == 6
    assert lines.previous_error(6) == 1


def test_previous_error_crosses_blocks() -> None:
    lines = LogLines(budget=1)
    lines.append(rows_of(make_lines(["x"] * 150_000, [40] + [20] * 149_999)))
    assert lines.previous_error(150_000) == 0
