"""create_deployment and schedules: which are kept, and which planned runs go."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from support.making import cron, make_deployment, make_planned_run, make_run, run_names, upsert

from store import states, work_pools
from store.clock import FrozenClock
from store.database import Store
from store.models import DeploymentSchedule
from store.schemas import Deployment, ScheduleOptions, StateCreate, StateType

NOBODY = UUID(int=1)


@pytest.fixture(autouse=True)
def _local_pool(store: Store) -> None:
    work_pools.ensure_defaults(store)


def slugs(deployment: Deployment) -> list[str | None]:
    return [schedule.slug for schedule in deployment.schedules]


def test_schedules_are_kept_when_absent_or_null_and_removed_by_an_empty_list(store: Store) -> None:
    before = make_deployment(store, schedules=[cron(), cron("@hourly", slug="h")])
    assert len(before.schedules) == 2
    assert upsert(store, version="2")[0].schedules == before.schedules
    assert upsert(store, schedules=None)[0].schedules == before.schedules
    assert upsert(store, schedules=[])[0].schedules == []


def test_every_field_of_a_schedule_is_read_back(store: Store, clock: FrozenClock) -> None:
    sent = cron(
        "0 6 * * *",
        slug="s",
        active=False,
        parameters={"p": 1},
        max_scheduled_runs=4,
        max_active_runs=2,
        catchup=True,
        sluice=ScheduleOptions(catchup_window=60, jitter=5),
    )
    schedule = make_deployment(store, schedules=[sent]).schedules[0]
    fields = set(type(sent).model_fields) - {"replaces"}
    assert schedule.model_dump(include=fields) == sent.model_dump(include=fields)
    row = DeploymentSchedule.get_by_id(schedule.id)
    assert row.anchor == row.planned_until == schedule.created == clock.now()
    assert DeploymentSchedule.select(DeploymentSchedule.plan_again_at).scalar(as_tuple=True)[0].year == 1970


@pytest.mark.parametrize(
    ("old", "new", "keeps_id"),
    [
        (cron("0 6 * * *", slug="a"), cron("0 7 * * *", slug="a"), True),
        (cron("0 6 * * *"), cron("0 6 * * *", max_active_runs=2), True),
        (cron("0 6 * * *"), cron("0 7 * * *"), False),
        (cron("0 6 * * *", slug="a"), cron("0 6 * * *", slug="b"), False),
        (cron("0 6 * * *", slug="a"), cron("0 6 * * *", slug="b", replaces="a"), True),
        (cron("0 6 * * *", slug="a"), cron("0 6 * * *"), False),
    ],
)
def test_a_schedule_keeps_its_id_by_slug_or_by_rule(store: Store, old: Any, new: Any, keeps_id: bool) -> None:
    before = make_deployment(store, schedules=[old]).schedules[0]
    (after,) = upsert(store, schedules=[new])[0].schedules
    assert (after.id == before.id) is keeps_id
    assert (after.slug, after.schedule, after.max_active_runs) == (
        new.slug,
        new.schedule,
        new.max_active_runs,
    )


def test_two_equal_rules_keep_two_ids(store: Store) -> None:
    before = make_deployment(store, schedules=[cron(), cron()]).schedules
    after = upsert(store, schedules=[cron(), cron(), cron()])[0].schedules
    assert [schedule.id for schedule in after[:2]] == [schedule.id for schedule in before]
    assert len(after) == 3


@pytest.mark.parametrize(
    ("sent", "then"), [({}, False), ({"active": True}, True), ({"active": False}, False)]
)
def test_active_is_kept_when_not_sent(store: Store, sent: dict[str, bool], then: bool) -> None:
    make_deployment(store, schedules=[cron(slug="a", active=False)])
    assert upsert(store, schedules=[cron(slug="a", **sent)])[0].schedules[0].active is then
    assert upsert(store, "new", schedules=[cron()])[0].schedules[0].active is True


def test_slugs_may_be_swapped(store: Store) -> None:
    a, b = make_deployment(
        store, schedules=[cron("0 1 * * *", slug="a"), cron("0 2 * * *", slug="b")]
    ).schedules
    sent = [cron("0 1 * * *", slug="b", replaces="a"), cron("0 2 * * *", slug="a", replaces="b")]
    after = {schedule.id: schedule.slug for schedule in upsert(store, schedules=sent)[0].schedules}
    assert after == {a.id: "b", b.id: "a"}


# --- What is planned already


def planned(store: Store, **fields: Any) -> Deployment:
    """Two schedules, and one run of each kind that a change may or may not take away."""
    made = make_deployment(
        store, schedules=[cron("0 6 * * *", slug="a"), cron("0 7 * * *", slug="b")], **fields
    )
    make_planned_run(store, made, 0, 5, name="a-future")
    make_planned_run(store, made, 1, 5, name="b-future")
    make_planned_run(store, made, 0, -1, name="a-late")
    retry = make_planned_run(store, made, 0, 6, name="a-retry")
    states.write(store, retry.id, StateCreate(type=StateType.RUNNING))
    states.write(store, retry.id, StateCreate(type=StateType.SCHEDULED, name="AwaitingRetry"))
    make_planned_run(store, made, 0, 7, name="a-backfill", auto_scheduled=False, backfill_id=NOBODY)
    make_run(store, made, name="manual")
    return made


ALL = {"a-future", "b-future", "a-late", "a-retry", "a-backfill", "manual"}


@pytest.mark.parametrize(
    ("sent", "gone"),
    [
        ({"schedules": [cron("0 6 * * *", slug="a"), cron("0 7 * * *", slug="b")]}, set()),
        ({"schedules": [cron("0 9 * * *", slug="a"), cron("0 7 * * *", slug="b")]}, {"a-future"}),
        (
            {"schedules": [cron("0 6 * * *", slug="a", active=False), cron("0 7 * * *", slug="b")]},
            {"a-future"},
        ),
        ({"schedules": [cron("0 6 * * *", slug="a")]}, {"b-future"}),
        ({"schedules": []}, {"a-future", "b-future"}),
        ({"schedules": [cron("0 6 * * *", slug="c", replaces="a"), cron("0 7 * * *", slug="b")]}, set()),
        ({"description": "new"}, set()),
        ({"parameters": {"x": 1}}, {"a-future", "b-future"}),
        ({"tags": ["t"]}, {"a-future", "b-future"}),
        ({"work_pool_name": "local"}, {"a-future", "b-future"}),
        ({"paused": True}, {"a-future", "b-future", "a-late"}),
    ],
)
def test_only_future_auto_scheduled_runs_of_what_changed_go(
    store: Store, sent: dict[str, Any], gone: set[str]
) -> None:
    deployment = planned(store)
    assert run_names(store, deployment) == ALL
    upsert(store, **sent)
    assert run_names(store, deployment) == ALL - gone


@pytest.mark.parametrize(
    ("sent", "anew"),
    [
        ({"schedules": [cron("0 9 * * *", slug="a"), cron("0 7 * * *", slug="b")]}, {"a"}),
        ({"schedules": [cron("0 6 * * *", slug="a"), cron("0 7 * * *", slug="b")]}, set()),
        ({"parameters": {"x": 1}}, {"a", "b"}),
        ({"description": "new"}, set()),
    ],
)
def test_an_edit_is_planned_from_now_on(
    store: Store, clock: FrozenClock, sent: dict[str, Any], anew: set[str]
) -> None:
    make_deployment(store, schedules=[cron("0 6 * * *", slug="a"), cron("0 7 * * *", slug="b")])
    later = clock.now()
    DeploymentSchedule.update(plan_again_at=later).execute()
    clock.advance(60)
    upsert(store, **sent)
    due = {row.slug for row in DeploymentSchedule.select() if row.planned_until == clock.now()}
    at_once = {row.slug for row in DeploymentSchedule.select() if row.plan_again_at < later}
    assert due == at_once == anew
