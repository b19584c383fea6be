"""`sluice export`: what it writes, and that applying it changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.houses import Sluice, deployment, opened_house

from store.schemas import (
    ConcurrencyOptions,
    CronSchedule,
    DeploymentOptions,
    DeploymentScheduleCreate,
    IntervalSchedule,
    PauseInfo,
    Retention,
    RRuleSchedule,
    ScheduleOptions,
)
from tui.masking import MASK


@pytest.fixture
def varied(database: Path, tmp_path: Path) -> Path:
    """A database whose two deployments use every field."""
    schedules = [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron="0 2 */2 * mon", timezone="Europe/Paris", day_or=False),
            slug="night",
            active=False,
            catchup=True,
            max_active_runs=2,
            sluice=ScheduleOptions(jitter=30, catchup_window=0),
        ),
        DeploymentScheduleCreate(
            schedule=IntervalSchedule.model_validate(
                {"interval": 90.5, "anchor_date": "2026-01-01T00:00:00", "timezone": "Asia/Tokyo"}
            ),
            parameters={"rows": 3, "api_token": "xyzzy"},
        ),
        DeploymentScheduleCreate(
            schedule=RRuleSchedule(rrule="DTSTART:20260101T000000\nRRULE:FREQ=DAILY;BYHOUR=3"),
            slug="rule",
            max_scheduled_runs=5,
        ),
    ]
    full = deployment(
        "full: of # odd 'things'",
        description="Two\nlines, and a colon: here",
        version="1.10",
        tags=["2026", "yes", "été"],
        path=str(tmp_path),
        parameters={"rows": 1, "nested": {"password": "hunter2", "on": [True, None]}, "text": "010"},
        job_variables={"command": "echo 'x: y' # z\necho", "env": {"A": "1", "MY_KEY": "k"}, "nice": 5},
        schedules=schedules,
        concurrency_limit=3,
        concurrency_options=ConcurrencyOptions(grace_period_seconds=90),
        work_queue_name="fast",
        paused=True,
        enforce_parameter_schema=False,
        pull_steps=[
            {
                "prefect.deployments.steps.git_clone": {
                    "repository": "https://x.org/x",
                    "access_token": "{{ prefect.blocks.secret.git }}",
                }
            }
        ],
        sluice=DeploymentOptions.model_validate(
            {
                "collision": "CANCEL_RUNNING",
                "pause_after_failures": 4,
                "retention": Retention(runs=9),
                "pause": PauseInfo(reason="why: not"),
            }
        ),
    )
    with opened_house() as house:
        house.backend.apply_deployments([("sales", full), ("stock", deployment("plain", path=None))])
    return database


def read(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    return yaml.load(text)


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--reveal"], ["--json", "--reveal"]])
def test_applying_an_export_changes_nothing(
    sluice: Sluice, varied: Path, tmp_path: Path, arguments: list[str]
) -> None:
    file = tmp_path / "elsewhere" / "prefect.yaml"
    file.parent.mkdir()
    answer = sluice("export", *arguments)
    assert answer.code == 0
    file.write_text(answer.out)
    answer = sluice("apply", str(file))
    assert answer.code == 0, answer.err
    assert "2 unchanged" in answer.out, answer.out


def test_an_export_moves_to_another_database(
    sluice: Sluice, varied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "prefect.yaml"
    first = sluice("export", "--reveal").out
    file.write_text(first)
    monkeypatch.setenv("SLUICE_DB", str(tmp_path / "other.db"))
    assert "2 new" in sluice("apply", str(file)).out
    assert sluice("export", "--reveal").out == first


def test_secrets_are_masked_and_kept_by_apply(sluice: Sluice, varied: Path, tmp_path: Path) -> None:
    answer = sluice("export")
    for secret in ("hunter2", "xyzzy"):
        assert secret not in answer.out
        assert secret in sluice("export", "--reveal").out
    assert "secrets are masked" in answer.err
    entry = read(answer.out)["deployments"][0]
    assert entry["parameters"]["nested"]["password"] == MASK
    assert entry["work_pool"]["job_variables"]["env"] == {"A": "1", "MY_KEY": MASK}
    file = tmp_path / "prefect.yaml"
    file.write_text(answer.out.replace("version: '1.10'", "version: '2'"))
    answer = sluice("apply", str(file))
    assert answer.code == 0, answer.err
    with opened_house() as house:
        kept = house.backend.read_deployment_by_name("sales", "full: of # odd 'things'")
    assert (kept.version, kept.parameters["nested"]["password"]) == ("2", "hunter2")
    assert kept.job_variables["env"]["MY_KEY"] == "k"


def test_a_mask_without_a_stored_value_is_refused(
    sluice: Sluice, varied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(sluice("export").out)
    monkeypatch.setenv("SLUICE_DB", str(tmp_path / "other.db"))
    answer = sluice("apply", str(file))
    assert answer.code == 1
    assert "`MY_KEY` is masked, and nothing is stored for it here" in answer.err


def test_named_ones_only_and_as_json(sluice: Sluice, varied: Path) -> None:
    found = json.loads(sluice("export", "stock/plain", "--json").out)
    assert [one["name"] for one in found["deployments"]] == ["plain"]
    assert found["deployments"][0]["path"] is None
    assert sluice("export", "nothing/here").code == 1


def test_what_reads_like_a_template_is_refused(sluice: Sluice, varied: Path) -> None:
    with opened_house() as house:
        odd = deployment("odd", job_variables={"command": "echo {{ $HOME }}"})
        house.backend.apply_deployments([("x", odd)])
    answer = sluice("export")
    assert answer.code == 1
    assert "reads like a template" in answer.err
    assert sluice("export", "stock/plain").code == 0
