"""What is said about one run: pure functions from a run, its states and the time to facts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from store.schemas import LOCAL_POOL, FlowRun, FlowRunRow, State, StateType, Status
from tui.masking import masked
from tui.states import look_of
from tui.times import GRACE_SECONDS, ago, clock_time, countdown, duration, exact
from tui.widgets.columns import Part
from tui.widgets.fact_list import BAD, DIM, WARNING, Fact, Heading, Item, fact


class RunNews(NamedTuple):
    """What one read brings: the run, and its states, oldest first."""

    run: FlowRun
    states: tuple[State, ...]


def due_of(run: FlowRun) -> datetime | None:
    """When the run is or was due: the next start while it waits, else the first one expected."""
    if run.state_type == StateType.SCHEDULED and run.next_scheduled_start_time is not None:
        return run.next_scheduled_start_time
    return run.expected_start_time


def late_by(run: FlowRun, now: datetime) -> float | None:
    """Seconds from when it was expected until it started, or until now while it waits; null before that."""
    if run.expected_start_time is None:
        return None
    if run.start_time is None and run.state_type != StateType.SCHEDULED:
        return None
    seconds = ((run.start_time or now) - run.expected_start_time).total_seconds()
    return seconds if seconds > 0 else None


def run_seconds(run: FlowRun, now: datetime) -> float | None:
    """How long it ran, or has been running."""
    if run.start_time is None:
        return None
    if run.end_time is None and run.state_type in (StateType.RUNNING, StateType.CANCELLING):
        return max(0.0, (now - run.start_time).total_seconds())
    if run.total_run_time:
        return run.total_run_time.total_seconds()
    return (run.end_time - run.start_time).total_seconds() if run.end_time else None


def seconds_of(row: FlowRunRow, now: datetime) -> float | None:
    """How long the run of a list row ran, or has been running."""
    if row.start_time is not None and row.state_type in (StateType.RUNNING, StateType.CANCELLING):
        return max(0.0, (now - row.start_time).total_seconds())
    return row.duration


def lateness_words(seconds: float | None) -> str:
    """`1.2s late`, `on time` below a tenth of a second."""
    if seconds is None:
        return ""
    return "on time" if seconds < 0.1 else f"{duration(seconds)} late"


def timing_words(run: FlowRun, now: datetime, zone: tzinfo | None) -> list[str]:
    """The short line under the name: due, started, how late, how long, exit code."""
    words = []
    due, started = due_of(run), run.start_time
    if due is not None:
        same_day = due.astimezone(zone).date() == now.astimezone(zone).date()
        words.append(f"due {clock_time(due, zone) if same_day else exact(due, zone)}")
    if started is not None:
        late = lateness_words(late_by(run, now))
        words.append(f"started {started.astimezone(zone):%H:%M:%S}" + (f", {late}" if late else ""))
    seconds = run_seconds(run, now)
    if seconds is not None:
        words.append(f"{'ran' if run.end_time else 'running for'} {duration(seconds)}")
    if run.sluice.exit_code is not None:
        words.append(f"exit code {run.sluice.exit_code}")
    return words


def waiting_words(run: FlowRun, status: Status | None, now: datetime) -> str:
    """Why nothing happens yet, in a sentence; empty when something does or all is over."""
    if run.state_type == StateType.SCHEDULED:
        return _scheduled_words(run, status, now)
    if run.state_type == StateType.PAUSED:
        return "Paused: it goes on when somebody resumes it."
    live = run.state_type in (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
    if live and _is_local(run) and status is not None and status.worker is None:
        return (
            "Nobody watches it: no worker holds the lock. Start sluice or sluice serve to take it up again."
        )
    return ""


def _is_local(run: FlowRun) -> bool:
    return run.work_pool_name == LOCAL_POOL


def _scheduled_words(run: FlowRun, status: Status | None, now: datetime) -> str:
    due = due_of(run)
    nobody = _is_local(run) and status is not None and status.worker is None
    if due is not None and due > now:
        words = f"{run.state_name or 'Scheduled'}, due {countdown(due, now)}."
        return f"{words} Nobody works now: no worker holds the lock." if nobody else words
    if run.state_name == "AwaitingConcurrencySlot":
        return "Waiting for a slot: as many runs as the limit allows are live."
    if nobody:
        return "Waiting: nobody works. No worker holds the lock; start sluice or sluice serve."
    if run.work_pool_name is None:
        return "Waiting for its runner: without a work pool the built-in worker does not take it."
    if not _is_local(run):
        return f"Waiting for a worker of the pool {run.work_pool_name}."
    return "Due now: the worker takes it when it has room."


def headline(run: FlowRun, status: Status | None, now: datetime) -> list[Part]:
    """The prominent line: what went wrong, or what it waits for; empty when there is nothing to say."""
    message = run.state.message if run.state else None
    if run.state_type in (StateType.FAILED, StateType.CRASHED):
        return [(message or "It ended without a message.", BAD)]
    waiting = waiting_words(run, status, now)
    if waiting:
        return [(waiting, WARNING)] + ([(f" {message}", DIM)] if message else [])
    return [(message, DIM)] if message else []


def details(news: RunNews, now: datetime, zone: tzinfo | None) -> list[Item]:
    """Everything about the run, for the details pane."""
    run = news.run
    return [
        *_timing_facts(run, now, zone),
        *_origin_facts(run),
        *_parameter_facts(run.parameters),
        *_state_facts(news.states, now, zone),
    ]


def _timing_facts(run: FlowRun, now: datetime, zone: tzinfo | None) -> list[Item]:
    due, facts = due_of(run), [Heading("Times")]
    items: list[Item] = list(facts)
    if due is not None:
        ahead = f"\n{countdown(due, now)}" if due > now else ""
        items.append(fact("due", exact(due, zone) + ahead))
    if run.start_time is not None:
        items.append(fact("started", exact(run.start_time, zone)))
    seconds = late_by(run, now)
    if seconds is not None:
        items.append(fact("late by", duration(seconds), WARNING if seconds > GRACE_SECONDS else ""))
    if run.end_time is not None:
        items.append(fact("ended", exact(run.end_time, zone)))
    if (took := run_seconds(run, now)) is not None:
        items.append(fact("duration", duration(took)))
    if run.sluice.exit_code is not None:
        items.append(fact("exit code", str(run.sluice.exit_code), BAD if run.sluice.exit_code else ""))
    if run.run_count > 1:
        items.append(fact("attempts", str(run.run_count)))
    return items


def _origin_facts(run: FlowRun) -> list[Item]:
    items: list[Item] = [Heading("Run")]
    items.append(fact("deployment", run.full_deployment_name or "none"))
    if run.deployment_version:
        items.append(fact("version", run.deployment_version))
    if run.created_by is not None:
        kind = (run.created_by.type or "").capitalize()
        items.append(
            fact("made by", " ".join(filter(None, [kind, run.created_by.display_value])) or "unknown")
        )
    if run.sluice.rerun_of is not None:
        items.append(fact("again of", str(run.sluice.rerun_of)))
    if run.sluice.backfill_id is not None:
        items.append(fact("backfill", str(run.sluice.backfill_id)))
    items.append(fact("pool", _pool_words(run)))
    if run.tags:
        items.append(fact("tags", "  ".join(run.tags)))
    if run.infrastructure_pid:
        items.append(fact("process", run.infrastructure_pid))
    if run.sluice.log_cut:
        items.append(fact("log", "cut: it grew beyond what is kept", WARNING))
    items.append(fact("", str(run.id), DIM))
    return items


def _pool_words(run: FlowRun) -> str:
    if run.work_pool_name is None:
        return "none"
    return f"{run.work_pool_name} / {run.work_queue_name}" if run.work_queue_name else run.work_pool_name


def value_words(value: Any) -> str:
    """A JSON value as people read it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _parameter_facts(parameters: dict[str, Any]) -> list[Item]:
    if not parameters:
        return [Heading("Parameters"), Fact("", [("none", DIM)])]
    shown = masked(parameters)
    return [Heading("Parameters"), *(fact(name, value_words(value)) for name, value in shown.items())]


def _state_facts(states: Sequence[State], now: datetime, zone: tzinfo | None) -> list[Item]:
    items: list[Item] = [Heading("States, newest first")]
    for state in reversed(states):
        look = look_of(state.type, state.name)
        value: list[Part] = [
            (f"{look.glyph} {look.word}", look.style),
            (f"  {ago(state.timestamp, now)}", DIM),
        ]
        if state.message:
            value.append((f"\n{state.message}", ""))
        items.append(Fact(f"{state.timestamp.astimezone(zone):%H:%M:%S}", value))
    return items
