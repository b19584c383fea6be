"""The Backend protocol: the one door to everything an operator can do.

Names are those of Prefect's deployments API. Every method is synchronous and may wait for the disk:
the TUI calls it from thread workers. Errors are those of `store.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from store import schemas


class Upserted(NamedTuple):
    """What create_deployment answers: the deployment, and whether it is new."""

    deployment: schemas.Deployment
    created: bool


class CreatedRun(NamedTuple):
    """What create_flow_run_from_deployment answers; `created` is false when the idempotency key matched."""

    flow_run: schemas.FlowRun
    created: bool


class Backend(Protocol):
    """Everything an operator can do, for the TUI, the command and the endpoint alike."""

    @property
    def read_only(self) -> bool:
        """Whether every changing method answers `Refused`."""
        ...

    def read_status(self) -> schemas.Status:
        """Who schedules, who works, how much there is."""
        ...

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after each change by this or another process; the answer ends the subscription.

        `changed` is called from any thread and must return at once (set an Event, post a message).
        """
        ...

    # --- Deployments

    def create_deployment(self, deployment: schemas.DeploymentCreate) -> Upserted:
        """Create, or update the one with the same flow and name (SEMANTICS.md section 1)."""
        ...

    def apply_deployments(
        self, deployments: Sequence[tuple[str, schemas.DeploymentCreate]]
    ) -> list[Upserted]:
        """Upsert all or none: (flow name, deployment with any flow_id) each; flows are made as needed."""
        ...

    def update_deployment(self, deployment_id: UUID, update: schemas.DeploymentUpdate) -> None:
        """Change only the fields that were sent."""
        ...

    def read_deployment(self, deployment_id: UUID) -> schemas.Deployment:
        """One deployment. Raises NotFound."""
        ...

    def read_deployment_by_name(self, flow_name: str, deployment_name: str) -> schemas.Deployment:
        """One deployment by its two names. Raises NotFound."""
        ...

    def deployment_keys(self, query: schemas.DeploymentQuery) -> list[UUID]:
        """The ids of all deployments that match, in order."""
        ...

    def deployment_rows(self, ids: Sequence[UUID]) -> dict[UUID, schemas.DeploymentRow]:
        """The list rows of these ids; ids that are gone are absent."""
        ...

    def delete_deployments(self, ids: Sequence[UUID]) -> int:
        """Delete these, as one change; answers how many there were."""
        ...

    def deletion_preview(self, ids: Sequence[UUID]) -> schemas.DeletionPreview:
        """What delete_deployments would do."""
        ...

    def pause_deployments(
        self, ids: Sequence[UUID], reason: str | None = None, until: datetime | None = None
    ) -> int:
        """Pause these, as one change; answers how many were not paused before."""
        ...

    def resume_deployments(self, ids: Sequence[UUID]) -> int:
        """Resume these, as one change; answers how many were paused."""
        ...

    def create_flow_run_from_deployment(
        self, deployment_id: UUID, run: schemas.DeploymentFlowRunCreate
    ) -> CreatedRun:
        """Create a run, due now unless its state says otherwise."""
        ...

    def next_occurrences(
        self, schedule: schemas.DeploymentSchedule, after: datetime, limit: int
    ) -> list[datetime]:
        """The next times of one schedule, whether it is active or not."""
        ...

    def describe_schedule(self, rule: schemas.ScheduleRule) -> str:
        """A rule in words, its zone named."""
        ...

    def check_schedule(self, rule: schemas.ScheduleRule) -> None:
        """Raises Invalid, in words, for a rule that cannot be planned."""
        ...

    # --- Schedules

    def read_deployment_schedules(self, deployment_id: UUID) -> list[schemas.DeploymentSchedule]:
        """The schedules of a deployment, oldest first. Raises NotFound."""
        ...

    def create_deployment_schedules(
        self, deployment_id: UUID, sent: Sequence[schemas.DeploymentScheduleCreate]
    ) -> list[schemas.DeploymentSchedule]:
        """Add schedules. Raises NotFound, Invalid, Conflict for a slug that is taken."""
        ...

    def update_deployment_schedule(
        self, deployment_id: UUID, schedule_id: UUID, update: schemas.DeploymentScheduleUpdate
    ) -> None:
        """Change only the fields of a schedule that were sent. Raises NotFound, Invalid, Conflict."""
        ...

    def delete_deployment_schedule(self, deployment_id: UUID, schedule_id: UUID) -> None:
        """Remove a schedule with its future runs. Raises NotFound."""
        ...

    # --- Backfills

    def plan_backfill(self, request: schemas.BackfillCreate) -> schemas.BackfillPlan:
        """A dry run: each slot with create or skip, and the reason. Raises NotFound, Invalid."""
        ...

    def create_backfill(self, request: schemas.BackfillCreate, digest: str) -> schemas.Backfill:
        """Make what a plan showed: its `request` and `digest`, all or nothing.

        Raises:
            PlanChanged: the plan would be another one now; holds it.
            NotFound, Invalid: as plan_backfill; nothing is to be run.
            ParametersInvalid: the runs' parameters do not fit, and the schema is enforced.
        """
        ...

    def read_backfills(
        self, deployment_id: UUID | None = None, limit: int = 200, *, open_only: bool = False
    ) -> list[schemas.Backfill]:
        """Backfills, newest first: of one deployment or of all; `open_only`: those that are not over."""
        ...

    def read_backfill(self, backfill_id: UUID) -> schemas.Backfill:
        """One backfill with its progress. Raises NotFound."""
        ...

    def pause_backfill(self, backfill_id: UUID) -> schemas.Backfill:
        """Start no more of its runs; those that run go on. Raises NotFound, Refused unless it is RUNNING."""
        ...

    def resume_backfill(self, backfill_id: UUID) -> schemas.Backfill:
        """Start its runs again. Raises NotFound, Refused when it is not PAUSED."""
        ...

    def cancel_backfill(self, backfill_id: UUID, *, cancel_running: bool) -> schemas.Backfill:
        """Cancel its runs that have not started and, if wanted, those that run.

        Raises NotFound, Refused when it is over.
        """
        ...

    # --- History

    def read_history(self, deployment_id: UUID | None = None, limit: int = 200) -> list[schemas.HistoryEntry]:
        """Changes, newest first."""
        ...

    # --- Flows, pools, variables

    def create_flow(self, flow: schemas.FlowCreate) -> schemas.Flow:
        """The flow of that name, made when it does not exist."""
        ...

    def read_flow(self, flow_id: UUID) -> schemas.Flow:
        """One flow. Raises NotFound."""
        ...

    def read_work_pools(self) -> list[schemas.WorkPool]:
        """All work pools by name."""
        ...

    def create_work_pool(self, pool: schemas.WorkPoolCreate) -> schemas.WorkPool:
        """A new pool with its default queue. Raises Conflict when the name is taken."""
        ...

    def read_variables(self) -> Mapping[str, Any]:
        """All variables: name to JSON value."""
        ...

    # --- Runs

    def flow_run_keys(self, query: schemas.FlowRunQuery) -> list[UUID]:
        """The ids of all runs that match, in order."""
        ...

    def flow_run_rows(self, ids: Sequence[UUID]) -> dict[UUID, schemas.FlowRunRow]:
        """The list rows of these ids; ids that are gone are absent."""
        ...

    def read_flow_run(self, flow_run_id: UUID) -> schemas.FlowRun:
        """One run with its present state. Raises NotFound."""
        ...

    def find_flow_runs(self, name_or_id: str) -> list[schemas.FlowRun]:
        """Runs of that name or id, or whose id starts with it (of 4 or more); newest first, at most 20."""
        ...

    def read_flow_run_states(self, flow_run_id: UUID) -> list[schemas.State]:
        """The state history, oldest first."""
        ...

    def cancel_flow_runs(self, ids: Sequence[UUID]) -> int:
        """Ask these runs to end: those not started are CANCELLED, live ones CANCELLING. Answers how many."""
        ...

    def delete_flow_runs(self, ids: Sequence[UUID]) -> int:
        """Delete these runs with states and logs. Raises Refused when one is active."""
        ...

    def read_logs(
        self, flow_run_id: UUID, after_id: int = 0, limit: int = 2000, min_level: int = 0
    ) -> list[schemas.LogLine]:
        """Lines with an id above `after_id`, in order of arrival."""
        ...

    def read_last_logs(self, flow_run_id: UUID, limit: int = 2000) -> list[schemas.LogLine]:
        """The last lines, in order of arrival."""
        ...
