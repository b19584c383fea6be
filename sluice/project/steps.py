"""The build, push and pull steps of a project file. Only `set_working_directory` is honoured here."""

from __future__ import annotations

from typing import Any, NamedTuple

from sluice.project.document import Path
from sluice.project.section import Section, kind

PHASES = ("build", "push", "pull")
SET_WORKING_DIRECTORY = "set_working_directory"


class Step(NamedTuple):
    """One step: Prefect's dotted function name, its arguments, and where it stands."""

    function: str
    arguments: dict[str, Any]
    path: Path

    @property
    def is_working_directory(self) -> bool:
        """Whether this is Prefect's own step that sets where the flow runs."""
        return self.function.rpartition(".")[2] == SET_WORKING_DIRECTORY


def read_steps(section: Section, phase: str) -> list[Step] | None:
    """The steps of one phase; None when the section does not mention it."""
    if phase not in section:
        return None
    value = section.values[phase]
    if value is None:
        return []
    listed = isinstance(value, list)
    items = value if listed else [value]
    steps = []
    for index, item in enumerate(items):
        place = (phase, index) if listed else (phase,)
        if item == {} and not listed:
            return []
        if not isinstance(item, dict) or len(item) != 1:
            section.problem(f"a {phase} step must be one step's name with its arguments below it.", *place)
            continue
        ((function, arguments),) = item.items()
        if arguments is not None and not isinstance(arguments, dict):
            said = f"must be a mapping, not {kind(arguments)}"
            section.problem(f"the arguments of the step `{function}` {said}.", *place, function)
            continue
        steps.append(Step(function, arguments or {}, (*section.path, *place, function)))
    return steps


def ids_of(section: Section) -> set[str]:
    """The ids that the steps of a section give to their outputs. Reads only; problems are told elsewhere."""
    found = set()
    for phase in PHASES:
        value = section.values.get(phase)
        for item in value if isinstance(value, list) else [value]:
            for arguments in item.values() if isinstance(item, dict) else ():
                if isinstance(arguments, dict) and isinstance(arguments.get("id"), str):
                    found.add(arguments["id"])
    return found


def note_steps_not_run(steps: list[Step], phase: str, section: Section) -> None:
    """Name the steps that Sluice does not run."""
    kept = "kept with the deployment, but not run here" if phase == "pull" else "not run here"
    for step in steps:
        if not step.is_working_directory:
            line = section.document.line(step.path)
            section.problems.note(f"the {phase} step `{step.function}` is {kept}.", line)


def as_pull_steps(steps: list[Step]) -> list[dict[str, Any]]:
    """Steps as Prefect keeps them."""
    return [{step.function: step.arguments} for step in steps]
