"""The wiring: store, backend, scheduler and worker, opened in order and closed in the reverse one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backend.local import LocalBackend
from sluice.settings import Settings
from store import work_pools
from store.database import Store

if TYPE_CHECKING:
    from scheduler.service import Scheduler
    from scheduler.worker import Worker

STOP_SECONDS = 10.0
"""How long closing waits for the worker's thread. Children that still run go on, and are adopted again."""

log = logging.getLogger("sluice")


class House:
    """An open database with its faces' backend, and the threads that schedule and work, once started."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.backend = LocalBackend(
            store,
            scheduler_error=self._scheduler_error,
            worker_error=self._worker_error,
            backfill_max_runs=settings.backfill_max_runs,
        )
        self.scheduler: Scheduler | None = None
        self.worker: Worker | None = None

    def start(self, *, scheduler: bool = True, worker: bool = True) -> None:
        """Start the threads asked for; on a read-only store none. A thread that has been started stays."""
        if self.store.read_only:
            return
        if scheduler and self.scheduler is None:
            from scheduler.service import Scheduler

            self.scheduler = Scheduler(self.store)
            self.scheduler.start()
        if worker and self.worker is None:
            from scheduler.worker import Worker

            self.worker = Worker(
                self.store, concurrency=self.settings.concurrency, state_dir=self.settings.state_dir
            )
            self.worker.start()

    def _worker_error(self) -> str | None:
        return self.worker.error if self.worker is not None else None

    def _scheduler_error(self) -> str | None:
        return self.scheduler.error if self.scheduler is not None else None

    def close(self) -> None:
        """Stop the threads, worker first so that no state is lost, then close the store."""
        if self.worker is not None:
            self.worker.stop(STOP_SECONDS)
        if self.scheduler is not None:
            self.scheduler.stop()
        self.store.close()


@contextmanager
def open_house(
    settings: Settings, *, scheduler: bool = True, worker: bool = True, read_only: bool = False
) -> Iterator[House]:
    """Open the database of `settings` and start what is asked for; at the end all is stopped and closed.

    Args:
        settings: say where the database is and how much the worker may do at once.
        scheduler: plan runs, if no other process does.
        worker: execute due runs, if no other process does.
        read_only: open for reading; neither of the two is started.

    Raises:
        DatabaseProblem: the database cannot be used.
    """
    store = Store.open(settings.database, read_only=read_only)
    house = House(settings, store)
    try:
        if not read_only:
            work_pools.ensure_defaults(store)
        store.watch()
        log.info("opened %s%s", settings.database, " read-only" if read_only else "")
        house.start(scheduler=scheduler, worker=worker)
        yield house
    finally:
        house.close()
