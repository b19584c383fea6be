"""Who wants to know that the store changed: in this process at once, from others by PRAGMA data_version."""

from __future__ import annotations

import threading
from collections.abc import Callable


class ChangeSignal:
    """Calls its subscribers after each change.

    Subscribers are called from the thread that made the change, after its transaction; they must return at
    once (set an Event, post a message) and must not touch the store.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[int, Callable[[], None]] = {}
        self._next = 0

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after each change, until the returned function is called."""
        with self._lock:
            key = self._next
            self._next += 1
            self._subscribers[key] = changed

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers.pop(key, None)

        return unsubscribe

    def notify(self) -> None:
        """Tell every subscriber."""
        with self._lock:
            subscribers = list(self._subscribers.values())
        for changed in subscribers:
            changed()
