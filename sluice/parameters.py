"""From `--param key=value` and `--params JSON` to a run's parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.exits import UsageProblem
from store.errors import Refused


def parse_parameters(
    pairs: Sequence[str], whole: str | None, schema: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The parameters meant; a `--param` wins over the same key in `--params`.

    Args:
        pairs: `key=value` each. The value is JSON where it parses as such, else text; where the deployment's
            schema says that it is a string, it is text in any case (`zip=01234`).
        whole: a JSON object.
        schema: the deployment's parameter_openapi_schema.

    Raises:
        UsageProblem: a pair without `=`, or `whole` is no JSON object.
    """
    parameters = _parse_whole(whole) if whole is not None else {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageProblem(f"--param {pair!r}: write it as key=value")
        parameters[key] = value if _is_text(schema, key) else _parse_value(value)
    return parameters


def check_names(parameters: Mapping[str, Any], schema: Mapping[str, Any] | None) -> None:
    """Refuse parameters that the flow does not take, as Prefect's own command does.

    Its API lets unknown names through, and then the run fails. A command reads any from SLUICE_PARAMETERS,
    and a function with `**kwargs` takes any: their schemas name none, or say so.

    Raises:
        Refused: there is such a name; the sentence gives those that there are.
    """
    known = (schema or {}).get("properties")
    if not isinstance(known, Mapping) or not known or (schema or {}).get("additionalProperties"):
        return
    if unknown := [name for name in parameters if name not in known]:
        named = ", ".join(repr(name) for name in unknown)
        raise Refused(f"there is no parameter {named} here; the flow takes {', '.join(known)}")


def _parse_whole(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageProblem(f"--params is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageProblem(f'--params must be a JSON object such as {{"key": 1}}, not {type(value).__name__}')
    return value


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_text(schema: Mapping[str, Any] | None, key: str) -> bool:
    properties = (schema or {}).get("properties")
    field = properties.get(key) if isinstance(properties, Mapping) else None
    return isinstance(field, Mapping) and field.get("type") == "string"
