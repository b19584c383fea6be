"""What all schemas share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

FORBIDDEN_IN_NAMES = "/%&<>"
MAX_PARAMETER_BYTES = 512 * 1024


class Schema(BaseModel):
    """Base: unknown keys are refused, so that a misspelt one is never silently dropped."""

    model_config = ConfigDict(extra="forbid", defer_build=True, ser_json_timedelta="float")


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


Instant = Annotated[datetime, AfterValidator(_to_utc)]
"""An aware datetime in UTC; a naive one is taken as UTC, as Prefect does."""

Name = Annotated[str, AfterValidator(_check_name)]
Tags = Annotated[list[str], AfterValidator(_unique)]
JsonObject = Annotated[dict[str, Any], BeforeValidator(_null_is_empty)]
