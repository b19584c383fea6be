"""A deployment in the words of a project file: the reverse of sluice/project."""

from __future__ import annotations

import io
from typing import Any

from sluice.project.templates import is_template
from store.errors import Refused
from store.schemas import DEFAULT_QUEUE, Deployment, DeploymentSchedule, ScheduleRule

SET_WORKING_DIRECTORY = "prefect.deployments.steps.set_working_directory"


def exported_project(deployments: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole file."""
    return {"name": "exported", "deployments": deployments}


def exported_deployment(deployment: Deployment) -> dict[str, Any]:
    """One entry of `deployments:`. What is as `sluice apply` would make it anyway is left out.

    Raises:
        Refused: a value reads like a template, and applying the file would replace it.
    """
    entry: dict[str, Any] = {
        "name": deployment.name,
        "flow_name": deployment.flow_name,
        "description": deployment.description or "",
        "version": deployment.version,
        "tags": list(deployment.tags),
        "entrypoint": deployment.entrypoint,
        "parameters": deployment.parameters,
        "enforce_parameter_schema": None if deployment.enforce_parameter_schema else False,
        "paused": deployment.paused or None,
        "schedules": [_schedule(schedule) for schedule in deployment.schedules],
        "concurrency_limit": _limit(deployment),
        "work_pool": _work_pool(deployment),
        **_place(deployment),
        "sluice": _options(deployment),
    }
    always = {"description", "schedules", "path"}  # absent, they would mean something else
    entry = {key: value for key, value in entry.items() if key in always or value not in (None, {}, [])}
    resolved = {key: value for key, value in entry.items() if key != "pull"}  # pull steps stay as written
    _refuse_templates(resolved, deployment.full_name)
    return entry


def text_of(project: dict[str, Any]) -> str:
    """The file as YAML 1.1, which is what Prefect reads, in the order given."""
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import SafeRepresenter

    class Representer(SafeRepresenter):
        """Texts of several lines as blocks, everything else as usual."""

        def represent_str(self, data: str) -> Any:
            style = "|" if "\n" in data else None
            return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Representer.add_representer(str, Representer.represent_str)
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = Representer
    yaml.version = (1, 1)
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 4096
    yaml.representer.sort_base_mapping_type_on_output = False
    yaml.representer.ignore_aliases = lambda data: True
    stream = io.StringIO()
    yaml.dump(project, stream)
    return stream.getvalue().removeprefix("%YAML 1.1\n---\n")


def rule_as_written(rule: ScheduleRule) -> dict[str, Any]:
    """The keys of a rule in a project file; whole seconds of an interval without a point."""
    given: dict[str, Any] = rule.model_dump(mode="json", exclude_none=True)
    if given.get("day_or") is True:
        del given["day_or"]
    if isinstance(given.get("interval"), float) and given["interval"].is_integer():
        given["interval"] = int(given["interval"])
    return given


def _schedule(schedule: DeploymentSchedule) -> dict[str, Any]:
    rule = rule_as_written(schedule.schedule)
    further = {
        "slug": schedule.slug,
        "active": None if schedule.active else False,
        "parameters": schedule.parameters,
        "max_scheduled_runs": schedule.max_scheduled_runs,
        "max_active_runs": schedule.max_active_runs,
        "catchup": schedule.catchup or None,
        "sluice": schedule.sluice.model_dump(exclude_none=True) if schedule.sluice else None,
    }
    return {**rule, **{key: value for key, value in further.items() if value not in (None, {})}}


def _limit(deployment: Deployment) -> Any:
    limit = deployment.global_concurrency_limit
    if limit is None:
        return None
    options = deployment.concurrency_options
    if options is None:
        return limit.limit
    return {"limit": limit.limit, **options.model_dump(mode="json", exclude_none=True)}


def _work_pool(deployment: Deployment) -> dict[str, Any]:
    queue = deployment.work_queue_name
    pool = {
        "name": deployment.work_pool_name,
        "work_queue_name": None if queue == DEFAULT_QUEUE else queue,
        "job_variables": deployment.job_variables,
    }
    return {key: value for key, value in pool.items() if value not in (None, {})}


def _place(deployment: Deployment) -> dict[str, Any]:
    """Where it runs, as the pull step that Prefect has for it; beside other steps as `path`."""
    if deployment.pull_steps:
        return {"path": deployment.path, "pull": deployment.pull_steps}
    if deployment.path is None:
        return {"path": None}
    return {"pull": [{SET_WORKING_DIRECTORY: {"directory": deployment.path}}]}


def _options(deployment: Deployment) -> dict[str, Any]:
    options = deployment.sluice.model_dump(mode="json", exclude_none=True)
    pause = options.get("pause", {})
    pause.pop("by", None)  # whoever applies the file
    if not pause:
        options.pop("pause", None)
    prefect = deployment.concurrency_options
    if (
        prefect
        and deployment.global_concurrency_limit
        and options.get("collision") == prefect.collision_strategy
    ):
        options.pop("collision", None)
    return options


def _refuse_templates(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_templates(inner, f"{where}: {key}")
    elif isinstance(value, list):
        for inner in value:
            _refuse_templates(inner, where)
    elif isinstance(value, str) and is_template(value):
        said = "reads like a template, which applying the file would replace"
        raise Refused(f"{where}: `{value}` {said}; leave this deployment out by naming the others")
