"""One entry of `deployments:` in a project file, read into the fields of a deployment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from sluice.project.place import Entrypoint, ProjectFacts, find_entrypoint, find_folder
from sluice.project.problems import did_you_mean
from sluice.project.schedules import read_schedules
from sluice.project.section import Section
from sluice.project.signatures import Signature
from sluice.project.steps import PHASES, Step, as_pull_steps, note_steps_not_run, read_steps
from sluice.project.templates import LEFT_OUT, Templates
from store.schemas import DEFAULT_QUEUE, LOCAL_POOL

KEYS = (
    *("name", "flow_name", "version", "version_type", "tags", "description", "entrypoint", "path"),
    *("parameters", "enforce_parameter_schema", "schedule", "schedules", "paused", "concurrency_limit"),
    *("work_pool", "triggers", "sla", *PHASES, "sluice"),
)
_ELSEWHERE = {
    **dict.fromkeys(("cron", "interval", "rrule", "timezone", "anchor_date", "day_or"), "`schedule`"),
    **dict.fromkeys(("job_variables", "work_queue_name"), "`work_pool`"),
    **dict.fromkeys(("command", "env", "working_dir", "stream_output"), "`job_variables` in `work_pool`"),
    **dict.fromkeys(("collision", "retention", "pause_after_failures", "pause"), "`sluice`"),
    "collision_strategy": "`concurrency_limit`",
}
_NOT_TEMPLATED = (*PHASES, "triggers", "sla")
_DROPPABLE = ("version", "description", "tags", "work_pool")
EMPTY_SCHEMA = {"title": "Parameters", "type": "object", "properties": {}}


@dataclass
class Planned:
    """A deployment as the file wants it.

    `values` has the fields of DeploymentCreate that the file decides; what is not in it keeps its value.
    """

    section: Section
    values: dict[str, Any]
    name: str
    flow_name: str | None
    entrypoint: Entrypoint | None
    folder: FilePath
    describes_itself: bool
    """Whether the description is the function's docstring."""
    signature: Signature | None = None
    """What the entrypoint's function takes, once it has been read."""

    def line(self, *keys: str | int) -> int | None:
        """The line of a place in this deployment."""
        return self.section.line(*keys)

    @property
    def full_name(self) -> str:
        """`flow/deployment`."""
        return f"{self.flow_name}/{self.name}"


def read_deployment(raw: Section, project: ProjectFacts, pool: str | None) -> Planned | None:
    """The deployment in `raw`; None when it cannot even be told apart. Problems are added with their lines.

    Args:
        raw: the entry as it stands in the file, templates unresolved.
        project: folder, shared steps and templates.
        pool: a work pool that replaces the one in the file.
    """
    _refuse_unknown(raw)
    section = _resolve(raw, project.templates)
    steps = {phase: _steps(section, phase, project) for phase in PHASES}
    _note_what_is_not_run(section)
    work_pool = section.section("work_pool")
    work_pool.refuse_unknown(("name", "work_queue_name", "job_variables"), "`work_pool`")
    job_variables = _job_variables(work_pool)
    pool_name = pool or work_pool.text("name") or LOCAL_POOL
    place = find_folder(section, steps["pull"], project, job_variables, is_local=pool_name == LOCAL_POOL)
    name = section.text("name")
    if not name:
        section.problem("a deployment needs a `name`.", "name")
        return None
    limit = _limit(section)
    collision = (limit["concurrency_options"] or {}).get("collision_strategy")
    values = {
        "name": name,
        "version": section.text("version"),
        "description": section.text("description") or None,
        "tags": section.texts("tags"),
        "parameters": section.mapping("parameters"),
        "enforce_parameter_schema": section.flag("enforce_parameter_schema") is not False,
        "job_variables": job_variables,
        "pull_steps": _pull_steps(steps["pull"]),
        "path": str(place.folder) if place.is_kept else None,
        "entrypoint": section.text("entrypoint"),
        "work_pool_name": pool_name,
        "work_queue_name": work_pool.text("work_queue_name") or DEFAULT_QUEUE,
        **limit,
        "sluice": _options(section, collision),
    }
    if "paused" in section:
        values["paused"] = bool(section.flag("paused"))
    schedules = read_schedules(section)
    if schedules is not None:
        values["schedules"] = schedules
    entrypoint = find_entrypoint(section, place, has_command=bool(job_variables.get("command")))
    flow_name = section.text("flow_name") or (None if section.text("entrypoint") else name)
    describes_itself = section.values.get("description") is None
    return Planned(section, values, name, flow_name, entrypoint, place.readable, describes_itself)


def _refuse_unknown(section: Section) -> None:
    for key in section.values:
        if key in _ELSEWHERE:
            section.problem(f"unknown key `{key}` in a deployment: it belongs below {_ELSEWHERE[key]}.", key)
        elif key not in KEYS:
            section.problem(f"unknown key `{key}` in a deployment: {did_you_mean(key, KEYS)}", key)


def _resolve(raw: Section, templates: Templates) -> Section:
    values: dict[str, Any] = {}
    for key, value in raw.values.items():
        place = (*raw.path, key)
        resolved = value if key in _NOT_TEMPLATED else templates.resolve(value, place)
        if resolved is not LEFT_OUT:
            values[key] = resolved
        elif key not in _DROPPABLE:
            raw.problem(f"`{key}` needs the output of a step, and steps are not run here.", key)
    return Section(raw.document, raw.path, values, raw.problems)


def _steps(section: Section, phase: str, project: ProjectFacts) -> list[Step]:
    own = read_steps(section, phase)
    if own is None:
        return project.steps[phase]
    note_steps_not_run(own, phase, section)
    return own


def _note_what_is_not_run(section: Section) -> None:
    for key in ("triggers", "sla"):
        if section.values.get(key):
            section.problems.note(f"`{key}` is not run here: Sluice has no automations.", section.line(key))
    if section.values.get("version_type"):
        section.problems.note("`version_type` is not used here.", section.line("version_type"))


def _pull_steps(steps: list[Step]) -> list[dict[str, Any]] | None:
    """What is kept of the pull steps: all of them, unless `path` says the same."""
    if all(step.is_working_directory for step in steps):
        return None
    return as_pull_steps(steps)


def _job_variables(work_pool: Section) -> dict[str, Any]:
    variables = dict(work_pool.mapping("job_variables"))
    section = work_pool.section("job_variables")
    environment = section.section("env")
    if environment.values:
        variables["env"] = {key: environment.text(key) for key in environment.values}
    for key in ("command", "working_dir"):
        if variables.get(key) is not None:
            variables[key] = section.text(key)
    return variables


def _limit(section: Section) -> dict[str, Any]:
    """`concurrency_limit`: a number, or {limit, collision_strategy, grace_period_seconds}."""
    if not isinstance(section.values.get("concurrency_limit"), dict):
        return {"concurrency_limit": section.whole("concurrency_limit"), "concurrency_options": None}
    limit = section.section("concurrency_limit")
    limit.refuse_unknown(("limit", "collision_strategy", "grace_period_seconds"), "`concurrency_limit`")
    if limit.values.get("limit") is None:
        limit.problem("`concurrency_limit` needs a `limit`, the number of runs at once.")
    options = {
        "collision_strategy": limit.text("collision_strategy"),
        "grace_period_seconds": limit.whole("grace_period_seconds"),
    }
    given = {key: value for key, value in options.items() if value is not None}
    return {"concurrency_limit": limit.whole("limit"), "concurrency_options": given or None}


def _options(section: Section, collision: str | None) -> dict[str, Any]:
    """`sluice:`, whose `collision` refines the collision strategy of `concurrency_limit`."""
    options = section.section("sluice")
    options.refuse_unknown(("pause", "collision", "pause_after_failures", "retention"), "`sluice`")
    values: dict[str, Any] = {
        "collision": options.text("collision") or collision,
        "pause_after_failures": options.whole("pause_after_failures"),
        "retention": None,
    }
    retention = options.section("retention")
    retention.refuse_unknown(("days", "runs"), "`retention`")
    if retention.values:
        values["retention"] = {key: retention.whole(key) for key in ("days", "runs")}
    pause = options.section("pause")
    pause.refuse_unknown(("reason", "by", "until"), "`pause`")
    if pause.values:
        values["pause"] = {key: pause.text(key) for key in pause.values}
    return values
