"""Ask the interpreter that runs the flows what their functions take; scheduler/signature.py reads them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import scheduler
from scheduler.environment import NOT_INHERITED

TIMEOUT_SECONDS = 20.0
_AT_ONCE = 4


@dataclass(frozen=True)
class Question:
    """One file to be read, as a run would load it.

    Args:
        file: absolute path.
        folder: the working directory of the run.
        environment: what the deployment adds to the environment, as sorted pairs.
        python: the interpreter of the run.
    """

    file: Path
    folder: Path
    environment: tuple[tuple[str, str], ...] = ()
    python: Path = Path(sys.executable)


class Signature(NamedTuple):
    """What is known of one function."""

    flow_name: str
    description: str | None
    schema: dict[str, Any]
    open: bool
    """Whether it takes any keyword (`**parameters`)."""


class Reading(NamedTuple):
    """What is known of one file."""

    functions: dict[str, Signature]
    known: list[str]
    """All functions of the file, for a hint."""
    import_error: str | None
    """Why importing failed, with the line: the answers are then those that the file's text gives."""
    text_error: str | None
    """Why even the text cannot be read, with the line."""


def read_signatures(
    questions: Mapping[Question, Iterable[str]], timeout: float = TIMEOUT_SECONDS
) -> dict[Question, Reading]:
    """What the named functions of each file take; a child process per file, a few at once.

    Args:
        questions: the names asked for, by file.
        timeout: seconds that importing one file may take.
    """
    if not questions:
        return {}
    with ThreadPoolExecutor(min(_AT_ONCE, len(questions))) as pool:
        readings = pool.map(lambda item: _read(item[0], sorted(set(item[1])), timeout), questions.items())
        return dict(zip(questions, readings, strict=True))


def _read(question: Question, names: list[str], timeout: float) -> Reading:
    asked = json.dumps({"file": str(question.file), "functions": names})
    output, late = _ask(question, asked, timeout)
    lines = [json.loads(line) for line in output.splitlines() if line.endswith("}")]
    by_text: dict[str, Any] = lines[0] if lines else {"error": "the interpreter gave no answer"}
    imported: dict[str, Any] = lines[1] if len(lines) > 1 else {"error": _no_answer(late, timeout)}
    best = by_text if imported["error"] else imported
    functions = {
        name: Signature(answer["flow_name"], answer["description"], _schema(answer), answer["open"])
        for name, answer in best.get("functions", {}).items()
        if answer
    }
    return Reading(functions, best.get("known", []), _error(imported), _error(by_text))


def _schema(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The schema; of a function with `**kwargs` it says that there may be parameters it does not name."""
    return {**answer["schema"], "additionalProperties": True} if answer["open"] else answer["schema"]


def _ask(question: Question, asked: str, timeout: float) -> tuple[str, bool]:
    """Standard output of the child, and whether it had to be stopped."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    script = Path(scheduler.__file__).with_name("signature.py")
    child = subprocess.Popen(
        [str(question.python), str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=question.folder,
        env={**inherited, **dict(question.environment)},
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        return child.communicate(asked, timeout)[0], False
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return child.communicate()[0], True


def _no_answer(late: bool, timeout: float) -> str:
    return f"it took longer than {timeout:g} s" if late else "the process ended without an answer"


def _error(answer: dict[str, Any]) -> str | None:
    if not answer["error"]:
        return None
    line = answer.get("error_line")
    return f"{answer['error']} (line {line})" if line else str(answer["error"])
