"""Databases for tests of the command: opened without threads, with a few deployments and an ended run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sluice.house import House, open_house
from sluice.settings import load_settings
from store.bulk import PastLine, PastRun, PastState
from store.ids import new_id
from store.schemas import DeploymentCreate, StateType


class Answer(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


Sluice = Callable[..., Answer]
"""`sluice("ls", "--json")`, in this process."""


@contextmanager
def opened_house() -> Iterator[House]:
    """The database that the commands use, for looking and preparing; nothing schedules or works."""
    with open_house(load_settings(), scheduler=False, worker=False) as house:
        yield house


def deployment(name: str, **fields: Any) -> DeploymentCreate:
    """A deployment of a command in the pool `local`."""
    given = {"work_pool_name": "local", "job_variables": {"command": "echo hello"}, "path": "/", **fields}
    return DeploymentCreate(name=name, flow_id=uuid4(), **given)


def past_run(deployment_id: UUID, start: datetime, name: str = "old-goat") -> PastRun:
    """A run that failed after 30 seconds and wrote three lines: info, warning, error."""
    end = start + timedelta(seconds=30)
    return PastRun(
        id=new_id(),
        name=name,
        deployment_id=deployment_id,
        created=start,
        expected_start_time=start,
        states=[
            PastState(StateType.SCHEDULED, "Scheduled", start),
            PastState(StateType.RUNNING, "Running", start),
            PastState(StateType.FAILED, "Failed", end, "ValueError: three"),
        ],
        lines=[
            PastLine(start, 20, "stdout", "one"),
            PastLine(start, 30, "stdout", "two"),
            PastLine(end, 40, "stdout", "three"),
        ],
        exit_code=1,
    )
