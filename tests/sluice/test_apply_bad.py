"""Bad project files: each gets a sentence with its line, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.houses import Sluice
from support.ordinary_user import ordinary_user

FLOWS = "def load(rows: int = 1, city: str = 'x'):\n    pass\n\ndef other(**anything):\n    pass\n"

GOOD = """\
deployments:
  - name: good
    entrypoint: flows.py:load
"""

BAD_DEPLOYMENTS = [
    ("schedule: {cron: '61 * * * *'}", 'Invalid cron string: "61 * * * *": `61` is no minute (0-59).'),
    ("schedule: {cron: '0 0 31 2 *'}", "no date ever matches it"),
    ("schedule: {cron: '@reboot'}", "Invalid cron string"),
    ("schedule: {cron: '* * * * *', timezone: Europe/Pari}", 'Invalid timezone: "Europe/Pari"'),
    ("schedule: {rrule: 'BYHOUR=3'}", "Invalid RRule string"),
    ("schedule: {interval: -5}", "interval"),
    (
        "schedule: {interval: abc}",
        "`interval: abc` is no span of time: write seconds (900), PT15M or 0:15:00.",
    ),
    ("schedule: {interval: 60, anchor_date: yesterday}", "yesterday"),
    ("schedule: {cron: '* * * * *', interval: 5}", "exactly one of `cron`, `interval` and `rrule`"),
    ("schedule: {timezone: UTC}", "exactly one of `cron`, `interval` and `rrule`; this one has none"),
    ("schedule: {interval: 60, day_or: true}", "`day_or` belongs to `cron`"),
    ("schedule: {crom: '* * * * *'}", "unknown key `crom` in a schedule: did you mean `cron`?"),
    ("schedule: '* * * * *'", "a schedule must be a mapping, not the text `* * * * *`"),
    ("schedules: {cron: '* * * * *'}", "`schedules` must be a list, not a mapping"),
    ("schedules: [{interval: 5, slug: a}, {interval: 6, slug: a}]", "two schedules of this deployment"),
    ("schedule: {interval: 60, max_scheduled_runs: 99}", "`max_scheduled_runs`"),
    ("schedule: {interval: 60, active: perhaps}", "`active` must be true or false, not the text `perhaps`"),
    ("schedule: {interval: 60, sluice: {jiter: 3}}", "unknown key `jiter` in `sluice` of a schedule"),
    ("entrypoint: nowhere.py:load", "there is no file "),
    ("entrypoint: package.flows:load", "a module is named by its file, `package/flows.py`."),
    ("entrypoint: flow.py:load", "did you mean `flows.py`?"),
    ("entrypoint: flows.py:lod", "has no function `lod`: did you mean `load`?"),
    ("entrypoint: flows.py", "must read path/to/file.py:function"),
    ("entrypoint: pkg.flows.load", "must read path/to/file.py:function"),
    ("entrypoint: broken.py:load", "broken.py cannot be read: SyntaxError"),
    ("parameters: {rows: many}", "parameter `rows` does not fit: 'many' is not of type 'integer'."),
    ("parameters: {row: 3}", "`load` takes no parameter `row`: did you mean `rows`?"),
    ("parameters: [1]", "`parameters` must be a mapping, not a list"),
    ("schedule: {interval: 60, parameters: {city: 3}}", "parameter `city` does not fit"),
    ("flow_name: a/b", "the characters / % & < > are not allowed"),
    ("work_pool: local", "`work_pool` must be a mapping"),
    ("work_pool: {name: nowhere}", "there is no work pool `nowhere` here"),
    ("work_pool: {job_variables: {timeout_seconds: soon}}", "job_variables.timeout_seconds is 'soon'"),
    ("work_pool: {jobvariables: {}}", "did you mean `job_variables`?"),
    ("concurrency_limit: 0", "`concurrency_limit`: it must be greater than 0"),
    ("concurrency_limit: {collision_strategy: ENQUEUE}", "needs a `limit`"),
    ("concurrency_limit: {limit: 1, collision_strategy: MAYBE}", "concurrency_limit.collision_strategy"),
    ("concurrency_limit: {limit: 1, grace_period_seconds: 5}", "greater than or equal to 60"),
    ("enforce_parameter_schema: 3", "`enforce_parameter_schema` must be true or false, not the number 3"),
    ("tags: nightly", "`tags` must be a list, not the text `nightly`"),
    ("tags: [{a: b}]", "`tags` must be text, not a mapping"),
    ("cron: '* * * * *'", "unknown key `cron` in a deployment: it belongs below `schedule`."),
    ("job_variables: {}", "it belongs below `work_pool`"),
    ("entripoint: x", "unknown key `entripoint` in a deployment: did you mean `entrypoint`?"),
    ("version: '{{ $NOT_SET_HERE }}'", "the environment variable NOT_SET_HERE is not set here"),
    ("version: '{{ prefect.blocks.secret.x }}'", "Sluice has no blocks"),
    ("sluice: {retention: {days: 0}}", "sluice.retention.days"),
    ("sluice: {pause_after_failure: 3}", "did you mean `pause_after_failures`?"),
    ("pull: [{prefect.deployments.steps.set_working_directory: {directory: nope}}]", "does not exist"),
    ("pull: [just-text]", "a pull step must be one step's name"),
    ("path: nowhere", "the working directory "),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose flows.py has `load` and `other`, and whose broken.py has a syntax error."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "flows.py").write_text(FLOWS)
    (project / "package").mkdir()
    (project / "package" / "flows.py").write_text(FLOWS)
    (project / "broken.py").write_text("def load(:\n")
    return project


@pytest.mark.parametrize(("line", "said"), BAD_DEPLOYMENTS, ids=[line for line, _ in BAD_DEPLOYMENTS])
def test_one_bad_deployment_stops_the_apply(sluice: Sluice, folder: Path, line: str, said: str) -> None:
    entrypoint = "" if line.startswith("entrypoint:") else "    entrypoint: flows.py:load\n"
    file = folder / "prefect.yaml"
    file.write_text(f"{GOOD}  - name: bad\n{entrypoint}    {line}\n")
    answer = sluice("apply", str(file))
    assert answer.code == 1
    number = 5 if not entrypoint else 6
    assert any(one.startswith(f"{file}:{number}: ") and said in one for one in answer.err.splitlines()), (
        answer.err
    )
    assert "nothing was written" in answer.err
    assert answer.out == ""
    assert sluice("ls").out == ""


@pytest.mark.parametrize("name", ["a/b", "50%", "a & b", "<x>", '""'])
def test_names_that_cannot_be(sluice: Sluice, folder: Path, name: str) -> None:
    file = folder / "prefect.yaml"
    file.write_text(f"{GOOD}  - entrypoint: flows.py:load\n    name: {name}\n")
    answer = sluice("apply", str(file))
    assert answer.code == 1
    assert f"{file}:5: " in answer.err
    assert sluice("ls").out == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: the file is empty"),
        ("# only a comment\n", ":1: the file is empty"),
        ("- a\n", ":1: the file holds a list: a project file is a mapping"),
        ("name: x\n", ":1: the file has no `deployments:`"),
        ("deployment: []\n", ":1: unknown key `deployment`: did you mean `deployments`?"),
        ("deployments: {a: b}\n", ":1: `deployments` must be a list, not a mapping"),
        ("deployments:\n  - x\n", ":2: a deployment must be a mapping, not the text `x`"),
        ("deployments:\n  - entrypoint: flows.py:load\n", ":2: a deployment needs a `name`."),
        ("deployments:\n  - name: x\n", ":2: a deployment needs `entrypoint: path/to/file.py:function`"),
        ("deployments:\n  - name: x\n    name: y\n", ":3: the key `name` stands twice"),
        (GOOD + GOOD.partition("\n")[2], ":4: `load/good` stands twice in this file (first in line 2)"),
    ],
)
def test_files_that_are_no_project(sluice: Sluice, folder: Path, text: str, said: str) -> None:
    file = folder / "prefect.yaml"
    file.write_text(text)
    answer = sluice("apply", str(file))
    assert answer.code == 1
    assert said in answer.err


def test_all_problems_are_told_at_once_in_order(sluice: Sluice, folder: Path) -> None:
    file = folder / "prefect.yaml"
    file.write_text(
        "deployments:\n"
        "  - {name: a, entrypoint: 'flows.py:load', parameters: {rows: x}}\n"
        "  - {name: b, entrypoint: 'nope.py:load', schedule: {cron: 'x'}}\n"
        "  - {name: c/d, entrypoint: 'flows.py:load', tag: []}\n"
    )
    answer = sluice("apply", str(file), "--json")
    found = json.loads(answer.out)
    assert answer.code == 1
    assert found["written"] is False
    assert [problem["line"] for problem in found["problems"]] == [2, 3, 3, 4, 4]
    assert "5 problems; nothing was written." in sluice("apply", str(file)).err


def test_anchors_may_live_at_the_top(sluice: Sluice, folder: Path) -> None:
    file = folder / "prefect.yaml"
    file.write_text("common: &c {tags: [a]}\nx-more: {}\n" + GOOD + "    <<: *c\n")
    assert sluice("apply", str(file)).code == 0


def test_files_that_cannot_be_read(sluice: Sluice, folder: Path) -> None:
    answer = sluice("apply", str(folder / "absent.yaml"))
    assert answer.code == 2
    assert "there is no such file" in answer.err
    answer = sluice("apply", str(folder))
    assert answer.code == 2
    assert "this is a folder" in answer.err
    file = folder / "latin.yaml"
    file.write_bytes("name: caf\xe9\n".encode("latin-1"))
    answer = sluice("apply", str(file))
    assert answer.code == 2
    assert "this is not UTF-8 text (byte 9)" in answer.err


def test_a_file_that_may_not_be_read(sluice: Sluice, folder: Path) -> None:
    file = folder / "secret.yaml"
    file.write_text(GOOD)
    file.chmod(0)
    with ordinary_user():
        answer = sluice("apply", str(file))
    assert answer.code == 2
    assert "you may not read this file" in answer.err
