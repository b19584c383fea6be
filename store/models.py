"""The tables. Rows never leave `store`: each noun's module turns them into schemas.

A database is made by the scripts in store/migrations, not from here: every change of a table or an index
goes into a script too, a new one once the last is released. A test compares both.
"""

from __future__ import annotations

from peewee import (
    SQL,
    AutoField,
    BooleanField,
    CompositeKey,
    FloatField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from store.fields import IdField, InstantField, JSONField
from store.ids import new_id


class Row(Model):
    """Base of all rows: bound to a database by `Store.open`, never at import.

    A foreign key whose index would be the beginning of a wider one has `index=False`: runs and states are
    written too often to keep an index that answers nothing new.
    """

    class Meta:
        legacy_table_names = False


class TimedRow(Row):
    """A row with a UUIDv7 id and its times."""

    id = IdField(primary_key=True, default=new_id)
    created = InstantField()
    updated = InstantField()


class Flow(TimedRow):
    """A flow: the function or command that deployments run."""

    name = TextField(unique=True)
    tags = JSONField(default=list)
    labels = JSONField(default=dict)

    class Meta:
        table_name = "flow"


class WorkPool(TimedRow):
    """A work pool. The built-in worker serves the one named `local`, of type `process`."""

    name = TextField(unique=True)
    description = TextField(null=True)
    type = TextField(default="process")
    base_job_template = JSONField(default=dict)
    is_paused = BooleanField(default=False)
    concurrency_limit = IntegerField(null=True)
    default_queue_id = IdField(null=True)

    class Meta:
        table_name = "work_pool"


class WorkQueue(TimedRow):
    """A queue of a work pool. Priority 1 is the highest."""

    name = TextField()
    work_pool = ForeignKeyField(WorkPool, backref="queues", on_delete="CASCADE", index=False)
    description = TextField(null=True)
    is_paused = BooleanField(default=False)
    concurrency_limit = IntegerField(null=True)
    priority = IntegerField(default=1)
    last_polled = InstantField(null=True)

    class Meta:
        table_name = "work_queue"
        indexes = ((("work_pool", "name"), True),)


class ConcurrencyLimit(TimedRow):
    """A global concurrency limit; a deployment's own limit is a row of this table too."""

    name = TextField(unique=True)
    limit = IntegerField()
    active = BooleanField(default=True)
    active_slots = IntegerField(default=0)
    denied_slots = IntegerField(default=0)
    slot_decay_per_second = FloatField(default=0.0)
    avg_slot_occupancy_seconds = FloatField(default=2.0)

    class Meta:
        table_name = "concurrency_limit"


class Deployment(TimedRow):
    """A flow with schedules, parameters, tags and a place to run."""

    created_by = JSONField(null=True)
    updated_by = JSONField(null=True)
    name = TextField()
    flow = ForeignKeyField(Flow, backref="deployments", on_delete="CASCADE", index=False)
    version = TextField(null=True)
    version_info = JSONField(null=True)
    description = TextField(null=True)
    tags = JSONField(default=list)
    labels = JSONField(default=dict)
    paused = BooleanField(default=False)
    pause_reason = TextField(null=True)
    pause_by = TextField(null=True)
    pause_until = InstantField(null=True)
    parameters = JSONField(default=dict)
    parameter_openapi_schema = JSONField(null=True)
    enforce_parameter_schema = BooleanField(default=True)
    job_variables = JSONField(default=dict)
    pull_steps = JSONField(null=True)
    path = TextField(null=True)
    entrypoint = TextField(null=True)
    storage_document_id = IdField(null=True)
    infrastructure_document_id = IdField(null=True)
    work_queue = ForeignKeyField(WorkQueue, null=True, backref="deployments", on_delete="SET NULL")
    work_queue_name = TextField(null=True)
    concurrency_limit = ForeignKeyField(ConcurrencyLimit, null=True, on_delete="SET NULL")
    collision_strategy = TextField(null=True)
    grace_period_seconds = IntegerField(null=True)
    pause_after_failures = IntegerField(null=True)
    retention = JSONField(null=True)
    last_polled = InstantField(null=True)
    status = TextField(default="NOT_READY")
    planning_error = TextField(null=True)

    class Meta:
        table_name = "deployment"
        indexes = (
            (("flow", "name"), True),
            (("name", "id"), False),
            (("created", "id"), False),
            (("updated", "id"), False),
        )


# Both are nearly empty: what the scheduler asks of all deployments at every look.
Deployment.add_index(
    Deployment.pause_until, where=Deployment.pause_until.is_null(False), name="deployment_pause_until"
)
Deployment.add_index(
    Deployment.planning_error,
    where=Deployment.planning_error.is_null(False),
    name="deployment_planning_error",
)
# These two answer the list of deployments without the wide rows: in order of name, and filtered by text.
Deployment.add_index(Deployment.flow, Deployment.name, Deployment.id, name="deployment_by_name")
Deployment.add_index(
    Deployment.flow,
    Deployment.name,
    Deployment.id,
    Deployment.description,
    Deployment.tags,
    Deployment.work_queue,
    name="deployment_search",
)


class DeploymentSchedule(TimedRow):
    """One schedule of a deployment.

    `planned_until` is the watermark: slots up to and including it are settled. `plan_again_at` is when the
    planner must look next (0 = at once), so that one tick costs an index look-up, not a scan.
    """

    deployment = ForeignKeyField(Deployment, backref="schedules", on_delete="CASCADE")
    slug = TextField(null=True)
    active = BooleanField(default=True)
    rule = JSONField()
    parameters = JSONField(default=dict)
    max_scheduled_runs = IntegerField(null=True)
    max_active_runs = IntegerField(null=True)
    catchup = BooleanField(default=False)
    catchup_window = IntegerField(null=True)
    jitter = IntegerField(null=True)
    anchor = InstantField()
    planned_until = InstantField()
    plan_again_at = InstantField(default=0)
    planning_error = TextField(null=True, help_text="why it cannot be planned; shown on its deployment")

    class Meta:
        table_name = "deployment_schedule"
        indexes = ((("deployment",), False), (("plan_again_at",), False))


DeploymentSchedule.add_index(
    DeploymentSchedule.deployment,
    DeploymentSchedule.slug,
    unique=True,
    where=DeploymentSchedule.slug.is_null(False),
    name="deployment_schedule_slug",
)


class DeletedSlot(Row):
    """A coming slot whose automatic run an operator deleted: planning its schedule anew leaves it out."""

    schedule = ForeignKeyField(DeploymentSchedule, on_delete="CASCADE", index=False)
    slot = InstantField()

    class Meta:
        table_name = "deleted_slot"
        primary_key = CompositeKey("schedule", "slot")


class FlowRun(TimedRow):
    """One run. `deployment_id` is no foreign key: runs outlive their deployment and keep its name."""

    name = TextField()
    flow = ForeignKeyField(Flow, backref="runs", on_delete="CASCADE")
    flow_version = TextField(null=True)
    deployment_id = IdField(null=True)
    deployment_name = TextField(null=True)
    deployment_version = TextField(null=True)
    work_queue = ForeignKeyField(WorkQueue, null=True, on_delete="SET NULL")
    work_queue_name = TextField(null=True)
    schedule_id = IdField(null=True)
    slot = InstantField(null=True)
    auto_scheduled = BooleanField(default=False)
    backfill_id = IdField(null=True)
    attempt = IntegerField(default=1)
    rerun_of = IdField(null=True)
    state_id = IdField(null=True)
    state_type = TextField(null=True)
    state_name = TextField(null=True)
    state_timestamp = InstantField(null=True)
    parameters = JSONField(default=dict)
    idempotency_key = TextField(null=True)
    context = JSONField(default=dict)
    empirical_policy = JSONField(default=dict)
    tags = JSONField(default=list)
    labels = JSONField(default=dict)
    parent_task_run_id = IdField(null=True)
    job_variables = JSONField(default=dict)
    run_count = IntegerField(default=0)
    expected_start_time = InstantField(null=True)
    next_scheduled_start_time = InstantField(null=True)
    start_time = InstantField(null=True)
    end_time = InstantField(null=True)
    total_run_time = IntegerField(default=0, help_text="microseconds in RUNNING states that ended")
    infrastructure_pid = TextField(null=True)
    created_by = JSONField(null=True)
    exit_code = IntegerField(null=True)
    log_cut = BooleanField(default=False)
    claim_token = IntegerField(default=0, help_text="fencing: raised by each claim, checked by each write")
    claimed_by = TextField(null=True)
    process = JSONField(
        null=True, help_text="{boot_id, pid, start_ticks, pgid}: identity of the live process"
    )

    class Meta:
        table_name = "flow_run"
        indexes = (
            (("deployment_id", "state_type", "next_scheduled_start_time"), False),
            (("deployment_id", "expected_start_time"), False),
            (("state_type", "next_scheduled_start_time"), False),
            (("state_type", "expected_start_time", "id"), False),
            (("expected_start_time",), False),
            (("start_time",), False),
            (("end_time",), False),
            (("flow",), False),
        )


FlowRun.add_index(
    FlowRun.flow,
    FlowRun.idempotency_key,
    unique=True,
    where=FlowRun.idempotency_key.is_null(False),
    name="flow_run_idempotency",
)
FlowRun.add_index(
    FlowRun.schedule_id,
    FlowRun.slot,
    unique=True,
    where=(FlowRun.auto_scheduled == SQL("1")) & FlowRun.slot.is_null(False),
    name="flow_run_slot",
)
FlowRun.add_index(
    FlowRun.backfill_id,
    FlowRun.schedule_id,
    FlowRun.slot,
    FlowRun.attempt,
    unique=True,
    where=FlowRun.backfill_id.is_null(False),
    name="flow_run_backfill_slot",
)
FlowRun.add_index(
    FlowRun.deployment_id,
    where=SQL("\"state_name\" = 'Late'"),
    name="flow_run_late",
)
FlowRun.add_index(
    FlowRun.deployment_id,
    FlowRun.schedule_id,
    FlowRun.next_scheduled_start_time,
    FlowRun.id,
    FlowRun.state_name,
    where=SQL('"state_name" = \'AwaitingConcurrencySlot\' AND "backfill_id" IS NULL'),
    name="flow_run_waiting",
)
# A backfill's runs without a due time are its queue, in order of slot; the whole index counts its progress.
FlowRun.add_index(
    FlowRun.backfill_id,
    FlowRun.state_type,
    FlowRun.next_scheduled_start_time,
    FlowRun.slot,
    FlowRun.schedule_id,
    FlowRun.id,
    where=FlowRun.backfill_id.is_null(False),
    name="flow_run_backfill_progress",
)
# Nearly empty: those runs of backfills that are let go and wait for a worker.
FlowRun.add_index(
    FlowRun.next_scheduled_start_time,
    where=SQL(
        '"backfill_id" IS NOT NULL AND "state_type" = \'SCHEDULED\''
        ' AND "next_scheduled_start_time" IS NOT NULL'
    ),
    name="flow_run_backfill_due",
)
# What a slot had besides its automatic run, which `flow_run_slot` finds.
FlowRun.add_index(
    FlowRun.schedule_id,
    FlowRun.slot,
    where=SQL('"auto_scheduled" = 0 AND "slot" IS NOT NULL'),
    name="flow_run_slot_again",
)
FlowRun.add_index(
    FlowRun.deployment_id,
    SQL('COALESCE("start_time", "state_timestamp")'),
    where=SQL(
        "\"start_time\" IS NOT NULL OR \"state_type\" IN ('PENDING', 'FAILED', 'CRASHED', 'COMPLETED')"
    ),
    name="flow_run_activity",
)


class Backfill(TimedRow):
    """Runs of past slots, made together. It outlives its deployment, so `deployment_id` is no foreign key.

    Slots are instants of `schedules` (a list of ids) from `range_start` to `range_end`, both included.
    """

    created_by = JSONField(null=True)
    deployment_id = IdField(index=True)
    deployment_name = TextField(help_text="flow/deployment, kept after deletion")
    range_start = InstantField()
    range_end = InstantField()
    schedules = JSONField(default=list)
    run_order = TextField(help_text="oldest or newest first")
    max_runs = IntegerField(null=True)
    max_active = IntegerField(default=1)
    parameters = JSONField(default=dict)
    slot_parameter = TextField(null=True, help_text="the parameter that receives the slot")
    reprocess = TextField(help_text="none, failed or all")
    state = TextField()
    message = TextField(null=True, help_text="why it is in that state, where it is not the operator's doing")
    ended = InstantField(null=True)
    digest = TextField(help_text="of the plan that it carries out")
    total = IntegerField(help_text="how many runs were made")
    counts = JSONField(default=dict, help_text="state type -> runs, as it ended; runs may be deleted later")

    class Meta:
        table_name = "backfill"


class FlowRunState(Row):
    """The full state history of a run, in order of id."""

    id = IdField(primary_key=True, default=new_id)
    flow_run = ForeignKeyField(FlowRun, backref="states", on_delete="CASCADE", index=False)
    type = TextField()
    name = TextField()
    timestamp = InstantField()
    message = TextField(null=True)
    state_details = JSONField(default=dict)
    data = JSONField(null=True)

    class Meta:
        table_name = "flow_run_state"
        indexes = ((("flow_run", "timestamp"), False),)


class Log(Row):
    """One log line. Ids are integers: a run's lines read back in order of arrival."""

    id = AutoField()
    flow_run_id = IdField(null=True)
    task_run_id = IdField(null=True)
    name = TextField(help_text="logger")
    level = IntegerField()
    timestamp = InstantField()
    message = TextField()

    class Meta:
        table_name = "log"
        indexes = ((("flow_run_id", "id"), False),)


class DeploymentStatistics(Row):
    """What the list shows of a deployment's runs, kept as runs change so that reading needs no aggregation.

    `recent` is a JSON list, newest first, of at most 12 [state type, duration in seconds or null].
    """

    deployment = ForeignKeyField(Deployment, primary_key=True, on_delete="CASCADE")
    next_run = InstantField(null=True)
    last_run_id = IdField(null=True)
    last_state_type = TextField(null=True)
    last_state_name = TextField(null=True)
    last_start = InstantField(null=True)
    last_duration = FloatField(null=True, help_text="seconds")
    median_duration = FloatField(null=True, help_text="seconds, of the last completed runs")
    running = IntegerField(default=0)
    late = IntegerField(default=0)
    recent = JSONField(default=list)

    class Meta:
        table_name = "deployment_statistics"
        indexes = ((("next_run", "deployment"), False),)


class Variable(TimedRow):
    """A named JSON value that project files and parameters may refer to."""

    name = TextField(unique=True)
    value = JSONField(null=True)
    tags = JSONField(default=list)

    class Meta:
        table_name = "variable"


class Setting(Row):
    """One thing that Sluice remembers of itself, e.g. when the scheduler last looked."""

    name = TextField(primary_key=True)
    value = JSONField(null=True)

    class Meta:
        table_name = "setting"


class History(Row):
    """One change of a deployment or schedule. Changes made by one action share `group_id`."""

    id = AutoField()
    group_id = IdField()
    at = InstantField()
    who = TextField(help_text="user@host, api:<token name> or scheduler")
    action = TextField(help_text="create, update, pause, resume, delete, revert, undo, redo ...")
    deployment_id = IdField()
    deployment_name = TextField(help_text="flow/deployment, kept after deletion")
    before = JSONField(null=True)
    after = JSONField(null=True)
    reverts = IntegerField(null=True, help_text="id of the change that this one takes back")

    class Meta:
        table_name = "history"
        indexes = ((("deployment_id", "id"), False), (("group_id",), False), (("at",), False))


TABLES: list[type[Row]] = [
    Flow,
    WorkPool,
    WorkQueue,
    ConcurrencyLimit,
    Deployment,
    DeploymentSchedule,
    DeletedSlot,
    FlowRun,
    Backfill,
    FlowRunState,
    Log,
    DeploymentStatistics,
    Variable,
    Setting,
    History,
]

__all__ = [model.__name__ for model in TABLES] + ["TABLES", "Row", "TimedRow"]
