"""What passes through the Backend's door. `from store.schemas import Deployment`.

Rows, queries and constants are here at once. The pydantic models are loaded when the first of them is asked
for (PEP 562): pydantic and they take longer to load than the first picture on the screen, which needs none.
Modules that this picture loads therefore import models for type checkers only, and say `schemas.Deployment`
where they make one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from store.schemas.constants import (
    ACTIVE_STATES,
    DEFAULT_QUEUE,
    LOCAL_POOL,
    STATE_NAMES,
    TERMINAL_STATES,
    CollisionStrategy,
    StateType,
)
from store.schemas.lists import (
    DeletionPreview,
    DeploymentQuery,
    DeploymentRow,
    DeploymentSort,
    FlowRunQuery,
    FlowRunRow,
    FlowRunSort,
    Holder,
    RecentRun,
    Status,
)

if TYPE_CHECKING:
    from store.schemas.backfills import (
        Backfill,
        BackfillCreate,
        BackfillOrder,
        BackfillPlan,
        BackfillProgress,
        BackfillState,
        PlanSchedule,
        PlanSlot,
        Reprocess,
        SlotReason,
    )
    from store.schemas.common import CreatedBy, Instant, JsonObject, Name, Schema, Tags
    from store.schemas.deployments import (
        ConcurrencyOptions,
        Deployment,
        DeploymentCreate,
        DeploymentOptions,
        DeploymentUpdate,
        GlobalConcurrencyLimit,
        PauseInfo,
        Retention,
    )
    from store.schemas.flow_runs import (
        DeploymentFlowRunCreate,
        FlowRun,
        FlowRunOptions,
        LogCreate,
        LogLine,
        StateVerdict,
    )
    from store.schemas.flows import Flow, FlowCreate, HistoryEntry, Variable
    from store.schemas.schedules import (
        CronSchedule,
        DeploymentSchedule,
        DeploymentScheduleCreate,
        DeploymentScheduleUpdate,
        IntervalSchedule,
        RRuleSchedule,
        ScheduleOptions,
        ScheduleRule,
    )
    from store.schemas.states import State, StateCreate, StateDetails
    from store.schemas.work_pools import WorkPool, WorkPoolCreate, WorkQueue

__all__ = [
    "ACTIVE_STATES",
    "DEFAULT_QUEUE",
    "LOCAL_POOL",
    "STATE_NAMES",
    "TERMINAL_STATES",
    "Backfill",
    "BackfillCreate",
    "BackfillOrder",
    "BackfillPlan",
    "BackfillProgress",
    "BackfillState",
    "CollisionStrategy",
    "ConcurrencyOptions",
    "CreatedBy",
    "CronSchedule",
    "DeletionPreview",
    "Deployment",
    "DeploymentCreate",
    "DeploymentFlowRunCreate",
    "DeploymentOptions",
    "DeploymentQuery",
    "DeploymentRow",
    "DeploymentSchedule",
    "DeploymentScheduleCreate",
    "DeploymentScheduleUpdate",
    "DeploymentSort",
    "DeploymentUpdate",
    "Flow",
    "FlowCreate",
    "FlowRun",
    "FlowRunOptions",
    "FlowRunQuery",
    "FlowRunRow",
    "FlowRunSort",
    "GlobalConcurrencyLimit",
    "HistoryEntry",
    "Holder",
    "Instant",
    "IntervalSchedule",
    "JsonObject",
    "LogCreate",
    "LogLine",
    "Name",
    "PauseInfo",
    "PlanSchedule",
    "PlanSlot",
    "RRuleSchedule",
    "RecentRun",
    "Reprocess",
    "Retention",
    "ScheduleOptions",
    "ScheduleRule",
    "Schema",
    "SlotReason",
    "State",
    "StateCreate",
    "StateDetails",
    "StateType",
    "StateVerdict",
    "Status",
    "Tags",
    "Variable",
    "WorkPool",
    "WorkPoolCreate",
    "WorkQueue",
]

_MODELS = ("backfills", "common", "states", "schedules", "deployments", "flow_runs", "flows", "work_pools")
"""Modules of this package with pydantic models."""

if not TYPE_CHECKING:  # type checkers see the imports above, and refuse names that are not there

    def __getattr__(name: str) -> object:
        """A model, from its module, which is loaded now; `import` and attribute access both come here."""
        if name in __all__:
            for module in _MODELS:
                found = vars(import_module(f"{__name__}.{module}")).get(name)
                if found is not None:
                    globals()[name] = found
                    return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
