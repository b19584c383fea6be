"""The worker thread: claims due runs of the pool `local`, starts them, and supervises them to their end.

It never polls for due runs: it waits for the next due instant, a change of the store, or a run's bell,
whichever comes first. The wall clock is read again every second at least, because it may jump.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import subprocess
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from scheduler.admission import admit
from scheduler.environment import LogLimit
from scheduler.execution import RUNNER, Execution, compile_runner, fail_to_start
from scheduler.spool import home_of, prune
from store import claims, homes
from store.claims import Launch
from store.database import Store
from store.errors import DatabaseProblem, Invalid
from store.locks import LockFile
from store.schemas import LOCAL_POOL, StateCreate, StateType

log = logging.getLogger("sluice.worker")

WORKER_PREFIX = "sluice-worker "
"""How the names of built-in workers begin: their runs are adopted, those of external workers never."""
MAX_WAIT_SECONDS = 1.0
LOCK_RETRY_SECONDS = 1.0
LOG_BATCH_SECONDS = 0.05
"""New lines of one run are stored at most this often."""
MAX_TROUBLE = 3
"""How often handling one run may raise before the run is given up as CRASHED."""


class Worker:
    """Executes runs as child processes, while it holds the lock `worker` of the database.

    Args:
        store: the open database.
        concurrency: how many runs at once; null: one per core.
        state_dir: Sluice's own folder; each live run has one below it.
        log_limit: where the log of a run is cut.
    """

    def __init__(
        self,
        store: Store,
        *,
        concurrency: int | None = None,
        state_dir: Path,
        log_limit: LogLimit = LogLimit(),  # noqa: B008 - a NamedTuple, never changed
    ) -> None:
        self.name = f"{WORKER_PREFIX}{os.getpid()}@{socket.gethostname()}"
        self.error: str | None = None
        """What stopped the worker from working, in words, until it works again."""
        self._store = store
        self._concurrency = concurrency or os.cpu_count() or 1
        self._state_dir = state_dir
        self._log_limit = log_limit
        self._lock = LockFile(store.path, "worker", store.clock)
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._stop_at: float | None = None
        self._stopping = threading.Event()
        self._runner = RUNNER
        self._changed = True
        self._next_due: datetime | None = None
        self._executions: dict[UUID, Execution] = {}
        self._trouble: dict[UUID, int] = {}
        self._ending: list[subprocess.Popen[bytes]] = []
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = os.pipe()
        for end in (self._wake_out, self._wake_in):
            os.set_blocking(end, False)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._pipe_lock = threading.Lock()
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def holds_lock(self) -> bool:
        """Whether this worker is the one that works on the database."""
        return self._lock.held

    @property
    def active(self) -> int:
        """How many runs it holds now."""
        return len(self._executions)

    def start(self) -> None:
        """Start the thread. It works as soon as no other process does."""
        self._unsubscribe = self._store.changes.subscribe(self._on_change)
        self._thread.start()

    def stop(self, timeout: float = 10.0, *, wait_for_runs: float = 0.0) -> bool:
        """Claim nothing more, and end the thread. Runs that still live go on; the next worker adopts them.

        Args:
            timeout: seconds to wait for the thread itself.
            wait_for_runs: seconds that live runs may take to end before they are left alone.

        Returns:
            Whether the thread has ended.
        """
        self._stop_at = self._store.clock.monotonic() + wait_for_runs
        self._stopping.set()
        self.wake()
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._thread.join(timeout + wait_for_runs)
        return not self._thread.is_alive()

    def wake(self) -> None:
        """Look now: something may be due, or asked to end."""
        self._changed = True
        with self._pipe_lock:
            if self._wake_in >= 0:
                try:
                    os.write(self._wake_in, b"\0")
                except BlockingIOError:
                    log.debug("the worker is being woken already")

    def _on_change(self) -> None:
        if threading.current_thread() is not self._thread:
            self.wake()

    # --- The thread

    def _run(self) -> None:
        while not self._done():
            try:
                if self._lock.try_acquire():
                    self._store.check_version()
                    self._runner = compile_runner(self._state_dir)
                    self._adopt_all()
                    self.error = None
                    self._serve()
                else:
                    self.error = None  # another process works
                    self._stopping.wait(LOCK_RETRY_SECONDS)
            except Exception as error:
                log.exception("the worker could not go on")
                self.error = f"the worker could not go on: {error}"
                self._leave_all()
                self._lock.release()  # another process may be able to
                self._stopping.wait(LOCK_RETRY_SECONDS)
        self._leave()

    def _leave(self) -> None:
        """Make room for the next worker, and close what only this thread used."""
        self._leave_all()
        self._lock.release()
        if not self._store.database.is_closed():
            self._store.database.close()
        self._selector.close()
        with self._pipe_lock:
            os.close(self._wake_in)
            os.close(self._wake_out)
            self._wake_in = -1

    def _done(self) -> bool:
        if self._stop_at is None:
            return False
        return not self._executions or self._store.clock.monotonic() >= self._stop_at

    def _serve(self) -> None:
        """One turn after another: what is due first, then the runs whose time has come."""
        while not self._done():
            if self._is_due():
                self._claim_due()
            now = self._store.clock.monotonic()
            for execution in [held for held in self._executions.values() if held.wake_at <= now]:
                self._step(execution)
            self._reap()
            self._wait(self._seconds_to_wait())

    def _is_due(self) -> bool:
        due = self._next_due is not None and self._store.clock.now() >= self._next_due
        return due or self._changed

    def _seconds_to_wait(self) -> float:
        if self._changed:
            return 0.0
        seconds = MAX_WAIT_SECONDS
        if self._next_due is not None and self._stop_at is None:
            seconds = min(seconds, (self._next_due - self._store.clock.now()).total_seconds())
        now = self._store.clock.monotonic()
        if self._stop_at is not None:
            seconds = min(seconds, self._stop_at - now)
        return max(0.0, min([seconds, *(held.wake_at - now for held in self._executions.values())]))

    def _wait(self, seconds: float) -> None:
        """Wait for a bell, a change or the time."""
        for key, _ in self._selector.select(seconds):
            if key.fd == self._wake_out:
                os.read(self._wake_out, 4096)
                continue
            execution: Execution = key.data
            # Deaf until its next step, which is soon: a run that prints a lot must not keep the thread busy.
            self._selector.unregister(key.fileobj)
            execution.wake_at = min(execution.wake_at, execution.stepped_at + LOG_BATCH_SECONDS)

    # --- Due runs

    def _claim_due(self) -> None:
        self._changed = False
        self._heed_claims()
        if self._stop_at is not None:
            return
        now = self._store.clock.now()
        room = self._concurrency - len(self._executions)
        for launch in admit(self._store, LOCAL_POOL, self.name, now, room):
            self._changed = True  # there may be more than one look considers
            self._launch(launch)
        # Runs past due that could not start now wait for a change, such as the end of another one.
        self._next_due = claims.next_due(self._store, LOCAL_POOL, after=now)

    def _launch(self, launch: Launch) -> None:
        self._abandon(launch.id)
        try:
            if not self._runner.exists():  # somebody cleaned up Sluice's folder
                self._runner = compile_runner(self._state_dir)
            execution = Execution.start(self._store, launch, self._state_dir, self._log_limit, self._runner)
        except Invalid as error:
            fail_to_start(self._store, launch, str(error))
        except DatabaseProblem:
            raise
        except Exception as error:
            log.exception("run %s could not be started", launch.id)
            state = StateCreate(type=StateType.CRASHED, message=f"Sluice could not start the run: {error}")
            claims.record_end(self._store, launch.id, launch.token, state)
        else:
            self._hold(execution)

    def _abandon(self, run_id: UUID) -> None:
        """End what is left of a run's last try, should a state set from outside have made it due again."""
        execution = self._executions.get(run_id)
        if execution is not None:
            log.warning("run %s was scheduled anew while it ran: its process is ended", run_id)
            self._forget_bell(execution)
            execution.abandon()
            self._drop(execution)

    def _heed_claims(self) -> None:
        """End the runs that are asked to, or that are no longer this worker's."""
        now = claims.read_claims(self._store, list(self._executions))
        for execution in list(self._executions.values()):
            claim = now.get(execution.run_id)
            if claim is None or claim.token != execution.token:
                execution.claim_lost = True
                execution.wake_at = 0.0
            elif claim.state_type in (StateType.CANCELLING, StateType.CANCELLED):
                execution.ask_to_end()

    # --- Runs

    def _hold(self, execution: Execution) -> None:
        self._executions[execution.run_id] = execution
        execution.wake_at = self._store.clock.monotonic() + MAX_WAIT_SECONDS
        self._selector.register(execution.bell, selectors.EVENT_READ, execution)

    def _step(self, execution: Execution) -> None:
        self._forget_bell(execution)
        execution.bell.silence()
        try:
            execution.step(self._store.clock.monotonic())
        except DatabaseProblem:
            raise  # no fault of the run: it goes on, and is adopted when the database works again
        except Exception as error:  # noqa: BLE001 - the loop over runs: this one shows it, the others go on
            self._handle_trouble(execution, error)
        if execution.over:
            self._drop(execution)
        else:
            self._selector.register(execution.bell, selectors.EVENT_READ, execution)

    def _handle_trouble(self, execution: Execution, error: Exception) -> None:
        """Try again in a moment; after the third time the run is CRASHED with the reason."""
        log.error("handling run %s failed", execution.run_id, exc_info=error)
        count = self._trouble[execution.run_id] = self._trouble.get(execution.run_id, 0) + 1
        execution.wake_at = self._store.clock.monotonic() + MAX_WAIT_SECONDS
        if count >= MAX_TROUBLE:
            execution.crash(f"Sluice could not go on with the run: {type(error).__name__}: {error}")

    def _drop(self, execution: Execution) -> None:
        del self._executions[execution.run_id]
        self._trouble.pop(execution.run_id, None)
        if execution.popen is not None:
            self._ending.append(execution.popen)
        self._changed = True  # its slot is free

    def _reap(self) -> None:
        """Take the exit status of runners that have ended, so that none stays a zombie."""
        self._ending = [runner for runner in self._ending if runner.poll() is None]

    def _adopt_all(self) -> None:
        """Take over what earlier workers left: every active run that one of them claimed."""
        self._changed = True
        folders = homes.remember(self._store, self._state_dir)
        for found in claims.claimed_runs(self._store, WORKER_PREFIX):
            token = claims.adopt(self._store, found.id, found.token, self.name)
            if token is None:
                continue
            log.info("adopting run %s (%s)", found.id, found.state_type)
            claimed = found._replace(token=token)
            try:
                execution = Execution.adopt(self._store, claimed, home_of(found.id, folders))
            except DatabaseProblem:
                raise
            except Exception as error:
                log.exception("run %s could not be adopted", found.id)
                state = StateCreate(type=StateType.CRASHED, message=f"Sluice lost the run: {error}")
                claims.record_end(self._store, found.id, token, state)
            else:
                if execution is not None:
                    self._hold(execution)
                    execution.wake_at = 0.0
        prune(self._state_dir, self._store.clock.now(), self._executions)

    def _forget_bell(self, execution: Execution) -> None:
        if execution.bell.fileno() in self._selector.get_map():
            self._selector.unregister(execution.bell)

    def _leave_all(self) -> None:
        """Stop looking at the runs; they go on."""
        for execution in self._executions.values():
            self._forget_bell(execution)
            execution.leave()
            if execution.popen is not None:
                self._ending.append(execution.popen)
        self._executions.clear()
