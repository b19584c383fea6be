"""The examples: their project file applies, and each flow does its work in a folder of its own."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from backend.local import LocalBackend
from sluice.changes import UNCHANGED, compare
from sluice.project_file import Project, check_project, read_project
from store import work_pools
from store.database import Store

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ENTRY = (
    "import asyncio, importlib, inspect, json, logging, sys\n"
    "logging.basicConfig(level=logging.INFO, format='%(levelname)s %(message)s', stream=sys.stdout)\n"
    "sys.path.insert(0, sys.argv[1])\n"
    "function = getattr(importlib.import_module(sys.argv[2]), sys.argv[2])\n"
    "result = function(**json.loads(sys.argv[3]))\n"
    "inspect.isawaitable(result) and asyncio.run(result)\n"
)


def run_flow(name: str, workspace: Path, slot: str = "2026-03-02T12:00:00+00:00", **parameters: Any) -> str:
    """Call a flow in a process of its own, as a run does, and answer what it printed and logged."""
    environment = {**os.environ, "SLUICE_EXAMPLES_DIR": str(workspace), "SLUICE_SLOT": slot}
    child = subprocess.run(
        [sys.executable, "-c", ENTRY, str(EXAMPLES / "flows"), name, json.dumps(parameters)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert child.returncode == 0, child.stdout + child.stderr
    return child.stdout


@pytest.fixture
def project(store: Store) -> tuple[Project, LocalBackend]:
    """The examples' project file, read and checked."""
    work_pools.ensure_defaults(store)
    backend = LocalBackend(store)
    file = EXAMPLES / "prefect.yaml"
    read = read_project(
        file.read_text(), file="prefect.yaml", folder=EXAMPLES, environment=os.environ, variables={}
    )
    check_project(read, backend)
    return read, backend


def test_the_project_file_applies_without_a_remark(project: tuple[Project, LocalBackend]) -> None:
    read, backend = project
    assert read.notes == []
    made = backend.apply_deployments(read.creates)
    assert len(made) >= 12
    assert {outcome.action for outcome in compare(backend, read.creates)} == {UNCHANGED}


def test_every_deployment_is_described_tagged_and_scheduled(project: tuple[Project, LocalBackend]) -> None:
    for _, create in project[0].creates:
        assert create.description, create.name
        assert create.schedules, create.name
        assert "examples" in create.tags


def test_every_flow_has_a_deployment(project: tuple[Project, LocalBackend]) -> None:
    deployed = {create.entrypoint.partition(":")[0] for _, create in project[0].creates if create.entrypoint}
    flows = {f"flows/{file.name}" for file in (EXAMPLES / "flows").glob("*.py")} - {"flows/workspace.py"}
    assert deployed == flows


def test_disk_usage_measures_and_warns(tmp_path: Path) -> None:
    run_flow("disk_usage", tmp_path, slot="2025-01-01T00:00:00+00:00", path=str(tmp_path))
    answer = run_flow("disk_usage", tmp_path, path=str(tmp_path), warn_percent=0)
    assert "removed 1 measurements" in answer
    assert "WARNING" in answer
    with closing(sqlite3.connect(tmp_path / "measurements.db")) as database:
        ((at, path),) = database.execute("SELECT at, path FROM disk_usage")
    assert (at, path) == ("2026-03-02T12:00:00+00:00", str(tmp_path))


def test_rotate_logs_keeps_so_many(tmp_path: Path) -> None:
    for _ in range(4):
        run_flow("rotate_logs", tmp_path, max_bytes=100, keep=2)
    assert sorted(file.name for file in (tmp_path / "logs").iterdir()) == ["app.log.1.gz", "app.log.2.gz"]


def test_sales_report_is_about_the_day_before_the_slot(tmp_path: Path) -> None:
    answer = run_flow("sales_report", tmp_path, currency="USD", orders=1000)
    report = tmp_path / "reports" / "sales-2026-03-01-USD.csv"
    rows = list(csv.DictReader(report.open()))
    assert [row["region"] for row in rows] == ["east", "north", "south", "west"]
    assert "is no amount, left out" in answer
    assert sum(int(row["orders"]) for row in rows) == 1000 - answer.count("is no amount")
    first = report.read_text()
    run_flow("sales_report", tmp_path, currency="USD", orders=5)
    assert report.read_text() == first


def test_checksum_sweep_notices_changes(tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    (watched / "a").write_text("1")
    (watched / "b").write_text("2")
    assert "2 files" in run_flow("checksum_sweep", tmp_path, root=str(watched))
    (watched / "a").write_text("other")
    (watched / "b").unlink()
    answer = run_flow("checksum_sweep", tmp_path, root=str(watched))
    assert "changed: a" in answer
    assert "gone: b" in answer


def test_flaky_import_fails_for_the_same_slots(tmp_path: Path) -> None:
    sys_path = str(EXAMPLES / "flows")
    code = (
        f"import sys; sys.path.insert(0, {sys_path!r}); import flaky_import, os\n"
        "bad = []\n"
        "for minute in range(60):\n"
        "    os.environ['SLUICE_SLOT'] = f'2026-03-02T12:{minute:02}:00+00:00'\n"
        "    try:\n        flaky_import.flaky_import(fail_one_in=4)\n"
        "    except ConnectionError:\n        bad.append(minute)\n"
        "print(bad)"
    )
    environment = {**os.environ, "SLUICE_EXAMPLES_DIR": str(tmp_path)}
    answers = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(answers) == 1
    assert 5 <= len(json.loads(answers.pop())) <= 25
    assert "120 records" in run_flow("flaky_import", tmp_path, fail_one_in=0)


def test_count_primes_counts_right_and_tells_how_far_it_is(tmp_path: Path) -> None:
    answer = run_flow("count_primes", tmp_path, slices=4, slice_size=2500, pause_seconds=0)
    assert " 25 %  367 primes below 2,500" in answer
    assert "100 %  1,229 primes below 10,000" in answer


def test_probe_loopback_asks_at_once(tmp_path: Path) -> None:
    answer = run_flow("probe_loopback", tmp_path, probes=3, rounds=2)
    assert "3 probes answered" in answer


def test_sqlite_backup_checks_and_keeps_the_newest(tmp_path: Path) -> None:
    run_flow("disk_usage", tmp_path, path=str(tmp_path))
    for hour in range(3):
        answer = run_flow("sqlite_backup", tmp_path, slot=f"2026-03-02T{hour:02}:00:00+00:00", keep=2)
    assert "checked" in answer
    kept = sorted((tmp_path / "backups").iterdir())
    assert [file.name for file in kept] == [
        "measurements-20260302T010000.db",
        "measurements-20260302T020000.db",
    ]
    with closing(sqlite3.connect(kept[-1])) as database:
        assert database.execute("SELECT count(*) FROM disk_usage").fetchone() == (1,)


def test_check_links_finds_broken_ones_and_the_examples_have_none(tmp_path: Path) -> None:
    assert " 0 broken" in run_flow("check_links", tmp_path)
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.md").write_text("# One Two!\n[x](b.md) [y](#one-two) [z](#three) [w](https://example.org)\n")
    answer = run_flow("check_links", tmp_path, root=str(pages), fail=False)
    assert "a.md:2: b.md does not exist" in answer
    assert "a.md:2: #three has no such heading" in answer
    assert "3 links checked, 2 broken" in answer


def test_text_statistics_counts_words(tmp_path: Path) -> None:
    answer = run_flow("text_statistics", tmp_path, top=3, order="word", ignore=["self"])
    assert "different words" in answer
    assert len((tmp_path / "reports" / "words-20260302.txt").read_text().splitlines()) == 3


def test_clean_up_deletes_only_old_files_of_its_own(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "old").write_text("x")
    os.utime(reports / "old", (0, 0))
    (reports / "new").write_text("x")
    assert "would delete old" in run_flow("clean_up", tmp_path, dry_run=True)
    assert (reports / "old").exists()
    run_flow("clean_up", tmp_path)
    assert [file.name for file in reports.iterdir()] == ["new"]


def test_digest_tells_what_the_others_did(tmp_path: Path) -> None:
    assert "no measurements yet" in run_flow("digest", tmp_path)
    run_flow("disk_usage", tmp_path, path=str(tmp_path))
    run_flow("text_statistics", tmp_path)
    answer = run_flow("digest", tmp_path, title="Today")
    assert "# Today, 2026-03-02 12:00" in answer
    assert "in 1 measurements" in answer
    assert "words-20260302.txt" in (tmp_path / "digests" / "2026-03-02.md").read_text()


def test_flows_write_only_where_they_are_told(tmp_path: Path) -> None:
    before = {
        file: file.stat().st_mtime_ns for file in EXAMPLES.rglob("*") if "__pycache__" not in file.parts
    }
    run_flow("checksum_sweep", tmp_path)
    run_flow("check_links", tmp_path)
    after = {file: file.stat().st_mtime_ns for file in EXAMPLES.rglob("*") if "__pycache__" not in file.parts}
    assert after == before
