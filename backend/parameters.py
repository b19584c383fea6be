"""Parameters against a deployment's `parameter_openapi_schema`, with Prefect's messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from store.errors import ParametersInvalid

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_MAX_REFERENCES = 100


def validate(parameters: dict[str, Any], schema: dict[str, Any] | None, partial: bool) -> None:
    """Refuse parameters that do not fit the schema (JSON Schema, draft 2020-12).

    Args:
        parameters: name to JSON value.
        schema: null or empty: anything fits.
        partial: required parameters may be missing, as in a deployment whose runs bring them.

    Raises:
        ParametersInvalid: they do not fit; its `errors` list each field. Or the schema itself is no schema,
            points outside itself, or refers to itself in a circle.
    """
    if not schema:
        return
    # jsonschema takes 60 ms to import: only those who validate pay for it.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    _refuse_cycles(schema)
    usable = {key: value for key, value in schema.items() if not (partial and key == "required")}
    try:
        Draft202012Validator.check_schema(usable)
        # An empty registry of our own: without one jsonschema would fetch a remote $ref over the network.
        validator = Draft202012Validator(usable, registry=Registry())
        found = sorted(validator.iter_errors(parameters), key=lambda error: [str(p) for p in error.path])
    except SchemaError as error:
        raise ParametersInvalid(
            f"The parameter schema is not a valid JSON schema: {error.message}"
        ) from error
    except Unresolvable as error:
        raise ParametersInvalid(
            f"The parameter schema refers to {error.ref!r}, which is not inside it; nothing is fetched"
        ) from error
    if found:
        raise ParametersInvalid(_sentence(found), [_entry(error) for error in found])


def _sentence(found: Iterable[ValidationError]) -> str:
    """Prefect's sentence for each violation, one after the other."""
    sentences = []
    for error in found:
        field = _field(error)
        if field:
            sentences.append(f"Validation failed for field {field!r}. Failure reason: {error.message}")
        else:
            sentences.append(f"Validation failed. Failure reason: {error.message}")
    return "; ".join(sentences)


def _entry(error: ValidationError) -> dict[str, Any]:
    return {"field": _field(error), "message": error.message}


def _field(error: ValidationError) -> str:
    """Dotted path of the value, `a.b[0]`; empty for the parameters as a whole."""
    text = ""
    for part in error.absolute_path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _refuse_cycles(schema: dict[str, Any]) -> None:
    """Refuse `$ref`s that lead back to themselves without a value in between: they could never be decided.

    A definition that mentions itself for a nested value (a tree) is no such circle: each step needs a deeper
    value, which parameters of finite size run out of.
    """
    for start in _references(schema):
        reference, seen = start, [start]
        while (target := _lookup(schema, reference)) is not None and isinstance(target.get("$ref"), str):
            reference = target["$ref"]
            if reference in seen or len(seen) > _MAX_REFERENCES:
                circle = " -> ".join([*seen, reference])
                raise ParametersInvalid(f"The parameter schema refers to itself in a circle: {circle}")
            seen.append(reference)


def _references(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _lookup(schema: dict[str, Any], reference: str) -> dict[str, Any] | None:
    """What a local `#/a/b` points to, or None: jsonschema reports what cannot be resolved."""
    if not reference.startswith("#"):
        return None
    node: Any = schema
    for part in reference.removeprefix("#").removeprefix("/").split("/"):
        if part == "":
            continue
        key = part.replace("~1", "/").replace("~0", "~")
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None
