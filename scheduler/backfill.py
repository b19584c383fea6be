"""Planning a backfill: which slots get a run and which do not, and why (SEMANTICS section 5).

`decide` is pure. `preview` and `create` read what it needs; `create` decides anew inside its transaction and
makes nothing when the outcome is another than the one that was shown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from scheduler import orchestration, timetable
from store import backfill_facts, backfills
from store.backfill_facts import Facts, Slot, SlotRun
from store.backfills import NewRun
from store.clock import to_micros
from store.database import Store
from store.errors import Invalid, PlanChanged
from store.schedules import rule_from_json
from store.schemas.backfills import (
    CREATES,
    Backfill,
    BackfillCreate,
    BackfillOrder,
    BackfillPlan,
    PlanSchedule,
    PlanSlot,
    Reprocess,
    SlotReason,
)
from store.slot_runs import PlannedSchedule

MAX_SLOTS = 100_000
"""How many slots one plan may list."""
MAX_RUNS = 10_000
"""How many runs one backfill may make unless the caller says otherwise: one transaction makes them all."""

Check = Callable[[dict[str, Any]], None]
"""Refuses the parameters of a run, by raising."""

_RUNS_AGAIN = frozenset({"FAILED", "CRASHED", "CANCELLED"})


def preview(
    store: Store, request: BackfillCreate, *, max_runs: int = MAX_RUNS, check: Check | None = None
) -> BackfillPlan:
    """What a backfill would do now: every slot with its fate. Writes nothing.

    Args:
        request: as asked for.
        max_runs: how many runs one backfill may make.
        check: called with the parameters of each schedule's first run.

    Raises:
        NotFound: there is no such deployment.
        Invalid: a schedule that is not the deployment's, none at all, a range with more slots than one plan
            may list or one backfill may run.
    """
    past = cut(request, store.clock.now())
    facts = backfill_facts.read_facts(store, past.deployment_id, past.range_start, past.range_end)
    settled = settle(past, facts.schedules)
    plan = decide(settled, facts, slots_of(settled, facts.schedules), max_runs)
    _check_parameters(plan, facts, check)
    return plan


def create(
    store: Store,
    request: BackfillCreate,
    digest: str,
    who: str,
    *,
    max_runs: int = MAX_RUNS,
    check: Check | None = None,
) -> Backfill:
    """Make the backfill that `preview` showed, all of it or nothing.

    What can be done before is done before the transaction, which is short also for 10,000 runs.

    Args:
        request: that of the plan.
        digest: that of the plan.
        who: user@host or `api:<token name>`.
        max_runs: how many runs one backfill may make.
        check: called with the parameters of each schedule's first run, before anything is written.

    Raises:
        PlanChanged: the world is another one since; holds the plan of now.
        Invalid: nothing is to be run; and what `preview` raises.
    """
    past = cut(request, store.clock.now())
    facts = backfill_facts.read_facts(store, past.deployment_id, past.range_start, past.range_end)
    settled = settle(past, facts.schedules)
    slots = slots_of(settled, facts.schedules)
    plan = decide(settled, facts, slots, max_runs)
    if plan.digest != digest:
        raise PlanChanged(_changed(plan), plan)
    if not plan.creates:
        raise Invalid("no slot in this range is to be run: there is nothing to make a backfill of", "range")
    _check_parameters(plan, facts, check)
    prepared = backfills.prepare(store, plan, facts, runs_of(plan, facts), who)
    with backfills.staged(store, prepared), store.write():
        if _is_still_so(store, facts, plan, slots):
            backfills.insert(store, prepared)
            return backfills.read(store, prepared.id)
    anew = preview(store, request, max_runs=max_runs)
    raise PlanChanged(_changed(anew), anew)


def cancel(store: Store, backfill_id: UUID, *, cancel_running: bool) -> Backfill:
    """Cancel a backfill's runs that have not started and, if wanted, those that run.

    Raises:
        NotFound: there is no such backfill.
        Refused: it is over.
    """
    with store.write():
        going_on = backfills.cancel_queue(store, backfill_id)
        if cancel_running:
            orchestration.cancel(store, going_on)
        return backfills.read(store, backfill_id)


def _is_still_so(store: Store, facts: Facts, plan: BackfillPlan, slots: Sequence[Slot]) -> bool:
    """Whether the plan still holds (inside the transaction): mostly answered without making it anew."""
    request = plan.request
    if backfill_facts.are_still_so(store, facts, request.range_start, request.range_end):
        return True
    again = backfill_facts.read_facts(store, request.deployment_id, request.range_start, request.range_end)
    same = list(map(_still, again.schedules)) == list(map(_still, facts.schedules))
    return same and decide(request, again, slots, MAX_SLOTS).digest == plan.digest


def _still(schedule: PlannedSchedule) -> PlannedSchedule:
    """The schedule without what moves by itself."""
    return schedule._replace(planned_until=schedule.anchor, planning_error=None)


def cut(request: BackfillCreate, now: datetime) -> BackfillCreate:
    """The request with its range cut at the present: slots to come are their schedules' to run.

    Raises:
        Invalid: the whole range is still to come.
    """
    if request.range_start > now:
        raise Invalid(
            f"the range starts at {request.range_start.isoformat()}, which is still to come: a backfill is of"
            " slots that are over",
            "range_start",
        )
    return request.model_copy(update={"range_end": min(request.range_end, now)})


def settle(request: BackfillCreate, schedules: Sequence[PlannedSchedule]) -> BackfillCreate:
    """The request with its schedules named.

    Raises:
        Invalid: a schedule that is not the deployment's, or none at all.
    """
    known = {schedule.id: schedule for schedule in schedules}
    chosen = request.schedules
    if chosen is None:
        chosen = [schedule.id for schedule in schedules if schedule.active]
    strange = [key for key in chosen if key not in known]
    if strange:
        raise Invalid(f"the deployment has no schedule {strange[0]}", "schedules")
    if not chosen:
        kind = "active schedule: name those that are meant" if known else "schedule: it has no slots"
        raise Invalid(f"the deployment has no {kind}", "schedules")
    named = [schedule.id for schedule in schedules if schedule.id in chosen]
    return request.model_copy(update={"schedules": named})


def slots_of(request: BackfillCreate, schedules: Sequence[PlannedSchedule]) -> list[Slot]:
    """Every slot of a settled request, in the order in which they run.

    Raises:
        Invalid: there are too many for one plan, or a rule that cannot be planned.
    """
    found: list[Slot] = []
    for schedule in schedules:
        if schedule.id not in (request.schedules or ()):
            continue
        instants = timetable.occurrences(
            rule_from_json(json.loads(schedule.rule)),
            after=request.range_start,
            before=request.range_end,
            limit=MAX_SLOTS + 1 - len(found),
            anchor=schedule.anchor,
        )
        found.extend(Slot(schedule.id, instant) for instant in instants)
        if len(found) > MAX_SLOTS:
            raise Invalid(
                f"the range holds more than {MAX_SLOTS:,} slots, too many for one plan: choose a shorter one",
                "range_end",
            )
    found.sort(key=lambda slot: (slot.at, slot.schedule_id), reverse=request.order is BackfillOrder.NEWEST)
    return found


def decide(
    request: BackfillCreate, facts: Facts, slots: Sequence[Slot], max_runs: int = MAX_RUNS
) -> BackfillPlan:
    """Give every slot its fate.

    Args:
        request: settled.
        facts: the deployment's schedules, and the run that counts of each slot that has one.
        slots: in the order in which they run.
        max_runs: how many runs one backfill may make.

    Raises:
        Invalid: it would make more.
    """
    schedules = {schedule.id: schedule for schedule in facts.schedules}
    planned: list[PlanSlot] = []
    creates = 0
    for slot in slots:
        run = facts.runs.get(slot)
        reason = _reason(slot, run, schedules[slot.schedule_id], request.reprocess)
        if reason in CREATES and request.max_runs is not None and creates >= request.max_runs:
            reason = SlotReason.OVER_MAX
        creates += reason in CREATES
        planned.append(_plan_slot(slot, run, reason))
    if creates > max_runs:
        raise Invalid(
            f"this would make {creates:,} runs, and one backfill makes at most {max_runs:,}: choose a shorter"
            f" range, or make it in parts, each of at most {max_runs:,} runs (max_runs; the setting"
            " backfill_max_runs raises the limit)",
            "max_runs",
        )
    chosen = [schedules[key] for key in request.schedules or ()]
    return BackfillPlan(
        request=request,
        deployment_name=facts.deployment_name,
        schedules=[PlanSchedule(id=schedule.id, name=_name(schedule)) for schedule in chosen],
        slots=planned,
        creates=creates,
        counts=dict(Counter(slot.reason for slot in planned)),
        digest=_digest(request, chosen, planned),
    )


def runs_of(plan: BackfillPlan, facts: Facts) -> list[NewRun]:
    """The runs that a plan makes, with parameters of deployment, schedule and backfill, and their slot."""
    merged = _merged(plan, facts)
    shared = {key: json.dumps(parameters) for key, parameters in merged.items()}
    receiver = plan.request.slot_parameter
    made = []
    for one in plan.slots:
        if one.create:
            text = shared[one.schedule_id]
            if receiver is not None:
                text = json.dumps(_with_slot(merged[one.schedule_id], receiver, one.slot))
            before = one.run_id if one.reason is SlotReason.RERUN else None
            made.append(NewRun(Slot(one.schedule_id, one.slot), one.attempt, before, text))
    return made


def _merged(plan: BackfillPlan, facts: Facts) -> dict[UUID, dict[str, Any]]:
    """By schedule: the parameters that all of its runs share."""
    return {
        schedule.id: {
            **json.loads(schedule.deployment_parameters),
            **json.loads(schedule.parameters),
            **plan.request.parameters,
        }
        for schedule in facts.schedules
    }


def _with_slot(parameters: dict[str, Any], receiver: str, slot: datetime) -> dict[str, Any]:
    return {**parameters, receiver: slot.isoformat()}


def _reason(slot: Slot, run: SlotRun | None, schedule: PlannedSchedule, reprocess: Reprocess) -> SlotReason:
    if run is None:
        unjudged = schedule.is_live and slot.at > schedule.planned_until
        return SlotReason.UNJUDGED if unjudged else SlotReason.NEW
    if not run.over:
        return SlotReason.LIVE
    if run.passed_over:
        return SlotReason.MISSED
    again = reprocess is Reprocess.ALL or (reprocess is Reprocess.FAILED and run.state_type in _RUNS_AGAIN)
    return SlotReason.RERUN if again else SlotReason.RAN


def _plan_slot(slot: Slot, run: SlotRun | None, reason: SlotReason) -> PlanSlot:
    # model_construct: nothing here comes from outside, and a plan may have 100,000 of these.
    return PlanSlot.model_construct(
        schedule_id=slot.schedule_id,
        slot=slot.at,
        create=reason in CREATES,
        reason=reason,
        run_id=run.id if run else None,
        run_name=run.name if run else None,
        run_state=run.state_name if run else None,
        attempt=run.attempt + 1 if run and reason is SlotReason.RERUN else 1,
    )


def _name(schedule: PlannedSchedule) -> str:
    if schedule.slug:
        return schedule.slug
    rule = json.loads(schedule.rule)
    return str(rule.get("cron") or rule.get("rrule") or f"every {rule.get('interval'):g} s")


def _digest(request: BackfillCreate, schedules: Iterable[PlannedSchedule], slots: Iterable[PlanSlot]) -> str:
    """Of all that makes the new runs what they are; not of slots that are left alone, which may go on."""
    digest = blake2b(request.model_dump_json(exclude={"range_end"}).encode(), digest_size=16)
    for schedule in schedules:
        parts = (schedule.rule, schedule.parameters, schedule.deployment_parameters)
        digest.update("\0".join(parts).encode())
    for slot in slots:
        if slot.create:
            fate = f"{slot.schedule_id.hex} {to_micros(slot.slot)} {slot.reason.value} {slot.attempt}\n"
            digest.update(fate.encode())
    return digest.hexdigest()


def _check_parameters(plan: BackfillPlan, facts: Facts, check: Check | None) -> None:
    """Check the parameters of each schedule's first run: those of the others differ by the slot alone."""
    if check is None:
        return
    merged, receiver = _merged(plan, facts), plan.request.slot_parameter
    first: dict[UUID, datetime] = {}
    for one in plan.slots:
        if one.create:
            first.setdefault(one.schedule_id, one.slot)
    for key, slot in first.items():
        check(merged[key] if receiver is None else _with_slot(merged[key], receiver, slot))


def _changed(plan: BackfillPlan) -> str:
    return (
        f"{plan.deployment_name} is not as it was when this backfill was planned: it would now make"
        f" {plan.creates:,} of {len(plan.slots):,} slots run; nothing was made, look at the plan again"
    )
