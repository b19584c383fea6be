"""Follow a run until it ends: its log lines as they arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID

from backend.protocol import Backend
from store.schemas import TERMINAL_STATES, FlowRun, LogLine

PAGE = 2000
LONGEST_PAUSE_SECONDS = 2.0
"""How long to wait for a sign of change before looking anyway."""


def follow_run(
    backend: Backend, run_id: UUID, show: Callable[[LogLine], None], *, after_id: int = 0, min_level: int = 0
) -> FlowRun:
    """Show each line after `after_id` as it arrives and answer the run when it has ended.

    Raises:
        NotFound: the run was deleted meanwhile.
    """
    changed = threading.Event()
    unsubscribe = backend.subscribe(changed.set)
    try:
        while True:
            changed.clear()
            run = backend.read_flow_run(run_id)  # before the lines, so that none of an ended run's are missed
            after_id = show_lines(backend, run_id, show, after_id=after_id, min_level=min_level)
            if run.state_type in TERMINAL_STATES:
                return run
            changed.wait(LONGEST_PAUSE_SECONDS)
    finally:
        unsubscribe()


def show_lines(
    backend: Backend, run_id: UUID, show: Callable[[LogLine], None], *, after_id: int = 0, min_level: int = 0
) -> int:
    """Show the lines there are after `after_id`, page by page, and answer the id of the last one."""
    while lines := backend.read_logs(run_id, after_id=after_id, limit=PAGE, min_level=min_level):
        for line in lines:
            show(line)
        after_id = lines[-1].id
        if len(lines) < PAGE:
            break
    return after_id
