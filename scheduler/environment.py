"""What a run's process is given: its program, environment, working directory and umask.

* Environment: Sluice's own, without what belongs to Sluice's Python (VIRTUAL_ENV, PYTHONPATH, PYTHONHOME and
  their like) and to its terminal (COLUMNS, LINES); then `job_variables.env`; then the run's own variables
  SLUICE_RUN_ID, SLUICE_RUN_NAME, SLUICE_SLOT (ISO 8601, only when the run has a slot), SLUICE_PARAMETERS
  (JSON), SLUICE_PARAMETERS_FILE (the same in a file, for parameters too large for an environment) and
  Prefect's PREFECT__FLOW_RUN_ID. PYTHONUNBUFFERED is 1 unless set, so that lines appear as they are printed.
* PATH: Sluice's own, or /usr/local/bin:/usr/bin:/bin without one; in front of it the `bin` of the run's
  virtual environment, if it has one.
* Interpreter of an entrypoint: that of the virtual environment that VIRTUAL_ENV in `job_variables.env` names,
  or found as `.venv` or `venv` in the deployment's path, or that Sluice was started in; else Sluice's own.
* Working directory: `job_variables.working_dir` (relative to the deployment's path), or the path, or the home
  folder. An entrypoint's file is relative to the deployment's path, or else to the working directory.
* umask: Sluice's own, and 022 at least. Standard input is empty.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from scheduler.job_variables import JobVariables
from store.claims import Launch
from store.errors import Invalid

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
NOT_INHERITED = frozenset(
    {
        "COLUMNS",
        "LINES",
        "PYTHONEXECUTABLE",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSAFEPATH",
        "PYTHONSTARTUP",
        "VIRTUAL_ENV",
        "VIRTUAL_ENV_PROMPT",
        "__PYVENV_LAUNCHER__",
    }
)
MAX_VARIABLE = 100_000
"""Bytes of SLUICE_PARAMETERS at most: Linux refuses to start a program with a variable above 128 KiB."""
ENTRY = Path(__file__).with_name("entry.py")


class LogLimit(NamedTuple):
    """Where a run's log is cut: whichever comes first."""

    lines: int = 100_000
    bytes: int = 10 * 1024 * 1024


def spec_of(launch: Launch, variables: JobVariables, run_dir: Path, limit: LogLimit) -> dict[str, Any]:
    """What runner.py needs to start a run: the content of RUN_DIR/spec.

    Raises:
        Invalid: there is neither a command nor an entrypoint, or that is none of the form
            `path/to/file.py:function`.
    """
    path = _folder(launch.path, Path.home())
    cwd = _folder(variables.working_dir, path)
    venv = _virtual_environment(path, variables)
    if variables.command:
        argv, entry = ["/bin/sh", "-c", variables.command], None
    else:
        python = venv / "bin" / "python" if venv else Path(sys.executable)
        argv, entry = [str(python), str(ENTRY)], _entry(launch, path if launch.path else cwd)
    return {
        "argv": argv,
        "entry": entry,
        "run_dir": str(run_dir),
        "cwd": str(cwd),
        "env": _environment(launch, variables, run_dir, venv),
        "umask": _own_umask() | 0o022,
        "nice": variables.nice,
        "memory_limit_mb": variables.memory_limit_mb,
        "stream_output": variables.stream_output,
        "max_lines": limit.lines,
        "max_bytes": limit.bytes,
    }


def interpreter(path: str | None, job_variables: JobVariables) -> Path:
    """The Python that runs a deployment's entrypoint (see above)."""
    venv = _virtual_environment(_folder(path, Path.home()), job_variables)
    return venv / "bin" / "python" if venv else Path(sys.executable)


def _entry(launch: Launch, base: Path) -> dict[str, Any]:
    title = launch.entrypoint or ""
    file, colon, function = title.rpartition(":")
    if not title:
        raise Invalid(
            "The deployment has neither an entrypoint nor job_variables.command: there is nothing to run."
        )
    if not colon or not file or not function:
        raise Invalid(f'The entrypoint "{title}" is not of the form path/to/file.py:function.', "entrypoint")
    return {
        "entrypoint": title,
        "file": os.path.normpath(base / Path(file).expanduser()),
        "function": function,
        "parameters": launch.parameters,
    }


def _environment(launch: Launch, variables: JobVariables, run_dir: Path, venv: Path | None) -> dict[str, str]:
    env: dict[str, str] = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    env["PATH"] = env.get("PATH") or DEFAULT_PATH
    env.setdefault("PYTHONUNBUFFERED", "1")
    if venv is not None:
        env["VIRTUAL_ENV"] = str(venv)
        env["PATH"] = f"{venv / 'bin'}:{env['PATH']}"
    for name, value in variables.environment().items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    parameters = json.dumps(launch.parameters, ensure_ascii=False)
    env["SLUICE_RUN_ID"] = env["PREFECT__FLOW_RUN_ID"] = str(launch.id)
    env["SLUICE_RUN_NAME"] = launch.name
    env["SLUICE_PARAMETERS_FILE"] = str(run_dir / "parameters.json")
    if len(parameters.encode()) <= MAX_VARIABLE:
        env["SLUICE_PARAMETERS"] = parameters
    if launch.slot is not None:
        env["SLUICE_SLOT"] = launch.slot.isoformat()
    return env


def _virtual_environment(path: Path, variables: JobVariables) -> Path | None:
    named = variables.environment().get("VIRTUAL_ENV")
    started_in = os.environ.get("VIRTUAL_ENV")
    candidates = [_folder(named, path)] if named else [path / ".venv", path / "venv"]
    if started_in:
        candidates.append(Path(started_in))
    return next((folder for folder in candidates if (folder / "bin" / "python").exists()), None)


def _folder(text: str | None, base: Path) -> Path:
    return Path(os.path.normpath(base / Path(text).expanduser())) if text else base


@cache
def _own_umask() -> int:
    """Sluice's umask. It can only be read by setting it, so this is done once, at the first run."""
    value = os.umask(0o077)
    os.umask(value)
    return value
