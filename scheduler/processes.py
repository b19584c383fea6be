"""Processes and their identity: which process it was, whether it still lives, and how it is made to end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psutil

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
HAS_PROC = Path("/proc/self/stat").exists()


class Identity(NamedTuple):
    """Which process, beyond its number: a number is used again, this triple is not.

    `start_ticks` counts clock ticks since boot (Linux) or microseconds since the epoch (elsewhere).
    """

    boot_id: str
    pid: int
    start_ticks: int

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> Identity | None:
        """What `_asdict()` gave, read back; None for anything else."""
        match value:
            case {"boot_id": str(boot), "pid": int(pid), "start_ticks": int(ticks)}:
                return cls(boot, pid, ticks)
            case _:
                return None


@cache
def boot_id() -> str:
    """Names this boot of the machine."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return f"boot {int(psutil.boot_time())}"


def start_ticks(pid: int) -> int | None:
    """When `pid` started, as in `Identity`; None when there is no such process, or only its zombie."""
    try:
        if HAS_PROC:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            return None if fields[0] in "ZX" else int(fields[19])
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time() * 1_000_000)
    except (OSError, psutil.Error, IndexError):
        return None


def identify(pid: int) -> Identity | None:
    """The identity of a live process; None when it is gone."""
    ticks = start_ticks(pid)
    return None if ticks is None else Identity(boot_id(), pid, ticks)


def is_alive(identity: Identity) -> bool:
    """Whether this very process lives. A zombie does not, nor does another one with the same number."""
    return identity.boot_id == boot_id() and start_ticks(identity.pid) == identity.start_ticks


def find_by_argument(argument: str) -> Identity | None:
    """The live process whose command line has this very argument (a path that no other process is given)."""
    for process in psutil.process_iter():
        try:
            if argument in process.cmdline():
                return identify(process.pid)
        except psutil.Error:
            continue  # it ended meanwhile, or belongs to somebody else
    return None


def family(child: Identity | None, variable: str, value: str) -> set[int]:
    """The live processes that belong to a run: its child's group, all descendants, and those that left both
    but still carry `variable=value` in their environment.

    Args:
        child: leader of the run's process group. Its number may be another's by now: then the group is not
            touched.
        variable, value: the environment variable that marks the run's processes.
    """
    group = child.pid if child and child.boot_id == boot_id() and _leads_or_is_gone(child) else None
    mark = f"{variable}={value}"
    parents: dict[int, int] = {}
    found: set[int] = set()
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            parents[process.pid] = process.ppid()
            if os.getpgid(process.pid) == group or _carries(process.pid, mark):
                found.add(process.pid)
        except (psutil.Error, OSError):
            continue  # it ended meanwhile, or belongs to somebody else
    return {pid for pid in _with_descendants(found, parents) if start_ticks(pid) is not None}


def _with_descendants(found: set[int], parents: dict[int, int]) -> set[int]:
    family, added = set(found), set(found)
    while added:
        added = {pid for pid, parent in parents.items() if parent in added} - family
        family |= added
    return family


def send(pids: Iterable[int], number: signal.Signals) -> int:
    """Send a signal to each; answers how many were there to get it."""
    reached = 0
    for pid in pids:
        try:
            os.kill(pid, number)
            reached += 1
        except (ProcessLookupError, PermissionError):
            continue  # it ended meanwhile, or took another user's identity: nothing of ours can end it
    return reached


def signal_name(number: int) -> str:
    """`SIGKILL` for 9; `signal 99` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _leads_or_is_gone(leader: Identity) -> bool:
    """Whether a group of this number can only be the leader's: while a group has members, no new process
    gets its number, so a living process of that number must be the leader itself."""
    now = start_ticks(leader.pid)
    return now is None or now == leader.start_ticks


def _carries(pid: int, mark: str) -> bool:
    """Whether a process was started with `mark` in its environment (Linux; elsewhere only psutil's way)."""
    if HAS_PROC:
        return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    variable, _, value = mark.partition("=")
    return bool(psutil.Process(pid).environ().get(variable) == value)
