"""Where a deployment runs, and where its entrypoint is read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from sluice.project.document import Path
from sluice.project.section import Section
from sluice.project.steps import Step
from sluice.project.templates import LEFT_OUT, Templates


@dataclass
class ProjectFacts:
    """What the deployments of one file share: its folder, its steps by phase, its templates."""

    folder: FilePath
    steps: dict[str, list[Step]]
    templates: Templates


@dataclass
class Entrypoint:
    """`path/to/file.py:function`, found on this machine."""

    file: FilePath
    function: str


class Place(NamedTuple):
    """Where a deployment runs.

    Args:
        folder: its working directory.
        is_kept: it is the deployment's `path`; else the run starts in `working_dir` or at home.
        readable: where its files are found here and now: the same, or the project's folder when the working
            directory is on another machine.
    """

    folder: FilePath
    is_kept: bool
    readable: FilePath


def find_folder(
    section: Section,
    pull: list[Step],
    project: ProjectFacts,
    job_variables: dict[str, Any],
    *,
    is_local: bool,
) -> Place:
    """The working directory: `path`, else what the last set_working_directory says, else the file's folder.

    It must exist for the pool of this machine. `path: null` means none, see scheduler/environment.py.
    """
    if "path" in section and section.text("path") is None:
        start = FilePath(job_variables.get("working_dir") or "~").expanduser()
        return Place(start, False, start if start.is_dir() else project.folder)
    written, place = section.text("path"), (*section.path, "path")
    hint = "correct `path`"
    for step in pull if written is None else ():
        if step.is_working_directory:
            written, place = _directory(step, section, project), step.path
            hint = "correct set_working_directory, or set `path` for this deployment"
    folder = FilePath(os.path.normpath(project.folder / FilePath(written or ".").expanduser()))
    if folder.is_dir():
        return Place(folder, True, folder)
    if is_local:
        line = section.document.line(place)
        section.problems.add(f"the working directory {folder} does not exist here: {hint}.", line)
    return Place(folder, True, project.folder)


def _directory(step: Step, section: Section, project: ProjectFacts) -> str | None:
    place: Path = (*step.path, "directory")
    directory = project.templates.resolve(step.arguments.get("directory"), place)
    if directory is LEFT_OUT:
        return None
    if not isinstance(directory, str) or not directory:
        section.problems.add("set_working_directory needs a `directory`.", section.document.line(place))
        return None
    return directory


def find_entrypoint(section: Section, place: Place, *, has_command: bool) -> Entrypoint | None:
    """The file and function of `entrypoint`; None for a command, and for what is wrong, which is told."""
    written = section.text("entrypoint")
    if not written:
        if not has_command:
            hint = "`entrypoint: path/to/file.py:function`, or a `command` in `job_variables` of `work_pool`"
            section.problem(f"a deployment needs {hint}.", "entrypoint")
        return None
    file_name, colon, function = written.rpartition(":")
    if not colon or not file_name or not all(part.isidentifier() for part in function.split(".")):
        section.problem(f"`entrypoint: {written}` must read path/to/file.py:function.", "entrypoint")
        return None
    file = FilePath(os.path.normpath(place.readable / FilePath(file_name).expanduser()))
    if not file.is_file():
        section.problem(_no_file(file, place.readable, file_name), "entrypoint")
        return None
    return Entrypoint(file, function)


def _no_file(file: FilePath, folder: FilePath, written: str) -> str:
    if file.is_dir():
        return f"the entrypoint's file {file} is a folder."
    as_module = f"{written.replace('.', '/')}.py"
    if (folder / as_module).is_file():
        return f"there is no file {file}: a module is named by its file, `{as_module}`."
    beside = [found.name for found in file.parent.glob("*.py")] if file.parent.is_dir() else []
    near = get_close_matches(file.name, beside, n=1)
    if near:
        return f"there is no file {file}: did you mean `{near[0]}`?"
    return f"there is no file {file}: correct `entrypoint`, or set `path` to the folder that holds the flow."
