"""Identity of processes, and which belong to a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.waiting import wait_until
from support.working import pid_in

from scheduler import processes
from scheduler.processes import Identity, family, find_by_argument, identify, is_alive, send, signal_name


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "300"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_identity_survives_json_and_tells_the_living(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identify(sleeper.pid)
    assert identity is not None
    assert Identity.from_json({**identity._asdict(), "pgid": 3}) == identity
    assert is_alive(identity)
    assert not is_alive(identity._replace(start_ticks=identity.start_ticks - 1))
    assert not is_alive(identity._replace(boot_id="another"))


@pytest.mark.parametrize("value", [None, {}, {"pid": 1}, {"boot_id": "b", "pid": "1", "start_ticks": 2}])
def test_what_is_no_identity(value: dict[str, object] | None) -> None:
    assert Identity.from_json(value) is None


def test_a_zombie_is_not_alive() -> None:
    process = subprocess.Popen(["sleep", "300"])
    identity = identify(process.pid)
    assert identity is not None
    process.kill()
    wait_until(lambda: not is_alive(identity))
    assert identify(process.pid) is None
    process.wait()
    assert not is_alive(identity)
    assert send([process.pid], signal.SIGKILL) == 0


def test_without_proc_psutil_tells_the_same(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "HAS_PROC", False)
    identity = identify(sleeper.pid)
    assert identity is not None
    assert is_alive(identity)
    assert family(identity, "NOTHING", "x") == {sleeper.pid}
    sleeper.kill()
    wait_until(lambda: not is_alive(identity))


def test_family_has_group_descendants_and_those_that_left(tmp_path: Path) -> None:
    script = (
        "sleep 300 & echo $! > group; setsid sh -c 'echo $$ > left; exec sleep 300' &"
        " env -u MARK setsid sh -c 'sleep 300 & echo $! > deep; wait' & wait"
    )
    leader = subprocess.Popen(
        ["sh", "-c", script], cwd=tmp_path, start_new_session=True, env={**os.environ, "MARK": "run 7"}
    )
    pids = {pid_in(tmp_path / name) for name in ("group", "left", "deep")}
    found = family(identify(leader.pid), "MARK", "run 7")
    assert pids | {leader.pid} <= found
    assert os.getpid() not in found
    assert family(None, "MARK", "run 8") == set()
    leader.kill()
    leader.wait()
    assert pids & family(None, "MARK", "run 7") == pids - {pid_in(tmp_path / "deep")}
    assert send(pids, signal.SIGKILL) == 3
    wait_until(lambda: not family(None, "MARK", "run 7"))


def test_a_group_of_a_reused_number_is_not_touched(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identify(sleeper.pid)
    assert identity is not None
    assert family(identity, "NOTHING", "x") == {sleeper.pid}
    assert family(identity._replace(start_ticks=identity.start_ticks - 1), "NOTHING", "x") == set()
    assert family(identity._replace(boot_id="another"), "NOTHING", "x") == set()


def test_find_by_argument(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()", str(tmp_path)], stdin=subprocess.PIPE)
    found = wait_until(lambda: find_by_argument(str(tmp_path)))
    assert found.pid == process.pid
    process.communicate(b"\n")
    assert find_by_argument(str(tmp_path)) is None


def test_names_of_signals() -> None:
    assert (signal_name(9), signal_name(99)) == ("SIGKILL", "signal 99")
