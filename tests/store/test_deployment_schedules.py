"""One schedule of a deployment at a time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from support.making import WHO, cron, make_deployment, make_planned_run, run_names

from store import deployment_schedules, deployments, history
from store.clock import FrozenClock
from store.database import Store
from store.errors import Conflict, NotFound
from store.models import DeploymentSchedule
from store.schemas import (
    CronSchedule,
    Deployment,
    DeploymentScheduleUpdate,
    IntervalSchedule,
    RRuleSchedule,
    ScheduleOptions,
)

NOBODY = UUID(int=1)


@pytest.fixture
def made(store: Store) -> Deployment:
    """Two schedules, with a future run each."""
    first = cron(
        "0 1 * * *", slug="a", parameters={"p": 1}, max_active_runs=2, sluice=ScheduleOptions(jitter=3)
    )
    deployment = make_deployment(store, schedules=[first, cron("0 2 * * *", slug="b")])
    make_planned_run(store, deployment, 0, name="of-a")
    make_planned_run(store, deployment, 1, name="of-b")
    return deployment


def update(store: Store, made: Deployment, **fields: Any) -> None:
    change = DeploymentScheduleUpdate(**fields)
    deployment_schedules.update(store, made.id, made.schedules[0].id, change, WHO)


@pytest.mark.parametrize(
    "rule",
    [
        CronSchedule(cron="0 6 * * *", timezone="Europe/Paris", day_or=False),
        RRuleSchedule(rrule="DTSTART:20260101T000000\nFREQ=DAILY"),
        IntervalSchedule(interval=90.5, anchor_date="2026-01-01T09:00:00+02:00", timezone="Asia/Tokyo"),  # type: ignore[arg-type]
    ],
)
def test_every_kind_of_rule_comes_back_as_it_was(store: Store, rule: Any) -> None:
    made = make_deployment(store, schedules=[cron().model_copy(update={"schedule": rule})])
    assert made.schedules[0].schedule == rule


def test_schedules_are_added(store: Store, clock: FrozenClock, made: Deployment) -> None:
    clock.advance(60)
    (new,) = deployment_schedules.create(store, made.id, [cron("@hourly", slug="c")], WHO)
    after = deployment_schedules.read_all(store, made.id)
    assert [schedule.slug for schedule in after] == ["a", "b", "c"]
    assert after[2] == new
    assert run_names(store, made) == {"of-a", "of-b"}
    assert deployments.read(store, made.id).updated == clock.now()


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"schedule": {"cron": "0 9 * * *"}}, {"schedule"}),
        ({"active": False}, {"active"}),
        ({"parameters": {"q": 2}}, {"parameters"}),
        ({"max_scheduled_runs": 3}, {"max_scheduled_runs"}),
        ({"max_active_runs": None}, {"max_active_runs"}),
        ({"catchup": True}, {"catchup"}),
        ({"sluice": {"catchup_window": 9}}, {"sluice"}),
        ({"sluice": None}, {"sluice"}),
    ],
)
def test_updating_changes_what_was_sent_and_plans_that_schedule_anew(
    store: Store, clock: FrozenClock, made: Deployment, fields: dict[str, Any], changed: set[str]
) -> None:
    clock.advance(60)
    update(store, made, **fields)
    before, after = made.schedules[0].model_dump(), deployments.read(store, made.id).schedules[0].model_dump()
    assert {name for name in before if before[name] != after[name]} == changed | {"updated"}
    assert run_names(store, made) == {"of-b"}
    rows = {row.slug: row for row in DeploymentSchedule.select()}
    assert (rows["a"].planned_until, rows["b"].planned_until < clock.now()) == (clock.now(), True)
    assert deployments.read(store, made.id).updated == clock.now()


def test_one_of_sluice_s_two_options_may_be_sent_alone(store: Store, made: Deployment) -> None:
    update(store, made, sluice={"catchup_window": 9})
    assert deployments.read(store, made.id).schedules[0].sluice == ScheduleOptions(catchup_window=9, jitter=3)


@pytest.mark.parametrize(
    "fields",
    [
        {"schedule": None},
        {"active": None},
        {"parameters": None},
        {"catchup": None},
        {"slug": "z"},
        {"active": True},
    ],
)
def test_what_does_not_matter_to_the_plan_leaves_it(
    store: Store, made: Deployment, fields: dict[str, Any]
) -> None:
    update(store, made, **fields)
    assert run_names(store, made) == {"of-a", "of-b"}


def test_deleting_takes_its_future_runs_only(store: Store, made: Deployment) -> None:
    make_planned_run(store, made, 0, -1, name="late-a")
    deployment_schedules.delete(store, made.id, made.schedules[0].id, WHO)
    assert [schedule.slug for schedule in deployments.read(store, made.id).schedules] == ["b"]
    assert run_names(store, made) == {"late-a", "of-b"}


def test_unknown_deployments_and_schedules_are_not_found(store: Store, made: Deployment) -> None:
    other = make_deployment(store, "other", schedules=[cron()])
    change = DeploymentScheduleUpdate(active=False)
    with pytest.raises(NotFound, match=r"^Deployment not found\.$"):
        deployment_schedules.read_all(store, NOBODY)
    with pytest.raises(NotFound, match=r"^Deployment not found\.$"):
        deployment_schedules.create(store, NOBODY, [cron()], WHO)
    for schedule_id in (NOBODY, other.schedules[0].id):
        with pytest.raises(NotFound, match=r"^Schedule not found\.$"):
            deployment_schedules.update(store, made.id, schedule_id, change, WHO)
        with pytest.raises(NotFound, match=r"^Schedule not found\.$"):
            deployment_schedules.delete(store, made.id, schedule_id, WHO)
    assert len(history.read(store, made.id)) == 1


def test_an_update_that_changes_nothing_is_no_change_to_undo(store: Store, made: Deployment) -> None:
    update(store, made, active=True, slug="a")
    assert [entry.action for entry in history.read(store, made.id)] == ["create"]
    update(store, made, active=False)
    assert [entry.action for entry in history.read(store, made.id)] == ["update", "create"]


@pytest.mark.parametrize("slugs", [["a"], ["c", "c"]])
def test_a_slug_is_taken_once(store: Store, made: Deployment, slugs: list[str]) -> None:
    with pytest.raises(Conflict, match="slug"):
        deployment_schedules.create(store, made.id, [cron(slug=slug) for slug in slugs], WHO)
    assert deployments.read(store, made.id).schedules == made.schedules


def test_a_schedule_is_not_renamed_onto_another(store: Store, made: Deployment) -> None:
    with pytest.raises(Conflict, match="'b' already"):
        update(store, made, slug="b")
    update(store, made, slug="a")
    assert deployments.read(store, made.id).schedules == made.schedules


def test_the_check_sees_the_schedule_s_parameters(store: Store, made: Deployment) -> None:
    seen: list[deployments.Proposed] = []
    key = made.schedules[0].id
    change = DeploymentScheduleUpdate(parameters={"q": 2})
    deployment_schedules.update(store, made.id, key, change, WHO, check=seen.append)
    deployment_schedules.create(store, made.id, [cron(parameters={"r": 3})], WHO, check=seen.append)
    deployment_schedules.update(
        store, made.id, key, DeploymentScheduleUpdate(active=False), WHO, check=seen.append
    )
    assert [proposed.schedule_parameters for proposed in seen] == [[{"q": 2}], [{"r": 3}]]
