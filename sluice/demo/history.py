"""A believable past: ended runs with states and log lines, the same for the same seed and instant."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from store.bulk import PastLine, PastRun, PastState
from store.names import ADJECTIVES, ANIMALS
from store.schemas import CreatedBy, Deployment, StateType

MANUAL_SHARE = 0.03
LATE_SHARE = 0.015
CRASHED_SHARE = 0.004
CANCELLED_SHARE = 0.006
FAILS_AGAIN_SHARE = 0.35
"""Failures come in rows: how likely the run after a failed one fails too."""
STILL_RUNNING = 12
"""How many of the newest slots may have runs that would not have ended by now."""
LATE_AFTER = timedelta(seconds=15)
OPERATORS = ("ana@control", "jo@control")


class Habit(NamedTuple):
    """How a deployment's runs usually go.

    `seconds` is the median duration and `spread` the sigma of its logarithm. `lines` are the log lines of a
    good run, spread over its time; `{n}` is a number around `amount`, `{time}` the line's and `{slot}` the
    run's. `failure` is a flow's last line of a traceback, or what a command writes to stderr before it ends
    with `exit_code`.
    """

    seconds: float
    spread: float = 0.25
    failing: float = 0.0
    failure: str = ""
    lines: tuple[str, ...] = ()
    amount: int = 1000
    logger: str = "stdout"
    exit_code: int = 1


class Past(NamedTuple):
    """One deployment's past: when its runs were due, oldest first, with the schedule each came from.

    A slot without a schedule is a run that an operator started.
    """

    deployment: Deployment
    habit: Habit
    slots: Sequence[tuple[datetime, UUID | None]]


def make_history(pasts: Sequence[Past], *, total: int, now: datetime, seed: int) -> list[PastRun]:
    """`total` ended runs (fewer if there were not so many slots), the newest of each deployment."""
    counts = share_out(total, [len(past.slots) for past in pasts])
    runs: list[PastRun] = []
    for number, (past, count) in enumerate(zip(pasts, counts, strict=True)):
        chance = random.Random(f"{seed}/{number}/{past.deployment.full_name}")
        runs += _runs_of(past, count, now, chance)
    return runs


def share_out(total: int, available: Sequence[int]) -> list[int]:
    """Divide `total` as evenly as what is available allows; the answers add up to it, or to all there is."""
    counts = [0] * len(available)
    left = min(total, sum(available))
    while left:
        open_ones = [index for index, most in enumerate(available) if counts[index] < most]
        each = max(1, left // len(open_ones))
        for index in open_ones:
            more = min(each, available[index] - counts[index], left)
            counts[index] += more
            left -= more
    return counts


def _runs_of(past: Past, count: int, now: datetime, chance: random.Random) -> list[PastRun]:
    """The newest `count` that have ended; more slots are tried, because the last may still be running."""
    tried = past.slots[max(0, len(past.slots) - count - STILL_RUNNING) :]
    return list(_run_all(past, tried, now, chance))[-count:] if count else []


def _run_all(
    past: Past, slots: Sequence[tuple[datetime, UUID | None]], now: datetime, chance: random.Random
) -> Iterator[PastRun]:
    failed = False
    for slot, schedule_id in slots:
        share = FAILS_AGAIN_SHARE if failed else past.habit.failing
        failed = chance.random() < share
        run = _run(past, slot, schedule_id, failed, now, chance)
        if run is not None:
            yield run


def _run(
    past: Past, slot: datetime, schedule_id: UUID | None, failed: bool, now: datetime, chance: random.Random
) -> PastRun | None:
    """The run of a slot; null when it would not have ended by `now`."""
    habit = past.habit
    manual = chance.random() < MANUAL_SHARE or schedule_id is None
    due = slot + timedelta(seconds=chance.uniform(20, 600)) if manual else slot
    late = timedelta(seconds=chance.uniform(16, 200)) if chance.random() < LATE_SHARE else timedelta(0)
    start = due + late + timedelta(seconds=0.03 + chance.expovariate(1 / 0.04))
    took = timedelta(seconds=habit.seconds * math.exp(chance.gauss(0, habit.spread)))
    failure = habit.failure.replace("{slot}", f"{slot:%Y-%m-%d %H:%M}")
    is_command = past.deployment.entrypoint is None
    ending, message = _ending(f"exit code {habit.exit_code}" if is_command else failure, failed, chance)
    if ending is not StateType.COMPLETED:
        took *= chance.uniform(0.1, 0.9)
    end = start + took
    if end >= now:
        return None
    created = due if manual else due - timedelta(hours=1)
    operator = chance.choice(OPERATORS)
    return PastRun(
        id=uuid7_at(created, chance),
        name=f"{chance.choice(ADJECTIVES)}-{chance.choice(ANIMALS)}",
        deployment_id=past.deployment.id,
        created=created,
        expected_start_time=due,
        states=_states(created, due, start, PastState(ending, ending.value.capitalize(), end, message)),
        lines=_lines(past, start, end, ending, failure, chance),
        schedule_id=None if manual else schedule_id,
        slot=None if manual else slot,
        parameters=past.deployment.parameters,
        tags=[*([] if manual else ["auto-scheduled"]), *past.deployment.tags],
        created_by=_made_by(manual, schedule_id, operator),
        exit_code={StateType.COMPLETED: 0, StateType.FAILED: habit.exit_code}.get(ending),
    )


def _ending(failure: str, failed: bool, chance: random.Random) -> tuple[StateType, str | None]:
    """How a run ends, and the message, as the worker words it."""
    if failed:
        return StateType.FAILED, failure
    draw = chance.random()
    if draw < CRASHED_SHARE:
        return StateType.CRASHED, "killed by SIGKILL"
    if draw < CRASHED_SHARE + CANCELLED_SHARE:
        return StateType.CANCELLED, "Cancelled: ended by SIGTERM."
    return StateType.COMPLETED, None


def _states(created: datetime, due: datetime, start: datetime, ending: PastState) -> list[PastState]:
    states = [PastState(StateType.SCHEDULED, "Scheduled", created)]
    if start - due > LATE_AFTER:
        states.append(PastState(StateType.SCHEDULED, "Late", due + LATE_AFTER))
    states.append(PastState(StateType.PENDING, "Pending", start - timedelta(milliseconds=20)))
    return [*states, PastState(StateType.RUNNING, "Running", start), ending]


def _lines(
    past: Past, start: datetime, end: datetime, ending: StateType, failure: str, chance: random.Random
) -> list[PastLine]:
    """The good run's lines, cut where a bad one ended, and then what went wrong."""
    habit = past.habit
    done = 1.0 if ending is StateType.COMPLETED else chance.uniform(0.2, 0.8)
    texts = habit.lines[: max(1, round(len(habit.lines) * done))]
    step = (end - start) / (len(texts) + 1)
    amount = max(1, round(habit.amount * math.exp(chance.gauss(0, 0.2))))
    lines = []
    for at, text in enumerate(texts):
        when = start + step * (at + 0.5)
        words = text.replace("{n}", f"{amount:,}").replace("{time}", f"{when:%H:%M:%S}")
        lines.append(PastLine(when, logging.INFO, habit.logger, words))
    if ending is StateType.FAILED:
        lines.append(_complaint(past.deployment, failure, end))
    return lines


def _complaint(deployment: Deployment, failure: str, end: datetime) -> PastLine:
    """What is last in the log of a failed run: a flow's traceback, or a command's line on stderr."""
    file, _, function = (deployment.entrypoint or "").partition(":")
    if not function:
        return PastLine(end, logging.WARNING, "stderr", failure)
    number, source = _raised_at(Path(deployment.path or "") / file, function, failure)
    frame = f'  File "{file}", line {number}, in {function}\n    {source}\n'
    return PastLine(end, logging.ERROR, "sluice", f"Traceback (most recent call last):\n{frame}{failure}")


@lru_cache(maxsize=256)
def _raised_at(path: Path, function: str, failure: str) -> tuple[int, str]:
    """The line of a flow's file that raises this, and its number; the function's first line if none does."""
    kind = failure.partition(":")[0].rpartition(".")[2]
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for start in (f"raise {kind}", f"def {function}("):
        for number, line in enumerate(lines, 1):
            if line.strip().startswith(start):
                return number, line.strip()
    return 1, f"def {function}():"


def _made_by(manual: bool, schedule_id: UUID | None, operator: str) -> CreatedBy:
    if manual:
        return CreatedBy(type="USER", display_value=operator)
    return CreatedBy(type="SCHEDULE", id=schedule_id)


def uuid7_at(when: datetime, chance: random.Random) -> UUID:
    """A UUIDv7 (RFC 9562) of that instant, its random part from `chance`: ids in the order of the past."""
    milliseconds = int(when.timestamp() * 1000)
    random_a, random_b = chance.getrandbits(12), chance.getrandbits(62)
    return UUID(int=milliseconds << 80 | 7 << 76 | random_a << 64 | 2 << 62 | random_b)
