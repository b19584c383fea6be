"""LocalBackend: everything an operator can do, on this machine's own store and scheduler."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from backend import checks, parameters
from backend.local_backfills import BACKFILL_MAX_RUNS, LocalBackfills
from backend.protocol import CreatedRun, Upserted
from store import (
    deployment_schedules,
    deployments,
    flow_runs,
    flows,
    history,
    lists,
    locks,
    logs,
    schedules,
    schemas,
    states,
    variables,
    work_pools,
)
from store.database import Store
from store.errors import BadRequest, Invalid
from store.ids import new_id
from store.schemas import StateType

WORDS_KEPT = 20_000
"""How many rules' words stay in memory: those of 10,000 deployments with two rules each."""


def operator_name() -> str:
    """`user@host`, as the history names who changed something."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have a number and no name.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


class LocalBackend(LocalBackfills):
    """The Backend of this machine.

    Args:
        store: an open database.
        who: who changes things, for the history; null: user@host.
        scheduler_error: answers what stops the scheduler of this process, if anything does.
        worker_error: likewise of its worker.
        backfill_max_runs: how many runs one backfill may make.
    """

    def __init__(
        self,
        store: Store,
        *,
        who: str | None = None,
        scheduler_error: Callable[[], str | None] | None = None,
        worker_error: Callable[[], str | None] | None = None,
        backfill_max_runs: int = BACKFILL_MAX_RUNS,
    ) -> None:
        super().__init__(store, who or operator_name(), backfill_max_runs)
        self._scheduler_error = scheduler_error or (lambda: None)
        self._worker_error = worker_error or (lambda: None)
        self._words = lru_cache(maxsize=WORDS_KEPT)(self._rule_in_words)

    def read_status(self) -> schemas.Status:
        """Who schedules, who works, how much there is."""
        counts = lists.counts(self._store)
        return schemas.Status(
            database=str(self._store.path),
            read_only=self.read_only,
            scheduler=locks.read_holder(self._store.path, "scheduler"),
            worker=locks.read_holder(self._store.path, "worker"),
            deployments=counts.deployments,
            active_runs=counts.active_runs,
            late_runs=counts.late_runs,
            scheduler_error=self._scheduler_error(),
            worker_error=self._worker_error(),
        )

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after each change by this or another process; the answer ends the subscription."""
        return self._store.changes.subscribe(changed)

    # --- Deployments

    def create_deployment(self, deployment: schemas.DeploymentCreate) -> Upserted:
        """Create, or update the one with the same flow and name."""
        self._refuse_read_only()
        self._check_before(deployment)
        check = checks.new_deployment()
        return Upserted(*deployments.create(self._store, deployment, self._who, check=check))

    def apply_deployments(
        self, deployments: Sequence[tuple[str, schemas.DeploymentCreate]]
    ) -> list[Upserted]:
        """Upsert all or none: (flow name, deployment with any flow_id) each; flows are made as needed."""
        self._refuse_read_only()
        for _, deployment in deployments:
            self._check_before(deployment)
        group = new_id()
        with self._store.write():
            keys = [self._upsert(flow_name, sent, group) for flow_name, sent in deployments]
        return [Upserted(self.read_deployment(key), created) for key, created in keys]

    def update_deployment(self, deployment_id: UUID, update: schemas.DeploymentUpdate) -> None:
        """Change only the fields that were sent."""
        self._refuse_read_only()
        self._check_before(update)
        check = checks.changed_deployment("Error updating deployment")
        deployments.update(self._store, deployment_id, update, self._who, check=check)

    def read_deployment(self, deployment_id: UUID) -> schemas.Deployment:
        """One deployment. Raises NotFound."""
        return deployments.read(self._store, deployment_id)

    def read_deployment_by_name(self, flow_name: str, deployment_name: str) -> schemas.Deployment:
        """One deployment by its two names. Raises NotFound."""
        return deployments.read_by_name(self._store, flow_name, deployment_name)

    def deployment_keys(self, query: schemas.DeploymentQuery) -> list[UUID]:
        """The ids of all deployments that match, in order."""
        return lists.deployment_keys(self._store, query)

    def deployment_rows(self, ids: Sequence[UUID]) -> dict[UUID, schemas.DeploymentRow]:
        """The list rows of these ids with their schedules in words; ids that are gone are absent."""
        found = lists.deployment_rows(self._store, ids)
        return {key: row._replace(schedule=self._in_words(rules)) for key, (row, rules) in found.items()}

    def delete_deployments(self, ids: Sequence[UUID]) -> int:
        """Delete these, as one change; answers how many there were."""
        self._refuse_read_only()
        return deployments.delete(self._store, ids, self._who)

    def deletion_preview(self, ids: Sequence[UUID]) -> schemas.DeletionPreview:
        """What delete_deployments would do."""
        return deployments.deletion_preview(self._store, ids)

    def pause_deployments(
        self, ids: Sequence[UUID], reason: str | None = None, until: datetime | None = None
    ) -> int:
        """Pause these, as one change; answers how many were not paused before."""
        self._refuse_read_only()
        if until is not None and until <= self._store.clock.now():
            raise Invalid(
                f"the pause would end at {until.isoformat()}, which is past: give a later time", "until"
            )
        return deployments.pause(self._store, ids, self._who, reason, until)

    def resume_deployments(self, ids: Sequence[UUID]) -> int:
        """Resume these, as one change; answers how many were paused."""
        self._refuse_read_only()
        return deployments.resume(self._store, ids, self._who)

    def create_flow_run_from_deployment(
        self, deployment_id: UUID, run: schemas.DeploymentFlowRunCreate
    ) -> CreatedRun:
        """Create a run, due now unless its state says otherwise.

        Raises:
            NotFound: unknown deployment.
            BadRequest: a work queue named for a deployment without a work pool.
            Conflict: an infrastructure document, of which there are none here.
            ParametersInvalid: the parameters do not fit, and the schema is enforced.
        """
        self._refuse_read_only()
        checks.no_infrastructure_document(run)
        parameters.prepare(deployments.read(self._store, deployment_id).parameter_openapi_schema)
        with self._store.write():
            deployment = deployments.read(self._store, deployment_id)
            merged = {**deployment.parameters, **run.parameters}
            checks.run_parameters(deployment, run.enforce_parameter_schema, merged)
            queue_id, queue_name = self._queue_of_run(deployment, run)
            return CreatedRun(
                *flow_runs.create(
                    self._store,
                    flow_id=deployment.flow_id,
                    deployment_id=deployment.id,
                    deployment_name=deployment.name,
                    deployment_version=deployment.version,
                    name=run.name,
                    state=run.state or schemas.StateCreate(type=StateType.SCHEDULED),
                    parameters=merged,
                    tags=[*deployment.tags, *run.tags],
                    labels={
                        **deployment.labels,
                        "prefect.deployment.id": str(deployment.id),
                        **run.labels,
                    },
                    context=run.context,
                    empirical_policy=run.empirical_policy,
                    job_variables=flow_runs.merged_job_variables(deployment.job_variables, run.job_variables),
                    idempotency_key=run.idempotency_key,
                    parent_task_run_id=run.parent_task_run_id,
                    work_queue_id=queue_id,
                    work_queue_name=queue_name,
                    rerun_of=run.sluice.rerun_of if run.sluice else None,
                    created_by=schemas.CreatedBy(type="USER", display_value=self._who),
                )
            )

    def next_occurrences(
        self, schedule: schemas.DeploymentSchedule, after: datetime, limit: int
    ) -> list[datetime]:
        """The next times of one schedule, whether it is active or not."""
        from scheduler import timetable

        return timetable.occurrences(
            schedule.schedule, after=after, before=None, limit=limit, anchor=schedule.created
        )

    def describe_schedule(self, rule: schemas.ScheduleRule) -> str:
        """A rule in words, its zone named."""
        return self._words(json.dumps(schedules.rule_to_json(rule), sort_keys=True))

    def check_schedule(self, rule: schemas.ScheduleRule) -> None:
        """Raises Invalid, in words, for a rule that cannot be planned."""
        checks.check_rule(rule)

    # --- Schedules

    def read_deployment_schedules(self, deployment_id: UUID) -> list[schemas.DeploymentSchedule]:
        """The schedules of a deployment, oldest first. Raises NotFound."""
        return deployment_schedules.read_all(self._store, deployment_id)

    def create_deployment_schedules(
        self, deployment_id: UUID, sent: Sequence[schemas.DeploymentScheduleCreate]
    ) -> list[schemas.DeploymentSchedule]:
        """Add schedules. Raises NotFound, Invalid, Conflict for a slug that is taken."""
        self._refuse_read_only()
        checks.check_rules(sent)
        check = checks.changed_deployment("Error creating schedule")
        return deployment_schedules.create(self._store, deployment_id, sent, self._who, check=check)

    def update_deployment_schedule(
        self, deployment_id: UUID, schedule_id: UUID, update: schemas.DeploymentScheduleUpdate
    ) -> None:
        """Change only the fields of a schedule that were sent. Raises NotFound, Invalid, Conflict."""
        self._refuse_read_only()
        if update.schedule is not None:
            checks.check_rule(update.schedule)
        check = checks.changed_deployment("Error updating schedule")
        deployment_schedules.update(self._store, deployment_id, schedule_id, update, self._who, check=check)

    def delete_deployment_schedule(self, deployment_id: UUID, schedule_id: UUID) -> None:
        """Remove a schedule with its future runs. Raises NotFound."""
        self._refuse_read_only()
        deployment_schedules.delete(self._store, deployment_id, schedule_id, self._who)

    # --- History

    def read_history(self, deployment_id: UUID | None = None, limit: int = 200) -> list[schemas.HistoryEntry]:
        """Changes, newest first."""
        return history.read(self._store, deployment_id, limit)

    # --- Flows, pools, variables

    def create_flow(self, flow: schemas.FlowCreate) -> schemas.Flow:
        """The flow of that name, made when it does not exist."""
        self._refuse_read_only()
        return flows.get_or_create(self._store, flow)[0]

    def read_flow(self, flow_id: UUID) -> schemas.Flow:
        """One flow. Raises NotFound."""
        return flows.read(self._store, flow_id)

    def read_work_pools(self) -> list[schemas.WorkPool]:
        """All work pools by name."""
        return work_pools.read_all(self._store)

    def create_work_pool(self, pool: schemas.WorkPoolCreate) -> schemas.WorkPool:
        """A new pool with its default queue. Raises Conflict when the name is taken."""
        self._refuse_read_only()
        return work_pools.create(self._store, pool)

    def read_variables(self) -> Mapping[str, Any]:
        """All variables: name to JSON value."""
        return variables.read_all(self._store)

    # --- Runs

    def flow_run_keys(self, query: schemas.FlowRunQuery) -> list[UUID]:
        """The ids of all runs that match, in order."""
        return lists.flow_run_keys(self._store, query)

    def flow_run_rows(self, ids: Sequence[UUID]) -> dict[UUID, schemas.FlowRunRow]:
        """The list rows of these ids; ids that are gone are absent."""
        return lists.flow_run_rows(self._store, ids)

    def read_flow_run(self, flow_run_id: UUID) -> schemas.FlowRun:
        """One run with its present state. Raises NotFound."""
        return flow_runs.read(self._store, flow_run_id)

    def find_flow_runs(self, name_or_id: str) -> list[schemas.FlowRun]:
        """Runs of that name or id, or whose id starts with it; newest first, at most 20."""
        return flow_runs.find(self._store, name_or_id)

    def read_flow_run_states(self, flow_run_id: UUID) -> list[schemas.State]:
        """The state history, oldest first."""
        return states.history(self._store, flow_run_id)

    def cancel_flow_runs(self, ids: Sequence[UUID]) -> int:
        """Ask these runs to end: those not started are CANCELLED, live ones CANCELLING. Answers how many."""
        from scheduler import orchestration

        self._refuse_read_only()
        return orchestration.cancel(self._store, ids)

    def delete_flow_runs(self, ids: Sequence[UUID]) -> int:
        """Delete these runs with states and logs. Raises Refused when one is active."""
        self._refuse_read_only()
        return flow_runs.delete(self._store, ids)

    def read_logs(
        self, flow_run_id: UUID, after_id: int = 0, limit: int = 2000, min_level: int = 0
    ) -> list[schemas.LogLine]:
        """Lines with an id above `after_id`, in order of arrival."""
        return logs.read_logs(self._store, flow_run_id, after_id, limit, min_level)

    def read_last_logs(self, flow_run_id: UUID, limit: int = 2000) -> list[schemas.LogLine]:
        """The last lines, in order of arrival."""
        return logs.read_last_logs(self._store, flow_run_id, limit)

    # --- Inside

    def _check_before(self, sent: schemas.DeploymentCreate | schemas.DeploymentUpdate) -> None:
        """What can be checked without the store, before a transaction begins."""
        checks.check_rules(sent.schedules)
        parameters.prepare(sent.parameter_openapi_schema)

    def _upsert(self, flow_name: str, sent: schemas.DeploymentCreate, group: UUID) -> tuple[UUID, bool]:
        flow, _ = flows.get_or_create(self._store, schemas.FlowCreate(name=flow_name))
        check = checks.new_deployment(f"{flow_name}/{sent.name}")
        # model_copy keeps which fields were sent, and adds this one.
        placed = sent.model_copy(update={"flow_id": flow.id})
        return deployments.upsert(self._store, placed, self._who, check=check, group_id=group)

    def _queue_of_run(
        self, deployment: schemas.Deployment, run: schemas.DeploymentFlowRunCreate
    ) -> tuple[UUID | None, str | None]:
        if run.work_queue_name is None:
            return deployment.work_queue_id, deployment.work_queue_name
        if deployment.work_pool_name is None:
            raise BadRequest(
                f"Cannot create flow run in work queue {run.work_queue_name} because deployment"
                f" {deployment.id} is not associated with a work pool."
                " Please remove work_pool_name and try again."
            )
        queue = work_pools.get_or_create_queue(self._store, deployment.work_pool_name, run.work_queue_name)
        return queue.id, queue.name

    def _in_words(self, rules: Sequence[dict[str, Any]]) -> str:
        if not rules:
            return ""
        first = self._words(json.dumps(rules[0], sort_keys=True))
        return first if len(rules) == 1 else f"{first} +{len(rules) - 1} more"

    def _rule_in_words(self, rule: str) -> str:
        from scheduler import timetable

        return timetable.describe_kept(json.loads(rule))
