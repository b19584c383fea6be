"""How runs and their log lines are printed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sluice.output import is_terminal
from store.schemas import FlowRun, FlowRunRow, LogLine
from tui.text import harmless

LEVEL_STYLES = ((logging.ERROR, "red"), (logging.WARNING, "yellow"), (logging.INFO, ""), (0, "dim"))


def run_as_json(run: FlowRun) -> dict[str, Any]:
    """The documented shape of one run: Prefect's flow run, plus flow and deployment by name."""
    shape = run.model_dump(mode="json")
    return {"full_name": run.full_deployment_name, "flow_name": run.flow_name, **shape}


def row_as_json(row: FlowRunRow) -> dict[str, Any]:
    """The documented shape of one run in `sluice runs --json`. Durations are seconds."""
    return row._asdict() | {"tags": list(row.tags)}


def line_as_json(line: LogLine) -> dict[str, Any]:
    """The documented shape of one log line."""
    return {
        "id": line.id,
        "timestamp": line.timestamp,
        "level": line.level,
        "level_name": level_name(line.level),
        "logger": line.name,
        "message": line.message,
    }


def level_name(level: int) -> str:
    """`INFO` for 20, `INFO+5` never: a level between two names takes the lower one's."""
    names = ((50, "CRITICAL"), (40, "ERROR"), (30, "WARNING"), (20, "INFO"), (10, "DEBUG"))
    return next((name for least, name in names if level >= least), "TRACE")


def line_printer(as_json: bool) -> Callable[[LogLine], None]:
    """What prints one log line: JSON lines, coloured text on a terminal, or plain text."""
    if as_json:
        return _print_json_line
    if not is_terminal():
        return _print_plain_line
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)

    def print_styled(line: LogLine) -> None:
        style = next(style for least, style in LEVEL_STYLES if line.level >= least)
        console.print(Text.assemble((f"{_moment(line.timestamp)} ", "dim"), (_said(line), style)))

    return print_styled


def _print_json_line(line: LogLine) -> None:
    shape = line_as_json(line) | {"timestamp": line.timestamp.isoformat().replace("+00:00", "Z")}
    print(json.dumps(shape, ensure_ascii=False), flush=True)


def _print_plain_line(line: LogLine) -> None:
    print(f"{_moment(line.timestamp)} {_said(line)}", flush=True)


def _said(line: LogLine) -> str:
    return f"{level_name(line.level):<8} {harmless(line.message, lines=True)}"


def _moment(when: datetime) -> str:
    local = when.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local.tzname()}"
