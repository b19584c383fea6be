"""History: who changed what, from what, to what."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

from support.making import WHO, cron, make_deployment, make_planned_run, make_run, patch

from store import deployment_schedules, deployments, history, schedules, work_pools
from store.clock import FrozenClock, to_micros
from store.database import Store
from store.ids import new_id
from store.models import Deployment as DeploymentRow
from store.models import DeploymentSchedule as ScheduleRow
from store.models import FlowRun as FlowRunRow
from store.schemas import DeploymentScheduleUpdate


def test_each_change_is_one_entry_newest_first(store: Store, clock: FrozenClock) -> None:
    made = make_deployment(store, schedules=[cron(slug="a")])
    clock.advance(1)
    patch(store, made, version="2")
    deployments.pause(store, [made.id], WHO)
    deployments.resume(store, [made.id], WHO)
    key = made.schedules[0].id
    deployment_schedules.update(store, made.id, key, DeploymentScheduleUpdate(active=False), WHO)
    deployments.delete(store, [made.id], "bob@other")
    entries = history.read(store, made.id)
    actions = [entry.action for entry in entries]
    assert actions == ["delete", "update", "resume", "pause", "update", "create"]
    assert {entry.deployment_name for entry in entries} == {"etl/nightly"}
    assert [entry.who for entry in entries] == ["bob@other", *[WHO] * 5]
    assert entries[0].at == clock.now()
    assert len({entry.group_id for entry in entries}) == 6


def test_before_of_one_change_is_after_of_the_one_before(store: Store) -> None:
    made = make_deployment(store, schedules=[cron()])
    patch(store, made, version="2")
    deployments.pause(store, [made.id], WHO)
    deployments.delete(store, [made.id], WHO)
    oldest_first = history.read(store)[::-1]
    assert oldest_first[0].before is None
    assert oldest_first[-1].after is None
    for earlier, later in pairwise(oldest_first):
        kept = {key: value for key, value in (later.before or {}).items() if key != "scheduled_runs"}
        assert kept == earlier.after


def test_a_snapshot_holds_every_column_and_what_they_point_to(store: Store, clock: FrozenClock) -> None:
    work_pools.ensure_defaults(store)
    made = make_deployment(
        store,
        work_pool_name="local",
        concurrency_limit=3,
        parameters={"x": [1, None, {"y": True}]},
        schedules=[cron(slug="a", parameters={"p": None})],
    )
    snapshot = history.snapshot(store, made.id)
    columns = {field.column_name for field in DeploymentRow._meta.sorted_fields} - history.MOVING
    further = {"flow_name", "work_pool_name", "limit", "limit_name", "schedules"}
    assert set(snapshot) == columns | further
    assert UUID(snapshot["id"]) == made.id
    assert UUID(snapshot["work_queue_id"]) == made.work_queue_id
    assert snapshot["storage_document_id"] is None
    assert snapshot["parameters"] == {"x": [1, None, {"y": True}]}
    assert snapshot["created"] == to_micros(clock.now())
    assert (snapshot["flow_name"], snapshot["work_pool_name"], snapshot["limit"]) == ("etl", "local", 3)
    (schedule,) = snapshot["schedules"]
    assert set(schedule) == {field.column_name for field in ScheduleRow._meta.sorted_fields} - history.MOVING
    assert (UUID(schedule["id"]), schedule["slug"]) == (made.schedules[0].id, "a")
    assert schedule["parameters"] == {"p": None}
    assert schedules.rule_from_json(schedule["rule"]) == made.schedules[0].schedule


def test_a_deletion_keeps_the_runs_that_undo_must_bring_back(store: Store) -> None:
    made = make_deployment(store, schedules=[cron()])
    run = make_run(store, made, name="manual", parameters={"x": 1})
    make_planned_run(store, made, name="planned")
    deployments.delete(store, [made.id], WHO)
    (kept,) = (history.read(store)[0].before or {})["scheduled_runs"]
    assert set(kept) == {field.column_name for field in FlowRunRow._meta.sorted_fields} - history.MOVING
    assert (UUID(kept["id"]), kept["name"], kept["parameters"]) == (run.id, "manual", {"x": 1})


def test_only_what_changed_is_recorded(store: Store) -> None:
    one, two = make_deployment(store, "one"), make_deployment(store, "two")
    deployments.pause(store, [one.id], WHO)
    deployments.pause(store, [one.id, two.id], WHO)
    assert [entry.deployment_name for entry in history.read(store, limit=1)] == ["etl/two"]
    assert len(history.read(store)) == 4
    patch(store, one, paused=True)
    assert len(history.read(store)) == 4


def test_an_entry_may_be_written_by_hand(store: Store) -> None:
    group, key = new_id(), new_id()
    history.record(
        store,
        group_id=group,
        who="scheduler",
        action="pause",
        deployment_id=key,
        deployment_name="etl/gone",
        after={"paused": True},
    )
    (entry,) = history.read(store, key)
    assert (entry.group_id, entry.before, entry.after) == (group, None, {"paused": True})
    assert history.read(store, new_id()) == []
