"""What is said about a run, a deployment, its parameters and its changes: pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.tui import sample_rows
from support.tui_runs import (
    CANCELLED,
    COMPLETED,
    FAILED,
    LATE,
    NOON,
    RUNNING,
    SCHEDULED,
    RunsBackend,
    fill,
    fill_deployment,
)

from store.clock import FrozenClock
from store.schemas import DeploymentSchedule, FlowRun, IntervalSchedule, RecentRun, State, StateType
from tui.deployment_facts import DeploymentNews, bars, overview, trouble, yaml_parts
from tui.history_diff import changes
from tui.masking import MASK, is_secret, masked
from tui.parameter_facts import parameter_facts, type_words
from tui.run_facts import RunNews, details, headline, late_by, run_seconds, timing_words, waiting_words
from tui.schedule_facts import Timing, schedule_facts, upcoming_facts
from tui.widgets.fact_list import Fact, Heading, Item


@pytest.fixture
def backend(clock: FrozenClock) -> RunsBackend:
    """One run of every kind."""
    made = RunsBackend(clock, sample_rows(40, NOON))
    fill(made)
    return made


def words(items: list[Item]) -> str:
    """All that these items say."""
    lines = []
    for item in items:
        if isinstance(item, Heading):
            lines.append(item.words)
        elif isinstance(item, Fact):
            lines.append(f"{item.label}: " + "".join(text for text, _ in item.value))
    return "\n".join(lines)


# --- runs


def test_times_of_a_run_that_failed(backend: RunsBackend) -> None:
    run = backend.full_runs[FAILED]
    assert timing_words(run, NOON, UTC) == [
        "due 11:50:00 UTC",
        "started 11:50:01, 1.2s late",
        "ran 1m04s",
        "exit code 1",
    ]
    assert headline(run, None, NOON)[0][0].startswith("OSError: [Errno 28]")


def test_a_running_run_counts_up(backend: RunsBackend) -> None:
    run = backend.full_runs[RUNNING]
    assert run_seconds(run, NOON) == pytest.approx(598.8)
    assert run_seconds(run, NOON + timedelta(seconds=10)) == pytest.approx(608.8)
    assert "running for 9m59s" in timing_words(run, NOON, UTC)


def test_lateness_needs_a_start_or_a_wait(backend: RunsBackend) -> None:
    assert late_by(backend.full_runs[LATE], NOON) == 180
    assert late_by(backend.full_runs[SCHEDULED], NOON) is None
    assert late_by(backend.full_runs[CANCELLED], NOON) is None
    assert late_by(backend.full_runs[COMPLETED], NOON + timedelta(days=9)) == pytest.approx(1.2)


def test_a_due_time_of_another_day_is_said_in_full(backend: RunsBackend) -> None:
    assert timing_words(backend.full_runs[COMPLETED], NOON + timedelta(days=2), UTC)[0] == (
        "due 2026-03-02 11:50:00 UTC"
    )


def waiting(run: FlowRun, backend: RunsBackend) -> str:
    return waiting_words(run, backend.read_status(), NOON)


def test_why_a_run_waits(backend: RunsBackend) -> None:
    soon, late = backend.full_runs[SCHEDULED], backend.full_runs[LATE]
    assert waiting(soon, backend) == "Scheduled, due in 4m."
    assert waiting(late, backend) == "Due now: the worker takes it when it has room."
    slot = late.model_copy(update={"state_name": "AwaitingConcurrencySlot"})
    assert waiting(slot, backend).startswith("Waiting for a slot")
    assert waiting(late.model_copy(update={"work_pool_name": None}), backend).startswith(
        "Waiting for its runner"
    )
    assert waiting(late.model_copy(update={"work_pool_name": "gpu"}), backend) == (
        "Waiting for a worker of the pool gpu."
    )
    assert waiting(backend.full_runs[COMPLETED], backend) == ""
    backend.worker = None
    assert waiting(soon, backend) == "Scheduled, due in 4m. Nobody works now: no worker holds the lock."
    assert waiting(late, backend).startswith("Waiting: nobody works. No worker holds the lock")
    assert waiting(backend.full_runs[RUNNING], backend).startswith("Nobody watches it")


def test_details_mask_secrets_and_show_every_state(backend: RunsBackend) -> None:
    said = words(details(RunNews(backend.full_runs[FAILED], tuple(backend.states[FAILED])), NOON, UTC))
    assert f"api_token: {MASK}" in said
    assert "s3cr3t" not in said
    for state in ("Scheduled", "Pending", "Running", "Failed"):
        assert state in said
    assert said.index("✗ Failed") < said.index("○ Scheduled"), "newest first"


# --- secrets


def test_secret_keys_are_found_in_any_case_and_depth() -> None:
    assert is_secret("smtp_Password")
    assert not is_secret("folder")
    value = {"a": [{"API_KEY": "x", "b": 1}], "token": {"deep": 1}, "secret": None}
    assert masked(value) == {"a": [{"API_KEY": MASK, "b": 1}], "token": MASK, "secret": None}
    assert value["a"] == [{"API_KEY": "x", "b": 1}], "the original is left alone"


# --- history


def test_changes_name_fields_and_leave_bookkeeping_out() -> None:
    before = {
        "paused": 0,
        "updated": 1,
        "parameters": {"a": 1, "gone": "x"},
        "pause_until": None,
        "tags": ["x"],
    }
    after = {
        "paused": 1,
        "updated": 9,
        "parameters": {"a": 2},
        "pause_until": 1772460000000000,
        "tags": ["x"],
    }
    assert [tuple(change) for change in changes(before, after, UTC)] == [
        ("paused", "no", "yes"),
        ("parameters.a", "1", "2"),
        ("parameters.gone", "x", None),
        ("pause_until", None, "2026-03-02 14:00:00 UTC"),
    ]


def test_a_changed_secret_is_shown_as_changed_and_not_as_itself() -> None:
    found = changes({"parameters": {"api_token": "old"}}, {"parameters": {"api_token": "new"}}, UTC)
    assert [tuple(change) for change in found] == [("parameters.api_token", MASK, MASK)]


def test_a_secret_inside_a_structure_is_compared_too() -> None:
    found = changes(
        {"job_variables": {"env": {"PASSWORD": "a"}}}, {"job_variables": {"env": {"PASSWORD": "b"}}}, UTC
    )
    assert len(found) == 1
    assert "a" not in str(found[0].before).replace("PASSWORD", "")


# --- parameters


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": "string", "format": "date-time"}, "text (date-time)"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"enum": ["a", 1]}, "one of a, 1"),
        ({"const": True}, "always true"),
        ({"type": ["integer", "null"]}, "integer or null"),
        ({"$ref": "#/definitions/Colour"}, "one of red, blue"),
        ({"$ref": "#/definitions/Thing"}, "Thing"),
        ({}, "anything"),
        ({"type": "array", "items": "nonsense"}, "list"),
        ({"anyOf": "nonsense", "type": "number"}, "number"),
    ],
)
def test_types_in_words(schema: dict[str, Any], said: str) -> None:
    assert type_words(schema, {"Colour": {"enum": ["red", "blue"]}, "Thing": {"type": "object"}}) == said


def test_a_type_that_contains_itself_ends() -> None:
    nested: dict[str, Any] = {"type": "array"}
    nested["items"] = nested
    assert type_words(nested, {}).endswith("…")


def test_parameters_without_a_schema() -> None:
    said = words(parameter_facts(None, {"a": 1}, enforced=True))
    assert "any parameters are accepted" in said
    assert "a: 1" in said


def test_a_required_parameter_without_value_is_pointed_out(backend: RunsBackend) -> None:
    schema = fill_deployment(backend).parameter_openapi_schema
    said = words(parameter_facts(schema, {}, enforced=True))
    assert "folder: not set: a run has to give it" in said
    assert "days: its default\ninteger, default 7" in said


# --- deployments


def news(backend: RunsBackend, **row: Any) -> DeploymentNews:
    deployment = fill_deployment(backend)
    timings = tuple(
        Timing(one, backend.describe_schedule(one.schedule), tuple(backend.next_occurrences(one, NOON, 30)))
        for one in deployment.schedules
    )
    return DeploymentNews(backend.rows[deployment.id]._replace(**row), deployment, timings, ())


def test_overview_masks_and_names_everything(backend: RunsBackend) -> None:
    said = words(overview(news(backend), NOON, UTC))
    for piece in (
        "flows/report.py:main",
        "local / default",
        "1 run at once, further runs are cancelled",
        "1.4.2",
    ):
        assert piece in said
    assert "hunter2" not in said
    assert "prefect.flow.id" not in said


def test_trouble_names_error_pause_and_late_runs(backend: RunsBackend) -> None:
    said = "".join(
        text for text, _ in trouble(news(backend, error="bad rule", late=2, paused=True), NOON, UTC)
    )
    assert "Cannot be planned: bad rule" in said
    assert "Paused. Nothing is planned until it is resumed." in said
    assert "2 runs are late." in said


def test_next_times_stand_in_both_zones_each_named(backend: RunsBackend) -> None:
    said = words(schedule_facts(news(backend).timings, NOON, UTC))
    assert "2026-03-03 06:00:00 CET  =  2026-03-03 05:00:00 UTC  in 17h" in said
    assert "if it were active" in said, "the second schedule is off"


def test_a_bad_rule_says_so_and_hides_no_other(backend: RunsBackend) -> None:
    read = news(backend)
    broken = Timing(read.timings[0].schedule, "A rule that cannot be planned", (), "Invalid timezone")
    said = words(schedule_facts((broken, read.timings[1]), NOON, UTC))
    assert "error: Invalid timezone" in said
    assert "every 15 minutes (UTC)" in said


def test_an_unknown_zone_does_not_stop_the_tab(backend: RunsBackend) -> None:
    read = news(backend)
    rule = IntervalSchedule(interval=timedelta(minutes=15), timezone="Mars/Olympus")
    schedule: DeploymentSchedule = read.timings[1].schedule.model_copy(update={"schedule": rule})
    said = words(schedule_facts((read.timings[1]._replace(schedule=schedule),), NOON, UTC))
    assert "zone: Mars/Olympus" in said
    assert "2026-03-02 12:15:00 UTC" in said


def test_upcoming_leaves_inactive_schedules_out_and_says_when_paused(backend: RunsBackend) -> None:
    said = words(upcoming_facts(news(backend).timings, NOON, UTC, paused=False))
    assert said.startswith("Next times (UTC)")
    assert "12:15:00" not in said
    assert words(upcoming_facts(news(backend).timings, NOON, UTC, paused=True)).startswith(
        "Would run, if it were not paused"
    )
    assert "There is no schedule." in words(upcoming_facts((), NOON, UTC, paused=False))


def test_bars_are_as_high_as_durations_and_carry_the_states_glyph() -> None:
    parts = bars((RecentRun("FAILED", 100.0), RecentRun("COMPLETED", 1.0), RecentRun("RUNNING", None)))
    lines = "".join(text for text, _ in parts).splitlines()
    assert [line.rstrip() for line in lines] == ["        ███", "        ███", "    ▂▂▂ ███", " ►   ✓   ✗"]


def test_yaml_keeps_its_text() -> None:
    text = "a: 1\nb:\n  - c: x # y: z\n    url: http://x\n  - plain\n"
    assert "".join(piece for piece, _ in yaml_parts(text)) == text


def test_a_state_without_message_says_nothing(backend: RunsBackend) -> None:
    state = State(
        id=FAILED, type=StateType.CRASHED, name="Crashed", timestamp=datetime(2026, 1, 1, tzinfo=UTC)
    )
    run = backend.full_runs[FAILED].model_copy(update={"state": state, "state_type": StateType.CRASHED})
    assert headline(run, None, NOON)[0][0] == "It ended without a message."
