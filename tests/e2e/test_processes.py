"""The installed command without a screen: serving, waiting, following, pipes and bad databases."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.houses import deployment, opened_house
from support.terminal import COMMAND
from support.waiting import wait_until

from store.database import Store

Sluice = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[..., "subprocess.Popen[str]"]


def add(name: str, command: str) -> None:
    """One more deployment: greetings/NAME."""
    with opened_house() as house:
        house.backend.apply_deployments([("greetings", deployment(name, job_variables={"command": command}))])


def line_of(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    return server.stdout.readline()


def test_serve_works_and_stops_at_sigterm(serve: Serve, sluice: Sluice, home: Path) -> None:
    server = serve()
    assert line_of(server) == (
        f"sluice serve: scheduling and working on {home / 'sluice.db'} (process {server.pid})\n"
    )
    done = sluice("run", "hello", "--wait")
    assert done.returncode == 0, done.stderr
    key, *lines = done.stdout.splitlines()
    assert [line.split(None, 4)[4] for line in lines] == ["hello from the run", "and goodbye"]
    assert f"goes to the worker in process {server.pid}" in done.stderr
    assert "Completed after" in done.stderr
    assert sluice("logs", key).stdout.count("\n") == 2

    server.send_signal(signal.SIGTERM)
    rest, _ = server.communicate(timeout=20)
    assert (server.returncode, rest) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_serve_stops_at_other_signals(serve: Serve, number: signal.Signals) -> None:
    server = serve()
    line_of(server)
    server.send_signal(number)
    server.communicate(timeout=20)
    assert server.returncode == 0


def test_a_second_server_waits_and_takes_over(serve: Serve, sluice: Sluice) -> None:
    first = serve()
    line_of(first)
    wait_until(lambda: "goes to the worker" in sluice("run", "hello").stderr, message="a worker")
    second = serve()
    said = line_of(second)
    assert f"ready to schedule when process {first.pid} ends" in said
    assert f"ready to work when process {first.pid} ends" in said
    first.send_signal(signal.SIGKILL)
    first.communicate()
    done = sluice("run", "hello", "--wait")
    assert done.returncode == 0


def test_serve_can_do_one_of_both(serve: Serve, sluice: Sluice) -> None:
    assert "sluice serve: scheduling on" in line_of(serve("--no-worker"))
    assert "sluice serve: working on" in line_of(serve("--no-scheduler"))
    assert sluice("run", "hello", "--wait").returncode == 0
    assert sluice("serve", "--no-worker", "--no-scheduler").returncode == 1


def test_a_failed_run_is_exit_code_1(serve: Serve, sluice: Sluice) -> None:
    add("broken", "echo about to fail; exit 3")
    line_of(serve())
    done = sluice("run", "broken", "--wait", "--json")
    shape = json.loads(done.stdout)
    assert (done.returncode, shape["state_name"], shape["sluice"]["exit_code"]) == (1, "Failed", 3)
    assert "Failed after" in done.stderr


def test_ctrl_c_leaves_the_run_that_it_waited_for(serve: Serve, sluice: Sluice, home: Path) -> None:
    add("slow", f"while [ ! -e '{home / 'stop'}' ]; do sleep 0.05; done")
    line_of(serve())
    waiting = subprocess.Popen(
        [COMMAND, "run", "slow", "--wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    key = line_of(waiting).strip()
    wait_until(lambda: "Running" in sluice("runs", "slow").stdout, message="the run to start")
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=20)
    assert waiting.returncode == 130
    assert f"sluice logs {key} -f" in said
    assert "Traceback" not in said
    (home / "stop").touch()
    followed = sluice("logs", key, "-f")
    assert "Completed" in followed.stderr


def test_cancel_a_live_run(serve: Serve, sluice: Sluice) -> None:
    add("endless", "sleep 600")
    line_of(serve())
    key = sluice("run", "endless").stdout.strip()
    wait_until(lambda: "Running" in sluice("runs", "endless").stdout, message="the run to start")
    assert sluice("cancel", key).returncode == 0
    wait_until(lambda: "Cancelled" in sluice("runs", "endless").stdout, message="the run to end")


def test_a_broken_pipe_is_quiet(home: Path) -> None:
    for n in range(30):
        add(f"number-{n}", "true")
    for arguments in ("ls", "ls --json", "--help"):
        ended = subprocess.run(
            f"'{COMMAND}' {arguments} | head -n 1",
            shell=True,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.stdout.count("\n"), ended.stderr) == (1, "")


@pytest.mark.parametrize("arguments", [["ls"], ["serve"], ["run", "x"], ["ls", "--read-only"]])
def test_an_unusable_database_is_2(tmp_path: Path, sluice: Sluice, arguments: list[str]) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_text("this is a shopping list, not a database\n" * 100)
    newer = tmp_path / "newer.db"
    Store.open(newer).close()
    with closing(sqlite3.connect(newer)) as database:
        database.execute("PRAGMA user_version = 9999")
    folder = tmp_path / "folder.db"
    folder.mkdir()
    for file in (garbage, newer, folder):
        before = file.read_bytes() if file.is_file() else None
        ended = sluice(*arguments, "--db", str(file))
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1, ended.stderr
        assert str(file) in ended.stderr
        assert "Traceback" not in ended.stderr
        assert (file.read_bytes() if file.is_file() else None) == before
    assert "newer Sluice" in sluice("ls", "--db", str(newer)).stderr


def test_opening_the_screen_imports_nothing_slow() -> None:
    slow = "typer ruamel jsonschema cron_descriptor croniter fastapi uvicorn httpx pydantic_settings psutil"
    code = (
        "import sys; import sluice.__main__, sluice.screen, sluice.house, sluice.live_app\n"
        "import tui.screens.deployments\n"
        f"found = [name for name in {slow.split()!r} if name in sys.modules]\n"
        "sys.exit(', '.join(found) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_debugging_shows_the_traceback(tmp_path: Path) -> None:
    code = (
        "import sys; from sluice import __main__, cli\n"
        "def broken(argv): return 1 // 0\n"
        "cli.run_command_line = broken; sys.argv = ['sluice', 'ls']; __main__.main()"
    )
    for debug, shown in (("", False), ("1", True)):
        ended = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"SLUICE_DEBUG": debug},
        )
        assert ended.returncode == 1
        assert ("Traceback" in ended.stderr) is shown
