"""`sluice backfill` and `sluice backfills`: what they print, ask and do."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
from support.houses import Sluice, deployment, opened_house

from backend.local import LocalBackend
from store import states
from store.schemas import CronSchedule, DeploymentScheduleCreate, StateCreate, StateType

SCHEMA = {"type": "object", "properties": {"rows": {"type": "integer"}, "day": {"type": "string"}}}
RANGE = ("--range", "2026-02-01..2026-02-10", "--zone", "UTC")


@pytest.fixture
def nightly(database: Path) -> Path:
    """A database with sales/nightly: every day at 02:00 in Paris (night), on Mondays at noon UTC (week)."""
    night = DeploymentScheduleCreate(
        schedule=CronSchedule(cron="0 2 * * *", timezone="Europe/Paris"), slug="night"
    )
    week = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 12 * * 1"), slug="week", active=False)
    made = deployment("nightly", schedules=[night, week], parameter_openapi_schema=SCHEMA)
    with opened_house() as house:
        house.backend.apply_deployments([("sales", made)])
    return database


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A person who answers yes; collects what was asked."""
    asked: list[str] = []

    def confirm(question: str, **_: Any) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", confirm)
    return asked


def backfill_ids() -> list[str]:
    with opened_house() as house:
        return [str(one.id) for one in house.backend.read_backfills()]


def end_next(kind: StateType, count: int = 1) -> None:
    """Let the runs that are due run and end so."""
    with opened_house() as house:
        for _ in range(count):
            (key,) = house.store.database.execute_sql(
                "SELECT id FROM flow_run WHERE backfill_id IS NOT NULL"
                " AND next_scheduled_start_time IS NOT NULL"
            ).fetchone()
            states.write(house.store, UUID(bytes=key), StateCreate(type=StateType.RUNNING))
            if kind is not StateType.RUNNING:
                states.write(house.store, UUID(bytes=key), StateCreate(type=kind))


def test_a_dry_run_shows_the_plan_and_makes_nothing(sluice: Sluice, nightly: Path) -> None:
    answer = sluice("backfill", "nightly", *RANGE, "--dry-run")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "sales/nightly: 10 of 10 slots would run, oldest first, at most 1 at once",
        "  from 2026-02-01 00:00:00 UTC to 2026-02-10 23:59:59 UTC (UTC)",
        "  schedules: night",
        "  run 10: 10 never ran",
        "    2026-02-01 01:00:00 UTC  never ran",
        "    2026-02-02 01:00:00 UTC  never ran",
        "    2026-02-03 01:00:00 UTC  never ran",
        "    2026-02-04 01:00:00 UTC  never ran",
        "    2026-02-05 01:00:00 UTC  never ran",
        "    ... 3 more",
        "    2026-02-09 01:00:00 UTC  never ran",
        "    2026-02-10 01:00:00 UTC  never ran",
    ]
    assert backfill_ids() == []


def test_the_zone_is_named_and_means_what_is_typed(sluice: Sluice, nightly: Path) -> None:
    answer = sluice("backfill", "nightly", "--range", "2026-02-03", "--zone", "America/New_York", "--dry-run")
    assert "from 2026-02-03 00:00:00 EST to 2026-02-03 23:59:59 EST (America/New_York)" in answer.out
    assert "2026-02-03 20:00:00 EST  never ran" in answer.out


def test_a_plan_as_json_has_every_slot(sluice: Sluice, nightly: Path) -> None:
    answer = sluice(
        "backfill", "nightly", *RANGE, "--max-runs", "3", "--order", "newest", "--schedule", "night",
        "--schedule", "week", "--param", "rows=5", "--slot-param", "day", "--dry-run", "--json",
    )  # fmt: skip
    plan = json.loads(answer.out)
    assert list(plan) == [
        "request", "deployment_name", "schedules", "slots", "creates", "counts", "digest",
    ]  # fmt: skip
    assert (plan["creates"], plan["counts"]) == (3, {"new": 3, "over_max": 9})
    assert [slot["slot"] for slot in plan["slots"]][:3] == [
        "2026-02-10T01:00:00Z", "2026-02-09T12:00:00Z", "2026-02-09T01:00:00Z",
    ]  # fmt: skip
    assert plan["slots"][0] | {"schedule_id": ""} == {
        "schedule_id": "", "slot": "2026-02-10T01:00:00Z", "create": True, "reason": "new", "run_id": None,
        "run_name": None, "run_state": None, "attempt": 1,
    }  # fmt: skip
    assert plan["request"]["parameters"] == {"rows": 5}


def test_yes_makes_it_and_prints_its_id(sluice: Sluice, nightly: Path) -> None:
    answer = sluice("backfill", "nightly", *RANGE, "--yes", "--max-active", "2")
    assert answer.code == 0
    assert [answer.out.strip()] == backfill_ids()
    assert "10 of 10 slots would run, oldest first, at most 2 at once" in answer.err
    assert "Nobody works on this database now: start `sluice serve`" in answer.err


def test_made_as_json(sluice: Sluice, nightly: Path) -> None:
    answer = sluice("backfill", "nightly", *RANGE, "--yes", "--json")
    made = json.loads(answer.out)
    assert (made["state"], made["deployment_name"], made["order"]) == ("RUNNING", "sales/nightly", "oldest")
    assert made["progress"] == {
        "total": 10, "queued": 9, "waiting": 1, "running": 0, "completed": 0, "failed": 0, "crashed": 0,
        "cancelled": 0, "deleted": 0,
    }  # fmt: skip
    nothing = sluice("backfill", "nightly", *RANGE, "--yes", "--json")
    assert (nothing.code, nothing.out) == (0, "null\n")
    assert "There is nothing to run." in nothing.err


def test_without_a_terminal_it_makes_nothing_unasked(sluice: Sluice, nightly: Path) -> None:
    answer = sluice("backfill", "nightly", *RANGE)
    assert (answer.code, answer.out) == (1, "")
    assert "nothing was made: there is no terminal to ask on; repeat with --yes" in answer.err.lower()
    assert backfill_ids() == []


def test_it_asks_and_no_means_no(
    sluice: Sluice, nightly: Path, terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sluice("backfill", "nightly", *RANGE).code == 0
    assert terminal == ["Make 10 runs?"]
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: False)
    refused = sluice("backfill", "nightly", "--range", "2026-01-01..2026-01-02")
    assert (refused.code, len(backfill_ids())) == (1, 1)


def test_skipped_slots_are_shown_with_their_reasons(sluice: Sluice, nightly: Path) -> None:
    sluice("backfill", "nightly", "--range", "2026-02-01..2026-02-03", "--zone", "UTC", "--yes")
    end_next(StateType.COMPLETED)
    end_next(StateType.FAILED)
    answer = sluice("backfill", "nightly", *RANGE, "--dry-run", "--max-runs", "6")
    assert "  run 6: 6 never ran" in answer.out
    assert "  skip 4: 2 ran already; 1 waits or runs now; 1 over --max-runs" in answer.out
    skipped = answer.out.partition("skip 4")[2].splitlines()[1:]
    assert [line.partition(":00 UTC  ")[2].rpartition(" ")[2] for line in skipped] == [
        "Completed", "Failed", "AwaitingConcurrencySlot", "--max-runs",
    ]  # fmt: skip
    assert "--reprocess failed runs those again that did not complete" in answer.err
    failed = sluice("backfill", "nightly", *RANGE, "--dry-run", "--reprocess", "failed")
    assert "run 8: 7 never ran; 1 runs again" in failed.out
    every = sluice("backfill", "nightly", *RANGE, "--dry-run", "--reprocess", "all")
    assert "run 9: 7 never ran; 2 runs again" in every.out


def test_a_plan_that_changed_is_shown_again_and_asked_again(
    sluice: Sluice, nightly: Path, terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LocalBackend.create_backfill

    def meddle(self: LocalBackend, request: Any, digest: str) -> Any:
        monkeypatch.setattr(LocalBackend, "create_backfill", real)
        part = self.plan_backfill(request.model_copy(update={"max_runs": 4}))
        real(self, part.request, part.digest)
        return real(self, request, digest)

    monkeypatch.setattr(LocalBackend, "create_backfill", meddle)
    answer = sluice("backfill", "nightly", *RANGE)
    assert answer.code == 0
    assert terminal == ["Make 10 runs?", "Make 6 runs?"]
    assert "Something changed meanwhile. This is the plan now:" in answer.err
    assert len(backfill_ids()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Say from when on: --from -7d"),
        (("--from", "soon"), "'soon' is not a time"),
        (("--from", "-1d", "--to", "-2d"), "The range ends (-2d) before it starts (-1d)"),
        (("--from", "-1d", "--zone", "Mars/Olympus"), "there is no such zone"),
        (("--from", "-1d", "--schedule", "noon"), "has no such schedule; it has: night, week"),
        (("--from", "-1d", "--max-active", "0"), "must be"),
        (("--from", "-1d", "--reprocess", "some"), "is not one of"),
        (("--from", "-1d", "--param", "rows"), "write it as key=value"),
    ],
)
def test_usage_is_2(sluice: Sluice, nightly: Path, arguments: tuple[str, ...], message: str) -> None:
    answer = sluice("backfill", "nightly", *arguments, "--yes")
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--slot-param", "dya"), "has no parameter 'dya' to receive the slot; it has rows, day"),
        (("--param", 'rows="x"'), "Error creating backfill: Validation failed for field 'rows'"),
        (("--from", "2000-01-01"), "give --range"),
    ],
)
def test_what_is_refused(sluice: Sluice, nightly: Path, arguments: tuple[str, ...], message: str) -> None:
    answer = sluice("backfill", "nightly", *RANGE, *arguments, "--dry-run")
    assert answer.code in (1, 2)
    assert message.lower() in answer.err.lower()


def test_the_setting_bounds_a_backfill(
    sluice: Sluice, nightly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_BACKFILL_MAX_RUNS", "4")
    answer = sluice("backfill", "nightly", *RANGE, "--yes")
    assert answer.code == 1
    assert "10 runs, and one backfill makes at most 4" in answer.err
    assert sluice("backfill", "nightly", *RANGE, "--yes", "--max-runs", "4").code == 0
    monkeypatch.setenv("SLUICE_BACKFILL_MAX_RUNS", "0")
    assert sluice("backfills").code == 2


# --- sluice backfills


def made(sluice: Sluice, *arguments: str) -> str:
    return sluice("backfill", "nightly", *RANGE, "--yes", *arguments).out.strip()


def test_an_empty_list_says_what_to_do(sluice: Sluice, nightly: Path) -> None:
    answer = sluice("backfills")
    assert (answer.code, answer.out) == (0, "")
    assert "No backfill. `sluice backfill NAME --from -7d --dry-run`" in answer.err
    assert sluice("backfills", "--json").out == "[]\n"


def test_the_list(sluice: Sluice, nightly: Path) -> None:
    key = made(sluice)
    end_next(StateType.COMPLETED)
    end_next(StateType.FAILED)
    title, line = sluice("backfills").out.splitlines()
    assert title.split() == ["STATE", "DEPLOYMENT", "DONE", "FAILED", "FROM", "TO", "MADE", "ID"]
    assert line.split()[:4] == ["Running", "sales/nightly", "2/10", "1"]
    assert line.endswith(key)
    (one,) = json.loads(sluice("backfills", "--json").out)
    assert (one["id"], one["progress"]["failed"]) == (key, 1)


def test_one_of_them_by_the_beginning_of_its_id(sluice: Sluice, nightly: Path) -> None:
    key = made(sluice, "--param", "rows=3", "--slot-param", "day", "--reprocess", "failed")
    answer = sluice("backfills", key[:13])
    for words in (
        f"Backfill    {key}",
        "State       Running",
        "Progress    0 of 10 runs over; 1 waiting, 9 queued",
        "Order       oldest first, at most 1 at once",
        "Reprocess   slots whose last run did not complete ran again",
        "Parameters  rows=3",
        "Slot in     day",
    ):
        assert words in answer.out
    assert json.loads(sluice("backfills", key, "--json").out)["id"] == key
    unknown = sluice("backfills", "ffffffff")
    assert unknown.code == 1
    assert "backfill's id begins with 'ffffffff'" in unknown.err
    sluice("backfill", "nightly", "--range", "2026-01-01", "--yes")
    assert "2 backfills have an id that begins with" in sluice("backfills", key[:4]).err


def test_pause_resume_cancel(sluice: Sluice, nightly: Path) -> None:
    key = made(sluice)
    assert (
        f"{key} of sales/nightly is Paused: 0 of 10 runs over; 10 queued"
        in sluice("backfills", key, "--pause").out
    )
    refused = sluice("backfills", key, "--pause")
    assert (refused.code, refused.out) == (1, "")
    assert "is PAUSED: there is nothing to pause" in refused.err
    assert json.loads(sluice("backfills", key, "--resume", "--json").out)["state"] == "RUNNING"
    assert "is Cancelled: 10 of 10 runs over: 10 cancelled" in sluice("backfills", key, "--cancel").out
    assert sluice("backfills", "--open", "--json").out == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "state"),
    [((), "RUNNING"), (("--leave-running",), "RUNNING"), (("--stop-running",), "CANCELLING")],
)
def test_cancel_and_what_runs(sluice: Sluice, nightly: Path, arguments: tuple[str, ...], state: str) -> None:
    key = made(sluice)
    end_next(StateType.RUNNING)
    answer = sluice("backfills", key, "--cancel", *arguments)
    assert "is Cancelling: 9 of 10 runs over: 9 cancelled; 1 running" in answer.out
    with opened_house() as house:
        types = {row[0] for row in house.store.database.execute_sql("SELECT state_type FROM flow_run")}
    assert types == {"CANCELLED", state}


def test_cancel_asks_about_what_runs(sluice: Sluice, nightly: Path, terminal: list[str]) -> None:
    key = made(sluice)
    end_next(StateType.RUNNING)
    sluice("backfills", key, "--cancel")
    assert terminal == ["1 run of it is running. Stop too?"]


def test_steering_needs_one_id_and_one_verb(sluice: Sluice, nightly: Path) -> None:
    key = made(sluice)
    assert sluice("backfills", "--pause").code == 2
    assert sluice("backfills", key, "--pause", "--cancel").code == 2


def test_read_only(sluice: Sluice, nightly: Path) -> None:
    key = made(sluice)
    assert sluice("backfill", "nightly", *RANGE, "--dry-run", "--read-only").code == 0
    assert sluice("backfills", key, "--read-only").code == 0
    refused = sluice("backfills", key, "--cancel", "--read-only")
    assert (refused.code, "read-only" in refused.err) == (1, True)


def test_relative_times_end_now(sluice: Sluice, nightly: Path) -> None:
    plan = json.loads(sluice("backfill", "nightly", "--from", "-3d", "--dry-run", "--json").out)
    end = datetime.fromisoformat(plan["request"]["range_end"])
    start = datetime.fromisoformat(plan["request"]["range_start"])
    assert end - start == timedelta(days=3)
    assert abs(datetime.now(UTC) - end) < timedelta(minutes=1)
