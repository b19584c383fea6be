"""A deployment in full, its runs in every state, and their logs: for tests of the screens that show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from support.fake_backend import FakeBackend, make_id

from store import schemas
from store.clock import FrozenClock
from store.errors import NotFound
from store.schemas import FlowRun, FlowRunRow, LogLine, State, StateType

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

COMPLETED, FAILED, RUNNING, SCHEDULED, LATE, CRASHED, CANCELLED, ORPHAN = (make_id(n, 2) for n in range(1, 9))
DEPLOYMENT = make_id(3)
"""report/sales-daily of the sample rows."""

HOSTILE = "[/b]\x1b[2J\x1b]0;title\x07 \u202egnp.exe 日本語 👩‍🚀 \x00 end"

_PROGRESS = (
    (20, "start: reading 14 files of /var/lib/sales"),
    (10, "opened 2026-03-01.csv (utf-8, 4,118 rows)"),
    (20, "2026-03-01.csv: 4,118 rows, total 212,904.10"),
    (20, "2026-02-28.csv: 3,987 rows, total 198,120.55"),
    (30, "2026-02-27.csv: 12 rows without a currency, EUR assumed"),
    (20, "2026-02-27.csv: 4,020 rows, total 201,377.00"),
    (10, "cache: 3 of 14 files unchanged since the last run, their totals are taken over as they are"),
)
_TRACEBACK = """report could not be written
Traceback (most recent call last):
  File "flows/report.py", line 88, in main
    write_report(totals, target)
  File "flows/report.py", line 41, in write_report
    target.write_text(render(totals))
OSError: [Errno 28] No space left on device: '/srv/reports/2026-03-02.html'"""


def make_lines(
    run: UUID, messages: list[tuple[int, str]], start: datetime = NOON, first: int = 1
) -> list[LogLine]:
    """Log lines a third of a second apart."""
    return [
        LogLine(
            id=first + n,
            flow_run_id=run,
            name="stdout",
            level=level,
            timestamp=start + timedelta(milliseconds=337 * n),
            message=message,
        )
        for n, (level, message) in enumerate(messages)
    ]


def progress(count: int) -> list[tuple[int, str]]:
    """So many messages of a believable run: levels, lengths and words vary."""
    return [
        (level, f"{message}" if n < len(_PROGRESS) else f"batch {n}: {message}")
        for n in range(count)
        for level, message in (_PROGRESS[n % len(_PROGRESS)],)
    ]


class RunsBackend(FakeBackend):
    """A fake backend that answers runs and deployments in full where it has them."""

    def __init__(self, clock: FrozenClock, rows: list[schemas.DeploymentRow], **options: Any) -> None:
        super().__init__(clock, rows, **options)
        self.full_runs: dict[UUID, FlowRun] = {}
        self.full_deployments: dict[UUID, schemas.Deployment] = {}
        self.history: list[schemas.HistoryEntry] = []
        self.worker = self.holder
        self.new_run: schemas.DeploymentFlowRunCreate | None = None

    def add_run(self, run: FlowRun, states: list[State]) -> None:
        """Add or replace a run, in full and as a row."""
        self.full_runs[run.id] = run
        self.states[run.id] = states
        ended = run.end_time is not None and run.start_time is not None
        self.runs[run.id] = FlowRunRow(
            run.id, run.name, run.flow_name, run.deployment_id, run.deployment_name,
            str(run.state_type), run.state_name or "", run.expected_start_time, run.start_time, run.end_time,
            (run.end_time - run.start_time).total_seconds() if ended else None,
            run.auto_scheduled, run.state.message if run.state else None, tuple(run.tags),
        )  # fmt: skip

    def read_status(self) -> schemas.Status:
        return super().read_status()._replace(worker=self.worker)

    def flow_run_keys(self, query: schemas.FlowRunQuery) -> list[UUID]:
        end = query.due_before
        keys = super().flow_run_keys(query._replace(limit=None))
        due = [self.runs[key].expected_start_time for key in keys]
        shown = [key for key, at in zip(keys, due, strict=True) if end is None or at is None or at <= end]
        if query.sort == "name":
            shown.sort(key=lambda key: self.runs[key].name, reverse=query.descending)
        return shown[: query.limit]

    def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        self._read()
        if flow_run_id in self.runs and flow_run_id in self.full_runs:
            return self.full_runs[flow_run_id]
        return super().read_flow_run(flow_run_id)

    def read_deployment(self, deployment_id: UUID) -> schemas.Deployment:
        if deployment_id not in self.full_deployments:
            return super().read_deployment(deployment_id)
        self._read()
        row = self.rows.get(deployment_id)
        if row is None:
            raise NotFound("Deployment", deployment_id)
        return self.full_deployments[deployment_id].model_copy(update={"paused": row.paused})

    def create_flow_run_from_deployment(
        self, deployment_id: UUID, run: schemas.DeploymentFlowRunCreate
    ) -> Any:
        self.new_run = run
        return super().create_flow_run_from_deployment(deployment_id, run)

    def read_history(self, deployment_id: UUID | None = None, limit: int = 200) -> list[schemas.HistoryEntry]:
        self._read()
        return [entry for entry in self.history if deployment_id in (None, entry.deployment_id)][:limit]

    def next_occurrences(
        self, schedule: schemas.DeploymentSchedule, after: datetime, limit: int
    ) -> list[datetime]:
        if isinstance(schedule.schedule, schemas.CronSchedule):
            return [datetime(2026, 3, 3, 5, tzinfo=UTC) + timedelta(days=n) for n in range(limit)]
        return super().next_occurrences(schedule, after, limit)

    def describe_schedule(self, rule: schemas.ScheduleRule) -> str:
        if isinstance(rule, schemas.CronSchedule):
            return f"At 06:00, {rule.timezone}"
        return super().describe_schedule(rule)


def make_state(
    number: int, kind: StateType, at: datetime, message: str | None = None, name: str = ""
) -> State:
    """A state."""
    return State(
        id=make_id(number, 6), type=kind, name=name or kind.value.title(), timestamp=at, message=message
    )


def make_run(key: UUID, name: str, states: list[State], **fields: Any) -> FlowRun:
    """A run of report/sales-daily whose present state is the last of `states`."""
    last = states[-1]
    known: dict[str, Any] = {
        "created": NOON - timedelta(hours=1),
        "updated": last.timestamp,
        "flow_id": make_id(1, 9),
        "flow_name": "report",
        "deployment_id": DEPLOYMENT,
        "deployment_name": "sales-daily",
        "work_pool_name": "local",
        "work_queue_name": "default",
        "parameters": {"folder": "/var/lib/sales", "days": 14, "api_token": "s3cr3t-value"},
        "tags": ["finance", "csv", "auto-scheduled"],
        "auto_scheduled": True,
        "created_by": schemas.CreatedBy(type="SCHEDULE", display_value="at 06:00 Europe/Paris"),
    }
    known |= fields
    return FlowRun(id=key, name=name, state=last, state_type=last.type, state_name=last.name, **known)


def fill(backend: RunsBackend) -> None:
    """Add one run of every kind, with logs."""
    due = NOON - timedelta(minutes=10)
    begun = due + timedelta(seconds=1.2)
    first = [
        make_state(1, StateType.SCHEDULED, due - timedelta(hours=1)),
        make_state(2, StateType.PENDING, due + SECOND),
        make_state(3, StateType.RUNNING, begun),
    ]
    done = [*first, make_state(4, StateType.COMPLETED, begun + 42 * SECOND)]
    failed = [
        *first,
        make_state(
            5,
            StateType.FAILED,
            begun + 64 * SECOND,
            "OSError: [Errno 28] No space left on device: '/srv/reports/2026-03-02.html'",
        ),
    ]
    times = {
        "expected_start_time": due,
        "next_scheduled_start_time": due,
        "start_time": begun,
        "run_count": 1,
    }
    backend.add_run(
        make_run(
            COMPLETED, "brave-otter", done, **times, end_time=begun + 42 * SECOND, sluice={"exit_code": 0}
        ),
        done,
    )
    backend.add_run(
        make_run(
            FAILED, "stoic-heron", failed, **times, end_time=begun + 64 * SECOND, sluice={"exit_code": 1}
        ),
        failed,
    )
    backend.add_run(make_run(RUNNING, "swift-lynx", first, **times, infrastructure_pid="tower:51234"), first)
    soon = NOON + timedelta(minutes=4)
    waits = [make_state(6, StateType.SCHEDULED, due)]
    backend.add_run(
        make_run(SCHEDULED, "quiet-wren", waits, expected_start_time=soon, next_scheduled_start_time=soon),
        waits,
    )
    passed = NOON - timedelta(minutes=3)
    late = [make_state(7, StateType.SCHEDULED, passed, name="Late")]
    backend.add_run(
        make_run(LATE, "tardy-ibex", late, expected_start_time=passed, next_scheduled_start_time=passed), late
    )
    crashed = [
        *first,
        make_state(8, StateType.CRASHED, begun + 5 * SECOND, "The process was killed by signal 9."),
    ]
    backend.add_run(make_run(CRASHED, "broken-gecko", crashed, **times, end_time=begun + 5 * SECOND), crashed)
    stopped = [waits[0], make_state(9, StateType.CANCELLED, due, "Cancelled by ada@tower.")]
    backend.add_run(make_run(CANCELLED, "idle-marten", stopped, expected_start_time=due), stopped)
    orphan = [*first, make_state(10, StateType.COMPLETED, begun + 2 * SECOND, HOSTILE)]
    backend.add_run(
        make_run(ORPHAN, "lost-badger", orphan, **times, end_time=begun + 2 * SECOND, deployment_id=None),
        orphan,
    )
    backend.logs[COMPLETED] = make_lines(COMPLETED, progress(40), begun)
    backend.logs[FAILED] = make_lines(FAILED, [*progress(12), (40, _TRACEBACK)], begun)
    backend.logs[RUNNING] = make_lines(RUNNING, progress(200), begun)
    backend.logs[ORPHAN] = make_lines(
        ORPHAN, [(20, HOSTILE), (20, "x" * 10_000), (30, "tab\there\rover"), (20, "日本語" * 60)]
    )


def fill_many(backend: RunsBackend, count: int) -> None:
    """Add so many ended and planned runs of all sample deployments, an hour apart in rows of ten."""
    rows = list(backend.rows.values())
    kinds = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "COMPLETED", "CANCELLED", "COMPLETED")
    for n in range(count):
        row, kind = rows[n * 7 % len(rows)], kinds[n % len(kinds)]
        due = NOON - timedelta(minutes=7 * n + 15)
        took = None if kind == "CANCELLED" else float((n * 37) % 900) + 0.4
        start = None if took is None else due + timedelta(seconds=(n % 5) * 0.7)
        key = make_id(100 + n, 2)
        name = f"{('calm', 'eager', 'amber', 'lucid')[n % 4]}-{('otter', 'heron', 'wren')[n % 3]}"
        message = "ValueError: no rows in 2026-03-01.csv" if kind == "FAILED" else None
        backend.runs[key] = FlowRunRow(
            key, name, row.flow_name, row.id, row.name, kind, kind.title(), due, start,
            None if start is None or took is None else start + timedelta(seconds=took),
            took, n % 3 > 0, message, row.tags,
        )  # fmt: skip


SCHEMA = {
    "title": "Parameters",
    "type": "object",
    "properties": {
        "folder": {"type": "string", "position": 0, "description": "Where the day's files are."},
        "days": {"type": "integer", "default": 7, "position": 1, "description": "How many days to read."},
        "api_token": {"type": "string", "position": 2},
        "format": {"enum": ["html", "csv"], "default": "html", "position": 3},
        "recipients": {
            "anyOf": [{"type": "array", "items": {"type": "string", "format": "email"}}, {"type": "null"}],
            "default": None,
            "position": 4,
        },
    },
    "required": ["folder"],
}


def fill_deployment(backend: RunsBackend) -> schemas.Deployment:
    """Give report/sales-daily all it can have."""
    created = NOON - timedelta(days=40)
    cron = schemas.CronSchedule(cron="0 6 * * *", timezone="Europe/Paris")
    quarter = schemas.IntervalSchedule(interval=timedelta(minutes=15), timezone="UTC")
    common = {"created": created, "updated": created, "deployment_id": DEPLOYMENT}
    deployment = schemas.Deployment(
        id=DEPLOYMENT,
        created=created,
        updated=NOON - timedelta(hours=2),
        created_by=schemas.CreatedBy(type="USER", display_value="ada@tower"),
        updated_by=schemas.CreatedBy(type="USER", display_value="grace@tower"),
        name="sales-daily",
        flow_id=make_id(1, 9),
        flow_name="report",
        version="1.4.2",
        description="Adds up yesterday's sales by country, and writes the page for finance's breakfast.",
        tags=["finance", "csv"],
        labels={"prefect.flow.id": str(make_id(1, 9)), "team": "finance", "cost_centre": 4711},
        schedules=[
            schemas.DeploymentSchedule(
                id=make_id(1, 8),
                slug="breakfast",
                schedule=cron,
                parameters={"days": 1},
                catchup=True,
                **common,
            ),
            schemas.DeploymentSchedule(
                id=make_id(2, 8), slug="refresh", schedule=quarter, active=False, max_active_runs=1, **common
            ),
        ],
        parameters={"folder": "/var/lib/sales", "days": 14, "api_token": "s3cr3t-value", "dry": True},
        parameter_openapi_schema=SCHEMA,
        job_variables={"env": {"LANG": "C.UTF-8", "SMTP_PASSWORD": "hunter2"}, "working_dir": "/srv/report"},
        path="/srv/report",
        entrypoint="flows/report.py:main",
        work_pool_name="local",
        work_queue_name="default",
        global_concurrency_limit=schemas.GlobalConcurrencyLimit(
            id=make_id(1, 7), created=created, updated=created, name="deployment:1", limit=1
        ),
        concurrency_options=schemas.ConcurrencyOptions(
            collision_strategy=schemas.CollisionStrategy.CANCEL_NEW
        ),
        status="READY",
        sluice=schemas.DeploymentOptions(pause_after_failures=3, retention=schemas.Retention(days=90)),
    )
    backend.full_deployments[DEPLOYMENT] = deployment
    backend.history = [*_history(created)]
    return deployment


def _history(created: datetime) -> list[schemas.HistoryEntry]:
    base = {
        "name": "sales-daily",
        "flow_name": "report",
        "paused": 0,
        "parameters": {"folder": "/var/lib/sales", "days": 7, "api_token": "old"},
        "schedules": [{"id": "a", "slug": "breakfast", "active": 1, "rule": {"cron": "0 7 * * *"}}],
        "updated": 1,
    }
    new = {
        **base,
        "parameters": {"folder": "/var/lib/sales", "days": 14, "api_token": "new"},
        "schedules": [{"id": "a", "slug": "breakfast", "active": 1, "rule": {"cron": "0 6 * * *"}}],
        "updated": 2,
    }
    paused = {**new, "paused": 1, "pause_reason": "vendor migrates", "pause_by": "ada@tower"}
    made = (
        ("resume", "grace@tower", NOON - timedelta(hours=2), paused, new),
        ("pause", "ada@tower", NOON - timedelta(hours=9), new, paused),
        ("update", "grace@tower", NOON - timedelta(days=3), base, new),
        ("create", "ada@tower", created, None, base),
    )
    return [
        schemas.HistoryEntry(
            id=10 - n, group_id=make_id(n, 5), at=at, who=who, action=action, deployment_id=DEPLOYMENT,
            deployment_name="report/sales-daily", before=before, after=after,
        )
        for n, (action, who, at, before, after) in enumerate(made)
    ]  # fmt: skip
