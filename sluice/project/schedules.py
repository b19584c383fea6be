"""The schedules of one deployment: Prefect's `schedule` and `schedules`, and Sluice's own keys."""

from __future__ import annotations

import json
from typing import Any

from sluice.project.section import Section, kind
from store.schemas import CronSchedule, IntervalSchedule, RRuleSchedule, ScheduleOptions, ScheduleRule

_RULES: dict[str, type[CronSchedule] | type[IntervalSchedule] | type[RRuleSchedule]] = {
    "cron": CronSchedule,
    "interval": IntervalSchedule,
    "rrule": RRuleSchedule,
}
_OPTIONS = ("catchup_window", "jitter")
_SHARED = (
    *("active", "slug", "replaces", "parameters", "timezone"),
    *("max_scheduled_runs", "max_active_runs", "catchup", "sluice"),
)
KEYS = (*_RULES, "anchor_date", "day_or", "schedule", *_SHARED)


def rule_of(values: dict[str, Any]) -> ScheduleRule:
    """The rule in a schedule as `read_schedules` gives it. Raises pydantic's ValidationError."""
    key = next(key for key in _RULES if key in values)
    return _RULES[key](**values)


def read_schedules(deployment: Section) -> list[dict[str, Any]] | None:
    """The schedules of a deployment as DeploymentScheduleCreate takes them; None when the file does not say.

    Each carries `_path`, where it stands in the file, for whoever checks it further.
    """
    if "schedule" in deployment and "schedules" in deployment:
        deployment.problem("give `schedule` or `schedules`, not both.", "schedule")
    if "schedule" in deployment:
        return _read_each(deployment, [("schedule",)], [deployment.values["schedule"]])
    if "schedules" in deployment:
        found = deployment.items("schedules")
        return _read_each(deployment, [("schedules", index) for index in range(len(found))], found)
    return None


def _read_each(deployment: Section, places: list[tuple[Any, ...]], found: list[Any]) -> list[dict[str, Any]]:
    schedules = []
    for place, values in zip(places, found, strict=True):
        if values is None or values == {}:  # Prefect's way to say: none
            continue
        if not isinstance(values, dict):
            hint = "write `cron: ...`, `interval: ...` or `rrule: ...` below it"
            deployment.problem(f"a schedule must be a mapping, not {kind(values)}: {hint}.", *place)
            continue
        section = Section(deployment.document, (*deployment.path, *place), values, deployment.problems)
        schedule = _read_schedule(section)
        if schedule is not None:
            schedules.append({**schedule, "_path": section.path})
    _refuse_double_slugs(deployment, schedules)
    return schedules


def _refuse_double_slugs(deployment: Section, schedules: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for schedule in schedules:
        slug = schedule.get("slug")
        if slug in seen:
            line = deployment.document.line((*schedule["_path"], "slug"))
            deployment.problems.add(f"two schedules of this deployment have the slug `{slug}`.", line)
        if slug:
            seen.add(slug)


def _read_schedule(section: Section) -> dict[str, Any] | None:
    section.refuse_unknown(KEYS, "a schedule")
    rule = _read_rule(_nested(section))
    if rule is None:
        return None
    optional = {
        "active": section.flag("active"),
        "slug": section.text("slug"),
        "replaces": section.text("replaces"),
        "max_scheduled_runs": section.whole("max_scheduled_runs"),
        "max_active_runs": section.whole("max_active_runs"),
    }
    schedule: dict[str, Any] = {key: value for key, value in optional.items() if value is not None}
    schedule["schedule"] = rule
    schedule["parameters"] = section.mapping("parameters")
    schedule["catchup"] = bool(section.flag("catchup"))
    options = section.section("sluice")
    options.refuse_unknown(_OPTIONS, "`sluice` of a schedule")
    schedule["sluice"] = {key: options.whole(key) for key in ScheduleOptions.model_fields}
    return schedule


def _nested(section: Section) -> Section:
    """The part that holds the rule: the schedule itself, or, as in Prefect's API, its `schedule` key."""
    if "schedule" not in section:
        return section
    nested = section.section("schedule")
    nested.refuse_unknown((*_RULES, "anchor_date", "day_or", "timezone"), "the rule of a schedule")
    return nested


def _read_rule(section: Section) -> dict[str, Any] | None:
    given = [key for key in _RULES if section.values.get(key) is not None]
    if len(given) != 1:
        said = f"this one has {' and '.join(f'`{key}`' for key in given)}" if given else "this one has none"
        section.problem(f"a schedule needs exactly one of `cron`, `interval` and `rrule`; {said}.")
        return None
    for key, owner in (("anchor_date", "interval"), ("day_or", "cron")):
        if key in section and owner != given[0]:
            section.problem(f"`{key}` belongs to `{owner}`, and this schedule has `{given[0]}`.", key)
    zone = {"timezone": section.text("timezone")}
    if given[0] == "cron":
        day_or = section.flag("day_or")
        return {"cron": section.text("cron"), "day_or": True if day_or is None else day_or, **zone}
    if given[0] == "interval":
        return {"interval": _interval(section), "anchor_date": section.text("anchor_date"), **zone}
    return _rrule(section, zone)


def _interval(section: Section) -> Any:
    """Seconds, or a text as in `PT15M` or `0:15:00`."""
    value = section.values["interval"]
    if isinstance(value, str) and value.strip().replace(".", "", 1).isdecimal():
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        section.problem(f"`interval` must be seconds or a text such as PT15M, not {kind(value)}.", "interval")
        return None
    return value


def _rrule(section: Section, zone: dict[str, Any]) -> dict[str, Any]:
    """An RRULE text, or Prefect's JSON form `{"rrule": ..., "timezone": ...}` of one."""
    text = section.text("rrule") or ""
    if text.lstrip().startswith("{"):
        try:
            inner = json.loads(text)
            return {"rrule": inner["rrule"], "timezone": zone["timezone"] or inner.get("timezone")}
        except (ValueError, KeyError):
            section.problem(
                '`rrule` starts like JSON but is not `{"rrule": "...", "timezone": "..."}`.', "rrule"
            )
    return {"rrule": text, **zone}
