"""update_deployment: only what was sent changes; null; schedules by slug."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from support.making import WHO, cron, make_deployment, make_planned_run, make_run, patch, run_names

from store import deployments, history, schedules, work_pools
from store.clock import FrozenClock
from store.database import Store
from store.errors import Conflict, Invalid, NotFound
from store.models import DeploymentSchedule
from store.schemas import Deployment, DeploymentOptions, DeploymentUpdate, PauseInfo, ScheduleOptions

NOBODY = UUID(int=1)
FULL: dict[str, Any] = {
    "version": "1.2",
    "description": "what it does",
    "tags": ["a"],
    "parameters": {"x": 1},
    "parameter_openapi_schema": {"type": "object"},
    "job_variables": {"env": {"A": "b"}},
    "pull_steps": [{"step": {}}],
    "path": "/srv",
    "entrypoint": "etl.py:main",
}


@pytest.fixture(autouse=True)
def _local_pool(store: Store) -> None:
    work_pools.ensure_defaults(store)


@pytest.mark.parametrize(
    ("field", "value"),
    [*FULL.items(), ("parameters", {}), ("tags", []), ("enforce_parameter_schema", False), ("paused", True)],
)
def test_one_field_sent_is_one_field_changed(
    store: Store, clock: FrozenClock, field: str, value: Any
) -> None:
    start = {**FULL, "version": "0", "description": "old", "path": "/", "entrypoint": "a:b"}
    before = make_deployment(store, **start)
    clock.advance(60)
    after = patch(store, before, **{field: value})
    assert getattr(after, field) == value
    unequal = {field, "updated", "sluice"}
    assert after.model_dump(exclude=unequal) == before.model_dump(exclude=unequal)


def test_parameters_are_replaced_whole(store: Store) -> None:
    made = make_deployment(store, parameters={"a": 1, "b": 2})
    assert patch(store, made, parameters={"b": 3}).parameters == {"b": 3}


@pytest.mark.parametrize(
    ("field", "cleared"),
    [
        ("version", None),
        ("description", None),
        ("path", None),
        ("entrypoint", None),
        ("pull_steps", None),
        ("parameter_openapi_schema", None),
        ("job_variables", {}),
    ],
)
def test_null_clears_what_may_be_null(store: Store, field: str, cleared: Any) -> None:
    assert getattr(patch(store, make_deployment(store, **FULL), **{field: None}), field) == cleared


def test_null_clears_pool_and_limit(store: Store) -> None:
    made = make_deployment(store, work_pool_name="local", concurrency_limit=3)
    after = patch(store, made, work_pool_name=None, concurrency_limit=None)
    assert (after.work_pool_name, after.work_queue_id, after.global_concurrency_limit) == (None, None, None)


@pytest.mark.parametrize("field", ["tags", "paused"])
def test_null_is_refused_by_the_shape(field: str) -> None:
    with pytest.raises(ValidationError):
        DeploymentUpdate(**{field: None})


@pytest.mark.parametrize(
    ("field", "error"),
    [("schedules", Invalid), ("enforce_parameter_schema", Invalid), ("parameters", Conflict)],
)
def test_null_is_refused_with_a_sentence(store: Store, field: str, error: type[Exception]) -> None:
    made = make_deployment(store, **FULL)
    with pytest.raises(error, match=f"{field} cannot be null"):
        patch(store, made, **{field: None})
    assert deployments.read(store, made.id) == made


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"work_pool_name": "mars"}, NotFound, 'Work pool "mars" not found'),
        ({"global_concurrency_limit_id": NOBODY}, NotFound, "Concurrency limit not found"),
        ({"storage_document_id": NOBODY}, Conflict, "Error updating deployment"),
    ],
)
def test_refusals_change_nothing(
    store: Store, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    made = make_deployment(store, **FULL, schedules=[cron()])
    with pytest.raises(error, match=message):
        patch(store, made, version="new", schedules=[cron("@daily")], **fields)
    assert deployments.read(store, made.id) == made
    assert len(history.read(store)) == 1


def test_an_unknown_deployment_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match=r"^Deployment not found\.$"):
        deployments.update(store, NOBODY, DeploymentUpdate(version="2"), WHO)


def test_the_check_sees_what_would_be(store: Store) -> None:
    made = make_deployment(store, parameters={"a": 1}, parameter_openapi_schema={"type": "object"})
    seen: list[deployments.Proposed] = []
    change = DeploymentUpdate(parameters={"a": 2}, schedules=[cron(parameters={"b": 3})])
    deployments.update(store, made.id, change, WHO, check=seen.append)
    assert seen == [deployments.Proposed({"a": 2}, [{"b": 3}], {"type": "object"}, True)]


def test_the_check_sees_the_schedules_that_are_kept(store: Store) -> None:
    a, b = cron(slug="a", parameters={"of": "a"}), cron("@daily", slug="b", parameters={"of": "b"})
    made = make_deployment(store, schedules=[a, b])
    seen: list[list[dict[str, Any]]] = []
    for sent in (None, [cron(slug="a", parameters={"of": "new"})], [cron(slug="c", replaces="b")], []):
        change = DeploymentUpdate(version="2") if sent is None else DeploymentUpdate(schedules=sent)

        def check(proposed: deployments.Proposed) -> None:
            seen.append(proposed.schedule_parameters)
            raise Invalid("only looking")

        with pytest.raises(Invalid):
            deployments.update(store, made.id, change, WHO, check=check)
    assert seen == [
        [{"of": "a"}, {"of": "b"}],
        [{"of": "b"}, {"of": "new"}],
        [{"of": "a"}, {}],
        [{"of": "a"}, {"of": "b"}],
    ]


# --- Pausing by PATCH, as serve() does


def test_paused_by_patch_says_who_and_takes_the_waiting_runs(store: Store) -> None:
    made = make_deployment(store, schedules=[cron()])
    make_planned_run(store, made, name="planned")
    make_run(store, made, name="manual")
    pause = PauseInfo(reason="upgrade", until=store.clock.now() + timedelta(hours=1))
    after = patch(store, made, paused=True, sluice=DeploymentOptions(pause=pause))
    assert after.sluice.pause == pause.model_copy(update={"by": WHO})
    assert run_names(store, made) == {"manual"}


def test_paused_again_keeps_the_reason_unless_another_is_given(store: Store) -> None:
    made = make_deployment(store, paused=True, sluice=DeploymentOptions(pause=PauseInfo(reason="first")))
    same = patch(store, made, paused=True, version="2")
    assert same.sluice.pause == PauseInfo(reason="first", by=WHO)
    other = patch(store, made, sluice=DeploymentOptions(pause=PauseInfo(reason="second")))
    assert other.sluice.pause == PauseInfo(reason="second", by=WHO)


def test_resumed_by_patch_is_planned_from_now_on(store: Store, clock: FrozenClock) -> None:
    made = make_deployment(store, paused=True, schedules=[cron()])
    clock.advance(3600)
    assert patch(store, made, paused=False).sluice.pause is None
    assert DeploymentSchedule.get_by_id(made.schedules[0].id).planned_until == clock.now()


# --- Schedules

A, B = cron("0 1 * * *", slug="a"), cron("0 2 * * *", slug="b")
PLAIN = cron("0 3 * * *")


def as_slugs(before: Deployment, after: Deployment) -> dict[str | None, str | None]:
    """Slug now -> slug that the same id had before; `new` for a new id."""
    old = {schedule.id: schedule.slug for schedule in before.schedules}
    return {schedule.slug: old.get(schedule.id, "new") for schedule in after.schedules}


@pytest.mark.parametrize(
    ("existing", "sent", "then"),
    [
        ([A, B], [cron("0 9 * * *", slug="a")], {"a": "a", "b": "b"}),
        ([A], [cron("0 9 * * *", slug="a"), cron("0 8 * * *", slug="c")], {"a": "a", "c": "new"}),
        ([A, B], [cron("0 1 * * *", slug="c", replaces="a")], {"c": "a", "b": "b"}),
        ([A], [cron("0 1 * * *", slug="c", replaces="nothing")], {"a": "a", "c": "new"}),
        ([A, B], [cron(slug="b", replaces="a"), cron(slug="a", replaces="b")], {"b": "a", "a": "b"}),
        ([A, B], [cron(slug="b", replaces="a"), cron(slug="c", replaces="b")], {"b": "a", "c": "b"}),
        ([A, B], [], {"a": "a", "b": "b"}),
        ([PLAIN, A], [], {}),
        ([PLAIN, A], [PLAIN], {None: None}),
        ([PLAIN], [A], {"a": "new"}),
        ([PLAIN], [PLAIN], {None: None}),
        ([], [A, PLAIN], {"a": "new", None: "new"}),
        ([PLAIN, A], [A], {"a": "a"}),
    ],
)
def test_schedules_are_patched_by_slug_or_replaced(
    store: Store, existing: list[Any], sent: list[Any], then: dict[str, str]
) -> None:
    before = make_deployment(store, schedules=existing)
    assert as_slugs(before, patch(store, before, schedules=sent)) == then


@pytest.mark.parametrize(
    ("existing", "sent", "message"),
    [
        ([A], [PLAIN], schedules.SLUG_FOR_EACH),
        ([A, B], [A, PLAIN], schedules.SLUG_FOR_EACH),
        ([A, B], [cron(slug="b", replaces="a")], "Cannot rename schedule from 'a' to 'b'"),
        ([A], [cron(slug="a"), cron(slug="c", replaces="a")], "Multiple schedules target the same slug: a"),
        (
            [A],
            [cron(slug="b", replaces="a"), cron(slug="c", replaces="a")],
            "Multiple schedules target the same slug: a",
        ),
    ],
)
def test_schedules_that_contradict_each_other_are_refused(
    store: Store, existing: list[Any], sent: list[Any], message: str
) -> None:
    made = make_deployment(store, schedules=existing)
    with pytest.raises(Invalid, match=message) as refused:
        patch(store, made, schedules=sent, version="new")
    assert (refused.value.field or "").startswith("schedules")
    assert deployments.read(store, made.id) == made


def test_a_schedule_patched_by_slug_changes_only_what_was_sent(store: Store) -> None:
    full = cron(
        slug="a",
        active=False,
        max_active_runs=2,
        catchup=True,
        parameters={"p": 1},
        sluice=ScheduleOptions(jitter=9),
    )
    made = make_deployment(store, schedules=[full])
    (after,) = patch(store, made, schedules=[cron("0 9 * * *", slug="a", max_scheduled_runs=5)]).schedules
    unequal = {"schedule", "max_scheduled_runs", "updated"}
    assert after.model_dump(exclude=unequal) == made.schedules[0].model_dump(exclude=unequal)
    assert (after.max_scheduled_runs, after.schedule.model_dump()["cron"]) == (5, "0 9 * * *")


def test_only_the_patched_schedule_loses_its_future_runs(store: Store) -> None:
    made = make_deployment(store, schedules=[A, B])
    make_planned_run(store, made, 0, name="of-a")
    make_planned_run(store, made, 1, name="of-b")
    patch(store, made, schedules=[cron("0 9 * * *", slug="a")])
    assert run_names(store, made) == {"of-b"}
