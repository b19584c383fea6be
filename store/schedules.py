"""Schedules of deployments: reading them, and bringing the stored ones in line with those sent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from store import flow_runs, schemas
from store.chunks import chunked, marks
from store.clock import to_micros
from store.database import Store
from store.errors import Invalid
from store.ids import new_id
from store.models import DeploymentSchedule

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SLUG_FOR_EACH = (
    "Please provide a slug for each schedule in your request to ensure schedules are updated correctly."
)

# A change of these alone leaves what is planned as it is.
_NOT_PLANNED = frozenset({"slug"})


class Changed(NamedTuple):
    """What a change did: whether anything, and the schedules planned anew."""

    anything: bool
    stale: list[UUID]


def rule_from_json(rule: dict[str, Any]) -> schemas.ScheduleRule:
    """A kept rule as its schema."""
    return _rules().validate_python(rule)


@cache
def _rules() -> TypeAdapter[schemas.ScheduleRule]:
    from pydantic import TypeAdapter

    return TypeAdapter(schemas.ScheduleRule)


def rule_to_json(rule: schemas.ScheduleRule) -> dict[str, Any]:
    """A rule as it is kept: intervals in seconds, the anchor as text with its own zone."""
    return rule.model_dump(mode="json")


def read_all(store: Store, deployment_id: UUID) -> list[schemas.DeploymentSchedule]:
    """A deployment's schedules in order of creation; empty for an unknown deployment."""
    return [to_schema(row) for row in rows(deployment_id)]


def rows(deployment_id: UUID) -> list[Any]:
    """A deployment's schedule rows in order of creation; for `store` only."""
    chosen = DeploymentSchedule.select().where(DeploymentSchedule.deployment == deployment_id)
    return list(chosen.order_by(DeploymentSchedule.created, DeploymentSchedule.id))


def to_schema(row: Any) -> schemas.DeploymentSchedule:
    """A schedule row as it is read."""
    return schemas.DeploymentSchedule(
        id=row.id,
        created=row.created,
        updated=row.updated,
        deployment_id=row.deployment_id,
        slug=row.slug,
        schedule=rule_from_json(row.rule),
        active=row.active,
        parameters=row.parameters,
        max_scheduled_runs=row.max_scheduled_runs,
        max_active_runs=row.max_active_runs,
        catchup=row.catchup,
        sluice=schemas.ScheduleOptions(catchup_window=row.catchup_window, jitter=row.jitter),
    )


def replace_all(
    store: Store, deployment_id: UUID, sent: Sequence[schemas.DeploymentScheduleCreate]
) -> Changed:
    """Make the stored schedules those that were sent (the upsert's rule; inside a write transaction).

    One sent with the slug of an existing one (or which it `replaces`), or slug-less with an identical rule,
    keeps its id, and its `active` when not sent. The other existing ones go.

    Raises:
        Invalid: a rename onto a taken slug, one schedule named twice.
    """
    existing = rows(deployment_id)
    targets = _same_rules(existing, sent, _targets(existing, sent))
    kept = {row.id for row in targets if row is not None}
    gone = [row.id for row in existing if row.id not in kept]
    remove(store, gone)
    every = frozenset(schemas.DeploymentScheduleCreate.model_fields)
    fields = [every if "active" in new.model_fields_set else every - {"active"} for new in sent]
    changed = _write(store, deployment_id, sent, targets, fields)
    return Changed(changed.anything or bool(gone), changed.stale)


def patch_all(store: Store, deployment_id: UUID, sent: Sequence[schemas.DeploymentScheduleCreate]) -> Changed:
    """Bring the stored schedules in line with a PATCH (inside a write transaction).

    With a slug on every existing and sent one: matched by slug, patched in place, new ones created, those not
    mentioned kept (by an empty list too, as Prefect does), `replaces` renames. Otherwise they are replaced.

    Raises:
        Invalid: slugs missing where existing ones have them, a rename onto a taken slug, one schedule named
            twice.
    """
    existing = rows(deployment_id)
    if not _go_by_slug(existing, sent):
        if existing and all(row.slug for row in existing):
            raise Invalid(SLUG_FOR_EACH, "schedules")
        return replace_all(store, deployment_id, sent)
    fields = [frozenset(new.model_fields_set) for new in sent]
    return _write(store, deployment_id, sent, _targets(existing, sent), fields)


def unmentioned(existing: Sequence[Any], sent: Sequence[schemas.DeploymentScheduleCreate]) -> list[Any]:
    """The rows that `patch_all` would keep as they are."""
    if not _go_by_slug(existing, sent):
        return []
    named = {slug for new in sent for slug in (new.slug, new.replaces)}
    return [row for row in existing if row.slug not in named]


def _go_by_slug(existing: Sequence[Any], sent: Sequence[schemas.DeploymentScheduleCreate]) -> bool:
    """Whether a PATCH matches schedules by slug; otherwise it replaces them."""
    return bool(existing) and all(row.slug for row in existing) and all(new.slug for new in sent)


def patch(store: Store, row: Any, update: schemas.DeploymentScheduleUpdate) -> Changed:
    """Change what was sent of one schedule (inside a write transaction)."""
    stale: list[UUID] = []
    changed = _patch(store, row, _columns(update, frozenset(update.model_fields_set)), stale)
    return Changed(changed, stale)


def insert(store: Store, deployment_id: UUID, new: schemas.DeploymentScheduleCreate) -> Any:
    """A new schedule, planned from now on (inside a write transaction)."""
    now = store.clock.now()
    values = _columns(new, frozenset(schemas.DeploymentScheduleCreate.model_fields))
    return DeploymentSchedule.create(
        id=new_id(),
        deployment=deployment_id,
        created=now,
        updated=now,
        anchor=now,
        planned_until=now,
        **values,
    )


def remove(store: Store, ids: Sequence[UUID]) -> None:
    """Delete schedules and their future auto-scheduled runs (inside a write transaction)."""
    forget_future_runs(store, ids)
    for chunk in chunked(ids):
        DeploymentSchedule.delete().where(DeploymentSchedule.id.in_(chunk)).execute()


def plan_anew(store: Store, ids: Sequence[UUID]) -> None:
    """Forget the future runs of these schedules and plan them from now on (inside a write transaction)."""
    forget_future_runs(store, ids)
    for chunk in chunked(ids):
        update = DeploymentSchedule.update(planned_until=store.clock.now(), plan_again_at=0)
        update.where(DeploymentSchedule.id.in_(chunk)).execute()


def forget_future_runs(store: Store, ids: Sequence[UUID]) -> None:
    """Delete the auto-scheduled runs of these schedules whose slot is still to come.

    Late ones, those that wait for a concurrency slot or have started before, manual and backfill runs stay
    (SEMANTICS, create_deployment).
    """
    now = to_micros(store.clock.now())
    for chunk in chunked(ids):
        flow_runs.delete_where(
            store,
            f"schedule_id IN ({marks(chunk)}) AND auto_scheduled = 1 AND slot > ? AND run_count = 0"
            f" AND state_type = '{schemas.StateType.SCHEDULED}'"
            " AND state_name NOT IN ('Late', 'AwaitingConcurrencySlot')",
            [*chunk, now],
        )


def forget_waiting_runs(store: Store, deployment_ids: Sequence[UUID]) -> None:
    """Delete every auto-scheduled run of these deployments that waits for its start, Late ones too (a pause).

    One whose time came and that waits for a concurrency slot only stays, as Prefect has it: a pause stops
    planning, not claiming. In the statistics only what waits changes, so that part alone is brought up to
    date, for many at a time.
    """
    waiting = f"state_type = '{schemas.StateType.SCHEDULED}'"
    gone = f"{waiting} AND state_name <> 'AwaitingConcurrencySlot' AND auto_scheduled = 1 AND run_count = 0"
    for chunk in chunked(deployment_ids):
        inside = f"deployment_id IN ({marks(chunk)})"
        flow_runs.delete_where(store, f"{inside} AND {gone}", chunk)
        store.database.execute_sql(
            "UPDATE deployment_statistics AS s SET"
            " next_run = (SELECT min(next_scheduled_start_time) FROM flow_run r"
            f" WHERE r.deployment_id = s.deployment_id AND {waiting}),"
            " late = (SELECT count(*) FROM flow_run r"
            f" WHERE r.deployment_id = s.deployment_id AND {waiting} AND r.state_name = 'Late')"
            f" WHERE {inside}",
            chunk,
        )


def _targets(existing: Sequence[Any], sent: Sequence[schemas.DeploymentScheduleCreate]) -> list[Any | None]:
    """The existing row that each sent schedule means by its `replaces` or slug, or None for a new one."""
    by_slug = {row.slug: row for row in existing if row.slug}
    renamed = {new.replaces for new in sent if new.replaces in by_slug}
    used: set[UUID] = set()
    targets = []
    for at, new in enumerate(sent):
        renames = new.replaces in by_slug and new.slug != new.replaces
        if renames and new.slug in by_slug and new.slug not in renamed:
            raise Invalid(
                f"Cannot rename schedule from '{new.replaces}' to '{new.slug}':"
                f" a schedule with slug '{new.slug}' already exists.",
                f"schedules[{at}].replaces",
            )
        row = by_slug.get(new.replaces) or by_slug.get(new.slug)
        if row is not None and row.id in used:
            raise Invalid(f"Multiple schedules target the same slug: {row.slug}", f"schedules[{at}].slug")
        used.update([row.id] if row is not None else [])
        targets.append(row)
    return targets


def _same_rules(
    existing: Sequence[Any], sent: Sequence[schemas.DeploymentScheduleCreate], targets: list[Any | None]
) -> list[Any | None]:
    """`targets` with each slug-less sent schedule matched to an existing slug-less one of the same rule."""
    taken = {row.id for row in targets if row is not None}
    free = [row for row in existing if row.slug is None and row.id not in taken]
    matched = list(targets)
    for at, new in enumerate(sent):
        if matched[at] is None and not new.slug:
            rule = rule_to_json(new.schedule)
            matched[at] = next((row for row in free if row.rule == rule), None)
            free = [row for row in free if row is not matched[at]]
    return matched


def _write(
    store: Store,
    deployment_id: UUID,
    sent: Sequence[schemas.DeploymentScheduleCreate],
    targets: Sequence[Any | None],
    fields: Sequence[frozenset[str]],
) -> Changed:
    """Patch the matched rows with those fields of what was sent, and create the others."""
    patches = [
        (row, _columns(new, which))
        for new, row, which in zip(sent, targets, fields, strict=True)
        if row is not None
    ]
    _free_slugs([row.id for row, values in patches if values.get("slug", row.slug) != row.slug])
    stale: list[UUID] = []
    changes = [_patch(store, row, values, stale) for row, values in patches]
    created = [
        insert(store, deployment_id, new) for new, row in zip(sent, targets, strict=True) if row is None
    ]
    return Changed(any(changes) or bool(created), stale)


def _free_slugs(ids: Sequence[UUID]) -> None:
    """Take the slugs off schedules about to be renamed, so that two may swap theirs (slugs are unique)."""
    DeploymentSchedule.update(slug=None).where(DeploymentSchedule.id.in_(ids)).execute()


def _columns(
    sent: schemas.DeploymentScheduleCreate | schemas.DeploymentScheduleUpdate, fields: frozenset[str]
) -> dict[str, Any]:
    """The column values of these fields; null leaves a column that knows no null as it is."""
    values: dict[str, Any] = {}
    if "schedule" in fields and sent.schedule is not None:
        values["rule"] = rule_to_json(sent.schedule)
    for name in ("active", "catchup", "parameters"):
        if name in fields and getattr(sent, name) is not None:
            values[name] = getattr(sent, name)
    for name in ("slug", "max_scheduled_runs", "max_active_runs"):
        if name in fields:
            values[name] = getattr(sent, name) or None
    if "sluice" in fields:
        options = sent.sluice or schemas.ScheduleOptions()
        whole = isinstance(sent, schemas.DeploymentScheduleCreate) or sent.sluice is None
        for name in ("catchup_window", "jitter"):
            if whole or name in options.model_fields_set:
                values[name] = getattr(options, name)
    return values


def _patch(store: Store, row: Any, values: dict[str, Any], stale: list[UUID]) -> bool:
    """Write the values that differ; a change that matters to planning makes the schedule stale."""
    changes = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not changes:
        return False
    DeploymentSchedule.update(**changes, updated=store.clock.now()).where(
        DeploymentSchedule.id == row.id
    ).execute()
    if set(changes) - _NOT_PLANNED:
        plan_anew(store, [row.id])
        stale.append(row.id)
    return True
