"""`sluice apply`: from a prefect.yaml to deployments."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from support.houses import Sluice, deployment, opened_house

from store.schemas import CronSchedule, Deployment, IntervalSchedule, RRuleSchedule

FLOWS = '''
import datetime

def load_sales(rows: int, city: str = "Lyon", day: datetime.date | None = None):
    """Load the sales.

    Args:
        rows: how many
    """

async def watch():
    pass
'''

PROJECT = """\
name: shop
prefect-version: 3.4.0
build: null
push: null
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: src
definitions:
  tags: &tags [shop, 2026]
  pool: &pool
    name: local
    job_variables: {env: {LEVEL: 2, API_TOKEN: "{{ $SHOP_TOKEN }}"}}
deployments:
  - name: nightly
    entrypoint: flows.py:load_sales
    version: 1.10
    tags: *tags
    parameters: {rows: 5}
    work_pool: {<<: *pool, work_queue_name: fast}
    schedules:
      - {cron: "0 2 * * *", timezone: Europe/Paris, slug: night, day_or: false, catchup: true}
      - {interval: 3600, anchor_date: 2026-01-01T00:00:00+01:00, max_scheduled_runs: 5, active: no}
      - {rrule: "FREQ=DAILY;BYHOUR=3", parameters: {city: Nice}, sluice: {jitter: 30, catchup_window: 60}}
    concurrency_limit: {limit: 2, collision_strategy: CANCEL_NEW, grace_period_seconds: 120}
    sluice: {pause_after_failures: 3, retention: {days: 7}}
    triggers: [{type: event}]
  - name: watching
    flow_name: guard
    entrypoint: flows.py:watch
    description: Watches.
    concurrency_limit: 1
    enforce_parameter_schema: false
    schedule: {interval: PT15M}
  - name: shell
    work_pool: {job_variables: {command: uptime}}
    schedule: {}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project: prefect.yaml, and flows.py in src."""
    project = tmp_path / "shop"
    (project / "src").mkdir(parents=True)
    (project / "src" / "flows.py").write_text(FLOWS)
    (project / "prefect.yaml").write_text(PROJECT)
    monkeypatch.setenv("SHOP_TOKEN", "s3cret")
    return project


def stored(name: str) -> Deployment:
    flow, _, own = name.partition("/")
    with opened_house() as house:
        return house.backend.read_deployment_by_name(flow, own)


def test_every_field_arrives(sluice: Sluice, folder: Path) -> None:
    answer = sluice("apply", str(folder / "prefect.yaml"))
    assert answer.code == 0, answer.err
    assert "+ load-sales/nightly  new" in answer.out
    assert f"{folder / 'prefect.yaml'}: 3 new" in answer.out
    made = stored("load-sales/nightly")
    assert (made.version, made.tags, made.parameters) == ("1.10", ["shop", "2026"], {"rows": 5})
    assert (made.path, made.entrypoint, made.pull_steps) == (str(folder / "src"), "flows.py:load_sales", None)
    assert (made.work_pool_name, made.work_queue_name) == ("local", "fast")
    assert made.job_variables == {"env": {"LEVEL": "2", "API_TOKEN": "s3cret"}}
    assert (made.description or "").startswith("Load the sales.")
    assert made.global_concurrency_limit
    assert made.global_concurrency_limit.limit == 2
    assert made.concurrency_options
    assert made.concurrency_options.grace_period_seconds == 120
    assert made.sluice.collision == "CANCEL_NEW"
    assert made.sluice.pause_after_failures == 3
    assert made.sluice.retention
    assert made.sluice.retention.days == 7


def test_schedules_arrive(sluice: Sluice, folder: Path) -> None:
    assert sluice("apply", str(folder / "prefect.yaml")).code == 0
    night, hourly, daily = stored("load-sales/nightly").schedules
    assert night.schedule == CronSchedule(cron="0 2 * * *", timezone="Europe/Paris", day_or=False)
    assert (night.slug, night.active, night.catchup) == ("night", True, True)
    assert isinstance(hourly.schedule, IntervalSchedule)
    assert hourly.schedule.interval.total_seconds() == 3600
    assert hourly.schedule.anchor_date == "2026-01-01T00:00:00+01:00"
    assert (hourly.active, hourly.max_scheduled_runs) == (False, 5)
    assert daily.schedule == RRuleSchedule(rrule="FREQ=DAILY;BYHOUR=3")
    assert (daily.parameters, daily.sluice.jitter, daily.sluice.catchup_window) == ({"city": "Nice"}, 30, 60)
    (quarter,) = stored("guard/watching").schedules
    assert isinstance(quarter.schedule, IntervalSchedule)
    assert quarter.schedule.interval.total_seconds() == 900
    assert stored("shell/shell").schedules == []


def test_a_function_that_takes_any_parameter_can_be_run_with_any(sluice: Sluice, folder: Path) -> None:
    (folder / "src" / "open.py").write_text("def load(rows: int = 1, **more): ...\n")
    file = folder / "open.yaml"
    file.write_text("deployments:\n- {name: open, path: src, entrypoint: 'open.py:load'}\n")
    assert sluice("apply", str(file)).code == 0
    assert "unchanged" in sluice("apply", str(file)).out
    assert sluice("run", "open", "--param", "colour=red").code == 0


def test_the_schema_comes_from_the_signature(sluice: Sluice, folder: Path) -> None:
    assert sluice("apply", str(folder / "prefect.yaml")).code == 0
    schema = stored("load-sales/nightly").parameter_openapi_schema
    assert schema
    assert schema["required"] == ["rows"]
    assert schema["properties"]["rows"] == {
        "type": "integer",
        "description": "how many",
        "position": 0,
        "title": "rows",
    }
    assert schema["properties"]["city"]["default"] == "Lyon"
    assert schema["properties"]["day"]["anyOf"][0] == {"type": "string", "format": "date"}


def test_applying_again_changes_nothing(sluice: Sluice, folder: Path) -> None:
    sluice("apply", str(folder / "prefect.yaml"))
    before = stored("load-sales/nightly")
    answer = sluice("apply", str(folder / "prefect.yaml"), "--json")
    assert [one["action"] for one in json.loads(answer.out)["deployments"]] == ["unchanged"] * 3
    assert stored("load-sales/nightly") == before


def test_what_is_not_run_here_is_named(sluice: Sluice, folder: Path) -> None:
    text = PROJECT.replace("build: null", "build:\n  - prefect_docker.build_docker_image: {id: image}")
    text = text.replace("directory: src", "directory: src\n  - prefect.deployments.steps.pip_install: {}")
    (folder / "prefect.yaml").write_text(text)
    answer = sluice("apply", str(folder / "prefect.yaml"))
    assert answer.code == 0
    assert ":4: the build step `prefect_docker.build_docker_image` is not run here." in answer.err
    assert "the pull step `prefect.deployments.steps.pip_install` is kept" in answer.err
    assert "`triggers` is not run here" in answer.err
    assert [next(iter(step)) for step in stored("shell/shell").pull_steps or []] == [
        "prefect.deployments.steps.set_working_directory",
        "prefect.deployments.steps.pip_install",
    ]
    assert stored("shell/shell").path == str(folder / "src")


def test_dry_run_shows_fields_and_writes_nothing(sluice: Sluice, folder: Path) -> None:
    file = folder / "prefect.yaml"
    answer = sluice("apply", str(file), "--dry-run")
    assert "3 new (dry run: nothing was written)" in answer.out
    assert "    parameters.rows: 5" in answer.out
    assert "s3cret" not in answer.out
    assert sluice("ls").out == ""
    sluice("apply", str(file))
    file.write_text(file.read_text().replace("rows: 5", "rows: 6").replace("0 2 * * *", "0 4 * * *"))
    answer = sluice("apply", str(file), "--dry-run")
    assert "~ load-sales/nightly  changed" in answer.out
    assert "    parameters.rows: 5 -> 6" in answer.out
    assert "schedule night rule: daily 02:00 Europe/Paris" in answer.out
    assert "-> daily 04:00 Europe/Paris" in answer.out
    assert "= shell/shell  unchanged" in answer.out
    assert stored("load-sales/nightly").parameters == {"rows": 5}
    assert sluice("apply", str(file)).code == 0
    assert stored("load-sales/nightly").parameters == {"rows": 6}


def test_what_the_file_drops_is_dropped_but_pauses_and_unmentioned_schedules_stay(
    sluice: Sluice, folder: Path
) -> None:
    file = folder / "prefect.yaml"
    sluice("apply", str(file))
    sluice("pause", "guard/watching", "--reason", "holiday")
    text = (
        file.read_text().replace("    schedule: {interval: PT15M}\n", "").replace("    version: 1.10\n", "")
    )
    file.write_text(text.replace("    concurrency_limit: 1\n", ""))
    assert sluice("apply", str(file)).code == 0
    assert stored("load-sales/nightly").version is None
    guard = stored("guard/watching")
    assert guard.paused
    assert guard.sluice.pause
    assert guard.sluice.pause.reason == "holiday"
    assert len(guard.schedules) == 1
    assert guard.global_concurrency_limit is None
    file.write_text(file.read_text().replace("flow_name: guard", "flow_name: guard\n    schedules: []"))
    sluice("apply", str(file))
    assert stored("guard/watching").schedules == []


def test_standard_input_starts_in_this_folder(
    sluice: Sluice, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + PROJECT.encode())))
    assert "stdin: 3 new" in sluice("apply", "-").out


def test_the_default_file_is_prefect_yaml_here(
    sluice: Sluice, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert "prefect.yaml: 3 new" in sluice("apply").out


def test_an_unknown_pool(sluice: Sluice, folder: Path) -> None:
    file = folder / "prefect.yaml"
    file.write_text(PROJECT.replace("name: local", "name: cluster"))
    answer = sluice("apply", str(file))
    assert answer.code == 1
    assert ":11: there is no work pool `cluster` here: " in answer.err
    assert "--pool local" in answer.err
    assert "--create-pools" in answer.err
    assert sluice("apply", str(file), "--pool", "local").code == 0
    assert stored("load-sales/nightly").work_pool_name == "local"
    answer = sluice("apply", str(file), "--create-pools")
    assert "+ work pool cluster  new" in answer.out
    assert stored("load-sales/nightly").work_pool_name == "cluster"


def test_prune_deletes_what_the_file_dropped(sluice: Sluice, folder: Path) -> None:
    file = folder / "prefect.yaml"
    sluice("apply", str(file))
    with opened_house() as house:
        house.backend.apply_deployments([("other", deployment("elsewhere", path="/"))])
    file.write_text(PROJECT.partition("  - name: watching")[0])
    answer = sluice("apply", str(file))
    assert "1 unchanged" in answer.out
    answer = sluice("apply", str(file), "--prune", "--dry-run")
    assert "- guard/watching  pruned" in answer.out
    answer = sluice("apply", str(file), "--prune")
    assert answer.code == 1
    assert "--yes" in answer.err
    answer = sluice("apply", str(file), "--prune", "--yes", "--json")
    actions = {one["deployment_name"]: one["action"] for one in json.loads(answer.out)["deployments"]}
    assert actions == {"nightly": "unchanged", "watching": "pruned", "shell": "pruned"}
    rows = json.loads(sluice("ls", "--json").out)
    assert {row["flow_name"] for row in rows} == {"load-sales", "other"}


def test_read_only_refuses(sluice: Sluice, folder: Path) -> None:
    sluice("ls")
    answer = sluice("apply", str(folder / "prefect.yaml"), "--read-only")
    assert answer.code == 1
    assert "read-only" in answer.err
    assert sluice("apply", str(folder / "prefect.yaml"), "--read-only", "--dry-run").code == 0


def test_a_flow_that_cannot_be_imported_is_read_from_its_text(sluice: Sluice, folder: Path) -> None:
    (folder / "src" / "flows.py").write_text("import not_there_at_all\n" + FLOWS)
    answer = sluice("apply", str(folder / "prefect.yaml"))
    assert answer.code == 0
    assert "ModuleNotFoundError: No module named 'not_there_at_all' (line 1)" in answer.err
    schema = stored("load-sales/nightly").parameter_openapi_schema
    assert schema
    assert list(schema["properties"]) == ["rows", "city", "day"]


def test_a_required_parameter_that_nothing_gives_is_told(sluice: Sluice, folder: Path) -> None:
    file = folder / "prefect.yaml"
    file.write_text(PROJECT.replace("    parameters: {rows: 5}\n", ""))
    answer = sluice("apply", str(file))
    assert answer.code == 0
    assert "the flow needs `rows`, and nothing gives it: the runs of this schedule will fail." in answer.err


def test_a_project_made_for_containers_is_read_here_and_runs_elsewhere(sluice: Sluice, folder: Path) -> None:
    text = PROJECT.replace("directory: src", "directory: /app").replace("flows.py", "src/flows.py")
    text = text.replace("build: null", "build:\n  - prefect_docker.build_docker_image: {id: image}")
    text = text.replace(
        "name: local\n    job_variables: {", 'name: docker\n    job_variables: {image: "{{ image.name }}", '
    )
    text = text.partition("  - name: watching")[0]
    (folder / "prefect.yaml").write_text(text)
    answer = sluice("apply", str(folder / "prefect.yaml"), "--create-pools")
    assert answer.code == 0, answer.err
    assert "`{{ image.name }}` is the output of a step that is not run here: left out." in answer.err
    made = stored("load-sales/nightly")
    assert (made.path, made.work_pool_name) == ("/app", "docker")
    assert "image" not in made.job_variables
    answer = sluice("apply", str(folder / "prefect.yaml"), "--pool", "local")
    assert answer.code == 1
    assert "the working directory /app does not exist here: correct set_working_directory" in answer.err
    assert "1 problem;" in answer.err


def test_descriptions(sluice: Sluice, folder: Path) -> None:
    """Absent and null mean the docstring, as `prefect init` writes null; empty means none."""
    text = PROJECT.replace("version: 1.10", "description: null").replace(
        "description: Watches.", "description: ''"
    )
    (folder / "prefect.yaml").write_text(text)
    assert sluice("apply", str(folder / "prefect.yaml")).code == 0
    assert (stored("load-sales/nightly").description or "").startswith("Load the sales.")
    assert stored("guard/watching").description is None
