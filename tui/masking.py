"""Secrets never reach the screen: values under telling keys are masked (SEMANTICS.md section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

SECRET_KEYS = ("*PASSWORD*", "*TOKEN*", "*SECRET*", "*KEY*")
MASK = "••••••"


def is_secret(key: str, patterns: Sequence[str] = SECRET_KEYS) -> bool:
    """Whether what stands under this key is masked; upper and lower case are the same."""
    return any(fnmatchcase(key.upper(), pattern) for pattern in patterns)


def masked(value: Any, patterns: Sequence[str] = SECRET_KEYS) -> Any:
    """A copy of a JSON value with everything under a secret key replaced by `MASK`; null stays null."""
    if isinstance(value, dict):
        return {
            key: MASK if item is not None and is_secret(str(key), patterns) else masked(item, patterns)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item, patterns) for item in value]
    return value
