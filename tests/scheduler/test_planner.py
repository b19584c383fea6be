"""The planner on a real database: what it makes, what it leaves alone, what it decides after a downtime."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from support.making import WHO, make_run, patch, scheduled
from support.planning import (
    HOURLY,
    MINUTELY,
    complete_past,
    edit_rule,
    live_through,
    made_runs,
    scheduled_deployment,
    sent,
    slots,
    watermark,
)

from scheduler import decisions, planner
from store import deployments, flow_runs, heartbeat, pausing, planning, schemas, slot_runs, states
from store.clock import FrozenClock
from store.database import Store
from store.schemas import CronSchedule, DeploymentUpdate, RRuleSchedule, StateCreate, StateType

HOUR = timedelta(hours=1)


def look(store: Store) -> planner.PlanResult:
    return planner.plan(store, store.clock.now())


def sleep(store: Store, clock: FrozenClock, hours: float) -> planner.PlanResult:
    """Nobody schedules and nobody works for so long; then Sluice wakes and looks."""
    look(store)
    clock.advance(hours * 3600)
    return look(store)


class TestMaking:
    def test_runs_carry_what_their_deployment_and_schedule_say(self, store: Store) -> None:
        deployment = deployments.create(
            store,
            schemas.DeploymentCreate(
                name="nightly",
                flow_id=scheduled_deployment(store, name="other").flow_id,
                version="7",
                tags=["etl"],
                labels={"team": "data"},
                parameters={"a": 1, "b": 1},
                schedules=[sent(HOURLY, slug="hourly", parameters={"b": 2})],
            ),
            WHO,
        )[0]
        assert look(store).made == 6
        first = made_runs(store, deployment)[0]
        run = flow_runs.read(store, first.id)
        slot = store.clock.now() + HOUR
        assert run.deployment_id == deployment.id
        assert run.deployment_name == "nightly"
        assert run.deployment_version == "7"
        assert run.parameters == {"a": 1, "b": 2}
        assert run.tags == ["auto-scheduled", "etl"]
        assert run.labels["team"] == "data"
        assert run.labels["prefect.deployment.id"] == str(deployment.id)
        assert run.auto_scheduled
        assert run.schedule_id == deployment.schedules[0].id
        assert run.sluice.slot == run.expected_start_time == run.next_scheduled_start_time == slot
        assert run.idempotency_key == (
            f"scheduled {deployment.id} {deployment.schedules[0].id} {slot.isoformat()}"
        )
        assert run.created_by == schemas.CreatedBy(
            id=deployment.schedules[0].id, type="SCHEDULE", display_value="hourly"
        )
        assert run.state is not None
        assert (run.state.type, run.state.name) == (StateType.SCHEDULED, "Scheduled")
        assert run.state.state_details.scheduled_time == slot
        assert run.state.state_details.flow_run_id == run.id
        assert [state.name for state in states.history(store, run.id)] == ["Scheduled"]
        assert "-" in run.name

    def test_a_run_waits_in_the_queue_of_its_deployment(self, store: Store) -> None:
        from store import work_pools

        work_pools.ensure_defaults(store)
        deployment = deployments.create(
            store,
            schemas.DeploymentCreate(
                name="pooled",
                flow_id=scheduled_deployment(store, name="other").flow_id,
                work_pool_name="local",
                schedules=[sent(HOURLY)],
            ),
            WHO,
        )[0]
        look(store)
        run = flow_runs.read(store, made_runs(store, deployment)[0].id)
        assert run.work_pool_name == "local"
        assert run.work_queue_id == deployment.work_queue_id

    def test_looking_again_makes_nothing_twice(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store, MINUTELY)
        assert look(store).made == 65
        assert look(store) == planner.PlanResult(next_look=look(store).next_look)
        store.database.execute_sql(
            "UPDATE deployment_schedule SET plan_again_at = 0, planned_until = created"
        )
        assert look(store).made == 0
        assert len(made_runs(store)) == 65
        states_kept = store.database.execute_sql("SELECT count(*) FROM flow_run_state").fetchone()[0]
        assert states_kept == 65

    def test_the_horizon_holds_while_time_goes_on(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store, MINUTELY)
        look(store)
        for _ in range(100):
            clock.advance(20)
            look(store)
            now = clock.now()
            ahead = [run for run in made_runs(store, deployment) if run.slot > now]
            assert len(ahead) >= 3
            assert ahead[-1].slot >= now + HOUR
        made = [run.slot for run in made_runs(store, deployment)]
        assert made == [made[0] + timedelta(minutes=n) for n in range(len(made))]

    def test_max_scheduled_runs_is_honoured(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store, MINUTELY, max_scheduled_runs=2)
        live_through(store, clock, 0.2)
        ahead = [run for run in made_runs(store, deployment) if run.state == "Scheduled"]
        assert 1 <= len(ahead) <= 2
        assert len(made_runs(store, deployment)) >= 12

    def test_several_schedules_each_have_their_own_runs(self, store: Store) -> None:
        scheduled_deployment(store, HOURLY, name="a")
        scheduled_deployment(store, HOURLY, name="b")
        look(store)
        assert slots(store) == ["02 13:00"] * 2 + ["02 14:00"] * 2 + ["02 15:00"] * 2

    def test_paused_and_inactive_ones_are_left_alone(self, store: Store) -> None:
        inactive = scheduled_deployment(store, name="inactive", active=False)
        paused = scheduled_deployment(store, name="paused")
        pausing.pause(store, [paused.id], WHO)
        assert look(store).made == 0
        assert planning.due_schedules(store, store.clock.now(), 10) == []
        assert watermark(store, inactive) == store.clock.now()

    def test_the_statistics_know_the_next_run(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store)
        look(store)
        next_run = store.database.execute_sql("SELECT next_run FROM deployment_statistics").fetchone()[0]
        assert next_run == (clock.now() + HOUR).timestamp() * 1_000_000


class TestChanges:
    def test_a_future_run_that_was_deleted_or_cancelled_stays_gone(
        self, store: Store, clock: FrozenClock
    ) -> None:
        scheduled_deployment(store)
        look(store)
        first, second, _ = made_runs(store)
        flow_runs.delete(store, [first.id])
        states.write(store, second.id, StateCreate(type=StateType.CANCELLED))
        live_through(store, clock, 4)
        assert "02 13:00" not in slots(store)
        assert slots(store, "Cancelled") == ["02 14:00"]
        assert slots(store, "Completed") == ["02 15:00", "02 16:00"]

    def test_an_edit_is_planned_from_now_on(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store)
        look(store)
        clock.advance(600)
        edit_rule(store, deployment, CronSchedule(cron="30 * * * *"))
        assert look(store).made == 3
        assert slots(store) == ["02 12:30", "02 13:30", "02 14:30"]

    def test_a_paused_time_never_catches_up(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store, catchup=True)
        look(store)
        pausing.pause(store, [deployment.id], WHO)
        assert slots(store) == []
        for _ in range(8):
            clock.advance(1800)
            look(store)
        pausing.resume(store, [deployment.id], WHO)
        assert look(store).made == 3
        assert slots(store) == ["02 17:00", "02 18:00", "02 19:00"]

    def test_reactivation_plans_at_once_and_from_now_on(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store, active=False, slug="s", catchup=True)
        look(store)
        clock.advance(4 * 3600 + 60)
        look(store)
        patch(store, deployment, schedules=[sent(HOURLY, active=True, slug="s", catchup=True)])
        look(store)
        assert slots(store) == ["02 17:00", "02 18:00", "02 19:00"]

    def test_a_pause_with_an_end_is_over_by_itself(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store)
        look(store)
        pausing.pause(store, [deployment.id], WHO, until=clock.now() + timedelta(minutes=30))
        assert look(store).next_look == clock.now() + timedelta(minutes=30)
        clock.advance(1799)
        assert look(store).resumed == 0
        clock.advance(1)
        result = look(store)
        assert (result.resumed, result.made) == (1, 3)
        assert not deployments.read(store, deployment.id).paused
        assert slots(store) == ["02 13:00", "02 14:00", "02 15:00"]

    def test_a_schedule_that_changes_between_reading_and_writing_is_left_alone(
        self, store: Store, clock: FrozenClock
    ) -> None:
        deployment = scheduled_deployment(store)
        (known,) = planning.read_schedules(store, [deployment.schedules[0].id])
        plan = decisions.decide(known, clock.now())
        pausing.pause(store, [deployment.id], WHO)
        assert planning.apply(store, [plan], clock.now()) == planning.Applied(changed=1)
        assert slots(store) == []
        pausing.resume(store, [deployment.id], WHO)
        edit_rule(store, deployment, CronSchedule(cron="30 * * * *"))
        assert planning.apply(store, [plan], clock.now()).changed == 1
        look(store)
        assert slots(store)[0] == "02 12:30"

    def test_a_deleted_deployment_is_no_trouble(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store)
        (known,) = planning.read_schedules(store, [deployment.schedules[0].id])
        plan = decisions.decide(known, clock.now())
        pausing.delete(store, [deployment.id], WHO)
        assert planning.apply(store, [plan], clock.now()).changed == 1
        assert look(store).next_look is None


DOWNTIMES = [
    # hours down, catchup, window in hours -> names of the states of the hourly slots that went by
    (0.25, False, 24, []),
    (1, False, 24, ["Scheduled"]),
    (1.25, False, 24, ["Late"]),
    (2.5, False, 24, ["Skipped", "Late"]),
    (2.5, True, 24, ["Late", "Late"]),
    (6.5, False, 24, ["Skipped"] * 5 + ["Late"]),
    (6.5, False, 3, ["Missed"] * 3 + ["Skipped"] * 2 + ["Late"]),
    (6.5, True, 3, ["Missed"] * 3 + ["Late"] * 3),
    (6.5, True, 0, ["Missed"] * 6),
    (6.5, False, 0, ["Missed"] * 6),
    (30.5, False, 24, ["Missed"] * 6 + ["Skipped"] * 23 + ["Late"]),
    (30.5, True, 24, ["Missed"] * 6 + ["Late"] * 24),
]


class TestDowntime:
    @pytest.mark.parametrize(("hours", "catchup", "window", "expected"), DOWNTIMES)
    def test_every_slot_ends_as_run_skipped_or_missed(
        self, store: Store, clock: FrozenClock, hours: float, catchup: bool, window: int, expected: list[str]
    ) -> None:
        """Three hourly runs existed before, the later slots did not: the rule holds for both alike."""
        scheduled_deployment(store, catchup=catchup, window=window * 3600)
        result = sleep(store, clock, hours)
        gone = [run for run in made_runs(store) if run.slot <= clock.now()]
        assert [run.state for run in gone] == expected
        assert result.woke is True
        assert result.passed_over == sum(1 for name in expected if name in ("Skipped", "Missed"))
        assert all(run.message for run in gone if run.state in ("Skipped", "Missed"))
        ahead = [run for run in made_runs(store) if run.slot > clock.now()]
        assert len(ahead) >= 3
        assert {run.state for run in ahead} == {"Scheduled"}

    def test_a_passed_over_run_is_over_and_says_why(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store)
        sleep(store, clock, 5.5)
        existing, inserted = made_runs(store)[1], made_runs(store)[3]
        for run in (existing, inserted):
            read = flow_runs.read(store, run.id)
            assert read.state is not None
            assert (read.state.type, read.state.name) == (StateType.CANCELLED, "Skipped")
            assert read.state.message == (
                "The newer slot of 2026-03-02 17:00:00 UTC takes its place: catch-up is off."
            )
            assert read.end_time == clock.now()
            assert read.next_scheduled_start_time is None
            assert read.expected_start_time == run.slot
        assert [state.name for state in states.history(store, existing.id)] == ["Scheduled", "Skipped"]
        row = "SELECT late, recent FROM deployment_statistics WHERE deployment_id = ?"
        late, recent = store.database.execute_sql(row, (deployment.id.bytes,)).fetchone()
        assert (late, json.loads(recent)) == (1, [])

    def test_a_busy_worker_is_no_downtime(self, store: Store, clock: FrozenClock) -> None:
        """Runs that wait while Sluice is there wait on, Late, however many there are."""
        scheduled_deployment(store)
        for _ in range(600):
            clock.advance(20)
            look(store)
        assert slots(store, "Late") == ["02 13:00", "02 14:00", "02 15:00"]
        assert slots(store, "Skipped", "Missed") == []

    def test_late_ones_of_before_the_downtime_are_judged_too(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store)
        look(store)
        for _ in range(200):
            clock.advance(20)
            look(store)
        assert slots(store, "Late") == ["02 13:00"]
        sleep(store, clock, 1)
        assert slots(store, "Skipped") == ["02 13:00"]
        assert slots(store, "Late") == ["02 14:00"]

    def test_runs_that_somebody_took_are_left_alone(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store)
        look(store)
        first, second, _ = made_runs(store)
        states.write(store, first.id, StateCreate(type=StateType.PENDING))
        states.write(store, second.id, StateCreate(type=StateType.SCHEDULED, name="AwaitingConcurrencySlot"))
        sleep(store, clock, 5.5)
        assert [run.state for run in made_runs(store)][:5] == [
            "Pending",
            "AwaitingConcurrencySlot",
            "Skipped",
            "Skipped",
            "Late",
        ]

    def test_manual_runs_only_become_late(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store, window=0)
        look(store)
        run = make_run(store, deployment, state=scheduled(clock.now() + HOUR))
        sleep(store, clock, 48)
        assert flow_runs.read(store, run.id).state_name == "Late"

    def test_a_second_look_changes_nothing(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store, catchup=True, window=3 * 3600)
        sleep(store, clock, 9.5)
        before = made_runs(store)
        clock.advance(5)
        assert look(store).woke is False
        assert made_runs(store) == before

    def test_a_crash_in_the_middle_of_waking_is_made_good(
        self, store: Store, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b", "c"):
            scheduled_deployment(store, name=name)
        look(store)
        clock.advance(5.5 * 3600)
        monkeypatch.setattr(planner, "SCHEDULES_AT_ONCE", 1)
        apply, calls = planning.apply, []

        def fails_once(*arguments: object) -> planning.Applied:
            calls.append(arguments)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return apply(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(planning, "apply", fails_once)
        with pytest.raises(KeyboardInterrupt):
            look(store)
        assert slots(store, "Late") == []
        clock.advance(2)
        assert look(store).woke is True
        assert slots(store, "Skipped") == sorted(["02 13:00", "02 14:00", "02 15:00", "02 16:00"] * 3)
        assert slots(store, "Late") == ["02 17:00"] * 3

    def test_more_slots_than_rows_are_kept_for(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store, MINUTELY)
        result = sleep(store, clock, 24 * 10)
        assert result.passed_over == 65 + decisions.ROWS_PASSED_OVER
        told = [run for run in made_runs(store) if run.message and "stands for" in run.message]
        assert len(told) == 1
        older = 10 * 24 * 60 - 65 - decisions.ROWS_PASSED_OVER - 1
        assert f"This stands for {older:,} older slots too" in (told[0].message or "")
        assert slots(store, "Late", "Scheduled")[0] == "12 12:00"

    def test_the_first_look_of_all_judges_nothing(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store)
        late = make_run(
            store,
            deployment,
            auto_scheduled=True,
            schedule_id=deployment.schedules[0].id,
            slot=clock.now() - 40 * HOUR,
            state=scheduled(clock.now() - 40 * HOUR),
        )
        assert look(store).woke is False
        assert flow_runs.read(store, late.id).state_name == "Late"


class TestClock:
    def test_set_forward_is_a_downtime(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store)
        look(store)
        clock.set(clock.now() + timedelta(hours=3, minutes=30))
        assert look(store).woke is True
        assert slots(store, "Skipped") == ["02 13:00", "02 14:00"]
        assert slots(store, "Late") == ["02 15:00"]

    def test_set_back_everything_is_planned_anew(self, store: Store, clock: FrozenClock) -> None:
        """A clock that was years ahead for a moment must not silence a schedule for years."""
        deployment = scheduled_deployment(store, CronSchedule(cron="0 6 * * *"))
        look(store)
        right = clock.now()
        clock.set(right + timedelta(days=1500))
        look(store)
        assert watermark(store, deployment) > right + timedelta(days=1500)
        clock.set(right + timedelta(minutes=1))
        look(store)
        assert watermark(store, deployment) < right + timedelta(days=4)
        assert slots(store) == ["03 06:00", "04 06:00", "05 06:00"]
        assert slots(store, "Scheduled") == ["03 06:00", "04 06:00", "05 06:00"]

    def test_set_back_what_ran_does_not_run_again(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store)
        right = clock.now()
        live_through(store, clock, 2.1)
        assert slots(store, "Completed") == ["02 13:00", "02 14:00"]
        clock.set(right + timedelta(minutes=1))
        live_through(store, clock, 3)
        assert slots(store, "Completed") == ["02 13:00", "02 14:00", "02 15:00"]
        assert len(slots(store)) == len(set(slots(store)))

    def test_set_back_is_done_in_short_transactions_and_again_when_it_was_not_finished(
        self, store: Store, clock: FrozenClock
    ) -> None:
        for number in range(heartbeat.REWOUND_AT_ONCE + 1):
            scheduled_deployment(store, MINUTELY, name=f"d{number}")
        look(store)
        clock.advance(3600)
        look(store)
        clock.advance(-3000)
        asked = iter([False, True, True])
        planner.plan(store, clock.now(), lambda: next(asked))
        kept = {run.id for run in made_runs(store) if run.state == "Skipped" and run.slot > clock.now()}
        assert len(kept) == 49
        look(store)
        assert not [run for run in made_runs(store) if run.state != "Scheduled" and run.slot > clock.now()]

    def test_a_small_step_back_is_nothing(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store)
        look(store)
        before = made_runs(store)
        clock.set(clock.now() - timedelta(seconds=5))
        look(store)
        assert made_runs(store) == before


class TestLate:
    def test_a_run_is_late_after_fifteen_seconds(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store)
        look(store)
        run = make_run(store, deployment)
        clock.advance(14.9)
        assert look(store).late == 0
        clock.advance(0.1)
        result = look(store)
        assert result.late == 1
        read = flow_runs.read(store, run.id)
        assert (read.state_type, read.state_name) == (StateType.SCHEDULED, "Late")
        assert read.state is not None
        due = clock.now() - timedelta(seconds=15)
        assert read.state.state_details.scheduled_time == read.next_scheduled_start_time == due
        assert [state.name for state in states.history(store, run.id)] == ["Scheduled", "Late"]
        assert store.database.execute_sql("SELECT late FROM deployment_statistics").fetchone()[0] == 1
        assert look(store).late == 0

    def test_the_next_look_is_when_the_next_run_becomes_late(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store)
        look(store)
        make_run(store, deployment, state=scheduled(clock.now() + timedelta(seconds=5)))
        assert look(store).next_look == clock.now() + timedelta(seconds=20)

    def test_waiting_for_a_slot_or_a_retry_is_not_late(self, store: Store, clock: FrozenClock) -> None:
        deployment = scheduled_deployment(store)
        look(store)
        for name in ("AwaitingConcurrencySlot", "AwaitingRetry"):
            make_run(store, deployment, state=scheduled(clock.now(), name))
        clock.advance(20)
        assert look(store).late == 0

    def test_many_are_marked_in_short_transactions(
        self, store: Store, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployment = scheduled_deployment(store)
        monkeypatch.setattr(slot_runs, "_MARKED_AT_ONCE", 4)
        for _ in range(10):
            make_run(store, deployment)
        clock.advance(20)
        assert look(store).late == 10


BAD = CronSchedule(cron="0 0 31 2 *")


class TestErrors:
    def test_one_rule_that_raises_is_shown_and_stops_nothing_else(
        self, store: Store, clock: FrozenClock
    ) -> None:
        bad = scheduled_deployment(store, BAD, name="bad")
        good = scheduled_deployment(store, name="good")
        result = look(store)
        assert (result.made, result.failed) == (3, 1)
        error = deployments.read(store, bad.id).planning_error
        assert error == 'Invalid cron string: "0 0 31 2 *": no date ever matches it'
        assert deployments.read(store, good.id).planning_error is None
        assert look(store).failed == 0
        clock.advance(planner.RETRY_AFTER.total_seconds())
        assert look(store).failed == 1

    def test_the_error_goes_when_the_rule_is_mended(self, store: Store) -> None:
        bad = scheduled_deployment(store, BAD)
        look(store)
        edit_rule(store, bad, HOURLY)
        assert look(store).made == 3
        assert deployments.read(store, bad.id).planning_error is None

    def test_the_error_goes_when_the_schedule_goes(self, store: Store) -> None:
        bad = scheduled_deployment(store, BAD)
        look(store)
        deployments.update(store, bad.id, DeploymentUpdate(schedules=[]), WHO)
        look(store)
        assert deployments.read(store, bad.id).planning_error is None

    def test_the_error_of_another_schedule_stays(self, store: Store) -> None:
        both = scheduled_deployment(store, BAD, slug="bad")
        patch(store, both, schedules=[sent(BAD, slug="bad"), sent(RRuleSchedule(rrule="x"), slug="worse")])
        look(store)
        patch(store, both, schedules=[sent(HOURLY, slug="bad")])
        look(store)
        error = deployments.read(store, both.id).planning_error
        assert error is not None
        assert error.startswith('worse: Invalid RRule string "x"')

    def test_an_error_of_the_program_is_no_different(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        victim, other = scheduled_deployment(store, name="v"), scheduled_deployment(store, name="o")
        decide = planner.decide

        def fragile(schedule: slot_runs.PlannedSchedule, *arguments: object) -> planning.Plan:
            if schedule.deployment_id == victim.id:
                raise ZeroDivisionError("division by zero")
            return decide(schedule, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(planner, "decide", fragile)
        result = look(store)
        assert (result.made, result.failed) == (3, 1)
        assert deployments.read(store, victim.id).planning_error == "division by zero"
        assert len(made_runs(store, other)) == 3
        assert "cannot be planned" in caplog.text

    def test_a_plan_that_cannot_be_written_stops_no_other(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        victim, other = scheduled_deployment(store, name="v"), scheduled_deployment(store, name="o")
        insert = slot_runs.insert

        def fragile(store: Store, schedule: slot_runs.PlannedSchedule, *rest: object) -> int:
            if schedule.deployment_id == victim.id and rest[0]:
                raise ValueError("cannot be written")
            return insert(store, schedule, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(slot_runs, "insert", fragile)
        assert look(store).made == 3
        assert deployments.read(store, victim.id).planning_error == "cannot be written"
        assert len(made_runs(store, other)) == 3


def test_many_deployments_are_planned_in_short_transactions(store: Store) -> None:
    for number in range(120):
        scheduled_deployment(store, name=f"d{number}")
    result = look(store)
    assert result.made == 360
    assert len({run.id for run in made_runs(store)}) == 360


def test_stopping_ends_a_look_early_and_loses_nothing(store: Store) -> None:
    for number in range(3):
        scheduled_deployment(store, name=f"d{number}")
    assert planner.plan(store, store.clock.now(), lambda: True).made == 0
    assert look(store).made == 9


def test_stopping_while_a_downtime_is_judged_leaves_it_to_the_next_look(
    store: Store, clock: FrozenClock
) -> None:
    scheduled_deployment(store, MINUTELY)
    look(store)
    clock.advance(1800)
    planner.plan(store, clock.now(), lambda: True)
    assert look(store).woke
    assert slots(store, "Late") == []
    assert [slot for slot in slots(store, "Scheduled") if slot <= "02 12:30"] == ["02 12:30"]
    assert len(slots(store, "Skipped")) == 29


def test_the_heart_beats_every_ten_seconds(store: Store, clock: FrozenClock) -> None:
    look(store)
    first = clock.now()
    assert heartbeat.last_tick(store) == first
    clock.advance(9)
    look(store)
    assert heartbeat.last_tick(store) == first
    clock.advance(1)
    look(store)
    assert heartbeat.last_tick(store) == clock.now()


def test_completed_runs_leave_the_horizon_as_it_is(store: Store, clock: FrozenClock) -> None:
    scheduled_deployment(store)
    look(store)
    clock.advance(3600)
    complete_past(store, clock.now())
    look(store)
    assert slots(store, "Completed") == ["02 13:00"]
    assert len({UUID(str(run.id)) for run in made_runs(store)}) == len(slots(store))
