"""The commands on a database of their own: what they print, their JSON, their exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.houses import Sluice, opened_house, past_run

from sluice.cli import COMMANDS
from store import bulk
from store.schemas import DeploymentFlowRunCreate


def test_help_names_every_command(sluice: Sluice) -> None:
    answer = sluice("--help")
    assert answer.code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in answer.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_the_common_options(sluice: Sluice, name: str) -> None:
    answer = sluice(name, "--help")
    assert answer.code == 0
    assert "--db" in answer.out
    assert "--read-only" in answer.out


def test_version(sluice: Sluice) -> None:
    assert sluice("--version").out == "sluice 0.1.0\n"


def test_a_misspelt_command_gets_a_suggestion_and_2(sluice: Sluice) -> None:
    answer = sluice("inspcet", "x")
    assert answer.code == 2
    assert "inspect" in answer.err


def test_usage_errors_are_2(sluice: Sluice) -> None:
    assert sluice("inspect").code == 2
    assert sluice("ls", "--nonsense").code == 2
    assert sluice("ls", "--sort", "colour").code == 2


def test_a_wrong_value_is_refused_in_plain_words(sluice: Sluice) -> None:
    assert "'--sort': 'colour' is not one of 'name'" in sluice("ls", "--sort", "colour").err
    assert "'-n': it must be a whole number" in sluice("runs", "-n", "many").err
    assert "'-n': it must be greater than or equal to 1" in sluice("runs", "-n", "0").err


def test_a_misspelt_database_is_not_made(sluice: Sluice, tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such.db"
    for command in (["ls"], ["run", "x"], ["pause", "x"], ["ls", "--read-only"], ["export"]):
        answer = sluice(*command, "--db", str(missing))
        assert answer.code == 2
        assert f"no database {missing}; `sluice apply`" in answer.err
    assert not missing.parent.exists()


def test_run_refuses_a_parameter_that_the_flow_does_not_take(sluice: Sluice, filled: Path) -> None:
    answer = sluice("run", "hourly", "--param", "row=1")
    assert (answer.code, answer.out) == (1, "")
    assert "no parameter 'row' here; the flow takes rows, zip" in answer.err
    assert json.loads(sluice("runs", "--state", "scheduled", "--json").out) == []


def test_db_before_and_after(sluice: Sluice, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLUICE_DB")
    assert "sales/nightly" in sluice("--db", str(filled), "ls").out
    assert "sales/nightly" in sluice("ls", "--db", str(filled)).out
    assert "sales/nightly" in sluice("ls", f"--db={filled}", "--read-only").out


def test_ls_of_a_new_database_says_what_to_do(sluice: Sluice, database: Path) -> None:
    answer = sluice("ls")
    assert (answer.code, answer.out) == (0, "")
    for hint in (str(database), "sluice apply", "sluice import-crontab", "sluice demo"):
        assert hint in answer.err
    assert json.loads(sluice("ls", "--json").out) == []


def test_ls(sluice: Sluice, filled: Path) -> None:
    lines = sluice("ls").out.splitlines()
    assert [line.split()[0] for line in lines] == ["STATE", "·", "·", "‖"]
    assert "sales/nightly" in lines[2]
    assert "Europe/Paris" in lines[2]
    assert lines[3].split()[-2:] == ["paused", "stock-taking"]


def test_ls_filters_and_sorts(sluice: Sluice, filled: Path) -> None:
    rows = json.loads(sluice("ls", "nightly", "--descending", "--json").out)
    assert [row["full_name"] for row in rows] == ["stock/nightly", "sales/nightly"]
    assert "No deployment matches 'nothing like it'" in sluice("ls", "nothing", "like", "it").err


def test_ls_json_shape(sluice: Sluice, filled: Path) -> None:
    row = json.loads(sluice("ls", "etl", "--json").out)[0]
    assert set(row) == {
        *("id", "full_name", "flow_name", "name", "paused", "pause_reason", "pause_until", "schedule"),
        *("next_run", "last_run", "median_duration", "running", "late", "tags", "work_pool_name"),
        *("status", "error"),
    }
    assert (row["tags"], row["work_pool_name"], row["last_run"]) == (["etl"], "local", None)


def test_inspect(sluice: Sluice, filled: Path) -> None:
    text = sluice("inspect", "sales/nightly").out
    for part in ("Loads sales", "slug night", "CE", "echo hello", "local / default", "etl"):
        assert part in text


def test_inspect_json(sluice: Sluice, filled: Path) -> None:
    shape = json.loads(sluice("inspect", "sales/nightly", "--json").out)
    assert shape["full_name"] == "sales/nightly"
    schedule = shape["schedules"][0]
    assert schedule["schedule"]["cron"] == "0 2 * * *"
    assert len(schedule["next_times"]) == 5
    assert "words" in schedule


def test_unknown_names_are_refused_with_the_nearest(sluice: Sluice, filled: Path) -> None:
    for command in (["inspect"], ["run"], ["pause"], ["resume"], ["runs"], ["delete", "--yes"]):
        answer = sluice(*command, "sales/nigthly")
        assert answer.code == 1, command
        assert "sales/nightly" in answer.err
    assert sluice("logs", "nobody").code == 1
    assert sluice("cancel", "nobody").code == 1


def test_run_prints_the_id_and_says_that_nobody_works(sluice: Sluice, filled: Path) -> None:
    answer = sluice("run", "hourly", "--param", "zip=01234", "-p", "rows=7")
    assert answer.code == 0
    assert "nobody works on this database now" in answer.err
    with opened_house() as house:
        run = house.backend.find_flow_runs(answer.out.strip())[0]
    assert run.parameters == {"rows": 7, "zip": "01234"}
    assert run.full_deployment_name == "sales/hourly"


def test_run_json(sluice: Sluice, filled: Path) -> None:
    answer = sluice("run", "hourly", "--params", '{"rows": 1}', "--json")
    shape = json.loads(answer.out)
    assert (shape["full_name"], shape["state_type"]) == ("sales/hourly", "SCHEDULED")
    assert shape["parameters"] == {"rows": 1}


def test_run_refuses_parameters_that_do_not_fit(sluice: Sluice, filled: Path) -> None:
    answer = sluice("run", "hourly", "-p", "rows=many")
    assert answer.code == 1
    assert "field 'rows'" in answer.err
    assert "'many'" in answer.err
    assert sluice("run", "hourly", "-p", "rows").code == 2


def test_pause_and_resume(sluice: Sluice, filled: Path) -> None:
    answer = sluice("pause", "sales/nightly", "hourly", "--reason", "moving", "--until", "2h")
    assert answer.code == 0
    assert "Paused sales/nightly until" in answer.out
    with opened_house() as house:
        pause = house.backend.read_deployment_by_name("sales", "nightly").sluice.pause
    assert pause is not None
    assert pause.reason == "moving"
    assert pause.until is not None
    assert abs(pause.until - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)
    answer = sluice("resume", "sales/nightly", "hourly", "stock/nightly", "--json")
    assert json.loads(answer.out)["changed"] == 3
    assert "was not paused" in sluice("resume", "hourly").out


def test_pausing_again_says_what_is_in_force(sluice: Sluice, filled: Path) -> None:
    assert sluice("pause", "stock/nightly").out == "stock/nightly was paused already\n"
    sluice("pause", "hourly", "--until", "2h", "--reason", "moving")
    again = sluice("pause", "hourly").out
    assert again.startswith("sales/hourly was paused already, and still resumes by itself at ")
    assert "reason and time are now these" in sluice("pause", "hourly", "--reason", "for good").out
    with opened_house() as house:
        pause = house.backend.read_deployment_by_name("sales", "hourly").sluice.pause
    assert pause is not None
    assert (pause.reason, pause.until) == ("for good", None)


def test_pause_until_the_past_or_nonsense_is_refused(sluice: Sluice, filled: Path) -> None:
    assert "is over already" in sluice("pause", "hourly", "--until", "2001-01-01").err
    refused = sluice("pause", "hourly", "--until", "soon")
    assert (refused.code, refused.err.startswith("sluice: --until: 'soon' is not a time")) == (2, True)


def test_read_only_refuses_changes(sluice: Sluice, filled: Path) -> None:
    for command in (["run", "hourly"], ["pause", "hourly"], ["delete", "hourly", "--yes"], ["serve"]):
        answer = sluice("--read-only", *command)
        assert answer.code == 1, command
        assert "read-only" in answer.err
    assert sluice("ls", "--read-only").code == 0


def test_delete_asks_unless_told(sluice: Sluice, filled: Path) -> None:
    answer = sluice("delete", "hourly")
    assert answer.code == 1
    assert "Nothing was deleted" in answer.err
    assert json.loads(sluice("delete", "hourly", "--yes", "--json").out)["deleted"] == 1
    assert sluice("inspect", "hourly").code == 1


def test_runs_and_logs(sluice: Sluice, filled: Path) -> None:
    assert "No run yet" in sluice("runs").err
    assert "No run of sales/nightly yet" in sluice("runs", "sales/nightly").err
    now = datetime.now(UTC).replace(microsecond=0)
    with opened_house() as house:
        one = house.backend.read_deployment_by_name("sales", "hourly")
        made = house.backend.create_flow_run_from_deployment(one.id, DeploymentFlowRunCreate())
        waiting = made.flow_run
        bulk.insert_past_runs(house.store, [past_run(one.id, now - timedelta(hours=1))])
    assert "old-goat" in sluice("runs", "hourly").out
    assert waiting.name not in sluice("runs", "hourly").out
    assert waiting.name in sluice("runs", "--upcoming").out
    rows = json.loads(sluice("runs", "--state", "failed", "--json").out)
    assert [row["name"] for row in rows] == ["old-goat"]
    assert rows[0]["duration"] == 30.0
    assert "No run is in that state" in sluice("runs", "--state", "CRASHED").err

    text = [line.split(None, 4)[3:] for line in sluice("logs", "old-goat").out.splitlines()]
    assert text == [
        ["INFO", "one"],
        ["WARNING", "two"],
        ["ERROR", "three"],
    ]
    assert sluice("logs", "old-goat", "--tail", "1").out.endswith("three\n")
    assert len(sluice("logs", "old-goat", "--level", "warning").out.splitlines()) == 2
    lines = json.loads(sluice("logs", "old-goat", "--json").out)
    assert [line["level_name"] for line in lines] == ["INFO", "WARNING", "ERROR"]
    followed = sluice("logs", "old-goat", "-f", "--json")
    assert [json.loads(line)["message"] for line in followed.out.splitlines()] == ["one", "two", "three"]
    assert "has no log lines" in sluice("logs", waiting.name).err


def test_cancel_a_waiting_run(sluice: Sluice, filled: Path) -> None:
    key = sluice("run", "hourly").out.strip()
    assert "Cancelled" in sluice("cancel", key).out
    answer = sluice("cancel", key)
    assert answer.code == 1
    assert "nothing to cancel" in answer.err
