"""Tables and JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from sluice.output import Cell, Column, print_fields, print_json, print_json_list, print_table, since, until
from store.schemas import StateType

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_a_piped_table_is_plain_and_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        (Column("NAME"), Column("TOOK", "right"), Column("TAGS")),
        [["a", Cell("1.0s", "red"), ""], ["longer-名", "12s", "x y"]],
    )
    assert capsys.readouterr().out == "NAME       TOOK  TAGS\na          1.0s\nlonger-名   12s  x y\n"


def test_what_users_wrote_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    print_table((Column("NAME"),), [["\x1b[2Jevil\n[/b]"]])
    assert capsys.readouterr().out == "NAME\nevil [/b]\n"


def test_json_of_everything_we_print(capsys: pytest.CaptureFixture[str]) -> None:
    key = UUID(int=7)
    print_json({"id": key, "at": NOW, "state": StateType.FAILED, "name": "é"})
    text = capsys.readouterr().out
    assert json.loads(text) == {"id": str(key), "at": "2026-03-02T12:00:00Z", "state": "FAILED", "name": "é"}
    assert "é" in text


@pytest.mark.parametrize("values", [[], [{}], [{"a": [1, {"b": "two\nlines\u2028"}], "c": {}}, [], "x"]])
def test_a_json_list_printed_in_pieces_reads_as_one_in_one_piece(
    values: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    print_json(values)
    whole = capsys.readouterr().out
    print_json_list(iter(values))
    assert capsys.readouterr().out == whole


def test_json_refuses_what_has_no_form() -> None:
    with pytest.raises(TypeError, match="no JSON form"):
        print_json(object())


def test_fields_are_aligned_and_empty_ones_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("Name", "x"), ("Parameters", "{\n}"), ("Empty", "")])
    assert capsys.readouterr().out == "Name        x\nParameters  {\n            }\n"


def test_times_are_relative_and_exact() -> None:
    exact = (NOW + timedelta(minutes=4)).astimezone()
    text = f"in 4m ({exact:%Y-%m-%d %H:%M:%S} {exact.tzname()})"
    assert until(NOW + timedelta(minutes=4), NOW) == text
    assert since(NOW - timedelta(hours=2), NOW, wide=False) == "2h ago"
    assert until(None, NOW) == ""
