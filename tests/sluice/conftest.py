"""Commands called in this process, on a database of the test's own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.houses import Answer, Sluice, deployment, opened_house

from sluice.cli import run_command_line
from sluice.exits import guarded
from store.schemas import CronSchedule, DeploymentScheduleCreate


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands find their database."""
    file = tmp_path / "commands.db"
    monkeypatch.setenv("SLUICE_DB", str(file))
    monkeypatch.setenv("COLUMNS", "200")
    return file


@pytest.fixture
def sluice(
    database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sluice]:
    """Call `sluice ARGUMENTS` in this process; the process's logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        code = guarded(lambda: run_command_line(arguments))
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    yield call
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


@pytest.fixture
def filled(database: Path) -> Path:
    """A database with three deployments: sales/nightly (cron), sales/hourly, stock/nightly (paused)."""
    cron = DeploymentScheduleCreate(
        schedule=CronSchedule(cron="0 2 * * *", timezone="Europe/Paris"), slug="night"
    )
    with opened_house() as house:
        made = house.backend.apply_deployments(
            [
                ("sales", deployment("nightly", schedules=[cron], tags=["etl"], description="Loads sales")),
                (
                    "sales",
                    deployment(
                        "hourly",
                        parameters={"rows": 5},
                        parameter_openapi_schema={
                            "type": "object",
                            "properties": {"rows": {"type": "integer"}, "zip": {"type": "string"}},
                        },
                    ),
                ),
                ("stock", deployment("nightly")),
            ]
        )
        house.backend.pause_deployments([made[2].deployment.id], "stock-taking")
    return database
