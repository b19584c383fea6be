"""Prefect's project file (prefect.yaml): from its text to the deployments it wants, everything checked.

Nothing here writes. `read_project` collects what is wrong instead of stopping at the first problem, and
`check_project` adds what only the database can tell, so that an operator sees all of it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from backend.protocol import Backend
from scheduler import job_variables
from sluice.exits import plainly
from sluice.project.deployment import Planned, read_deployment
from sluice.project.document import Document, parse
from sluice.project.fitting import add_signatures, check_parameters
from sluice.project.masked import restore_masked
from sluice.project.place import ProjectFacts
from sluice.project.problems import InputInvalid, Problem, Problems, did_you_mean
from sluice.project.schedules import rule_of
from sluice.project.section import Section, kind
from sluice.project.steps import PHASES, ids_of, note_steps_not_run, read_steps
from sluice.project.templates import Templates
from store.errors import Invalid
from store.schemas import (
    LOCAL_POOL,
    DeploymentCreate,
    FlowCreate,
)

TOP_KEYS = ("name", "prefect-version", "deployments", "definitions", *PHASES)
NO_FLOW = UUID(int=0)
"""Stands for the flow's id until the backend has found or made the flow."""

_PLACES: dict[str, tuple[str, ...]] = {
    "work_pool_name": ("work_pool", "name"),
    "work_queue_name": ("work_pool", "work_queue_name"),
    "job_variables": ("work_pool", "job_variables"),
    "concurrency_options": ("concurrency_limit",),
}


@dataclass
class Project:
    """A project file, read.

    Args:
        file: how it is named in messages.
        folder: where relative paths start.
        problems: what is wrong and what is worth knowing.
        planned: the deployments it wants.
        creates: each as the backend takes it, made by `check_project`.
        new_pools: work pools that have to be made first.
    """

    file: str
    folder: Path
    problems: Problems
    planned: list[Planned] = field(default_factory=list)
    creates: list[tuple[str, DeploymentCreate]] = field(default_factory=list)
    new_pools: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[Problem]:
        """What is worth knowing, in the order of the lines."""
        return sorted(self.problems.notes, key=lambda note: note.line or 0)


def read_text(path: Path, what: str = "Give the path of a prefect.yaml, or run this in its folder.") -> str:
    """The text of a file. Raises InputInvalid when there is none to read, with the reason.

    Args:
        path: the file.
        what: which file to give instead, in a sentence.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        said = f"there is no such file. {what}"
    except IsADirectoryError:
        said = f"this is a folder. {what}"
    except PermissionError:
        said = "you may not read this file."
    except UnicodeDecodeError as error:
        said = f"this is not UTF-8 text (byte {error.start}): save it as UTF-8."
    except OSError as error:
        said = f"it cannot be read: {error.strerror}."
    raise InputInvalid([Problem(str(path), None, said)], unread=True)


def read_project(
    text: str,
    *,
    file: str,
    folder: Path,
    environment: Mapping[str, str],
    variables: Mapping[str, Any],
    pool: str | None = None,
) -> Project:
    """The deployments that a project file wants. What is wrong is in `problems` of the answer.

    Args:
        text: the file's content.
        file: its name for messages.
        folder: absolute; relative paths in the file start here.
        environment: values of `{{ $NAME }}`.
        variables: values of `{{ prefect.variables.name }}`.
        pool: a work pool to use for all deployments instead of theirs.
    """
    project = Project(file, folder, Problems(file))
    document = parse(text, project.problems)
    if project.problems.found:
        return project
    if not isinstance(document.value, dict):
        said = "is empty" if document.value is None else f"holds {kind(document.value)}"
        project.problems.add(f"the file {said}: a project file is a mapping with `deployments:` in it.", 1)
        return project
    top = Section(document, (), document.value, project.problems)
    _refuse_unknown_top_keys(top, document)
    templates = _templates(top, environment, variables)
    steps = {phase: read_steps(top, phase) or [] for phase in PHASES}
    for phase, found in steps.items():
        note_steps_not_run(found, phase, top)
    _read_deployments(top, project, ProjectFacts(folder, steps, templates), pool)
    add_signatures(project.planned)
    _refuse_doubles(project)
    return project


def _refuse_unknown_top_keys(top: Section, document: Document) -> None:
    """A key that Prefect does not know is fine when it is where anchors are kept."""
    anchored = {path[0] for path in document.anchored if path}
    for key in top.values:
        if key not in TOP_KEYS and key not in anchored and not key.startswith((".", "_", "x-")):
            top.problem(f"unknown key `{key}`: {did_you_mean(key, TOP_KEYS)}", key)


def _templates(top: Section, environment: Mapping[str, str], variables: Mapping[str, Any]) -> Templates:
    steps = ids_of(top)
    for item in top.values.get("deployments") or ():
        if isinstance(item, dict):
            steps |= ids_of(Section(top.document, (), item, top.problems))
    return Templates(environment, variables, steps, top.problems, top.document.line)


def _read_deployments(top: Section, project: Project, facts: ProjectFacts, pool: str | None) -> None:
    if "deployments" not in top:
        top.problems.add("the file has no `deployments:`, so there is nothing to apply.", 1)
    for index, values in enumerate(top.items("deployments")):
        place = ("deployments", index)
        if not isinstance(values, dict):
            top.problem(f"a deployment must be a mapping, not {kind(values)}.", *place)
            continue
        planned = read_deployment(Section(top.document, place, values, top.problems), facts, pool)
        if planned:
            project.planned.append(planned)


def _refuse_doubles(project: Project) -> None:
    first: dict[tuple[str | None, str], Planned] = {}
    for planned in project.planned:
        other = first.setdefault((planned.flow_name, planned.name), planned)
        if other is not planned and planned.flow_name:
            said = f"`{planned.full_name}` stands twice in this file (first in line {other.line('name')})"
            planned.section.problem(f"{said}: give one another `name`.", "name")


def check_project(project: Project, backend: Backend, *, create_pools: bool = False) -> None:
    """Add what only the backend can tell, make `creates`, and raise InputInvalid if anything is wrong."""
    pools = {pool.name for pool in backend.read_work_pools()}
    for planned in project.planned:
        restore_masked(planned, backend)
        check_parameters(planned)
        _check_pool(planned, pools, project, create_pools)
        _check_job_variables(planned)
        for schedule in planned.values.get("schedules") or ():
            _check_schedule(schedule, planned, backend)
        _check_flow_name(planned)
        _check_shape(planned, project)
    project.problems.raise_if_any()


def _check_pool(planned: Planned, pools: set[str], project: Project, create_pools: bool) -> None:
    name = planned.values["work_pool_name"]
    if name in pools or name in project.new_pools:
        return
    if create_pools:
        project.new_pools.append(name)
        return
    hint = "run all on this machine with `--pool local`, or make the pool with `--create-pools`"
    planned.section.problem(f"there is no work pool `{name}` here: {hint}.", "work_pool", "name")


def _check_job_variables(planned: Planned) -> None:
    """Refuse values that the built-in worker could not use, and name keys it does not know."""
    if planned.values["work_pool_name"] != LOCAL_POOL:
        return
    variables = planned.values["job_variables"]
    try:
        job_variables.parse(variables)
    except Invalid as error:
        place = ("work_pool", *(error.field or "job_variables").split("."))
        planned.section.problem(str(error), *place)
    known = tuple(job_variables.JobVariables.model_fields)
    for name in variables:
        if name not in known:
            said = (
                f"the pool `{LOCAL_POOL}` does not use the job variable `{name}`: {did_you_mean(name, known)}"
            )
            planned.section.problems.note(said, planned.line("work_pool", "job_variables", name))


def _check_schedule(schedule: dict[str, Any], planned: Planned, backend: Backend) -> None:
    values = schedule["schedule"]
    document, problems = planned.section.document, planned.section.problems
    nested = ("schedule",) if (*schedule["_path"], "schedule") in document.lines else ()
    place = (*schedule["_path"], *nested)
    try:
        rule = rule_of(values)
    except ValidationError as error:
        for found in error.errors():
            field_name = str(found["loc"][0])
            said = f"`{field_name}: {values[field_name]}` {_refusal(field_name, found['msg'])}"
            problems.add(said, document.line((*place, field_name)))
        return
    try:
        backend.check_schedule(rule)
    except Invalid as error:
        named = (error.field or "").rpartition(".")[2]
        field_name = named if named in values else next(iter(values))
        problems.add(f"{str(error).rstrip('.')}.", document.line((*place, field_name)))


def _refusal(field_name: str, message: str) -> str:
    if field_name == "interval" and "valid timedelta" in message:
        return "is no span of time: write seconds (900), PT15M or 0:15:00."
    return f"is refused: {plainly(message)}."


def _check_flow_name(planned: Planned) -> None:
    if planned.flow_name is None:
        return
    try:
        FlowCreate(name=planned.flow_name)
    except ValidationError as error:
        said = plainly(error.errors()[0]["msg"])
        planned.section.problem(f"the flow's {said}. Set another with `flow_name`.", "flow_name")


def _check_shape(planned: Planned, project: Project) -> None:
    values = dict(planned.values)
    if "schedules" in values:
        values["schedules"] = [
            {key: value for key, value in schedule.items() if key != "_path"}
            for schedule in values["schedules"]
        ]
    try:
        create = DeploymentCreate(**values, flow_id=NO_FLOW)
    except ValidationError as error:
        for found in error.errors():
            _add_shape_problem(planned, found["loc"], plainly(found["msg"]))
        return
    if planned.flow_name:
        project.creates.append((planned.flow_name, create))


def _add_shape_problem(planned: Planned, location: tuple[int | str, ...], message: str) -> None:
    first = str(location[0]) if location else ""
    section = planned.section
    if first == "schedules" and len(location) > 2:
        if "schedule" in location[2:3]:
            return  # the rule itself is checked and told by _check_schedule
        schedule = planned.values["schedules"][location[1]]
        place = (*schedule["_path"], *location[2:])
        section.problems.add(f"`{location[-1]}`: {message}.", section.document.line(place))
        return
    place = (*_PLACES.get(first, (first,)), *location[1:]) if first else ()
    subject = f"`{'.'.join(str(part) for part in place)}`: " if place and first != "name" else "the "
    section.problem(f"{subject}{message}.", *place)
