"""The bridge between the backend's threads and Textual's loop.

`ChangeFeed` turns change signals, which come from any thread and in any number, into at most four messages
a second. `LatestRead` runs slow reads in threads, one at a time, and drops replies that nobody waits for.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump
from textual.widget import Widget

Question = TypeVar("Question")
Reply = TypeVar("Reply")

SHORTEST_PAUSE = 0.25
"""Seconds between two StoreChanged messages."""

BUSY_SHARE = 10
"""A read that took t seconds is repeated for a change signal after t times this at the earliest."""


class StoreChanged(Message, bubble=False):
    """Something in the store changed, here or in another process."""


class ChangeFeed:
    """Posts `StoreChanged` to its target after change signals, at most four times a second.

    The first signal after a quiet time is passed on at once; those that follow within the pause are
    passed on together when it ends, so the last change is never missed.
    """

    def __init__(self, target: MessagePump, subscribe: Callable[[Callable[[], None]], Callable[[], None]]):
        """
        Args:
            target: gets the messages.
            subscribe: `Backend.subscribe`.
        """
        self._target = target
        self._lock = threading.Lock()
        self._waiting = False
        self._last_sent = float("-inf")
        self._timer: threading.Timer | None = None
        self._unsubscribe = subscribe(self._changed)

    def close(self) -> None:
        """End the subscription; no message is posted afterwards."""
        self._unsubscribe()
        with self._lock:
            self._waiting = True
            if self._timer is not None:
                self._timer.cancel()

    def _changed(self) -> None:
        """Called by the backend, from any thread: returns at once."""
        with self._lock:
            if self._waiting:
                return
            self._waiting = True
            pause = self._last_sent + SHORTEST_PAUSE - time.monotonic()
            if pause > 0:
                self._timer = threading.Timer(pause, self._send)
                self._timer.daemon = True
                self._timer.start()
                return
        self._send()

    def _send(self) -> None:
        with self._lock:
            self._waiting = False
            self._timer = None
            self._last_sent = time.monotonic()
        self._target.post_message(StoreChanged())


def _is_alive(owner: Widget) -> bool:
    """Whether a reply can still be shown: not on a screen that was left, nor in an app that closes."""
    return owner.is_attached and owner.app.is_running


_serial = itertools.count(1)


class LatestRead(Generic[Question, Reply]):
    """Reads in threads for one widget, one at a time; of the questions asked meanwhile the newest is next.

    All of it happens on Textual's loop except `read` itself, so replies need no locks.
    """

    def __init__(
        self,
        owner: Widget,
        read: Callable[[Question], Reply],
        show: Callable[[Question, Reply], None],
        fail: Callable[[Exception], None],
        *,
        keep_stale: bool = False,
    ) -> None:
        """
        Args:
            owner: its workers run the reads, and end with it.
            read: called in a thread; may take long and may raise.
            show: called on the loop with the question and its reply.
            fail: called on the loop with what `read` raised.
            keep_stale: also show replies to questions that are not the newest (rows by key stay true).
        """
        self._owner = owner
        self._read = read
        self._show = show
        self._fail = fail
        self._keep_stale = keep_stale
        self._group = f"read-{next(_serial)}"
        self._wanted: list[Question] = []
        self._busy = False
        self.took = 0.0
        """Seconds that the last read took."""
        self.ended = float("-inf")
        """Monotonic time at which the last read ended."""

    @property
    def busy(self) -> bool:
        """Whether a read is under way."""
        return self._busy

    @property
    def rest(self) -> float:
        """Seconds to wait before repeating this read only because something changed."""
        return max(0.0, self.ended + self.took * BUSY_SHARE - time.monotonic())

    def ask(self, question: Question) -> None:
        """Read soon; a question asked before and not yet begun is forgotten."""
        self._wanted = [question]
        if not self._busy:
            self._busy = True
            self._owner.run_worker(self._work(), group=self._group, exit_on_error=True)

    async def _work(self) -> None:
        try:
            while self._wanted:
                question = self._wanted.pop()
                started = time.monotonic()
                try:
                    reply = await asyncio.to_thread(self._read, question)
                except Exception as error:  # noqa: BLE001  outermost frame of the read: shown, and the screen lives
                    self._owner.log.error(f"a read failed: {error!r}")
                    self._note_end(started)
                    if not self._wanted and _is_alive(self._owner):
                        self._fail(error)
                    continue
                self._note_end(started)
                if (self._keep_stale or not self._wanted) and _is_alive(self._owner):
                    self._show(question, reply)
        finally:
            self._busy = False

    def _note_end(self, started: float) -> None:
        self.ended = time.monotonic()
        self.took = self.ended - started


def run_in_thread(
    owner: Widget,
    call: Callable[[], Reply],
    done: Callable[[Reply], None],
    fail: Callable[[Exception], None],
) -> None:
    """Make one change in a thread, and tell the loop how it ended. Changes are never dropped or overtaken.

    Args:
        owner: the screen or widget whose worker this is.
        call: runs in a thread.
        done: called on the loop with the answer.
        fail: called on the loop with what `call` raised.
    """

    async def work() -> None:
        try:
            answer = await asyncio.to_thread(call)
        except Exception as error:  # noqa: BLE001  outermost frame of the change: shown, and the screen lives
            owner.log.error(f"a change failed: {error!r}")
            if _is_alive(owner):
                fail(error)
        else:
            if _is_alive(owner):
                done(answer)

    owner.run_worker(work(), group="changes")
