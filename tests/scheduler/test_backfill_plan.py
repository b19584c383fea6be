"""Which slots a backfill runs: reprocess, order, max_runs, several schedules, daylight saving, the digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError
from support.backfilling import (
    day,
    fates,
    make_backfill,
    old_deployment,
    past_slot,
    plan_until,
    request,
    runs_of,
)
from support.making import cron, make_deployment, patch

from scheduler import backfill
from store import flow_runs, states
from store.clock import FrozenClock
from store.database import Store
from store.errors import Invalid, NotFound, PlanChanged
from store.schemas import (
    BackfillCreate,
    BackfillOrder,
    CronSchedule,
    DeploymentScheduleCreate,
    IntervalSchedule,
    Reprocess,
    SlotReason,
    StateCreate,
    StateType,
)

NONE, FAILED, ALL = Reprocess.NONE, Reprocess.FAILED, Reprocess.ALL


@pytest.mark.parametrize(
    ("last_run", "reprocess", "reason"),
    [
        (None, NONE, "new"),
        (None, FAILED, "new"),
        (None, ALL, "new"),
        ("COMPLETED", NONE, "ran"),
        ("COMPLETED", FAILED, "ran"),
        ("COMPLETED", ALL, "rerun"),
        ("FAILED", NONE, "ran"),
        ("FAILED", FAILED, "rerun"),
        ("FAILED", ALL, "rerun"),
        ("FAILED:TimedOut", FAILED, "rerun"),
        ("CRASHED", NONE, "ran"),
        ("CRASHED", FAILED, "rerun"),
        ("CRASHED", ALL, "rerun"),
        ("CANCELLED", NONE, "ran"),
        ("CANCELLED", FAILED, "rerun"),
        ("CANCELLED", ALL, "rerun"),
        ("CANCELLED:Missed", NONE, "missed"),
        ("CANCELLED:Skipped", NONE, "missed"),
        ("CANCELLED:Missed", FAILED, "missed"),
        ("CANCELLED:Missed", ALL, "missed"),
        ("SCHEDULED", NONE, "live"),
        ("SCHEDULED", ALL, "live"),
        ("SCHEDULED:Late", ALL, "live"),
        ("SCHEDULED:AwaitingRetry", FAILED, "live"),
        ("PENDING", ALL, "live"),
        ("RUNNING", FAILED, "live"),
        ("RUNNING", ALL, "live"),
        ("PAUSED", ALL, "live"),
        ("CANCELLING", ALL, "live"),
    ],
)
def test_a_slot_by_its_last_run(
    store: Store, clock: FrozenClock, last_run: str | None, reprocess: Reprocess, reason: str
) -> None:
    deployment = old_deployment(store, clock)
    run = past_slot(store, deployment, day(3), last_run) if last_run else None
    plan = backfill.preview(store, request(deployment, 3, 3, reprocess=reprocess))
    (slot,) = plan.slots
    assert (slot.reason.value, slot.create) == (reason, reason in ("new", "missed", "rerun"))
    assert slot.attempt == (2 if reason == "rerun" else 1)
    assert (slot.run_id, slot.run_state) == ((run.id, run.state_name) if run else (None, None))
    assert plan.creates == int(slot.create)
    assert plan.counts == {SlotReason(reason): 1}


@pytest.mark.parametrize(
    ("reprocess", "order", "max_runs", "expected"),
    [
        (NONE, "oldest", None, ["1 new", "2 ran", "3 ran", "4 new", "5 live"]),
        (NONE, "newest", None, ["5 live", "4 new", "3 ran", "2 ran", "1 new"]),
        (NONE, "oldest", 1, ["1 new", "2 ran", "3 ran", "4 over_max", "5 live"]),
        (NONE, "newest", 1, ["5 live", "4 new", "3 ran", "2 ran", "1 over_max"]),
        (FAILED, "oldest", None, ["1 new", "2 rerun", "3 ran", "4 new", "5 live"]),
        (FAILED, "oldest", 2, ["1 new", "2 rerun", "3 ran", "4 over_max", "5 live"]),
        (FAILED, "newest", 2, ["5 live", "4 new", "3 ran", "2 rerun", "1 over_max"]),
        (ALL, "oldest", None, ["1 new", "2 rerun", "3 rerun", "4 new", "5 live"]),
        (ALL, "newest", 3, ["5 live", "4 new", "3 rerun", "2 rerun", "1 over_max"]),
        (ALL, "oldest", 100, ["1 new", "2 rerun", "3 rerun", "4 new", "5 live"]),
    ],
)
def test_order_and_max_runs(
    store: Store,
    clock: FrozenClock,
    reprocess: Reprocess,
    order: str,
    max_runs: int | None,
    expected: list[str],
) -> None:
    deployment = old_deployment(store, clock)
    for number, state in ((2, "FAILED"), (3, "COMPLETED"), (5, "RUNNING")):
        past_slot(store, deployment, day(number), state)
    asked = request(deployment, reprocess=reprocess, order=BackfillOrder(order), max_runs=max_runs)
    plan = backfill.preview(store, asked)
    assert fates(plan) == expected
    assert plan.creates == sum(plan.counts.get(r, 0) for r in (SlotReason.NEW, SlotReason.RERUN))


def test_the_last_of_several_runs_counts_and_one_that_is_not_over_before_all(
    store: Store, clock: FrozenClock
) -> None:
    deployment = old_deployment(store, clock)
    past_slot(store, deployment, day(1), "FAILED")
    past_slot(store, deployment, day(1), "COMPLETED", auto_scheduled=False, attempt=2)
    past_slot(store, deployment, day(2), "COMPLETED")
    past_slot(store, deployment, day(2), "FAILED", auto_scheduled=False, attempt=2)
    past_slot(store, deployment, day(3), "RUNNING")
    past_slot(store, deployment, day(3), "FAILED", auto_scheduled=False, attempt=2)
    plan = backfill.preview(store, request(deployment, 1, 3, reprocess=FAILED))
    assert fates(plan) == ["1 ran", "2 rerun", "3 live"]
    assert plan.slots[1].attempt == 3


def test_both_ends_of_the_range_belong_to_it(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    exact = BackfillCreate(deployment_id=deployment.id, range_start=day(1), range_end=day(3))
    assert fates(backfill.preview(store, exact)) == ["1 new", "2 new", "3 new"]
    second = timedelta(seconds=1)
    inside = exact.model_copy(update={"range_start": day(1) + second, "range_end": day(3) - second})
    assert fates(backfill.preview(store, inside)) == ["2 new"]


def test_slots_of_several_schedules_come_in_order_of_time(store: Store, clock: FrozenClock) -> None:
    schedules = [cron("0 6 * * *", slug="morning"), cron("0 18 * * *", slug="evening")]
    deployment = old_deployment(store, clock, schedules=schedules)
    plan = backfill.preview(store, request(deployment, 1, 2))
    names = {schedule.id: schedule.name for schedule in plan.schedules}
    told = [f"{names[slot.schedule_id]} {slot.slot.day}" for slot in plan.slots]
    assert told == ["morning 1", "evening 1", "morning 2", "evening 2"]
    back = backfill.preview(store, request(deployment, 1, 2, order=BackfillOrder.NEWEST))
    assert [slot.slot for slot in back.slots] == [slot.slot for slot in reversed(plan.slots)]


def test_schedules_at_the_same_instant_are_two_slots(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock, schedules=[cron(slug="a"), cron(slug="b")])
    past_slot(store, deployment, day(1), "COMPLETED", schedule_at=1)
    plan = backfill.preview(store, request(deployment, 1, 1))
    assert [(slot.schedule_id, slot.reason.value) for slot in plan.slots] == [
        (deployment.schedules[0].id, "new"),
        (deployment.schedules[1].id, "ran"),
    ]


def test_which_schedules(store: Store, clock: FrozenClock) -> None:
    schedules = [cron(slug="on"), cron("0 7 * * *", slug="off", active=False)]
    deployment = old_deployment(store, clock, schedules=schedules)
    on, off = deployment.schedules
    assert [s.name for s in backfill.preview(store, request(deployment)).schedules] == ["on"]
    named = backfill.preview(store, request(deployment, schedules=[off.id, off.id]))
    assert [s.name for s in named.schedules] == ["off"]
    assert {slot.schedule_id for slot in named.slots} == {off.id}
    both = backfill.preview(store, request(deployment, schedules=[off.id, on.id]))
    assert [s.name for s in both.schedules] == ["on", "off"]
    stranger = uuid4()
    with pytest.raises(Invalid, match=f"has no schedule {stranger}"):
        backfill.preview(store, request(deployment, schedules=[stranger]))
    with pytest.raises(Invalid, match="no active schedule: name those that are meant"):
        backfill.preview(store, request(deployment, schedules=[]))
    bare = make_deployment(store, "bare")
    with pytest.raises(Invalid, match="no schedule: it has no slots"):
        backfill.preview(store, request(bare))
    with pytest.raises(NotFound):
        backfill.preview(store, request(bare.model_copy(update={"id": stranger})))


def test_a_schedule_without_a_slug_is_called_by_its_rule(store: Store, clock: FrozenClock) -> None:
    every = DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(hours=12)))
    deployment = old_deployment(store, clock, schedules=[cron("5 6 * * 1"), every])
    plan = backfill.preview(store, request(deployment))
    assert [schedule.name for schedule in plan.schedules] == ["5 6 * * 1", "every 43200 s"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # 29 March 2026: 02:00 to 03:00 does not exist in Paris. A fixed time fires at the end of the gap.
        ("30 2 * * *", ["28 01:30", "29 01:00", "30 00:30"]),
        ("0 6 * * *", ["28 05:00", "29 04:00", "30 04:00"]),
    ],
)
def test_daylight_saving_begins(store: Store, clock: FrozenClock, rule: str, expected: list[str]) -> None:
    paris = DeploymentScheduleCreate(schedule=CronSchedule(cron=rule, timezone="Europe/Paris"))
    deployment = old_deployment(store, clock, schedules=[paris])
    clock.set(datetime(2026, 4, 2, tzinfo=UTC))
    asked = BackfillCreate(
        deployment_id=deployment.id,
        range_start=datetime(2026, 3, 27, 23, tzinfo=UTC),
        range_end=datetime(2026, 3, 30, 21, tzinfo=UTC),
    )
    assert [f"{slot.slot:%d %H:%M}" for slot in backfill.preview(store, asked).slots] == expected


def test_daylight_saving_ends(store: Store, clock: FrozenClock) -> None:
    """25 October 2026: 02:30 comes twice in Paris; a fixed time runs once, every half hour runs in both."""
    fixed = DeploymentScheduleCreate(
        schedule=CronSchedule(cron="30 2 * * *", timezone="Europe/Paris"), slug="f"
    )
    often = DeploymentScheduleCreate(
        schedule=CronSchedule(cron="*/30 * * * *", timezone="Europe/Paris"), slug="o"
    )
    deployment = old_deployment(store, clock, schedules=[fixed, often])
    clock.set(datetime(2026, 11, 1, tzinfo=UTC))
    asked = BackfillCreate(
        deployment_id=deployment.id,
        range_start=datetime(2026, 10, 25, 0, 0, tzinfo=UTC),
        range_end=datetime(2026, 10, 25, 1, 59, tzinfo=UTC),
    )
    plan = backfill.preview(store, asked)
    names = {schedule.id: schedule.name for schedule in plan.schedules}
    assert [f"{names[slot.schedule_id]} {slot.slot:%H:%M}" for slot in plan.slots] == [
        "o 00:00", "f 00:30", "o 00:30", "o 01:00", "o 01:30",
    ]  # fmt: skip


def test_slots_to_come_are_left_to_their_schedules(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    asked = BackfillCreate(
        deployment_id=deployment.id, range_start=day(28), range_end=clock.now() + timedelta(days=9)
    )
    plan = backfill.preview(store, asked)
    assert [slot.slot.day for slot in plan.slots] == [28, 1, 2]
    assert plan.request.range_end == clock.now()
    late = asked.model_copy(update={"range_start": clock.now() + timedelta(seconds=1)})
    with pytest.raises(Invalid, match="still to come: a backfill is of slots that are over"):
        backfill.preview(store, late)


def test_what_the_scheduler_has_not_judged_yet_is_left_to_it(store: Store, clock: FrozenClock) -> None:
    """Sluice was down since the 2nd: when it is back, the catch-up rule decides about these slots."""
    deployment = old_deployment(store, clock)
    plan_until(store, day(2, 12))
    assert fates(backfill.preview(store, request(deployment, 1, 3))) == ["1 new", "2 new", "3 unjudged"]
    patch(store, deployment, paused=True)
    assert fates(backfill.preview(store, request(deployment, 1, 3)))[-1] == "3 new"


def test_a_range_ends_after_it_starts(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    with pytest.raises(ValidationError, match=r"the range ends .* before it starts"):
        request(deployment, 5, 1)


@pytest.mark.parametrize(
    "field", [{"max_runs": 0}, {"max_active": 0}, {"max_active": 1001}, {"slot_parameter": ""}, {"what": 1}]
)
def test_numbers_out_of_bounds_are_refused(store: Store, clock: FrozenClock, field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        request(old_deployment(store, clock), **field)


def test_ceilings_have_a_sentence(store: Store, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = old_deployment(store, clock, schedules=[cron("* * * * *")])
    with pytest.raises(
        Invalid, match=r"would make 2,821 runs, and one backfill makes at most 1,000: .*max_runs"
    ):
        backfill.preview(store, request(deployment, 1, 2), max_runs=1000)
    part = backfill.preview(store, request(deployment, 1, 2, max_runs=1000), max_runs=1000)
    assert (part.creates, part.counts[SlotReason.OVER_MAX]) == (1000, 1821)
    monkeypatch.setattr(backfill, "MAX_SLOTS", 2000)
    with pytest.raises(Invalid, match="more than 2,000 slots, too many for one plan"):
        backfill.preview(store, request(deployment, 1, 2, max_runs=5))


# --- The digest


def digest_of(store: Store, asked: BackfillCreate) -> str:
    return backfill.preview(store, asked).digest


def test_a_dry_run_writes_nothing_and_answers_the_same_again(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    before = store.database.execute_sql("SELECT total_changes()").fetchone()
    first = backfill.preview(store, request(deployment))
    clock.advance(3600)
    assert backfill.preview(store, request(deployment)) == first
    assert backfill.preview(store, first.request) == first
    assert store.database.execute_sql("SELECT total_changes()").fetchone() == before


def test_a_digest_tells_the_runs_apart_that_would_be_made(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    variants = [
        request(deployment),
        request(deployment, 1, 4),
        request(deployment, order=BackfillOrder.NEWEST),
        request(deployment, max_runs=2),
        request(deployment, max_active=2),
        request(deployment, parameters={"a": 1}),
        request(deployment, slot_parameter="day"),
        request(deployment, reprocess=ALL),
    ]
    digests = [digest_of(store, asked) for asked in variants]
    patch(store, deployment, parameters={"b": 2})
    digests.append(digest_of(store, variants[0]))
    assert len(set(digests)) == len(digests)


def test_create_refuses_when_the_world_changed_and_brings_the_new_plan(
    store: Store, clock: FrozenClock
) -> None:
    deployment = old_deployment(store, clock)
    past_slot(store, deployment, day(1), "FAILED")
    plan = backfill.preview(store, request(deployment, reprocess=FAILED))
    past_slot(store, deployment, day(4), "COMPLETED")
    with pytest.raises(PlanChanged, match=r"now make 4 of 5 slots run; nothing was made") as caught:
        backfill.create(store, plan.request, plan.digest, "ann@desk")
    assert fates(caught.value.plan) == ["1 rerun", "2 new", "3 new", "4 ran", "5 new"]
    assert store.database.execute_sql("SELECT count(*) FROM backfill").fetchone() == (0,)
    made = backfill.create(store, caught.value.plan.request, caught.value.plan.digest, "ann@desk")
    assert made.progress.total == 4


def test_a_slot_that_is_left_alone_anyway_may_go_on_meanwhile(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    live = past_slot(store, deployment, day(5), "RUNNING")
    plan = backfill.preview(store, request(deployment))
    clock.advance(1)
    states.write(store, live.id, StateCreate(type=StateType.COMPLETED))
    assert backfill.create(store, plan.request, plan.digest, "ann@desk").progress.total == 4


@pytest.mark.parametrize("what", ["rule", "parameters", "run"])
def test_what_changes_between_plan_and_transaction_is_noticed_in_it(
    store: Store, clock: FrozenClock, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = old_deployment(store, clock)
    plan = backfill.preview(store, request(deployment))
    real = backfill.backfills.prepare

    def meddle(*arguments: Any) -> Any:
        monkeypatch.undo()
        if what == "rule":
            patch(store, deployment, schedules=[cron("0 7 * * *", slug="daily")])
        elif what == "parameters":
            patch(store, deployment, parameters={"new": True})
        else:
            past_slot(store, deployment, day(2), "COMPLETED")
        return real(*arguments)

    monkeypatch.setattr(backfill.backfills, "prepare", meddle)
    with pytest.raises(PlanChanged):
        backfill.create(store, plan.request, plan.digest, "ann@desk")
    assert store.database.execute_sql("SELECT count(*) FROM backfill").fetchone() == (0,)
    assert store.database.execute_sql("SELECT count(*) FROM temp.sqlite_master").fetchone() == (0,)


def test_what_does_not_matter_may_change_in_that_moment(
    store: Store, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = old_deployment(store, clock)
    live = past_slot(store, deployment, day(5), "RUNNING")
    plan = backfill.preview(store, request(deployment))
    real = backfill.backfills.prepare

    def meddle(*arguments: Any) -> Any:
        states.write(store, live.id, StateCreate(type=StateType.FAILED))
        with store.write():
            store.database.execute_sql("UPDATE deployment_schedule SET planned_until = planned_until + 1")
        return real(*arguments)

    monkeypatch.setattr(backfill.backfills, "prepare", meddle)
    assert backfill.create(store, plan.request, plan.digest, "ann@desk").progress.total == 4


def test_nothing_to_run_is_no_backfill(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    past_slot(store, deployment, day(1), "COMPLETED")
    plan = backfill.preview(store, request(deployment, 1, 1))
    with pytest.raises(Invalid, match="no slot in this range is to be run"):
        backfill.create(store, plan.request, plan.digest, "ann@desk")


def test_a_second_backfill_of_the_same_range_finds_the_first_one_live(
    store: Store, clock: FrozenClock
) -> None:
    deployment = old_deployment(store, clock)
    first = make_backfill(store, deployment, 1, 3)
    plan = backfill.preview(store, request(deployment, 1, 4, reprocess=ALL))
    assert fates(plan) == ["1 live", "2 live", "3 live", "4 new"]
    assert plan.slots[0].run_id == runs_of(store, first)[0].id


# --- What the runs are


def test_runs_are_the_backfills(store: Store, clock: FrozenClock) -> None:
    schedules = [cron("0 6 * * *", slug="daily", parameters={"b": "schedule", "c": "schedule"})]
    deployment = old_deployment(
        store,
        clock,
        schedules=schedules,
        tags=["etl"],
        version="7",
        labels={"team": "x"},
        parameters={"a": "deployment", "b": "deployment", "c": "deployment", "d": "deployment"},
    )
    failed = past_slot(store, deployment, day(2), "FAILED", attempt=4)
    made = make_backfill(
        store, deployment, 1, 2, parameters={"c": "backfill"}, slot_parameter="d", reprocess=FAILED
    )
    first, second = runs_of(store, made)
    for run in (first, second):
        assert run.sluice.backfill_id == made.id
        assert run.created_by is not None
        assert (run.created_by.type, run.created_by.id) == ("BACKFILL", made.id)
        assert run.expected_start_time == clock.now()
        assert (run.auto_scheduled, run.idempotency_key) == (False, None)
        assert run.tags == ["backfill", "etl"]
        assert run.labels == {**deployment.labels, "prefect.deployment.id": str(deployment.id)}
        assert (run.deployment_id, run.deployment_name, run.deployment_version) == (
            deployment.id,
            "nightly",
            "7",
        )
        assert (run.work_pool_name, run.work_queue_name) == ("local", "default")
        assert run.schedule_id == deployment.schedules[0].id
        assert (run.state_type, run.state_name) == ("SCHEDULED", "AwaitingConcurrencySlot")
        assert run.state is not None
        assert run.state.message == "Waits for its turn in the backfill."
        assert [state.id for state in states.history(store, run.id)] == [run.state_id]
    assert first.parameters == {
        "a": "deployment", "b": "schedule", "c": "backfill", "d": "2026-02-01T06:00:00+00:00",
    }  # fmt: skip
    assert second.parameters["d"] == "2026-02-02T06:00:00+00:00"
    assert [(run.sluice.slot, run.sluice.attempt, run.sluice.rerun_of) for run in (first, second)] == [
        (day(1), 1, None),
        (day(2), 5, failed.id),
    ]
    assert flow_runs.read(store, failed.id).state_type == "FAILED"


def test_a_backfill_as_read(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    made = make_backfill(store, deployment, max_runs=2, max_active=3, parameters={"x": 1}, slot_parameter="s")
    assert made.deployment_name == "etl/nightly"
    assert (made.range_start, made.range_end) == (day(1, 0), day(5, 23))
    assert made.schedules == [deployment.schedules[0].id]
    assert (made.max_runs, made.max_active, made.parameters, made.slot_parameter) == (2, 3, {"x": 1}, "s")
    assert (made.order.value, made.reprocess.value, made.state.value) == ("oldest", "none", "RUNNING")
    assert made.created_by is not None
    assert made.created_by.display_value == "ann@desk"
    assert (made.created, made.ended, made.message) == (clock.now(), None, None)
    assert made.progress.model_dump() == {
        "total": 2, "queued": 0, "waiting": 2, "running": 0, "completed": 0, "failed": 0, "crashed": 0,
        "cancelled": 0, "deleted": 0,
    }  # fmt: skip
