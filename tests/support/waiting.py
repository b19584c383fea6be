"""Waiting for the thing itself instead of sleeping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.01


def wait_until(predicate: Callable[[], T], timeout: float = 10.0, message: str = "") -> T:
    """Poll `predicate` until it is true and answer what it answered.

    Args:
        predicate: called again and again from this thread; anything truthy ends the wait.
        timeout: seconds.
        message: what was awaited, for the failure.

    Raises:
        AssertionError: it did not become true in time.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout:g} s: {message or predicate}")
        pause.wait(POLL_SECONDS)
