"""A store on the real clock with a worker of its own, and short ways to run something in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from support.making import make_deployment, make_run
from support.waiting import wait_until

from scheduler.worker import Worker
from store import flow_runs, logs, states, work_pools
from store.database import Store
from store.schemas import FlowRun, LogLine, State


class Shop:
    """A database, the folder of its user's files, and workers for it.

    Args:
        folder: of the test; holds the database, `home` (Sluice's) and `work` (the user's files).
    """

    def __init__(self, folder: Path) -> None:
        self.state_dir = folder / "home"
        self.work = folder / "work"
        self.work.mkdir()
        self.store = Store.open(folder / "sluice.db")
        work_pools.ensure_defaults(self.store)
        self._workers: list[Worker] = []
        self._made = 0

    def close(self) -> None:
        """Stop the workers and close the store."""
        for worker in self._workers:
            worker.stop()
        self.store.close()

    def start_worker(self, **settings: Any) -> Worker:
        """A worker that has the lock."""
        worker = Worker(self.store, **{"concurrency": 4, "state_dir": self.state_dir, **settings})
        self._workers.append(worker)
        worker.start()
        wait_until(lambda: worker.holds_lock, message="the worker has its lock")
        return worker

    def run_command(self, command: str, variables: dict[str, Any] | None = None, **fields: Any) -> UUID:
        """A manual run, due now, of a new deployment with this command."""
        return self._run(job_variables={"command": command, **(variables or {})}, **fields)

    def run_entrypoint(self, entrypoint: str, **fields: Any) -> UUID:
        """A manual run, due now, of a new deployment with this entrypoint in the user's folder."""
        return self._run(entrypoint=entrypoint, **fields)

    def write_file(self, name: str, text: str) -> Path:
        """A file of the user."""
        file = self.work / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def run(self, run_id: UUID) -> FlowRun:
        """The run as it is now."""
        return flow_runs.read(self.store, run_id)

    def state(self, run_id: UUID) -> State:
        """Its present state."""
        state = self.run(run_id).state
        assert state is not None
        return state

    def wait_for(self, run_id: UUID, name: str, timeout: float = 20.0) -> State:
        """Wait for a state of this name."""

        def arrived() -> State | None:
            state = self.state(run_id)
            return state if state.name == name else None

        try:
            return wait_until(arrived, timeout)
        except AssertionError:
            raise AssertionError(f"not {name} in {timeout} s but {self.state(run_id)}") from None

    def wait_for_end(self, run_id: UUID, timeout: float = 20.0) -> State:
        """Wait for a terminal state."""
        wait_until(lambda: self.state(run_id).is_terminal(), timeout, f"{self.state(run_id)} ends")
        return self.state(run_id)

    def names(self, run_id: UUID) -> list[str]:
        """The names of all its states, oldest first."""
        return [state.name for state in states.history(self.store, run_id)]

    def log(self, run_id: UUID) -> list[LogLine]:
        """All its lines."""
        return logs.read_logs(self.store, run_id, limit=1_000_000)

    def lines(self, run_id: UUID) -> list[str]:
        """The messages of its lines."""
        return [line.message for line in self.log(run_id)]

    def folder(self, run_id: UUID) -> Path:
        """The run's own folder, while it has one."""
        return self.state_dir / "runs" / str(run_id)

    def _run(self, parameters: dict[str, Any] | None = None, **fields: Any) -> UUID:
        self._made += 1
        pool = work_pools.default_queue(self.store, "local")
        given = {"work_pool_name": "local", "path": str(self.work), **fields}
        deployment = make_deployment(self.store, f"d{self._made}", **given)
        return make_run(
            self.store,
            deployment,
            work_queue_id=pool.id,
            work_queue_name=pool.name,
            parameters=parameters or {},
        ).id


@contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """A shop that is closed in the end."""
    shop = Shop(folder)
    try:
        yield shop
    finally:
        shop.close()


def pid_in(file: Path) -> int:
    """The process id that a run writes to a file; waits for it."""

    def read() -> int | None:
        text = file.read_text().strip() if file.exists() else ""
        return int(text) if text else None

    return wait_until(read, message=f"a pid in {file}")
