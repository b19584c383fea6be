"""The scheduler's thread: a loop that looks when something is due or has changed, and outlives errors."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from scheduler import planner
from store import heartbeat
from store.database import Store
from store.locks import LockFile

LOCK_RETRY_SECONDS = 1.0
"""How often a process that does not schedule tries to take over; within two seconds one of them does."""
MAX_WAIT_SECONDS = planner.BEAT_EVERY.total_seconds()
ERROR_WAIT_SECONDS = 5.0
LOOK_GAP_SECONDS = 0.1
"""Changes that follow each other faster than this share one look: a chatty log writer costs ten a second."""
JUMP_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Scheduler:
    """Plans the runs of a database for as long as it holds the lock `scheduler`.

    Args:
        store: writable; the thread has a connection of its own.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = LockFile(store.path, "scheduler", store.clock)
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: str | None = None
        self._looks = 0
        self._clocks: tuple[datetime, float] | None = None

    @property
    def error(self) -> str | None:
        """What the last look failed with, in words; None while all is well."""
        return self._error

    @property
    def holds_lock(self) -> bool:
        """Whether it is this process that schedules."""
        return self._lock.held

    @property
    def looks(self) -> int:
        """How many times it has looked at the database."""
        return self._looks

    def start(self) -> None:
        """Start the thread; nothing happens when it runs already."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread, wait for it, and give the lock back."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        """Look soon. May be called from any thread."""
        self._woken.set()

    def loop(self, now: datetime) -> float:
        """One turn at `now`; answers how many seconds may pass until the next if nothing changes."""
        if not self._lock.held and not self._take_over():
            return LOCK_RETRY_SECONDS
        self._looks += 1
        self._notice_jump(now)
        result = planner.plan(self._store, now, self._stopping.is_set)
        if result.next_look is None:
            return MAX_WAIT_SECONDS
        return min(MAX_WAIT_SECONDS, max(0.0, (result.next_look - now).total_seconds()))

    def _take_over(self) -> bool:
        """Take the lock if it is free, and the database is still one that this Sluice knows."""
        if not self._lock.try_acquire():
            return False
        try:
            self._store.check_version()
        except BaseException:
            self._lock.release()
            raise
        return True

    def _run(self) -> None:
        thread = threading.get_ident()

        def changed() -> None:
            # What this thread wrote, it knows.
            if threading.get_ident() != thread:
                self._woken.set()

        unsubscribe = self._store.changes.subscribe(changed)
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                self._wait(self._turn())
        finally:
            unsubscribe()
            self._leave()

    def _turn(self) -> float:
        try:
            wait = self.loop(self._store.clock.now())
        except Exception as error:  # noqa: BLE001 (the thread's outermost loop: logged, shown, tried again)
            message = f"{type(error).__name__}: {error}"
            if message != self._error:
                _log.exception("the scheduler failed and tries again every %g s", ERROR_WAIT_SECONDS)
            self._error = message
            return ERROR_WAIT_SECONDS
        self._error = None
        return wait

    def _wait(self, seconds: float) -> None:
        if not self._lock.held or self._error is not None:
            # Nothing that changes could help: neither may a change make this spin.
            self._stopping.wait(seconds)
            return
        self._stopping.wait(LOOK_GAP_SECONDS)
        self._woken.wait(max(0.0, seconds - LOOK_GAP_SECONDS))

    def _notice_jump(self, now: datetime) -> None:
        """Log when the wall clock went elsewhere than time passed; what follows the heartbeat decides."""
        monotonic = self._store.clock.monotonic()
        if self._clocks is not None:
            wall, then = self._clocks
            jump = (now - wall).total_seconds() - (monotonic - then)
            if abs(jump) > JUMP_SECONDS:
                _log.warning("the clock jumped by %+.0f s, or this machine slept", jump)
        self._clocks = now, monotonic

    def _leave(self) -> None:
        """Say for the next one until when somebody was here, then make room.

        Not after a time in which it only failed, or in the middle of judging a downtime: the heartbeat must
        stay old then, so that the next one judges what was due.
        """
        try:
            now = self._store.clock.now()
            last = heartbeat.last_tick(self._store) if self._lock.held else None
            if last is not None and now - last <= planner.DOWNTIME:
                heartbeat.beat(self._store, now)
        except Exception:  # noqa: BLE001 (leaving: the lock must be given back whatever the database says)
            _log.exception("the scheduler could not keep when it stopped")
        finally:
            self._lock.release()
            if not self._store.database.is_closed():
                self._store.database.close()
