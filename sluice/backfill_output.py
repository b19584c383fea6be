"""How plans of backfills, and backfills, are printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sluice.output import Cell, is_wide, print_fields, print_table, since
from sluice.ranges import Zone
from sluice.table_layout import Column
from store.schemas import Backfill, BackfillPlan, BackfillProgress, BackfillState, PlanSlot, SlotReason
from tui.text import plural
from tui.times import exact

FIRST_SHOWN, LAST_SHOWN = 5, 2

REASONS = {
    SlotReason.NEW: "never ran",
    SlotReason.MISSED: "was missed",
    SlotReason.RERUN: "runs again",
    SlotReason.RAN: "ran already",
    SlotReason.LIVE: "waits or runs now",
    SlotReason.UNJUDGED: "the scheduler was not there since and will decide about it",
    SlotReason.OVER_MAX: "over --max-runs",
}

COLUMNS = (
    Column("STATE", keep=True),
    Column("DEPLOYMENT", least=24),
    Column("DONE", "right", keep=True),
    Column("FAILED", "right", leaves=1),
    Column("FROM", least=16, leaves=3),
    Column("TO", least=16, leaves=3),
    Column("MADE", leaves=2),
    Column("ID", keep=True),
)
_STYLES = {
    BackfillState.RUNNING: "cyan",
    BackfillState.PAUSED: "yellow",
    BackfillState.CANCELLING: "bright_black",
    BackfillState.COMPLETED: "green",
    BackfillState.CANCELLED: "bright_black",
}


def plan_lines(plan: BackfillPlan, zone: Zone) -> Iterator[str]:
    """What a plan would do, in lines: counts, the first and last slots of each fate, the zone."""
    asked = plan.request
    runs = f"{plan.creates:,} of {plural(len(plan.slots), 'slot')}"
    yield (
        f"{plan.deployment_name}: {runs} would run, {asked.order} first, at most {asked.max_active} at once"
    )
    yield f"  from {exact(asked.range_start, zone.tz)} to {exact(asked.range_end, zone.tz)} ({zone.name})"
    yield f"  schedules: {', '.join(schedule.name for schedule in plan.schedules)}"
    names = {schedule.id: schedule.name for schedule in plan.schedules} if len(plan.schedules) > 1 else {}
    for create, word in ((True, "run"), (False, "skip")):
        slots = [slot for slot in plan.slots if slot.create is create]
        if slots:
            yield f"  {word} {len(slots):,}: {_counts(plan, create)}"
            yield from (f"    {line}" for line in _some(slots, names, zone))


def _counts(plan: BackfillPlan, create: bool) -> str:
    creating = (SlotReason.NEW, SlotReason.MISSED, SlotReason.RERUN)
    return "; ".join(
        f"{plan.counts[reason]:,} {words}"
        for reason, words in REASONS.items()
        if reason in plan.counts and (reason in creating) is create
    )


def _some(slots: Sequence[PlanSlot], names: dict[UUID, str], zone: Zone) -> Iterator[str]:
    """The first and the last of many."""
    hidden = len(slots) - FIRST_SHOWN - LAST_SHOWN
    shown = slots if hidden <= 1 else [*slots[:FIRST_SHOWN], *slots[-LAST_SHOWN:]]
    for at, slot in enumerate(shown):
        if hidden > 1 and at == FIRST_SHOWN:
            yield f"... {hidden:,} more"
        yield _slot_line(slot, names, zone)


def _slot_line(slot: PlanSlot, names: dict[UUID, str], zone: Zone) -> str:
    parts = [exact(slot.slot, zone.tz), *([names[slot.schedule_id]] if names else []), REASONS[slot.reason]]
    line = "  ".join(parts)
    return f"{line}: {slot.run_name} {slot.run_state}" if slot.run_name else line


def print_backfills(found: Sequence[Backfill], zone: Zone, now: datetime) -> None:
    """A table of backfills."""
    wide = is_wide()
    print_table(COLUMNS, (_cells(one, zone, now, wide) for one in found))


def _cells(one: Backfill, zone: Zone, now: datetime, wide: bool) -> list[Cell | str]:
    progress = one.progress
    return [
        Cell(one.state.value.capitalize(), _STYLES[one.state]),
        one.deployment_name,
        f"{progress.ended:,}/{progress.total:,}",
        f"{progress.failed + progress.crashed:,}" if progress.failed + progress.crashed else "",
        exact(one.range_start, zone.tz),
        exact(one.range_end, zone.tz),
        since(one.created, now, wide=wide),
        str(one.id),
    ]


def print_backfill(one: Backfill, zone: Zone, now: datetime) -> None:
    """Everything about one backfill."""
    message = f": {one.message}" if one.message else ""
    by = f" by {one.created_by.display_value}" if one.created_by and one.created_by.display_value else ""
    again = {
        "none": "",
        "failed": "slots whose last run did not complete ran again",
        "all": "every slot ran again",
    }
    print_fields(
        [
            ("Backfill", str(one.id)),
            ("Deployment", one.deployment_name),
            ("State", f"{one.state.value.capitalize()}{message}"),
            ("Progress", progress_in_words(one.progress)),
            ("From", f"{exact(one.range_start, zone.tz)} ({zone.name})"),
            ("To", exact(one.range_end, zone.tz)),
            ("Order", f"{one.order} first, at most {one.max_active} at once"),
            ("Reprocess", again[one.reprocess]),
            ("Parameters", ", ".join(f"{key}={value!r}" for key, value in one.parameters.items())),
            ("Slot in", one.slot_parameter or ""),
            ("Made", since(one.created, now) + by),
            ("Ended", since(one.ended, now)),
        ]
    )


def progress_in_words(progress: BackfillProgress) -> str:
    """`12 of 100 runs over: 11 completed, 1 failed; 1 running, 87 queued`."""
    ended = _named(progress, "completed", "failed", "crashed", "cancelled", "deleted")
    to_go = _named(progress, "running", "waiting", "queued")
    over = f"{progress.ended:,} of {plural(progress.total, 'run')} over"
    return over + (f": {ended}" if ended else "") + (f"; {to_go}" if to_go else "")


def _named(progress: BackfillProgress, *names: str) -> str:
    return ", ".join(f"{getattr(progress, name):,} {name}" for name in names if getattr(progress, name))
