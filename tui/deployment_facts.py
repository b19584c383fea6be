"""What is said about one deployment: pure functions from what was read and the time to facts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from store.schemas import (
    CollisionStrategy,
    Deployment,
    DeploymentRow,
    FlowRunRow,
    HistoryEntry,
    RecentRun,
)
from tui.history_diff import Change, changes
from tui.masking import masked
from tui.run_facts import seconds_of, value_words
from tui.schedule_facts import NEXT_TIMES, Timing
from tui.states import look_of, look_of_deployment
from tui.text import cut, fit, harmless, plural, width_of
from tui.times import ago, countdown, day_time, duration, exact
from tui.widgets.activity_bars import BARS
from tui.widgets.columns import Part
from tui.widgets.fact_list import BAD, DIM, GOOD, KEY, WARNING, Fact, Heading, Item, fact

_YAML_KEY = re.compile(r"(\s*(?:- )*)([\w.-]+:)(?=\s)")

BAR_ROWS = 3
BAR_WIDTH = 3
RUN_NAME_CELLS = 19

COLLISIONS = {
    CollisionStrategy.ENQUEUE: "further runs wait",
    CollisionStrategy.CANCEL_NEW: "further runs are cancelled",
    CollisionStrategy.ENQUEUE_ONE: "only the newest further run waits",
    CollisionStrategy.CANCEL_RUNNING: "a further run stops the oldest",
}


class DeploymentNews(NamedTuple):
    """What one read brings."""

    row: DeploymentRow
    deployment: Deployment
    timings: tuple[Timing, ...]
    last_runs: tuple[FlowRunRow, ...]
    history: tuple[HistoryEntry, ...] = ()


# --- Head


def trouble(news: DeploymentNews, now: datetime, zone: tzinfo | None) -> list[Part]:
    """The prominent line: the planning error, the pause, late runs; empty when all is well."""
    row, deployment = news.row, news.deployment
    parts: list[Part] = []
    if error := deployment.planning_error or row.error:
        parts.append((f"Cannot be planned: {error}", BAD))
    if row.paused:
        parts.append((("\n" if parts else "") + pause_words(deployment, now, zone), WARNING))
    if row.late:
        parts.append((("\n" if parts else "") + f"{plural(row.late, 'run is', 'runs are')} late.", WARNING))
    return parts


def pause_words(deployment: Deployment, now: datetime, zone: tzinfo | None) -> str:
    """Why, by whom, until when."""
    pause = deployment.sluice.pause
    words = "Paused"
    if pause is not None and pause.by:
        words += f" by {pause.by}"
    if pause is not None and pause.reason:
        words += f": {pause.reason}"
    if pause is not None and pause.until:
        return f"{words} — resumes {countdown(pause.until, now)}, {exact(pause.until, zone)}"
    return f"{words}. Nothing is planned until it is resumed." if words.count(":") == 0 else words


def next_words(news: DeploymentNews, now: datetime) -> list[str]:
    """The short line: schedule, next run, last run."""
    row = news.row
    words = [row.schedule or "no schedule"]
    if row.paused:
        words.append("paused")
    elif row.next_run is not None:
        words.append(f"next {countdown(row.next_run, now)}")
    if row.running:
        words.append(f"{row.running} running")
    if row.last_start is not None:
        words.append(f"last {ago(row.last_start, now)}")
    return words


# --- Overview


def overview(news: DeploymentNews, now: datetime, zone: tzinfo | None) -> list[Item]:
    """The Overview tab."""
    return [
        *_description(news.deployment),
        *_activity(news.row, now, zone),
        *_place(news.deployment),
        *_limits(news.deployment),
        *_further(news.deployment, zone),
    ]


def _description(deployment: Deployment) -> list[Item]:
    return [Fact("", [(deployment.description.strip(), "")])] if deployment.description else []


def _activity(row: DeploymentRow, now: datetime, zone: tzinfo | None) -> list[Item]:
    look = look_of_deployment(row)
    items: list[Item] = [Heading("Runs"), Fact("state", [(f"{look.glyph} {look.word}", look.style)])]
    if row.next_run is not None and not row.paused:
        items.append(fact("next", f"{exact(row.next_run, zone)}  {countdown(row.next_run, now)}"))
    if row.last_start is not None:
        last = look_of(row.last_state_type, row.last_state_name)
        parts: list[Part] = [(f"{last.glyph} {last.word}", last.style), (f"  {ago(row.last_start, now)}", "")]
        parts.append((f"  took {duration(row.last_duration)}", ""))
        if row.median_duration is not None:
            parts.append((f", usually {duration(row.median_duration)}", DIM))
        items.append(Fact("last", parts))
    if row.recent:
        items.append(Fact(f"last {len(row.recent)}", bars(row.recent), wrap=False))
    return items


def bars(recent: Sequence[RecentRun]) -> list[Part]:
    """The last runs as bars several lines high, oldest at the left, each with its state's glyph below."""
    runs = list(recent)[::-1]
    longest = max((run.duration or 0.0 for run in runs), default=0.0)
    steps = [_step(run.duration, longest) for run in runs]
    parts: list[Part] = []
    for line in reversed(range(BAR_ROWS)):
        for run, step in zip(runs, steps, strict=True):
            parts.append((_block(step - line * len(BARS)) * BAR_WIDTH + " ", look_of(run.state_type).style))
        parts.append(("\n", ""))
    for run in runs:
        look = look_of(run.state_type)
        parts.append((f"{look.glyph:^{BAR_WIDTH}} ", look.style))
    return parts


def _step(seconds: float | None, longest: float) -> int:
    """Height in eighths of a line: square roots, as in the list's bars."""
    if not seconds or longest <= 0:
        return 0
    return max(1, round(math.sqrt(seconds / longest) * BAR_ROWS * len(BARS)))


def _block(eighths: int) -> str:
    return " " if eighths <= 0 else BARS[min(eighths, len(BARS)) - 1]


def _place(deployment: Deployment) -> list[Item]:
    items: list[Item] = [Heading("What runs, and where")]
    command = deployment.job_variables.get("command")
    if isinstance(command, str):
        items.append(fact("command", command))
    if deployment.entrypoint:
        items.append(fact("entrypoint", deployment.entrypoint))
    folder = deployment.job_variables.get("working_dir") or deployment.path
    if folder:
        items.append(fact("folder", str(folder)))
    if deployment.work_pool_name is None:
        items.append(Fact("pool", [("none", ""), ("  it waits for its own runner", DIM)]))
    else:
        queue = f" / {deployment.work_queue_name}" if deployment.work_queue_name else ""
        items.append(fact("pool", deployment.work_pool_name + queue))
    others = {
        key: value for key, value in deployment.job_variables.items() if key not in ("command", "working_dir")
    }
    items += [fact(key, value_words(value)) for key, value in masked(others).items()]
    return items


def _limits(deployment: Deployment) -> list[Item]:
    limit, options = deployment.global_concurrency_limit, deployment.sluice
    items: list[Item] = []
    if limit is not None:
        words = f"{plural(limit.limit, 'run')} at once"
        if options.collision is not None:
            words += f", {COLLISIONS[options.collision]}"
        elif deployment.concurrency_options is not None:
            words += f", {COLLISIONS[deployment.concurrency_options.collision_strategy]}"
        items.append(fact("limit", words))
    if options.pause_after_failures is not None:
        items.append(fact("auto-pause", f"after {plural(options.pause_after_failures, 'failure')} in a row"))
    if options.retention is not None:
        kept = [f"{options.retention.days} days"] if options.retention.days else []
        kept += [plural(options.retention.runs, "run")] if options.retention.runs else []
        items.append(fact("kept", ", ".join(kept)))
    return items


def _further(deployment: Deployment, zone: tzinfo | None) -> list[Item]:
    items: list[Item] = [Heading("Further")]
    if deployment.tags:
        items.append(fact("tags", "  ".join(deployment.tags)))
    if deployment.version:
        items.append(fact("version", deployment.version))
    labels = {key: value for key, value in deployment.labels.items() if not key.startswith("prefect.")}
    if labels:
        shown = masked(labels)
        items.append(
            fact("labels", "\n".join(f"{key} = {value_words(value)}" for key, value in shown.items()))
        )
    for label, when, who in (
        ("created", deployment.created, deployment.created_by),
        ("updated", deployment.updated, deployment.updated_by),
    ):
        by = f" by {who.display_value}" if who is not None and who.display_value else ""
        items.append(fact(label, exact(when, zone) + by))
    items.append(fact("status", deployment.status.replace("_", " ").capitalize()))
    items.append(fact("", str(deployment.id), DIM))
    return items


# --- Beside


def beside(news: DeploymentNews, now: datetime, zone: tzinfo | None) -> list[Item]:
    """The pane at the right of a wide terminal: what comes, and what was."""
    active = [timing for timing in news.timings if timing.schedule.active]
    times = sorted({when for timing in active for when in timing.times})[:NEXT_TIMES]
    items: list[Item] = []
    if times and not news.row.paused:
        zone_name = times[0].astimezone(zone).tzname() or ""
        items.append(Heading(f"Next ({zone_name})"))
        items += [Fact(countdown(when, now), [(day_time(when, now, zone), "")]) for when in times]
    items.append(Heading("Last runs"))
    if not news.last_runs:
        items.append(Fact("", [("none yet", DIM)]))
    names = {run.id: cut(harmless(run.name), RUN_NAME_CELLS) for run in news.last_runs}
    longest = max(map(width_of, names.values()), default=0)
    for run in news.last_runs:
        look = look_of(run.state_type, run.state_name)
        value: list[Part] = [(f"{look.glyph} ", look.style), (fit(names[run.id], longest), "")]
        seconds = seconds_of(run, now)
        value += [(f" {duration(seconds):>6}", DIM)] if seconds is not None else []
        began = run.start_time or run.expected_start_time
        items.append(Fact(ago(began, now) if began else "—", value, wrap=False))
    return items


# --- YAML


def yaml_parts(text: str) -> list[Part]:
    """YAML with its keys set apart."""
    parts: list[Part] = []
    for line in text.splitlines(keepends=True):
        match = _YAML_KEY.match(line)
        if match is None:
            parts.append((line, ""))
        else:
            parts += [(match[1], ""), (match[2], KEY), (line[match.end() :], "")]
    return parts


# --- History


def history(entries: Sequence[HistoryEntry], now: datetime, zone: tzinfo | None) -> list[Item]:
    """The History tab, newest first."""
    if not entries:
        return [Fact("", [("Nothing was changed since the history began.", DIM)])]
    items: list[Item] = []
    for entry in entries:
        items.append(Heading(f"{entry.action}  {ago(entry.at, now)}"))
        items.append(Fact("", [(f"{exact(entry.at, zone)}  by {entry.who}", DIM)]))
        items.append(Fact("", _entry(entry, zone)))
    return items


def _entry(entry: HistoryEntry, zone: tzinfo | None) -> list[Part]:
    if entry.before is None:
        names = changes(None, entry.after, zone)
        return [(f"Created, with {plural(len(names), 'field')} set.", "")]
    if entry.after is None:
        return [("It was deleted.", BAD)]
    found = changes(entry.before, entry.after, zone)
    if not found:
        return [("Nothing that is shown here differs.", DIM)]
    parts = [part for change in found for part in _change(change)]
    parts[0] = (parts[0][0].lstrip("\n"), parts[0][1])
    return parts


def _change(change: Change) -> list[Part]:
    parts: list[Part] = []
    if change.before is not None:
        parts.append((f"\n- {change.field}: {change.before}", BAD))
    if change.after is not None:
        parts.append((f"\n+ {change.field}: {change.after}", GOOD))
    return parts
