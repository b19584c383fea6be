"""From a function's parameters to Prefect's parameter schema: annotations, defaults, docstrings.

Part of the stand-alone script signature.py: the standard library only, Python 3.9 and later.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import inspect
import json
import pathlib
import re
import sys
import types
import typing
import uuid
from collections import abc
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

DEFINITIONS = "#/definitions/{model}"
SIMPLE: dict[type, Json] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    bytes: {"type": "string", "format": "binary"},
    decimal.Decimal: {"anyOf": [{"type": "number"}, {"type": "string"}]},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.time: {"type": "string", "format": "time"},
    datetime.timedelta: {"type": "string", "format": "duration"},
    pathlib.Path: {"type": "string", "format": "path"},
    uuid.UUID: {"type": "string", "format": "uuid"},
}
UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))  # the second from Python 3.10 on
SETS = {set, frozenset, abc.Set, abc.MutableSet}
ARRAYS: set[Any] = {list, tuple, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection, *SETS}
OBJECTS: set[Any] = {dict, abc.Mapping, abc.MutableMapping}
NAMES: dict[str, Any] = {kind.__name__: kind for kind in (*SIMPLE, *ARRAYS, *OBJECTS)} | {
    "None": type(None),
    "object": object,
}


def schema_of(annotation: Any, definitions: Json) -> Json:
    """The JSON schema of one annotation, as pydantic writes it; `{}` (anything) for what has no JSON form.

    Args:
        annotation: a type, or a typing construct.
        definitions: receives the schemas of enumerations and models, by name.
    """
    if annotation in (inspect.Parameter.empty, typing.Any, object):
        return {}
    if annotation is None:
        return {"type": "null"}
    if type(annotation).__hash__ is None:  # a list or the like instead of a type
        return {}
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return annotated_schema(annotation, arguments, definitions)
    if origin in UNIONS:
        return {"anyOf": [schema_of(argument, definitions) for argument in arguments]}
    if origin is typing.Literal:
        return values_schema(list(arguments))
    base = origin or annotation
    if base in ARRAYS:
        return array_schema(base, arguments, definitions)
    if base in OBJECTS:
        values = schema_of(arguments[1], definitions) if len(arguments) == 2 else {}
        return {"type": "object", **({"additionalProperties": values} if values else {})}
    return plain_schema(annotation, definitions)


def plain_schema(annotation: Any, definitions: Json) -> Json:
    """The schema of a class: one with a JSON type, an enumeration, or what pydantic knows."""
    if not isinstance(annotation, type):
        return pydantic_schema(annotation, definitions) or {}
    if issubclass(annotation, enum.Enum):
        members = values_schema([member.value for member in annotation])
        definitions[annotation.__name__] = {"title": annotation.__name__, **members}
        return {"$ref": DEFINITIONS.format(model=annotation.__name__)}
    if annotation in SIMPLE:
        return dict(SIMPLE[annotation])
    if issubclass(annotation, pathlib.PurePath):
        return dict(SIMPLE[pathlib.Path])
    return pydantic_schema(annotation, definitions) or {}


def array_schema(base: Any, arguments: tuple[Any, ...], definitions: Json) -> Json:
    """The schema of a list, set or tuple; a tuple of fixed length gives each place its own."""
    if base is tuple and arguments and arguments[-1] is not Ellipsis:
        places = [schema_of(argument, definitions) for argument in arguments]
        return {"type": "array", "prefixItems": places, "minItems": len(places), "maxItems": len(places)}
    items = schema_of(arguments[0], definitions) if arguments else {}
    unique = {"uniqueItems": True} if base in SETS else {}
    return {"type": "array", "items": items, **unique}


def values_schema(values: list[Any]) -> Json:
    """The schema of a choice between values; their type is named when they share one."""
    kinds = {type(value) for value in values}
    shared = SIMPLE.get(kinds.pop(), {}) if len(kinds) == 1 else {}
    return {"enum": [to_json(value) for value in values], **shared}


def annotated_schema(annotation: Any, arguments: tuple[Any, ...], definitions: Json) -> Json:
    """`Annotated[T, ...]`: pydantic's schema when it is there, else that of T, described by a text."""
    schema = pydantic_schema(annotation, definitions) or schema_of(arguments[0], definitions)
    texts = [note for note in arguments[1:] if isinstance(note, str)]
    return schema | ({"description": texts[0]} if texts else {})


def pydantic_schema(annotation: Any, definitions: Json) -> Json | None:
    """What pydantic says of a type, if the user's file has loaded it; None when it has not or cannot."""
    pydantic = sys.modules.get("pydantic")
    adapter = getattr(pydantic, "TypeAdapter", None)
    if adapter is None:
        return None
    try:
        schema: Json = adapter(annotation).json_schema(ref_template=DEFINITIONS)
    except Exception:  # noqa: BLE001 (pydantic raises many kinds for types it does not know; they mean "anything")
        return None
    definitions.update(schema.pop("$defs", {}))
    if isinstance(annotation, type) and schema.get("type") == "object":
        definitions[annotation.__name__] = schema
        return {"$ref": DEFINITIONS.format(model=annotation.__name__)}
    return schema


def to_json(value: Any) -> Any:
    """A default as JSON. Raises TypeError for what has no JSON form."""
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return f"PT{value.total_seconds():g}S"
    if isinstance(value, (uuid.UUID, pathlib.PurePath, decimal.Decimal)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(to_json(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    json.dumps(value, allow_nan=False)
    return value


def default_of(parameter: inspect.Parameter) -> Json:
    """The default as schema; none when it has no JSON form: the function's own applies all the same."""
    try:
        return {"default": to_json(parameter.default)}
    except (TypeError, ValueError):
        return {}


def parameters_schema(parameters: Sequence[inspect.Parameter], docs: dict[str, str]) -> Json:
    """Prefect's schema of a function's parameters.

    Args:
        parameters: `inspect.Parameter` objects, annotations resolved.
        docs: description by parameter name.
    """
    properties: Json = {}
    required: list[str] = []
    definitions: Json = {}
    for position, parameter in enumerate(parameters):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        field = schema_of(parameter.annotation, definitions)
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        else:
            field |= default_of(parameter)
        if parameter.name in docs:
            field["description"] = docs[parameter.name]
        properties[parameter.name] = {**field, "position": position, "title": parameter.name}
    schema = {"title": "Parameters", "type": "object", "properties": properties}
    return (
        schema
        | ({"required": required} if required else {})
        | ({"definitions": definitions} if definitions else {})
    )


def parameter_docs(docstring: str | None) -> dict[str, str]:
    """Descriptions of parameters in a docstring: Google's `Args:` and Sphinx's `:param name:`."""
    found: dict[str, str] = {}
    lines = (docstring or "").splitlines()
    for index, line in enumerate(lines):
        sphinx = re.match(r":param\s+(?:\S+\s+)?(\w+):\s*(.*)", line.strip())
        if sphinx:
            found[sphinx[1]] = sphinx[2]
        elif line.strip() in ("Args:", "Arguments:", "Parameters:"):
            found.update(indented_docs(lines[index + 1 :]))
    return found


def indented_docs(lines: list[str]) -> dict[str, str]:
    """`name: text` entries, each going on in the lines indented below it, up to the first unindented line."""
    found: dict[str, str] = {}
    name, indent = "", 0
    for line in filter(str.strip, lines):
        depth = len(line) - len(line.lstrip())
        if depth == 0:
            break
        indent = indent or depth
        entry = re.match(r"\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)", line) if depth <= indent else None
        if entry:
            name = entry[1]
            found[name] = entry[2]
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
