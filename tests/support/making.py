"""Short ways to make flows, deployments, schedules and runs in a test's store."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from store import deployments, flow_runs, flows, schemas
from store.database import Store
from store.schemas import (
    CronSchedule,
    Deployment,
    DeploymentCreate,
    DeploymentScheduleCreate,
    DeploymentUpdate,
    FlowRun,
    StateCreate,
    StateDetails,
    StateType,
)

WHO = "ann@desk"


def make_flow(store: Store, name: str = "etl", **fields: Any) -> schemas.Flow:
    """The flow of that name."""
    return flows.get_or_create(store, schemas.FlowCreate(name=name, **fields))[0]


def upsert(store: Store, name: str = "nightly", **fields: Any) -> tuple[Deployment, bool]:
    """create_deployment with just these fields sent."""
    flow_id = fields.pop("flow_id", None) or make_flow(store).id
    return deployments.create(store, DeploymentCreate(name=name, flow_id=flow_id, **fields), WHO)


def make_deployment(store: Store, name: str = "nightly", **fields: Any) -> Deployment:
    """A deployment with these fields."""
    return upsert(store, name, **fields)[0]


def patch(store: Store, deployment: Deployment, **fields: Any) -> Deployment:
    """update_deployment with just these fields sent; answers what is read after it."""
    deployments.update(store, deployment.id, DeploymentUpdate(**fields), WHO)
    return deployments.read(store, deployment.id)


def cron(text: str = "0 6 * * *", **fields: Any) -> DeploymentScheduleCreate:
    """A cron schedule as sent."""
    return DeploymentScheduleCreate(schedule=CronSchedule(cron=text), **fields)


def make_run(store: Store, deployment: Deployment, **fields: Any) -> FlowRun:
    """A manual run of a deployment, due now unless `state` says otherwise."""
    values = {
        "flow_id": deployment.flow_id,
        "deployment_id": deployment.id,
        "deployment_name": deployment.name,
        "state": StateCreate(type=StateType.SCHEDULED),
        **fields,
    }
    return flow_runs.create(store, **values)[0]


def make_planned_run(
    store: Store, deployment: Deployment, schedule_at: int = 0, minutes: float = 5, **fields: Any
) -> FlowRun:
    """An auto-scheduled run as the planner makes them, `minutes` from now."""
    slot = store.clock.now() + timedelta(minutes=minutes)
    values = {
        "schedule_id": deployment.schedules[schedule_at].id,
        "slot": slot,
        "auto_scheduled": True,
        "state": scheduled(slot),
        **fields,
    }
    return make_run(store, deployment, **values)


def scheduled(at: datetime, name: str | None = None) -> StateCreate:
    """A SCHEDULED state due at an instant."""
    return StateCreate(type=StateType.SCHEDULED, name=name, state_details=StateDetails(scheduled_time=at))


def run_names(store: Store, deployment: Deployment) -> set[str]:
    """The names of all runs that a deployment has, itself gone or not."""
    found = store.database.execute_sql(
        "SELECT name FROM flow_run WHERE deployment_id = ?", (deployment.id.bytes,)
    )
    return {name for (name,) in found}
