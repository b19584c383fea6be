"""Job variables, what a run is given, its folder, and the state that follows from its end."""

from __future__ import annotations

import json
import marshal
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.full_disk import full_disk
from support.ordinary_user import ordinary_user

from scheduler.environment import LogLimit, interpreter, spec_of
from scheduler.job_variables import JobVariables, parse
from scheduler.outcomes import Ending, exit_code, final_state
from scheduler.spool import READ_SIZE, Bell, Exit, RunFolder, Tail, prune
from store.claims import Launch
from store.errors import Invalid
from store.ids import new_id
from store.schemas import StateType

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


# --- Job variables


def test_defaults_and_unknown_keys() -> None:
    variables = parse({"image": "x", "command": None, "timeout_seconds": None})
    assert variables == JobVariables()
    assert (variables.grace_seconds, variables.stream_output, variables.retries) == (10, True, 0)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"timeout_seconds": "soon"},
            "job_variables.timeout_seconds is 'soon': input should be a valid number",
        ),
        ({"timeout_seconds": 0}, "job_variables.timeout_seconds is 0: input should be greater than 0."),
        ({"env": {"PASSWORD": ["secret"]}}, "job_variables.env.PASSWORD is of type list: input"),
        ({"env": "A=1"}, "job_variables.env is of type str: input should be a valid dictionary."),
        ({"command": ["ls"]}, "job_variables.command is ['ls']: input should be a valid string."),
        ({"nice": 20}, "job_variables.nice is 20: input should be less than or equal to 19."),
        ({"retries": -1}, "job_variables.retries is -1: input should be greater than or equal to 0."),
    ],
)
def test_wrong_values_are_named(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(values)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        (5, [5, 5, 5]),
        ([1, 2], [1, 2, 2]),
        ([], [0, 0, 0]),
        ({"exponential_backoff": 3}, [3, 6, 12]),
    ],
)
def test_retry_delays(delay: Any, seconds: list[float]) -> None:
    variables = parse({"retry_delay_seconds": delay})
    assert [variables.retry_delay(n).total_seconds() for n in (1, 2, 3)] == seconds
    assert variables.retry_delay(10_000) <= timedelta(days=366)


# --- What a run is given


def launch(**fields: Any) -> Launch:
    values = {"name": "calm-otter", "token": 1, "slot": None, "parameters": {}, "job_variables": {}}
    return Launch(id=new_id(), **{**values, "path": None, "entrypoint": "f.py:main", **fields})


def spec(started: Launch, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    return spec_of(started, parse(variables or {}), Path("/runs/x"), LogLimit(5, 6))


def test_working_directory_and_entrypoint_file(tmp_path: Path) -> None:
    home = str(Path.home())
    assert spec(launch())["cwd"] == home
    given = spec(launch(path=str(tmp_path), entrypoint="./a/../f.py:Flows.main"), {"working_dir": "w"})
    assert given["cwd"] == str(tmp_path / "w")
    assert given["entry"]["file"] == str(tmp_path / "f.py")
    assert given["entry"]["function"] == "Flows.main"
    assert spec(launch(), {"working_dir": "/w"})["entry"]["file"] == "/w/f.py"
    assert (given["max_lines"], given["max_bytes"], given["run_dir"]) == (5, 6, "/runs/x")


def test_a_command_wins_over_an_entrypoint() -> None:
    given = spec(launch(), {"command": "echo {p}"})
    assert (given["argv"], given["entry"]) == (["/bin/sh", "-c", "echo {p}"], None)


@pytest.mark.parametrize("entrypoint", ["f.py", ":main", "f.py:", "package.module"])
def test_an_entrypoint_of_another_form_is_refused(entrypoint: str) -> None:
    with pytest.raises(Invalid, match="is not of the form"):
        spec(launch(entrypoint=entrypoint))


def test_nothing_to_run_is_refused() -> None:
    with pytest.raises(Invalid, match="there is nothing to run"):
        spec(launch(entrypoint=None))


def test_slot_and_inherited_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/no/such/venv")
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.delenv("PATH")
    env = spec(launch(slot=NOON))["env"]
    assert env["SLUICE_SLOT"] == "2026-03-02T12:00:00+00:00"
    assert (env["KEPT"], env["PATH"]) == ("1", "/usr/local/bin:/usr/bin:/bin")
    assert "VIRTUAL_ENV" not in env
    assert "SLUICE_SLOT" not in spec(launch())["env"]


def make_venv(folder: Path) -> Path:
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    return python


def test_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    path = str(tmp_path)
    assert interpreter(path, JobVariables()) == Path(sys.executable)
    outer = make_venv(tmp_path / "outer")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "outer"))
    assert interpreter(path, JobVariables()) == outer
    own = make_venv(tmp_path / ".venv")
    assert interpreter(path, JobVariables()) == own
    named = make_venv(tmp_path / "named")
    assert interpreter(path, parse({"env": {"VIRTUAL_ENV": "named"}})) == named
    given = spec(launch(path=path))
    assert given["argv"][0] == str(own)
    assert given["env"]["VIRTUAL_ENV"] == str(tmp_path / ".venv")
    assert given["env"]["PATH"].startswith(f"{tmp_path / '.venv' / 'bin'}:")


# --- The run's folder


def test_the_folder_is_the_owners_alone_and_made_anew(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.create({"a": 1}, {"p": "é"})
    (folder.path / "exit.json").write_text("{}")
    folder.create({"a": 2}, {"p": "é"})
    assert not (folder.path / "exit.json").exists()
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert marshal.loads((folder.path / "spec").read_bytes()) == {"a": 2}
    assert json.loads((folder.path / "parameters.json").read_text()) == {"p": "é"}
    assert folder.read_started() is None
    assert folder.read_exit() is None
    folder.remove()
    folder.remove()
    assert not folder.path.exists()


def test_giving_up_and_taking_exclude_each_other(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    assert folder.give_up() is True
    folder.create({}, {})
    assert folder.give_up() is True
    assert not (folder.path / "spec").exists()
    folder.create({}, {})
    (folder.path / "spec").rename(folder.path / "taken")
    assert folder.give_up() is False


def test_a_folder_that_cannot_be_filled_is_not_left_behind(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    with full_disk(), pytest.raises(OSError, match="File too large"):
        folder.create({}, {})
    assert not folder.path.exists()


def test_a_bell_that_is_closed_twice_closes_nobody_elses_file(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.create({}, {})
    bell = Bell(folder)
    bell.close()
    with (tmp_path / "other").open("w") as other:
        assert other.fileno() == bell.fileno()
        bell.close()
        other.write("still open")


def test_an_old_folder_that_cannot_be_removed_stays_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with tempfile.TemporaryDirectory() as name:  # not below tmp_path, which others may not enter
        os.chmod(name, 0o755)
        folder = RunFolder(Path(name), new_id())
        folder.create({}, {})
        os.utime(folder.path, (0, 0))
        folder.path.chmod(0o500)
        with ordinary_user():
            assert prune(Path(name), datetime.now(UTC)) == 0
        folder.path.chmod(0o700)
    assert "cannot be removed" in caplog.text


def test_folders_that_nobody_needs_are_pruned_after_a_week(tmp_path: Path) -> None:
    old, young = RunFolder(tmp_path, new_id()), RunFolder(tmp_path, new_id())
    for folder in (old, young):
        folder.create({}, {})
    os.utime(old.path, (0, 0))
    assert prune(tmp_path, datetime.now(UTC)) == 1
    assert (old.path.exists(), young.path.exists()) == (False, True)
    assert prune(tmp_path / "none", datetime.now(UTC)) == 0


def test_the_tail_reads_whole_lines_in_batches(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.create({}, {})
    tail = Tail(folder)
    assert tail.read() == ([], 0, False)
    file = folder.path / "log.jsonl"
    line = json.dumps({"t": 1_000_000, "level": 20, "name": "stdout", "msg": "x" * 100}) + "\n"
    file.write_text(line * 3000 + '{"t": 1, "lev')
    total = 0
    more = True
    while more:
        lines, tail.offset, more = tail.read()
        total += len(lines)
    assert total == 3000
    assert tail.offset == len(line) * 3000
    assert (lines[0].flow_run_id, lines[0].timestamp) == (
        folder.run_id,
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
    )


def test_the_tail_survives_damage_and_lines_longer_than_a_batch(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.create({}, {})
    long = json.dumps({"t": 1, "level": 20, "name": "n", "msg": "é" * READ_SIZE})
    (folder.path / "log.jsonl").write_text(f'{{"t": 1, "lev\n{long}\n')
    tail = Tail(folder)
    lines, tail.offset, _ = tail.read()
    assert [line.message for line in lines] == ["A log line was damaged here."]
    lines, tail.offset, _ = tail.read()
    assert [len(line.message) for line in lines] == [READ_SIZE]


def test_the_bell(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.create({}, {})
    bell = Bell(folder)
    bell.silence()
    with (folder.path / "bell").open("wb", buffering=0) as ringer:
        ringer.write(b"\0" * 5000)
        bell.silence()
        with pytest.raises(BlockingIOError):
            os.read(bell.fileno(), 1)
    bell.silence()
    bell.close()


# --- How it ends


def ended(code: int | None = None, signal: int | None = None, failure: str | None = None) -> Exit:
    return Exit(code, signal, failure, NOON, NOON, 0, False)


@pytest.mark.parametrize(
    ("ending", "kind", "name", "message"),
    [
        (Ending(ended(0)), "COMPLETED", None, None),
        (Ending(ended(3)), "FAILED", None, "exit code 3"),
        (Ending(ended(143)), "FAILED", None, "exit code 143 (SIGTERM)"),
        (Ending(ended(255)), "FAILED", None, "exit code 255"),
        (Ending(ended(1, failure="ValueError: bad")), "FAILED", None, "ValueError: bad"),
        (Ending(ended(signal=11)), "CRASHED", None, "killed by SIGSEGV"),
        (Ending(None), "CRASHED", None, "Its process is gone and left no exit code."),
        (Ending(ended(0), cancelled=True), "CANCELLED", None, "Cancelled: ended with exit code 0."),
        (Ending(None, cancelled=True), "CANCELLED", None, "Cancelled: its process left no exit code."),
        (
            Ending(ended(signal=9), cancelled=True, killed_after=10.0),
            "CANCELLED",
            None,
            "Cancelled: killed by SIGKILL after 10 s of grace.",
        ),
        (
            Ending(ended(0), timeout=1.5),
            "FAILED",
            "TimedOut",
            "Timed out after 1.5 s: ended with exit code 0.",
        ),
    ],
)
def test_the_state_that_follows(ending: Ending, kind: str, name: str | None, message: str | None) -> None:
    state = final_state(ending)
    assert (state.type, state.name, state.message) == (StateType(kind), name, message)


def test_exit_codes() -> None:
    assert [exit_code(record) for record in (None, ended(3), ended(signal=9))] == [None, 3, -9]
