"""`--param` and `--params`."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.exits import UsageProblem
from sluice.parameters import check_names, parse_parameters
from store.errors import Refused

SCHEMA = {"properties": {"zip": {"type": "string"}, "rows": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("pairs", "whole", "expected"),
    [
        ([], None, {}),
        (["rows=5"], None, {"rows": 5}),
        (["zip=01234"], None, {"zip": "01234"}),
        (["name=ana"], None, {"name": "ana"}),
        (["when=a=b"], None, {"when": "a=b"}),
        (["list=[1, 2]", "on=true", "none=null"], None, {"list": [1, 2], "on": True, "none": None}),
        (["rows=5"], '{"rows": 1, "zip": "2"}', {"rows": 5, "zip": "2"}),
        (["empty="], None, {"empty": ""}),
    ],
)
def test_values(pairs: list[str], whole: str | None, expected: dict[str, Any]) -> None:
    assert parse_parameters(pairs, whole, SCHEMA) == expected


@pytest.mark.parametrize(
    ("pairs", "whole", "said"),
    [
        (["rows"], None, "key=value"),
        (["=5"], None, "key=value"),
        ([], "{", "not valid JSON"),
        ([], "[1]", "must be a JSON object"),
    ],
)
def test_refusals(pairs: list[str], whole: str | None, said: str) -> None:
    with pytest.raises(UsageProblem, match=said):
        parse_parameters(pairs, whole, None)


def test_names_that_the_flow_does_not_take_are_refused_with_those_that_it_does() -> None:
    check_names({"rows": 1}, SCHEMA)
    with pytest.raises(Refused, match="no parameter 'row', 'colour' here; the flow takes zip, rows"):
        check_names({"row": 1, "colour": 2}, SCHEMA)


@pytest.mark.parametrize(
    "schema", [None, {}, {"properties": {}}, {**SCHEMA, "additionalProperties": True}, {"properties": None}]
)
def test_any_name_goes_where_the_schema_cannot_tell(schema: dict[str, Any] | None) -> None:
    check_names({"colour": 2}, schema)
