"""Parameters against a schema, with Prefect's words."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from backend import parameters
from store.errors import Invalid, ParametersInvalid

INTEGER = {"type": "object", "properties": {"a": {"type": "integer"}}}
REQUIRED = {**INTEGER, "required": ["a"]}
TREE = {
    "type": "object",
    "properties": {"root": {"$ref": "#/definitions/Node"}},
    "definitions": {
        "Node": {
            "type": "object",
            "properties": {"children": {"type": "array", "items": {"$ref": "#/definitions/Node"}}},
            "required": ["children"],
        }
    },
}


@pytest.mark.parametrize(
    ("values", "schema", "partial"),
    [
        ({"a": 1}, None, False),
        ({"a": 1}, {}, False),
        ({"a": 1}, REQUIRED, False),
        ({}, REQUIRED, True),
        ({}, INTEGER, False),
        ({"b": "unknown names are the schema's to refuse"}, INTEGER, False),
        ({"a": None}, INTEGER, False),
        ({"root": {"children": [{"children": []}]}}, TREE, False),
        ({"root": {"children": [{}]}}, TREE, True),
        ({"required": 1}, {"type": "object", "properties": {"required": {"type": "integer"}}}, True),
        ({"a": [1, "x"]}, {"properties": {"a": {"items": [{"type": "integer"}, {"type": "string"}]}}}, False),
        ({"a": 3}, {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "integer"}}}, False),
        ({"a": 3}, {"properties": {"a": {"$ref": "#/$defs/x~1y"}}, "$defs": {"x/y": {}}}, False),
    ],
)
def test_what_fits(values: dict[str, Any], schema: dict[str, Any] | None, partial: bool) -> None:
    parameters.validate(values, schema, partial)


@pytest.mark.parametrize(
    ("values", "schema", "message", "field"),
    [
        (
            {"a": "x"},
            REQUIRED,
            "Validation failed for field 'a'. Failure reason: 'x' is not of type 'integer'",
            "a",
        ),
        ({}, REQUIRED, "Validation failed. Failure reason: 'a' is a required property", ""),
        (
            {"a": None},
            REQUIRED,
            "Validation failed for field 'a'. Failure reason: None is not of type 'integer'",
            "a",
        ),
        (
            {"root": {"children": [{"children": 1}]}},
            TREE,
            "Validation failed for field 'root.children[0].children'."
            " Failure reason: 1 is not of type 'array'",
            "root.children[0].children",
        ),
        (
            {"a": "x"},
            {"properties": {"a": {"type": "integer", "default": 3}}},
            "Validation failed for field 'a'. Failure reason: 'x' is not of type 'integer'",
            "a",
        ),
        (
            {"a": ["x"]},
            {"properties": {"a": {"items": [{"type": "integer"}]}}},
            "Validation failed for field 'a[0]'. Failure reason: 'x' is not of type 'integer'",
            "a[0]",
        ),
        (
            {"b": 1},
            {**INTEGER, "additionalProperties": False},
            "Validation failed. Failure reason: Additional properties are not allowed ('b' was unexpected)",
            "",
        ),
    ],
)
def test_what_does_not_fit(values: dict[str, Any], schema: dict[str, Any], message: str, field: str) -> None:
    with pytest.raises(ParametersInvalid) as refused:
        parameters.validate(values, schema, False)
    assert str(refused.value) == message
    assert [error["field"] for error in refused.value.errors] == [field]


def test_partial_still_refuses_wrong_types() -> None:
    with pytest.raises(ParametersInvalid):
        parameters.validate({"a": "x"}, REQUIRED, True)


def test_every_violation_is_listed() -> None:
    schema = {"properties": {"b": {"type": "integer"}, "a": {"type": "string"}}, "required": ["c"]}
    with pytest.raises(ParametersInvalid) as refused:
        parameters.validate({"a": 1, "b": "x"}, schema, False)
    assert [error["field"] for error in refused.value.errors] == ["", "a", "b"]
    assert str(refused.value).count("Failure reason") == 3
    assert "'c' is a required property; Validation failed for field 'a'" in str(refused.value)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": 3}, "Invalid schema: 3 is not valid under any of the given schemas"),
        (
            {"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}},
            "'http://127.0.0.1:9/schema.json'",
        ),
        ({"properties": {"a": {"$ref": "#/$defs/gone"}}}, "'/$defs/gone'"),
        ({"$ref": "#"}, "with circular references"),
        (
            {
                "properties": {"a": {"$ref": "#/$defs/x"}},
                "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"$ref": "#/$defs/x"}},
            },
            "with circular references: #/$defs/",
        ),
        (
            {
                "properties": {"a": {"$ref": "#/$defs/x"}},
                "$defs": {"x": {"allOf": [{"$ref": "#/$defs/x"}]}},
            },
            "with circular references",
        ),
    ],
)
def test_schemas_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, schema: dict[str, Any], message: str
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a schema reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises((Invalid, ParametersInvalid)) as refused:
        parameters.validate({"a": 1}, schema, False)
    assert message in str(refused.value)


def test_the_schema_given_is_not_changed() -> None:
    schema = {"properties": {"a": {"type": "integer", "items": [{}]}}, "required": ["b"]}
    copy = {"properties": {"a": {"type": "integer", "items": [{}]}}, "required": ["b"]}
    parameters.validate({}, schema, True)
    assert schema == copy
