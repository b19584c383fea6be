"""LocalBackend: the door answers every method, checks before it writes, and refuses under --read-only."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support.making import cron, make_deployment, make_run

from backend import Backend, LocalBackend, operator_name
from scheduler import timetable
from store import history, logs, schemas, states, variables, work_pools
from store.clock import FrozenClock
from store.database import Store
from store.errors import Conflict, Invalid, NotFound, ParametersInvalid, Refused
from store.locks import LockFile
from store.schemas import (
    CronSchedule,
    DeploymentCreate,
    DeploymentFlowRunCreate,
    DeploymentQuery,
    DeploymentScheduleUpdate,
    DeploymentUpdate,
    FlowCreate,
    FlowRunQuery,
    LogCreate,
    RRuleSchedule,
    StateCreate,
    StateType,
    WorkPoolCreate,
)

NOBODY = UUID(int=1)
BAD_RULE = CronSchedule(cron="99 * * * *")
INTEGER_A = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
NOT_AN_INTEGER = "Validation failed for field 'a'. Failure reason: 'x' is not of type 'integer'"


@pytest.fixture
def backend(store: Store) -> LocalBackend:
    work_pools.ensure_defaults(store)
    return LocalBackend(store, who="ann@desk")


def sent(backend: LocalBackend, **fields: Any) -> DeploymentCreate:
    flow = backend.create_flow(FlowCreate(name="etl"))
    return DeploymentCreate(**{"name": "nightly", "flow_id": flow.id, **fields})


def test_it_has_every_method_of_the_protocol(backend: LocalBackend) -> None:
    for name, method in inspect.getmembers(Backend, inspect.isfunction):
        if not name.startswith("_"):
            ours = list(inspect.signature(getattr(LocalBackend, name)).parameters)
            assert ours == list(inspect.signature(method).parameters), name


# --- Deployments


def test_create_read_and_history(backend: LocalBackend) -> None:
    deployment, created = backend.create_deployment(sent(backend, schedules=[cron()]))
    assert created
    assert backend.read_deployment(deployment.id) == deployment
    assert backend.read_deployment_by_name("etl", "nightly") == deployment
    (entry,) = backend.read_history(deployment.id)
    assert (entry.action, entry.who) == ("create", "ann@desk")


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"schedules": [cron(), {"schedule": BAD_RULE}]}, Invalid, 'Invalid cron string: "99 * * * *"'),
        (
            {"parameters": {"a": "x"}, "parameter_openapi_schema": INTEGER_A},
            Invalid,
            NOT_AN_INTEGER,
        ),
        (
            {"schedules": [cron(parameters={"a": "x"})], "parameter_openapi_schema": INTEGER_A},
            Invalid,
            NOT_AN_INTEGER,
        ),
        ({"work_pool_name": "mars"}, NotFound, 'Work pool "mars" not found.'),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    backend: LocalBackend, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as refused:
        backend.create_deployment(sent(backend, **fields))
    assert message in str(refused.value)
    assert backend.deployment_keys(DeploymentQuery()) == []
    assert backend.read_history() == []


def test_a_bad_rule_names_its_field(backend: LocalBackend) -> None:
    with pytest.raises(Invalid) as refused:
        backend.create_deployment(sent(backend, schedules=[cron(), {"schedule": BAD_RULE}]))
    assert (refused.value.field or "").startswith("schedules[1].schedule")


@pytest.mark.parametrize(
    "fields",
    [
        {"parameters": {}, "parameter_openapi_schema": INTEGER_A},
        {"parameters": {"a": "x"}, "parameter_openapi_schema": INTEGER_A, "enforce_parameter_schema": False},
        {"parameters": {"a": "x"}},
    ],
)
def test_required_may_be_missing_and_nothing_counts_unenforced(
    backend: LocalBackend, fields: dict[str, Any]
) -> None:
    assert backend.create_deployment(sent(backend, **fields)).created


def test_an_upsert_is_checked_against_what_is_kept(backend: LocalBackend) -> None:
    backend.create_deployment(sent(backend, parameter_openapi_schema=INTEGER_A))
    with pytest.raises(Invalid, match="Validation failed for field 'a'"):
        backend.create_deployment(sent(backend, parameters={"a": "x"}))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"parameters": {"a": "x"}}, Conflict, f"Error updating deployment: {NOT_AN_INTEGER}"),
        ({"schedules": [{"schedule": BAD_RULE}]}, Invalid, "Invalid cron string"),
        (
            {"schedules": [cron(parameters={"a": "x"})]},
            Conflict,
            f"Error updating deployment: {NOT_AN_INTEGER}",
        ),
    ],
)
def test_updates_are_checked(
    backend: LocalBackend, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    made = backend.create_deployment(sent(backend, parameter_openapi_schema=INTEGER_A)).deployment
    with pytest.raises(error) as refused:
        backend.update_deployment(made.id, DeploymentUpdate(version="2", **fields))
    assert message in str(refused.value)
    assert backend.read_deployment(made.id) == made


def test_apply_is_all_or_nothing_and_one_change(backend: LocalBackend) -> None:
    one = DeploymentCreate(name="one", flow_id=NOBODY, tags=["t"])
    two = DeploymentCreate(name="two", flow_id=NOBODY)
    bad = DeploymentCreate(name="bad", flow_id=NOBODY, work_pool_name="mars")
    with pytest.raises(NotFound):
        backend.apply_deployments([("etl", one), ("new", bad)])
    assert backend.deployment_keys(DeploymentQuery()) == []
    applied = backend.apply_deployments([("etl", one), ("new", two)])
    assert [(item.deployment.full_name, item.created) for item in applied] == [
        ("etl/one", True),
        ("new/two", True),
    ]
    assert len({entry.group_id for entry in backend.read_history()}) == 1
    again = backend.apply_deployments([("etl", one), ("new", two)])
    assert [item.created for item in again] == [False, False]
    assert len(backend.read_history()) == 2


def test_apply_says_which_deployment_does_not_fit(backend: LocalBackend) -> None:
    bad = DeploymentCreate(
        name="bad", flow_id=NOBODY, parameters={"a": "x"}, parameter_openapi_schema=INTEGER_A
    )
    with pytest.raises(Invalid) as refused:
        backend.apply_deployments([("etl", bad)])
    assert str(refused.value) == f"etl/bad: {NOT_AN_INTEGER}"


def test_a_schema_that_is_none_is_refused_where_it_counts(backend: LocalBackend) -> None:
    no_schema = {"type": 3}
    with pytest.raises(Invalid, match="Invalid schema"):
        backend.create_deployment(sent(backend, parameter_openapi_schema=no_schema))
    lax = sent(backend, parameter_openapi_schema=no_schema, enforce_parameter_schema=False)
    made = backend.create_deployment(lax).deployment
    with pytest.raises(Invalid, match="Invalid schema"):
        backend.update_deployment(made.id, DeploymentUpdate(enforce_parameter_schema=True))


def test_apply_keeps_what_the_file_does_not_say(backend: LocalBackend) -> None:
    made = backend.create_deployment(sent(backend, description="kept")).deployment
    backend.apply_deployments([("etl", DeploymentCreate(name="nightly", flow_id=NOBODY, version="2"))])
    after = backend.read_deployment(made.id)
    assert (after.description, after.version) == ("kept", "2")


def test_rows_show_schedules_in_words(store: Store, backend: LocalBackend) -> None:
    plain = make_deployment(store, "a-none")
    one = make_deployment(store, "b-one", schedules=[cron("0 6 * * *")])
    three = make_deployment(store, "c-three", schedules=[cron("0 6 * * *"), cron("@hourly"), cron("@daily")])
    keys = backend.deployment_keys(DeploymentQuery())
    assert keys == [plain.id, one.id, three.id]
    rows = backend.deployment_rows([*keys, NOBODY])
    words = timetable.describe(CronSchedule(cron="0 6 * * *"))
    assert [rows[key].schedule for key in keys] == ["", words, f"{words} +2 more"]


def test_words_of_a_rule_are_found_once(
    store: Store, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    def describe(rule: object) -> str:
        calls.append(rule)
        return "in words"

    monkeypatch.setattr(timetable, "describe_kept", describe)
    ids = [make_deployment(store, f"d{number}", schedules=[cron()]).id for number in range(5)]
    for _ in range(3):
        assert {row.schedule for row in backend.deployment_rows(ids).values()} == {"in words"}
    assert backend.describe_schedule(CronSchedule(cron="0 6 * * *")) == "in words"
    assert len(calls) == 1


def test_pause_resume_preview_and_delete(store: Store, backend: LocalBackend, clock: FrozenClock) -> None:
    ids = [make_deployment(store, f"d{number}").id for number in range(3)]
    until = clock.now() + timedelta(hours=1)
    assert backend.pause_deployments(ids[:2], "upgrade", until) == 2
    info = backend.read_deployment(ids[0]).sluice.pause
    assert info == schemas.PauseInfo(reason="upgrade", by="ann@desk", until=until)
    assert backend.resume_deployments(ids) == 2
    assert backend.deletion_preview(ids).deployments == 3
    assert backend.delete_deployments(ids) == 3
    assert backend.deployment_keys(DeploymentQuery()) == []


def test_a_pause_does_not_end_in_the_past(store: Store, backend: LocalBackend, clock: FrozenClock) -> None:
    made = make_deployment(store)
    with pytest.raises(Invalid, match="which is past: give a later time"):
        backend.pause_deployments([made.id], until=clock.now())
    assert not backend.read_deployment(made.id).paused


# --- Schedules


def test_schedules_one_at_a_time(store: Store, backend: LocalBackend) -> None:
    made = make_deployment(store, parameter_openapi_schema=INTEGER_A)
    (new,) = backend.create_deployment_schedules(made.id, [cron(slug="a")])
    backend.update_deployment_schedule(made.id, new.id, DeploymentScheduleUpdate(active=False))
    (kept,) = backend.read_deployment_schedules(made.id)
    assert (kept.id, kept.active) == (new.id, False)
    with pytest.raises(Invalid, match="Invalid cron string") as refused:
        backend.update_deployment_schedule(made.id, new.id, DeploymentScheduleUpdate(schedule=BAD_RULE))
    assert (refused.value.field or "").startswith("schedule")
    with pytest.raises(Invalid, match="Invalid cron string"):
        backend.create_deployment_schedules(made.id, [cron("99 * * * *")])
    with pytest.raises(ParametersInvalid, match="Error creating schedule"):
        backend.create_deployment_schedules(made.id, [cron(parameters={"a": "x"})])
    change = DeploymentScheduleUpdate(parameters={"a": "x"})
    with pytest.raises(ParametersInvalid, match="Error updating schedule"):
        backend.update_deployment_schedule(made.id, new.id, change)
    backend.delete_deployment_schedule(made.id, new.id)
    assert backend.read_deployment_schedules(made.id) == []


def test_times_and_words_are_the_timetable_s(store: Store, backend: LocalBackend, clock: FrozenClock) -> None:
    rule = CronSchedule(cron="0 6 * * *", timezone="Europe/Paris")
    made = make_deployment(store, schedules=[schemas.DeploymentScheduleCreate(schedule=rule, active=False)])
    (schedule,) = made.schedules
    times = backend.next_occurrences(schedule, clock.now(), 3)
    assert times == timetable.occurrences(
        rule, after=clock.now(), before=None, limit=3, anchor=schedule.created
    )
    assert len(times) == 3
    assert backend.describe_schedule(rule) == timetable.describe(rule)


@pytest.mark.parametrize("rule", [BAD_RULE, RRuleSchedule(rrule="COUNT=3")])
def test_a_rule_is_checked_on_its_own(backend: LocalBackend, rule: schemas.ScheduleRule) -> None:
    with pytest.raises(Invalid):
        backend.check_schedule(rule)


# --- The rest of the house


def test_flows_pools_variables(store: Store, backend: LocalBackend) -> None:
    flow = backend.create_flow(FlowCreate(name="etl"))
    assert backend.read_flow(flow.id) == backend.create_flow(FlowCreate(name="etl")) == flow
    pool = backend.create_work_pool(WorkPoolCreate(name="farm"))
    assert [found.name for found in backend.read_work_pools()] == [pool.name, "local"]
    variables.write(store, "v", [1])
    assert backend.read_variables() == {"v": [1]}


def test_runs_states_and_logs_pass_through(store: Store, backend: LocalBackend) -> None:
    run = make_run(store, make_deployment(store), name="swift-heron")
    line = LogCreate(name="x", level=20, message="m", timestamp=store.clock.now(), flow_run_id=run.id)
    logs.write_logs(store, [line, line])
    assert backend.flow_run_keys(FlowRunQuery()) == [run.id]
    assert backend.flow_run_rows([run.id])[run.id].name == "swift-heron"
    assert backend.read_flow_run(run.id) == backend.find_flow_runs("swift-heron")[0] == run
    assert backend.read_flow_run_states(run.id) == states.history(store, run.id)
    assert len(backend.read_logs(run.id)) == 2
    assert len(backend.read_last_logs(run.id, 1)) == 1
    assert backend.delete_flow_runs([run.id]) == 1


def test_cancelling_ends_waiting_runs_and_asks_live_ones(store: Store, backend: LocalBackend) -> None:
    deployment = make_deployment(store)
    waiting, live = make_run(store, deployment), make_run(store, deployment)
    states.write(store, live.id, StateCreate(type=StateType.RUNNING))
    assert backend.cancel_flow_runs([waiting.id, live.id]) == 2
    assert backend.read_flow_run(waiting.id).state_type == "CANCELLED"
    assert backend.read_flow_run(live.id).state_type == "CANCELLING"


def test_status_says_who_holds_what(store: Store) -> None:
    backend = LocalBackend(store, scheduler_error=lambda: "stopped", worker_error=lambda: "no room")
    make_run(store, make_deployment(store))
    lock = LockFile(store.path, "scheduler")
    assert lock.try_acquire()
    try:
        status = backend.read_status()
    finally:
        lock.release()
    assert status.scheduler is not None
    assert status.scheduler.is_self
    assert (status.worker, status.deployments, status.active_runs) == (None, 1, 0)
    assert (status.database, status.read_only, status.scheduler_error) == (str(store.path), False, "stopped")
    assert status.worker_error == "no room"


def test_changes_are_heard(store: Store, backend: LocalBackend) -> None:
    heard: list[int] = []
    stop = backend.subscribe(lambda: heard.append(1))
    make_deployment(store)
    count = len(heard)
    assert count
    stop()
    make_deployment(store, "other")
    assert len(heard) == count


def test_who_is_user_at_host(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    monkeypatch.setattr("socket.gethostname", lambda: "desk")
    assert operator_name() == "ann@desk"
    work_pools.ensure_defaults(store)
    backend = LocalBackend(store)
    backend.create_deployment(sent(backend))
    assert history.read(store)[0].who == "ann@desk"


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("no such uid")

    monkeypatch.setattr("getpass.getuser", nameless)
    user, _, host = operator_name().partition("@")
    assert user.isdigit()
    assert host


# --- Read-only

CHANGES: dict[str, Callable[[LocalBackend, UUID], object]] = {
    "create_deployment": lambda b, key: b.create_deployment(DeploymentCreate(name="n", flow_id=key)),
    "apply_deployments": lambda b, _: b.apply_deployments([]),
    "update_deployment": lambda b, key: b.update_deployment(key, DeploymentUpdate()),
    "delete_deployments": lambda b, key: b.delete_deployments([key]),
    "pause_deployments": lambda b, key: b.pause_deployments([key]),
    "resume_deployments": lambda b, key: b.resume_deployments([key]),
    "create_flow_run_from_deployment": lambda b, key: b.create_flow_run_from_deployment(
        key, DeploymentFlowRunCreate()
    ),
    "create_deployment_schedules": lambda b, key: b.create_deployment_schedules(key, [cron()]),
    "update_deployment_schedule": lambda b, key: b.update_deployment_schedule(
        key, key, DeploymentScheduleUpdate()
    ),
    "delete_deployment_schedule": lambda b, key: b.delete_deployment_schedule(key, key),
    "create_flow": lambda b, _: b.create_flow(FlowCreate(name="n")),
    "create_work_pool": lambda b, _: b.create_work_pool(WorkPoolCreate(name="n")),
    "cancel_flow_runs": lambda b, key: b.cancel_flow_runs([key]),
    "delete_flow_runs": lambda b, key: b.delete_flow_runs([key]),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_every_change_is_refused_under_read_only(tmp_path: Path, clock: FrozenClock, name: str) -> None:
    path = tmp_path / "sluice.db"
    first = Store.open(path, clock=clock)
    key = make_deployment(first).id
    first.close()
    store = Store.open(path, read_only=True, clock=clock)
    try:
        backend = LocalBackend(store)
        assert backend.read_only
        with pytest.raises(Refused, match="open it without --read-only to change something"):
            CHANGES[name](backend, key)
        assert backend.read_deployment(key).name == "nightly"
    finally:
        store.close()
