"""What changed between two snapshots of a deployment, as lines.

A snapshot is what the history keeps: the deployment's columns, times as microseconds, and its schedules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, NamedTuple

from store.clock import from_micros
from tui.masking import MASK, is_secret, masked
from tui.times import exact

HIDDEN = frozenset(
    {
        "id", "created", "updated", "created_by", "updated_by", "flow_id", "work_queue_id", "last_polled",
        "status", "concurrency_limit_id", "limit_name", "planning_error", "scheduled_runs",
        "deployment_id", "anchor", "planned_until", "plan_again_at",
    }
)  # fmt: skip
"""Bookkeeping: it changes without anybody meaning it."""

_INSTANTS = frozenset({"pause_until"})
_SWITCHES = frozenset({"paused", "active", "catchup", "enforce_parameter_schema"})


class Change(NamedTuple):
    """One field that differs; null where it was or is not there."""

    field: str
    before: str | None
    after: str | None


class _Value(NamedTuple):
    """What is compared, and what is shown of it."""

    raw: Any
    words: str


def changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, zone: tzinfo | None
) -> list[Change]:
    """The fields that differ, in the order of the snapshots; secrets are compared, but never shown."""
    old, new = _fields(before or {}, zone), _fields(after or {}, zone)
    found = []
    for field in dict.fromkeys([*old, *new]):
        was, now = old.get(field), new.get(field)
        if was != now:
            found.append(Change(field, was.words if was else None, now.words if now else None))
    return found


def _fields(snapshot: Mapping[str, Any], zone: tzinfo | None) -> dict[str, _Value]:
    """Field path to value; what is not set is left out."""
    fields: dict[str, _Value] = {}
    for name, value in snapshot.items():
        if name == "schedules":
            for number, schedule in enumerate(value or [], 1):
                fields |= _schedule_fields(schedule, number, zone)
        elif name not in HIDDEN:
            fields |= _flat(name, name, value, zone)
    return fields


def _schedule_fields(schedule: Mapping[str, Any], number: int, zone: tzinfo | None) -> dict[str, _Value]:
    name = f"schedule {schedule.get('slug') or number}"
    fields: dict[str, _Value] = {}
    for key, value in schedule.items():
        if key not in HIDDEN and key != "slug":
            fields |= _flat(f"{name}: {key}", key, value, zone)
    return fields


def _flat(path: str, key: str, value: Any, zone: tzinfo | None) -> dict[str, _Value]:
    """Objects are taken apart, so that one changed key is one line; what is under a secret key is masked."""
    if value is None or value in ([], {}):
        return {}
    if is_secret(key):
        return {path: _Value(value, MASK)}
    if isinstance(value, dict):
        parts = [_flat(f"{path}.{inner}", str(inner), item, zone) for inner, item in value.items()]
        return {field: words for part in parts for field, words in part.items()}
    return {path: _Value(value, _words(key, value, zone))}


def _words(key: str, value: Any, zone: tzinfo | None) -> str:
    if key in _INSTANTS and isinstance(value, int):
        return exact(from_micros(value), zone)
    if key in _SWITCHES:
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(masked(value), ensure_ascii=False)
