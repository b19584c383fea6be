"""From how a process ended to the state that its run ends in. Pure."""

from __future__ import annotations

from typing import NamedTuple

from scheduler.processes import signal_name
from scheduler.spool import Exit
from store.schemas import StateCreate, StateType


class Ending(NamedTuple):
    """How a run came to its end.

    Args:
        exit: what the runner wrote; None when it could not.
        cancelled: whether the run is CANCELLING.
        timeout: seconds after which it was stopped, if it was.
        killed_after: seconds of grace after which SIGKILL was sent, if it was.
        lost: why there is no exit record, for a person.
    """

    exit: Exit | None
    cancelled: bool = False
    timeout: float | None = None
    killed_after: float | None = None
    lost: str = "Its process is gone and left no exit code."


def final_state(ending: Ending) -> StateCreate:
    """The state that follows: CANCELLED when asked for, TimedOut, CRASHED for signals and lost processes,
    FAILED for an exit code, COMPLETED for zero."""
    if ending.cancelled:
        return StateCreate(type=StateType.CANCELLED, message=f"Cancelled: {_how(ending)}.")
    if ending.timeout is not None:
        message = f"Timed out after {ending.timeout:g} s: {_how(ending)}."
        return StateCreate(type=StateType.FAILED, name="TimedOut", message=message)
    if ending.exit is None:
        return StateCreate(type=StateType.CRASHED, message=ending.lost)
    if ending.exit.signal is not None:
        return StateCreate(type=StateType.CRASHED, message=f"killed by {signal_name(ending.exit.signal)}")
    if ending.exit.code != 0:
        message = ending.exit.failure or _exit_words(ending.exit.code)
        return StateCreate(type=StateType.FAILED, message=message)
    return StateCreate(type=StateType.COMPLETED)


def exit_code(record: Exit | None) -> int | None:
    """The exit code, or minus the signal's number, as Python's subprocess has it."""
    if record is None:
        return None
    return record.code if record.signal is None else -record.signal


def _how(ending: Ending) -> str:
    if ending.killed_after is not None:
        return f"killed by SIGKILL after {ending.killed_after:g} s of grace"
    if ending.exit is None:
        return "its process left no exit code"
    if ending.exit.signal is not None:
        return f"ended by {signal_name(ending.exit.signal)}"
    return f"ended with {_exit_words(ending.exit.code)}"


def _exit_words(code: int | None) -> str:
    """`exit code 3`; a shell's code above 128 names the signal that ended its command."""
    words = f"exit code {code}"
    if code is not None and 128 < code <= 128 + 64:
        return f"{words} ({signal_name(code - 128)})"
    return words
