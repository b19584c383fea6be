"""The demo's past: how much, believable, and the same for the same seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from sluice.demo.history import Habit, Past, make_history, share_out, uuid7_at
from store.schemas import TERMINAL_STATES, Deployment, StateType

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def past(slots: int, habit: Habit | None = None) -> Past:
    deployment = Deployment(
        id=uuid4(), created=NOW, updated=NOW, name="x", flow_id=uuid4(), flow_name="f", entrypoint="a.py:main"
    )
    schedule = uuid4()
    instants = [NOW - timedelta(hours=slots - at) for at in range(slots)]
    return Past(
        deployment, habit or Habit(60, lines=("one", "two {n}", "three")), [(at, schedule) for at in instants]
    )


def test_as_many_as_asked_and_ended_before_now() -> None:
    runs = make_history([past(30), past(500)], total=100, now=NOW, seed=1)
    assert len(runs) == 100
    for run in runs:
        times = [state.timestamp for state in run.states]
        assert times == sorted(times)
        assert times[-1] < NOW
        assert run.states[-1].type in TERMINAL_STATES
        assert run.lines
        assert all(times[0] <= line.timestamp <= times[-1] for line in run.lines)


def test_the_same_for_the_same_seed() -> None:
    one = past(50)
    assert make_history([one], total=40, now=NOW, seed=1) == make_history([one], total=40, now=NOW, seed=1)
    assert make_history([one], total=40, now=NOW, seed=1) != make_history([one], total=40, now=NOW, seed=2)


def test_failures_are_as_frequent_as_the_habit_says_and_have_a_traceback() -> None:
    runs = make_history(
        [past(2000, Habit(5, failing=0.1, failure="ValueError: no"))], total=2000, now=NOW, seed=1
    )
    failed = [run for run in runs if run.states[-1].type is StateType.FAILED]
    assert 0.08 < len(failed) / len(runs) < 0.2
    assert all(run.lines[-1].message.endswith("ValueError: no") for run in failed)
    assert {state.name for run in runs for state in run.states} >= {
        "Late",
        "Crashed",
        "Cancelled",
        "Completed",
    }


@given(st.integers(0, 3000), st.lists(st.integers(0, 400), max_size=45))
def test_share_out_is_even_and_complete(total: int, available: list[int]) -> None:
    counts = share_out(total, available)
    assert sum(counts) == min(total, sum(available))
    assert all(0 <= count <= most for count, most in zip(counts, available, strict=True))
    cut = [count for count, most in zip(counts, available, strict=True) if count < most]
    assert not cut or max(cut) - min(cut) <= 1


def test_ids_are_uuid7_in_order_of_time() -> None:
    chance = random.Random(1)
    ids = [uuid7_at(NOW + timedelta(seconds=at), chance) for at in range(50)]
    assert ids == sorted(ids)
    assert {(key.version, key.variant) for key in ids} == {(7, "specified in RFC 4122")}


def test_a_failed_command_has_an_exit_code_and_its_complaint_on_stderr() -> None:
    one = past(300, Habit(5, failing=0.5, failure="tar: disk full", exit_code=2))
    command = one._replace(deployment=one.deployment.model_copy(update={"entrypoint": None}))
    runs = make_history([command], total=300, now=NOW, seed=1)
    failed = [run for run in runs if run.states[-1].type is StateType.FAILED]
    assert failed
    assert {(run.states[-1].message, run.exit_code) for run in failed} == {("exit code 2", 2)}
    assert {(run.lines[-1].logger, run.lines[-1].message) for run in failed} == {("stderr", "tar: disk full")}
