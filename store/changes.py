"""Who wants to know that the store changed: in this process at once, from others by PRAGMA data_version."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25


class ChangeSignal:
    """Calls its subscribers after each change.

    Subscribers are called from the thread that made the change, after its transaction; they must return at
    once (set an Event, post a message) and must not touch the store.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[int, Callable[[], None]] = {}
        self._next = 0
        self.error: str | None = None
        """What went wrong last with telling of changes, for the screens; null when nothing did."""

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
        """Tell every subscriber. One that raises is logged and shown; the others still hear of it."""
        with self._lock:
            subscribers = list(self._subscribers.values())
        for changed in subscribers:
            try:
                changed()
            except Exception as error:
                # The change is made already: foreign code can neither undo it nor hide it from the others.
                self.error = f"a subscriber to changes failed: {error!r}"
                logger.exception("A subscriber to changes failed")


class Watcher:
    """A thread that hears of other processes' changes, about four times a second, and passes them on.

    PRAGMA data_version of its own connection moves with every commit of every other connection, so a change
    made in this process is heard again here, up to `POLL_SECONDS` after its own notification.

    Args:
        signal: told of each change.
        connect: opens a connection for this thread.
    """

    def __init__(self, signal: ChangeSignal, connect: Callable[[], sqlite3.Connection]) -> None:
        self._signal = signal
        self._connect = connect
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sluice-changes", daemon=True)

    def start(self) -> None:
        """Start watching; when this returns, no later change is missed."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End the thread and its connection."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with closing(self._connect()) as connection:
                    self._watch(connection)
            except sqlite3.Error as error:
                self._complain(error)
            # Also when it failed: a caller of `start` must not wait for a file that cannot be read.
            self._ready.set()
            self._stop.wait(POLL_SECONDS)

    def _watch(self, connection: sqlite3.Connection) -> None:
        seen = _data_version(connection)
        if self._ready.is_set():
            # Back after an error: what happened meanwhile is unknown, so everybody looks again.
            self._signal.error = None
            self._signal.notify()
        self._ready.set()
        while not self._stop.wait(POLL_SECONDS):
            version = _data_version(connection)
            if version != seen:
                seen = version
                self._signal.notify()

    def _complain(self, error: sqlite3.Error) -> None:
        message = f"changes of other processes are not seen: {error}"
        if self._signal.error != message:
            self._signal.error = message
            logger.error("Changes of other processes are not seen: %s", error)


def _data_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
