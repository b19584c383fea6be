"""Long lists of ids in SQL: SQLite takes 32,766 variables in one statement, so they go in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

CHUNK = 500


def chunked(ids: Sequence[UUID], size: int = CHUNK) -> Iterator[list[bytes]]:
    """The distinct ids as SQLite keeps them, at most `size` at a time, in order of first mention."""
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), size):
        yield [key.bytes for key in distinct[start : start + size]]


def marks(values: Sequence[object]) -> str:
    """`?, ?, ?` for so many values."""
    return ", ".join("?" * len(values))


def keys_of(query: Any) -> list[UUID]:
    """The ids that a Peewee query of one id column selects."""
    return [row[0] for row in query.tuples()]
