"""Ids: UUIDv7, time-ordered so that inserts append to the index."""

from __future__ import annotations

from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562), as the standard library's UUID."""
    return compat.uuid7()
