"""Parameters against a deployment's `parameter_openapi_schema`, with Prefect's messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from store.errors import Invalid, ParametersInvalid

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

CIRCLE = "Invalid schema: Unable to validate schema with circular references"
FIELD = "parameter_openapi_schema"
COMPILED_KEPT = 512
"""How many schemas stay ready for use: checking one against the meta-schema takes 10 to 20 ms."""


def prepare(schema: dict[str, Any] | None) -> None:
    """Make a schema ready for use, so that this slow part is not done inside a transaction."""
    if schema:
        # One that is no schema is `validate`'s to refuse, and only where the schema is enforced.
        with suppress(Invalid):
            for partial in (False, True):
                _compiled(json.dumps(schema, sort_keys=True), partial)


def validate(parameters: dict[str, Any], schema: dict[str, Any] | None, partial: bool) -> None:
    """Refuse parameters that do not fit the schema (JSON Schema, draft 2020-12, read as Prefect reads it).

    Args:
        parameters: name to JSON value.
        schema: null or empty: anything fits.
        partial: required parameters may be missing, as in a deployment whose runs bring them.

    Raises:
        ParametersInvalid: they do not fit; its `errors` list each field. Or the schema points outside itself.
        Invalid: the schema is no JSON schema, or refers to itself in a circle.
    """
    if not schema:
        return
    from referencing.exceptions import Unresolvable

    validator = _compiled(json.dumps(schema, sort_keys=True), partial)
    try:
        found = sorted(validator.iter_errors(parameters), key=lambda error: error.json_path)
    except Unresolvable as error:
        raise ParametersInvalid(
            f"The parameter schema refers to {error.ref!r}, which is not inside it; nothing is fetched"
        ) from error
    except RecursionError as error:
        raise Invalid(f"{CIRCLE}.", FIELD) from error
    if found:
        raise ParametersInvalid("; ".join(map(_sentence, found)), [_entry(error) for error in found])


@lru_cache(maxsize=COMPILED_KEPT)
def _compiled(schema: str, partial: bool) -> Draft202012Validator:
    """The validator of a schema given as JSON text."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    whole = json.loads(schema)
    _refuse_circles(whole)
    _refuse_no_schema(schema)
    # An empty registry of our own: without one jsonschema would fetch a remote $ref over the network.
    return Draft202012Validator(_as_prefect_reads(whole, partial), registry=Registry())


@lru_cache(maxsize=COMPILED_KEPT)
def _refuse_no_schema(schema: str) -> None:
    """Refuse what the meta-schema refuses; once for a schema, whichever way it is used."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(_as_prefect_reads(json.loads(schema), partial=False))
    except SchemaError as error:
        raise Invalid(f"Invalid schema: {error.message}", FIELD) from error


def _sentence(error: ValidationError) -> str:
    """Prefect's sentence for one violation."""
    field = _field(error)
    where = f" for field {field!r}" if field else ""
    return f"Validation failed{where}. Failure reason: {error.message}"


def _entry(error: ValidationError) -> dict[str, Any]:
    return {"field": _field(error), "message": error.message}


def _field(error: ValidationError) -> str:
    """Path of the value, `a.b[0]`; empty for the parameters as a whole."""
    return error.json_path.removeprefix("$").removeprefix(".")


def _as_prefect_reads(node: Any, partial: bool) -> Any:
    """A copy in which older pydantic's habits are valid: lists of `items`, null for what has no default.

    Args:
        partial: leave out what is required, at every depth.
    """
    if isinstance(node, list):
        return [_as_prefect_reads(value, partial) for value in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _as_prefect_reads(value, partial) for key, value in node.items()}
    if isinstance(copy.get("properties"), dict):
        required = node.get("required")
        needed = set(required) if isinstance(required, list) else set()
        copy["properties"] = {
            name: _nullable(value) if name not in needed else value
            for name, value in copy["properties"].items()
        }
    if partial and isinstance(copy.get("required"), list):
        del copy["required"]
    if isinstance(copy.get("items"), list):
        copy.setdefault("prefixItems", copy.pop("items"))
    return copy


def _nullable(schema: Any) -> Any:
    """An optional parameter without a default, or with null for one, may be null."""
    if not isinstance(schema, dict) or schema.get("default") is not None or "type" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key != "type"}
    return {**rest, "anyOf": [{"type": schema["type"]}, {"type": "null"}]} if "anyOf" not in rest else schema


def _refuse_circles(schema: dict[str, Any]) -> None:
    """Refuse `$ref`s that lead back to themselves with nothing in between: they could never be decided.

    A definition that mentions itself for a nested value (a tree) is no circle: each step needs a deeper
    value, and parameters of finite size run out of those.
    """
    for start in _references(schema):
        seen, reference = [start], start
        while isinstance(reference := _target(schema, reference), str):
            if reference in seen:
                raise Invalid(f"{CIRCLE}: {' -> '.join([*seen, reference])}", FIELD)
            seen.append(reference)


def _references(node: Any) -> Iterator[str]:
    values: Iterable[Any] = (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    )
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]
    for value in values:
        yield from _references(value)


def _target(schema: dict[str, Any], reference: str) -> Any:
    """The `$ref` of what a local `#/a/b` points to; null without one, or when it is outside."""
    if not reference.startswith("#"):
        return None
    node: Any = schema
    for part in reference.removeprefix("#").strip("/").split("/"):
        if part:
            key = part.replace("~1", "/").replace("~0", "~")
            node = node.get(key) if isinstance(node, dict) else None
    return node.get("$ref") if isinstance(node, dict) else None
