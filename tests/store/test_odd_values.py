"""Values that no database or calendar can take are refused by their shape, with a sentence."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from support.making import make_deployment, patch

from store import deployments, flow_runs, flows, history
from store.database import Store
from store.errors import NotFound
from store.schemas import (
    DeploymentCreate,
    DeploymentFlowRunCreate,
    DeploymentOptions,
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
    DeploymentUpdate,
    FlowCreate,
    Retention,
    ScheduleOptions,
    Schema,
    StateCreate,
    StateType,
    WorkPoolCreate,
)

HALF = "\ud83d"
HUGE = 10**30
NAN = float("nan")
DEPLOYMENT = {"name": "n", "flow_id": UUID(int=1)}
RULE = {"schedule": {"cron": "@daily"}}


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        (DeploymentCreate, {**DEPLOYMENT, "description": HALF}),
        (DeploymentCreate, {**DEPLOYMENT, "tags": [HALF]}),
        (DeploymentCreate, {**DEPLOYMENT, "parameters": {"deep": [{HALF: 1}]}}),
        (DeploymentUpdate, {"path": HALF}),
        (DeploymentScheduleCreate, {**RULE, "slug": HALF}),
        (DeploymentScheduleUpdate, {"slug": HALF}),
        (DeploymentFlowRunCreate, {"name": HALF}),
        (StateCreate, {"type": "FAILED", "message": HALF}),
        (FlowCreate, {"name": HALF}),
        (WorkPoolCreate, {"name": HALF}),
    ],
)
def test_half_a_character_is_refused(shape: type[Schema], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="is half of a character: text must be valid Unicode"):
        shape(**fields)


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        (DeploymentCreate, {**DEPLOYMENT, "concurrency_limit": HUGE}),
        (DeploymentOptions, {"pause_after_failures": HUGE}),
        (Retention, {"days": HUGE}),
        (Retention, {"runs": HUGE}),
        (DeploymentScheduleCreate, {**RULE, "max_active_runs": HUGE}),
        (DeploymentScheduleUpdate, {"max_active_runs": HUGE}),
        (ScheduleOptions, {"catchup_window": HUGE}),
        (ScheduleOptions, {"jitter": HUGE}),
        (WorkPoolCreate, {"name": "p", "concurrency_limit": HUGE}),
    ],
)
def test_a_number_beyond_all_use_is_refused(shape: type[Schema], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="less than or equal to"):
        shape(**fields)


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        (DeploymentCreate, {**DEPLOYMENT, "parameters": {"a": NAN}}),
        (DeploymentCreate, {**DEPLOYMENT, "job_variables": {"a": [float("inf")]}}),
        (DeploymentCreate, {**DEPLOYMENT, "parameter_openapi_schema": {"a": NAN}}),
        (DeploymentCreate, {**DEPLOYMENT, "pull_steps": [{"a": NAN}]}),
        (DeploymentUpdate, {"parameters": {"a": -float("inf")}}),
        (DeploymentScheduleCreate, {**RULE, "parameters": {"a": NAN}}),
        (DeploymentFlowRunCreate, {"parameters": {"a": NAN}}),
        (StateCreate, {"type": "COMPLETED", "data": NAN}),
    ],
)
def test_what_is_no_json_is_refused(shape: type[Schema], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="NaN and Infinity are no JSON values"):
        shape(**fields)


def test_dates_of_yaml_are_kept_as_text(store: Store) -> None:
    made = make_deployment(store, parameters={"day": date(2026, 3, 2)})
    assert made.parameters == {"day": "2026-03-02"}


@pytest.mark.parametrize("text", ["a\x00b", "é😀\n", "' OR 1=1 --", "x" * 100_000])
def test_other_text_is_kept_as_it_is(store: Store, text: str) -> None:
    made = patch(store, make_deployment(store), description=text, tags=[text], entrypoint=text)
    assert (made.description, made.tags, made.entrypoint) == (text, [text], text)
    assert (history.read(store)[0].after or {})["description"] == text


def test_a_name_that_is_no_text_names_nothing(store: Store) -> None:
    # What a shell passes on when a byte is no UTF-8.
    odd = b"\xff".decode("utf-8", "surrogateescape")
    assert flow_runs.find(store, odd) == []
    with pytest.raises(NotFound):
        flows.read_by_name(store, odd)
    with pytest.raises(NotFound):
        deployments.read_by_name(store, "etl", odd)


def test_a_state_keeps_what_json_can_hold() -> None:
    assert StateCreate(type=StateType.COMPLETED, data={"when": date(2026, 3, 2)}).data == {
        "when": "2026-03-02"
    }
