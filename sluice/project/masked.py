"""Masked secrets in a file that `sluice export` wrote: the mask stands for the value that is stored."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from backend.protocol import Backend
from sluice.changes import find_existing
from sluice.project.deployment import Planned
from sluice.project.schedules import rule_of
from store.schemas import Deployment
from tui.masking import MASK

_FIELDS = {
    "parameters": ("parameters",),
    "job_variables": ("work_pool", "job_variables"),
    "pull_steps": ("pull",),
}


def restore_masked(planned: Planned, backend: Backend) -> None:
    """Replace each mask by the stored value; one that nothing stored stands behind is a problem."""
    schedules = planned.values.get("schedules") or []
    if not any(_holds_mask(value) for value in (*(planned.values[name] for name in _FIELDS), schedules)):
        return
    existing = find_existing(backend, planned.flow_name or "", planned.name)
    stored: dict[str, Any] = existing.model_dump(mode="json") if existing else {}
    for name, place in _FIELDS.items():
        planned.values[name] = _restored(planned, planned.values[name], stored.get(name), place)
    for schedule in schedules:
        place = (*schedule["_path"][len(planned.section.path) :], "parameters")
        behind = _parameters_of(schedule, existing)
        schedule["parameters"] = _restored(planned, schedule["parameters"], behind, place)


def _parameters_of(schedule: dict[str, Any], existing: Deployment | None) -> dict[str, Any] | None:
    """The stored parameters of the schedule of the same slug, or, without one, of the same rule."""
    try:
        rule = rule_of(schedule["schedule"])
    except ValidationError:  # told elsewhere, with its line
        return None
    slug = schedule.get("slug")
    for one in existing.schedules if existing else ():
        if one.slug == slug and (slug or one.schedule == rule):
            return one.parameters
    return None


def _holds_mask(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_mask(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_holds_mask(inner) for inner in value)
    return bool(value == MASK)


def _restored(planned: Planned, value: Any, stored: Any, place: tuple[str | int, ...]) -> Any:
    if isinstance(value, dict):
        kept = stored if isinstance(stored, dict) else {}
        return {key: _restored(planned, inner, kept.get(key), (*place, key)) for key, inner in value.items()}
    if isinstance(value, list):
        kept_items = stored if isinstance(stored, list) and len(stored) == len(value) else [None] * len(value)
        items = enumerate(zip(value, kept_items, strict=True))
        return [_restored(planned, inner, kept, (*place, index)) for index, (inner, kept) in items]
    if value != MASK:
        return value
    if stored is None:
        hint = "write the value, or export with --reveal"
        planned.section.problem(
            f"`{place[-1]}` is masked, and nothing is stored for it here: {hint}.", *place
        )
    return stored
