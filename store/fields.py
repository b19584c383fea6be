"""Peewee fields: instants as integer microseconds, ids as 16 bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from peewee import BigIntegerField, BinaryUUIDField, JSONField

from store.clock import from_micros, to_micros

__all__ = ["IdField", "InstantField", "JSONField"]

IdField = BinaryUUIDField


class InstantField(BigIntegerField):
    """An aware datetime outside, integer microseconds since the epoch (UTC) inside."""

    def db_value(self, value: Any) -> Any:
        return to_micros(value) if isinstance(value, datetime) else value

    def python_value(self, value: Any) -> Any:
        return from_micros(value) if isinstance(value, int) else value
