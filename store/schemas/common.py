"""What all schemas share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import to_jsonable_python

FORBIDDEN_IN_NAMES = "/%&<>"
MAX_PARAMETER_BYTES = 512 * 1024
MAX_COUNT = 2**31 - 1
"""Of counts and seconds: what SQLite and the calendar can take, and more than anybody means."""


class Schema(BaseModel):
    """Base: unknown keys are refused, so that a misspelt one is never silently dropped."""

    model_config = ConfigDict(extra="forbid", defer_build=True, ser_json_timedelta="float")


class Sent(Schema):
    """Base of what callers send: text that no file could hold is refused here, not by the database."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_text(cls, data: Any) -> Any:
        if isinstance(data, dict):
            try:
                json.dumps(data, default=str, skipkeys=True, ensure_ascii=False).encode()
            except UnicodeEncodeError as error:
                half = error.object[error.start : error.end]
                raise ValueError(f"{half!a} is half of a character: text must be valid Unicode") from error
        return data


class CreatedBy(Schema):
    """Who made an object: {id, type, display_value}. Types: USER, SCHEDULE, BACKFILL, DEPLOYMENT, WORKER."""

    id: UUID | None = None
    type: str | None = None
    display_value: str | None = None


def _to_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _check_name(value: str) -> str:
    if not value.strip():
        raise ValueError("a name must not be empty")
    found = sorted({c for c in value if c in FORBIDDEN_IN_NAMES})
    if found:
        raise ValueError(f"name {value!r} holds {' '.join(found)}: the characters / % & < > are not allowed")
    return value


def _unique(value: list[str]) -> list[str]:
    return list(dict.fromkeys(value))


def _null_is_empty(value: Any) -> Any:
    return {} if value is None else value


def _to_json(value: Any) -> Any:
    """As JSON keeps it: dates become ISO text, sets lists."""
    plain = to_jsonable_python(value)
    try:
        json.dumps(plain, allow_nan=False)
    except ValueError as error:
        raise ValueError("NaN and Infinity are no JSON values: send null or text instead") from error
    return plain


Instant = Annotated[datetime, AfterValidator(_to_utc)]
"""An aware datetime in UTC; a naive one is taken as UTC, as Prefect does."""

Name = Annotated[str, AfterValidator(_check_name)]
Tags = Annotated[list[str], AfterValidator(_unique)]
Json = Annotated[Any, AfterValidator(_to_json)]
"""Anything that JSON can hold."""
JsonDict = Annotated[dict[str, Any], AfterValidator(_to_json)]
JsonObject = Annotated[dict[str, Any], BeforeValidator(_null_is_empty), AfterValidator(_to_json)]
"""A JSON object; null is an empty one."""
