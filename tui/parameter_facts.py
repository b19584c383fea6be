"""A parameter schema in words: types, defaults, what is required, and the values set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui.masking import MASK, is_secret, masked
from tui.run_facts import value_words
from tui.widgets.columns import Part
from tui.widgets.fact_list import DIM, STRONG, WARNING, Fact, Heading, Item

_DEPTH = 4
"""Nested types are named to this depth."""


def type_words(schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int = 0) -> str:
    """A JSON schema's type in a few words: `integer`, `list of text`, `text or null`, `one of a, b`."""
    if depth > _DEPTH:
        return "…"
    if "enum" in schema:
        return "one of " + ", ".join(value_words(value) for value in schema["enum"])
    if "const" in schema:
        return f"always {value_words(schema['const'])}"
    if isinstance(schema.get("$ref"), str):
        name = schema["$ref"].rpartition("/")[2]
        found = definitions.get(name)
        return (
            type_words(found, definitions, depth + 1) if isinstance(found, dict) and "enum" in found else name
        )
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list):
            kinds = [type_words(one, definitions, depth + 1) for one in schema[key] if isinstance(one, dict)]
            return " or ".join(dict.fromkeys(kinds)) or "anything"
    return _plain_words(schema, definitions, depth)


def _plain_words(schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(type_words({**schema, "type": one}, definitions, depth + 1) for one in kind)
    if kind == "array":
        items = schema.get("items")
        return f"list of {type_words(items, definitions, depth + 1)}" if isinstance(items, dict) else "list"
    words = {"string": "text", "object": "object", "boolean": "yes or no", None: "anything"}.get(
        kind, str(kind)
    )
    form = schema.get("format")
    return f"{words} ({form})" if isinstance(form, str) else words


def parameter_facts(
    schema: Mapping[str, Any] | None, values: Mapping[str, Any], *, enforced: bool
) -> list[Item]:
    """One fact for each parameter, then the values that the schema does not know."""
    properties = (schema or {}).get("properties") or {}
    if not isinstance(properties, dict):
        properties = {}
    definitions = (schema or {}).get("definitions") or (schema or {}).get("$defs") or {}
    required = (schema or {}).get("required") or []
    items: list[Item] = [Fact("", [(_head(bool(schema), enforced), DIM)])]
    if properties:
        items.append(Heading("Parameters"))
        ordered = sorted(properties.items(), key=lambda item: _position(item[1]))
        items += [_fact(name, one, definitions, name in required, values) for name, one in ordered]
    others = {name: value for name, value in values.items() if name not in properties}
    if others:
        items.append(Heading("Set, but not in the schema" if properties else "Set"))
        items += [Fact(name, [(value_words(value), STRONG)]) for name, value in masked(others).items()]
    return items


def _head(known: bool, enforced: bool) -> str:
    if not known:
        return "There is no schema: any parameters are accepted."
    return (
        "Values are checked against these types."
        if enforced
        else "Values are not checked against these types."
    )


def _position(schema: Any) -> int:
    position = schema.get("position") if isinstance(schema, dict) else None
    return position if isinstance(position, int) else 1_000


def _fact(
    name: str, schema: Any, definitions: Mapping[str, Any], required: bool, values: Mapping[str, Any]
) -> Fact:
    schema = schema if isinstance(schema, dict) else {}
    hidden = is_secret(name)
    parts: list[Part] = [_value(name, schema, required, values, hidden)]
    parts.append((f"\n{type_words(schema, definitions)}", DIM))
    if required:
        parts.append((", required", DIM))
    if "default" in schema:
        default = schema["default"]
        words = MASK if hidden and default is not None else value_words(masked(default))
        parts.append((f", default {words}" if words else ", default empty", DIM))
    if isinstance(schema.get("description"), str):
        parts.append((f"\n{schema['description'].strip()}", DIM))
    return Fact(name, parts)


def _value(
    name: str, schema: Mapping[str, Any], required: bool, values: Mapping[str, Any], hidden: bool
) -> Part:
    """The value a run gets when nothing else is said."""
    if name in values:
        return (
            MASK if hidden and values[name] is not None else value_words(masked(values[name])) or "empty",
            STRONG,
        )
    if "default" in schema:
        return ("its default", "")
    return ("not set: a run has to give it", WARNING) if required else ("not set", DIM)
