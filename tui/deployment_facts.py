"""What is said about one deployment: pure functions from what was read and the time to facts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from store.schemas import (
    CollisionStrategy,
    CronSchedule,
    Deployment,
    DeploymentRow,
    DeploymentSchedule,
    FlowRunRow,
    HistoryEntry,
    RecentRun,
    RRuleSchedule,
)
from tui.history_diff import Change, changes
from tui.masking import masked
from tui.run_facts import seconds_of, value_words
from tui.states import look_of, look_of_deployment
from tui.text import plural
from tui.times import ago, countdown, day_time, duration, exact
from tui.widgets.activity_bars import BARS
from tui.widgets.columns import Part
from tui.widgets.fact_list import BAD, DIM, GOOD, KEY, STRONG, WARNING, Fact, Heading, Item, fact

_YAML_KEY = re.compile(r"(\s*(?:- )*)([\w.-]+:)(?=\s)")

NEXT_TIMES = 5
UPCOMING = 24
BAR_ROWS = 3
BAR_WIDTH = 3

COLLISIONS = {
    CollisionStrategy.ENQUEUE: "further runs wait",
    CollisionStrategy.CANCEL_NEW: "further runs are cancelled",
    CollisionStrategy.ENQUEUE_ONE: "only the newest further run waits",
    CollisionStrategy.CANCEL_RUNNING: "a further run stops the oldest",
}


class Timing(NamedTuple):
    """A schedule in words with its next times, or why it has none."""

    schedule: DeploymentSchedule
    words: str
    times: tuple[datetime, ...]
    error: str = ""


class DeploymentNews(NamedTuple):
    """What one read brings."""

    row: DeploymentRow
    deployment: Deployment
    timings: tuple[Timing, ...]
    last_runs: tuple[FlowRunRow, ...]
    history: tuple[HistoryEntry, ...] = ()


def zone_of(schedule: DeploymentSchedule) -> tzinfo | None:
    """The schedule's own zone; UTC when it names none, null when the name is unknown."""
    try:
        return ZoneInfo(schedule.schedule.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return None


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


# --- Schedules and upcoming


def schedules(news: DeploymentNews, now: datetime, zone: tzinfo | None) -> list[Item]:
    """The Schedules tab."""
    if not news.timings:
        return [
            Fact(
                "", [("There is no schedule: it runs only by hand (r), or when something asks for it.", DIM)]
            )
        ]
    items: list[Item] = []
    for number, timing in enumerate(news.timings, 1):
        items += _schedule(timing, number, now, zone)
    return items


def _schedule(timing: Timing, number: int, now: datetime, zone: tzinfo | None) -> list[Item]:
    schedule = timing.schedule
    words = timing.words or "It cannot be put into words"
    items: list[Item] = [Heading(f"{schedule.slug or number}  {words}")]
    items.append(Fact("active", [("● yes", GOOD)] if schedule.active else [("○ no", WARNING)]))
    items.append(fact("rule", rule_words(schedule)))
    items.append(fact("zone", schedule.schedule.timezone or "UTC (none is named)"))
    if schedule.parameters:
        items.append(fact("parameters", value_words(masked(schedule.parameters))))
    items += _options(schedule)
    if timing.error:
        items.append(fact("error", timing.error, BAD))
    elif not timing.times:
        items.append(fact("next", "never again", WARNING))
    else:
        note = "" if schedule.active else "\nif it were active"
        items.append(Fact("next", [*times_parts(timing, now, zone), (note, DIM)]))
    return items


def rule_words(schedule: DeploymentSchedule) -> str:
    """The rule as it was written."""
    rule = schedule.schedule
    if isinstance(rule, CronSchedule):
        return f"cron {rule.cron}" + ("" if rule.day_or else " (day and weekday must both match)")
    if isinstance(rule, RRuleSchedule):
        return f"rrule {rule.rrule}"
    anchor = f", from {rule.anchor_date}" if rule.anchor_date else ""
    return f"interval {rule.interval.total_seconds():g} s{anchor}"


def _options(schedule: DeploymentSchedule) -> list[Item]:
    items: list[Item] = []
    if schedule.max_scheduled_runs is not None:
        items.append(fact("ahead", f"at most {plural(schedule.max_scheduled_runs, 'planned run')}"))
    if schedule.max_active_runs is not None:
        items.append(fact("at once", f"at most {plural(schedule.max_active_runs, 'run')} of this schedule"))
    if schedule.catchup:
        items.append(fact("catch up", "runs all that were missed, not only the newest"))
    if schedule.sluice.catchup_window is not None:
        items.append(fact("window", f"missed after {duration(schedule.sluice.catchup_window)}"))
    if schedule.sluice.jitter:
        items.append(fact("jitter", f"up to {duration(schedule.sluice.jitter)}"))
    return items


def times_parts(timing: Timing, now: datetime, zone: tzinfo | None) -> list[Part]:
    """The next times in the schedule's zone and in the operator's, each named, one line each."""
    own = zone_of(timing.schedule)
    parts: list[Part] = []
    for number, when in enumerate(timing.times[:NEXT_TIMES]):
        here, there = exact(when, zone), exact(when, own) if own is not None else ""
        parts.append((("\n" if number else "") + (there or here), STRONG))
        if there and there != here:
            parts.append((f"  =  {here}", ""))
        parts.append((f"  {countdown(when, now)}", DIM))
    return parts


def upcoming(news: DeploymentNews, now: datetime, zone: tzinfo | None, limit: int = UPCOMING) -> list[Item]:
    """The Upcoming tab: the next times over all active schedules."""
    active = [timing for timing in news.timings if timing.schedule.active]
    times = sorted({(when, number) for number, timing in enumerate(active) for when in timing.times})[:limit]
    if not times:
        words = "No active schedule has a time to come." if news.timings else "There is no schedule."
        return [Fact("", [(words, DIM)])]
    zone_name = times[0][0].astimezone(zone).tzname() or ""
    head = "Would run, if it were not paused" if news.row.paused else "Next times"
    items: list[Item] = [Heading(f"{head} ({zone_name})")]
    for when, number in times:
        parts: list[Part] = [(f"{exact(when, zone)}", STRONG)]
        if len(active) > 1:
            parts.append((f"  {active[number].schedule.slug or active[number].words}", DIM))
        items.append(Fact(countdown(when, now), parts))
    return items


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
    for run in news.last_runs:
        look = look_of(run.state_type, run.state_name)
        value: list[Part] = [(f"{look.glyph} ", look.style), (run.name, "")]
        seconds = seconds_of(run, now)
        value += [(f"  {duration(seconds)}", DIM)] if seconds is not None else []
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
        return [(f"It came into being, with {plural(len(names), 'field')} set.", "")]
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
