"""A Backend in memory: fast, deterministic, and able to be slow or broken on purpose."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from backend.protocol import CreatedRun, Upserted
from store import schemas
from store.clock import Clock
from store.errors import NotFound, Refused

ANIMALS = ("otter", "heron", "lynx", "wren", "badger", "ibex", "gecko", "marten")


def make_id(number: int, kind: int = 1) -> UUID:
    """The same UUID for the same number, in order."""
    return UUID(int=(0x0195_0000_0000_7000_8000 << 48) + (kind << 40) + number)


class FakeBackend:
    """Implements `backend.protocol.Backend`.

    Args:
        clock: the present.
        rows: deployments as list rows; `descriptions` and further details are made up from them.
        runs: flow runs.
    """

    def __init__(
        self,
        clock: Clock,
        rows: Iterable[schemas.DeploymentRow] = (),
        runs: Iterable[schemas.FlowRunRow] = (),
        *,
        read_only: bool = False,
    ) -> None:
        self.clock = clock
        self.rows = {row.id: row for row in rows}
        self.runs = {run.id: run for run in runs}
        self.logs: dict[UUID, list[schemas.LogLine]] = {}
        self.states: dict[UUID, list[schemas.State]] = {}
        self.descriptions: dict[UUID, str] = {}
        self._read_only = read_only
        self.gate = threading.Event()
        """Reads wait for it: clear it to see what the screen shows while the disk is slow."""
        self.gate.set()
        self.error: Exception | None = None
        """Raised by every call while it is set."""
        self.calls: list[tuple[str, Any]] = []
        self.holder: schemas.Holder | None = schemas.Holder(4711, "tower", "sluice", clock.now(), True)
        self._subscribers: list[Callable[[], None]] = []

    # --- helpers for tests

    def changed(self) -> None:
        """Tell the subscribers, as after a change by another process."""
        for subscriber in list(self._subscribers):
            subscriber()

    def put(self, *rows: schemas.DeploymentRow) -> None:
        """Add or replace deployments."""
        for row in rows:
            self.rows[row.id] = row
        self.changed()

    def _read(self) -> None:
        self.gate.wait(10)
        if self.error is not None:
            raise self.error

    def _change(self, name: str, what: Any) -> None:
        if self._read_only:
            raise Refused("This database was opened read-only.")
        self.calls.append((name, what))
        self._read()

    # --- Backend

    @property
    def read_only(self) -> bool:
        return self._read_only

    def read_status(self) -> schemas.Status:
        self._read()
        return schemas.Status(
            database="/var/lib/sluice/sluice.db",
            read_only=self._read_only,
            scheduler=self.holder,
            worker=self.holder,
            deployments=len(self.rows),
            active_runs=sum(row.running for row in self.rows.values()),
            late_runs=sum(row.late for row in self.rows.values()),
            scheduler_error=None,
        )

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self._subscribers.append(changed)
        return lambda: self._subscribers.remove(changed)

    def deployment_keys(self, query: schemas.DeploymentQuery) -> list[UUID]:
        self._read()
        words = query.text.lower().split()
        rows = [row for row in self.rows.values() if all(word in _haystack(row) for word in words)]
        rows.sort(key=lambda row: (_sort_value(row, query.sort), row.id), reverse=query.descending)
        return [row.id for row in rows]

    def deployment_rows(self, ids: Sequence[UUID]) -> dict[UUID, schemas.DeploymentRow]:
        self._read()
        return {key: self.rows[key] for key in ids if key in self.rows}

    def read_deployment(self, deployment_id: UUID) -> schemas.Deployment:
        self._read()
        row = self.rows.get(deployment_id)
        if row is None:
            raise NotFound("Deployment", deployment_id)
        created = datetime.fromisoformat("2026-01-05T09:00:00+00:00")
        return schemas.Deployment(
            id=row.id,
            created=created,
            updated=created,
            name=row.name,
            flow_id=make_id(1, 9),
            flow_name=row.flow_name,
            description=self.descriptions.get(row.id),
            tags=list(row.tags),
            paused=row.paused,
            schedules=self._schedules(row, created),
            entrypoint=f"flows/{row.flow_name[:12]}.py:main",
            work_pool_name=row.work_pool_name,
            status=row.status,
            planning_error=row.error,
            sluice=schemas.DeploymentOptions(
                pause=schemas.PauseInfo(reason=row.pause_reason, until=row.pause_until)
                if row.paused
                else None
            ),
        )

    @staticmethod
    def _schedules(row: schemas.DeploymentRow, created: datetime) -> list[schemas.DeploymentSchedule]:
        if not row.schedule:
            return []
        rule = schemas.IntervalSchedule(interval=timedelta(minutes=15), timezone="UTC")
        return [
            schemas.DeploymentSchedule(
                id=make_id(row.id.int & 0xFFFF, 8),
                created=created,
                updated=created,
                deployment_id=row.id,
                schedule=rule,
            )
        ]

    def read_deployment_by_name(self, flow_name: str, deployment_name: str) -> schemas.Deployment:
        for row in self.rows.values():
            if (row.flow_name, row.name) == (flow_name, deployment_name):
                return self.read_deployment(row.id)
        raise NotFound("Deployment", f"{flow_name}/{deployment_name}")

    def delete_deployments(self, ids: Sequence[UUID]) -> int:
        self._change("delete", list(ids))
        gone = [key for key in ids if self.rows.pop(key, None)]
        self.changed()
        return len(gone)

    def deletion_preview(self, ids: Sequence[UUID]) -> schemas.DeletionPreview:
        self._read()
        rows = [self.rows[key] for key in ids if key in self.rows]
        return schemas.DeletionPreview(
            deployments=len(rows),
            schedules=sum(bool(row.schedule) for row in rows),
            scheduled_runs=3 * sum(row.next_run is not None for row in rows),
            kept_runs=sum(len(row.recent) for row in rows),
            running=sum(row.running for row in rows),
        )

    def pause_deployments(
        self, ids: Sequence[UUID], reason: str | None = None, until: datetime | None = None
    ) -> int:
        self._change("pause", list(ids))
        return self._set_paused(ids, True, reason, until)

    def resume_deployments(self, ids: Sequence[UUID]) -> int:
        self._change("resume", list(ids))
        return self._set_paused(ids, False, None, None)

    def _set_paused(
        self, ids: Sequence[UUID], paused: bool, reason: str | None, until: datetime | None
    ) -> int:
        count = 0
        for key in ids:
            row = self.rows.get(key)
            if row is not None and row.paused != paused:
                self.rows[key] = row._replace(paused=paused, pause_reason=reason, pause_until=until)
                count += 1
        self.changed()
        return count

    def create_flow_run_from_deployment(
        self, deployment_id: UUID, run: schemas.DeploymentFlowRunCreate
    ) -> CreatedRun:
        self._change("run", deployment_id)
        row = self.rows.get(deployment_id)
        if row is None:
            raise NotFound("Deployment", deployment_id)
        number = len(self.runs) + 1
        now = self.clock.now()
        name = run.name or f"brave-{ANIMALS[number % len(ANIMALS)]}"
        made = schemas.FlowRunRow(
            make_id(number, 2), name, row.flow_name, row.id, row.name, "SCHEDULED", "Scheduled",
            now, None, None, None, False, None, row.tags,
        )  # fmt: skip
        self.runs[made.id] = made
        self.changed()
        return CreatedRun(self.read_flow_run(made.id), True)

    def next_occurrences(
        self, schedule: schemas.DeploymentSchedule, after: datetime, limit: int
    ) -> list[datetime]:
        first = after.replace(minute=after.minute // 15 * 15, second=0, microsecond=0)
        return [first + timedelta(minutes=15 * number) for number in range(1, limit + 1)]

    def describe_schedule(self, rule: schemas.ScheduleRule) -> str:
        return "every 15 minutes (UTC)"

    def check_schedule(self, rule: schemas.ScheduleRule) -> None:
        return None

    def read_history(self, deployment_id: UUID | None = None, limit: int = 200) -> list[schemas.HistoryEntry]:
        return []

    def flow_run_keys(self, query: schemas.FlowRunQuery) -> list[UUID]:
        self._read()
        words = query.text.lower().split()
        runs = [
            run
            for run in self.runs.values()
            if query.deployment_id in (None, run.deployment_id)
            and (not query.state_types or run.state_type in query.state_types)
            and (query.upcoming is None or query.upcoming == (run.state_type == "SCHEDULED"))
            and all(
                word in f"{run.name} {run.flow_name}/{run.deployment_name} {run.state_name}".lower()
                for word in words
            )
        ]
        runs.sort(key=lambda run: (run.expected_start_time, run.id), reverse=query.descending)
        return [run.id for run in runs][: query.limit]

    def flow_run_rows(self, ids: Sequence[UUID]) -> dict[UUID, schemas.FlowRunRow]:
        self._read()
        return {key: self.runs[key] for key in ids if key in self.runs}

    def read_flow_run(self, flow_run_id: UUID) -> schemas.FlowRun:
        self._read()
        run = self.runs.get(flow_run_id)
        if run is None:
            raise NotFound("Flow run", flow_run_id)
        created = run.expected_start_time or self.clock.now()
        history = self.states.get(flow_run_id, [])
        return schemas.FlowRun(
            id=run.id,
            created=created,
            updated=created,
            name=run.name,
            flow_id=make_id(1, 9),
            flow_name=run.flow_name,
            deployment_id=run.deployment_id,
            deployment_name=run.deployment_name,
            state_type=schemas.StateType(run.state_type),
            state_name=run.state_name,
            state=history[-1] if history else None,
            expected_start_time=run.expected_start_time,
            start_time=run.start_time,
            end_time=run.end_time,
            auto_scheduled=run.auto_scheduled,
            tags=list(run.tags),
        )

    def find_flow_runs(self, name_or_id: str) -> list[schemas.FlowRun]:
        return [
            self.read_flow_run(run.id) for run in self.runs.values() if name_or_id in (run.name, str(run.id))
        ]

    def read_flow_run_states(self, flow_run_id: UUID) -> list[schemas.State]:
        self._read()
        return self.states.get(flow_run_id, [])

    def cancel_flow_runs(self, ids: Sequence[UUID]) -> int:
        self._change("cancel", list(ids))
        for key in ids:
            self.runs[key] = self.runs[key]._replace(state_type="CANCELLED", state_name="Cancelled")
        self.changed()
        return len(ids)

    def delete_flow_runs(self, ids: Sequence[UUID]) -> int:
        self._change("delete runs", list(ids))
        gone = [key for key in ids if self.runs.pop(key, None)]
        self.changed()
        return len(gone)

    def read_logs(
        self, flow_run_id: UUID, after_id: int = 0, limit: int = 2000, min_level: int = 0
    ) -> list[schemas.LogLine]:
        self._read()
        lines = [
            line for line in self.logs.get(flow_run_id, []) if line.id > after_id and line.level >= min_level
        ]
        return lines[:limit]

    def read_last_logs(self, flow_run_id: UUID, limit: int = 2000) -> list[schemas.LogLine]:
        self._read()
        return self.logs.get(flow_run_id, [])[-limit:]

    def read_work_pools(self) -> list[schemas.WorkPool]:
        return []

    def read_variables(self) -> Mapping[str, Any]:
        return {}

    # --- not asked for by any screen yet

    def create_deployment(self, deployment: schemas.DeploymentCreate) -> Upserted:
        raise Refused("The fake backend makes no deployments.")

    def apply_deployments(
        self, deployments: Sequence[tuple[str, schemas.DeploymentCreate]]
    ) -> list[Upserted]:
        raise Refused("The fake backend applies nothing.")

    def update_deployment(self, deployment_id: UUID, update: schemas.DeploymentUpdate) -> None:
        raise Refused("The fake backend edits nothing.")

    def create_flow(self, flow: schemas.FlowCreate) -> schemas.Flow:
        raise Refused("The fake backend makes no flows.")

    def read_flow(self, flow_id: UUID) -> schemas.Flow:
        raise NotFound("Flow", flow_id)

    def create_work_pool(self, pool: schemas.WorkPoolCreate) -> schemas.WorkPool:
        raise Refused("The fake backend makes no pools.")


def _haystack(row: schemas.DeploymentRow) -> str:
    return f"{row.full_name} {' '.join(row.tags)} {row.work_pool_name}".lower()


def _sort_value(row: schemas.DeploymentRow, sort: str) -> Any:
    late = datetime.max.replace(tzinfo=row.next_run.tzinfo if row.next_run else None)
    match sort:
        case "next_run":
            return (row.next_run is None, row.next_run.timestamp() if row.next_run else late.year)
        case "last_run":
            return row.last_start.timestamp() if row.last_start else 0
        case "duration":
            return row.last_duration or 0
        case "state":
            return row.last_state_type or ""
        case "pool":
            return row.work_pool_name or ""
        case _:
            return row.full_name
