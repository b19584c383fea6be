"""What survives when the child, the runner or the whole supervisor is killed: real processes and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from support.waiting import wait_until
from support.working import Shop, open_shop, pid_in

from scheduler.orchestration import cancel, set_state
from scheduler.processes import identify, start_ticks
from scheduler.spool import RunFolder
from scheduler.worker import WORKER_PREFIX, Worker
from store import claims, deployments, states
from store.schemas import StateCreate, StateType

SUPERVISOR = """
import sys, threading
from pathlib import Path
from scheduler.worker import Worker
from store.database import Store
store = Store.open(sys.argv[1])
store.watch()
Worker(store, concurrency=4, state_dir=Path(sys.argv[2])).start()
print("up", flush=True)
threading.Event().wait()
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        yield opened


@pytest.fixture
def supervisor(shop: Shop) -> Iterator[subprocess.Popen[str]]:
    """Another process with a worker on the shop's database."""
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(shop.store.path), str(shop.state_dir)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def runner_pid(shop: Shop, run: UUID) -> int:
    """The process id of a run's runner."""
    started = wait_until(RunFolder(shop.state_dir, run).read_started)
    assert started.runner is not None
    return started.runner.pid


def test_a_killed_child_crashes_its_run(shop: Shop) -> None:
    shop.start_worker()
    run = shop.run_command("echo $$ > pid; exec sleep 300")
    pid = pid_in(shop.work / "pid")
    shop.wait_for(run, "Running")
    os.kill(pid, signal.SIGKILL)
    state = shop.wait_for_end(run)
    assert (state.type, state.message) == (StateType.CRASHED, "killed by SIGKILL")


def test_a_killed_runner_crashes_its_run_and_takes_the_child_along(shop: Shop) -> None:
    shop.start_worker()
    run = shop.run_command("echo $$ > pid; echo kept; sleep 300")
    pid = pid_in(shop.work / "pid")
    wait_until(lambda: shop.lines(run) == ["kept"])
    os.kill(runner_pid(shop, run), signal.SIGKILL)
    state = shop.wait_for_end(run)
    assert state.type is StateType.CRASHED
    assert state.message is not None
    assert state.message.startswith("Its runner was killed by SIGKILL")
    wait_until(lambda: start_ticks(pid) is None)
    assert shop.lines(run) == ["kept"]


def test_a_run_outlives_its_killed_supervisor_and_is_adopted(
    shop: Shop, supervisor: subprocess.Popen[str]
) -> None:
    gate = shop.work / "gate"
    os.mkfifo(gate)
    run = shop.run_command(f"seq 1 500; read x < {gate}; seq 501 1000; exit 5")
    wait_until(lambda: len(shop.lines(run)) == 500)
    supervisor.kill()
    supervisor.wait()
    shop.start_worker()
    gate.write_text("go\n")
    state = shop.wait_for_end(run)
    assert (state.name, state.message) == ("Failed", "exit code 5")
    assert shop.lines(run) == [str(n) for n in range(1, 1001)]
    assert shop.names(run) == ["Scheduled", "Pending", "Running", "Failed"]


def test_a_run_that_ended_while_nobody_worked_is_settled(
    shop: Shop, supervisor: subprocess.Popen[str]
) -> None:
    gate = shop.work / "gate"
    os.mkfifo(gate)
    run = shop.run_command(f"echo one; read x < {gate}; echo two; exit 6")
    wait_until(lambda: shop.lines(run) == ["one"])
    supervisor.kill()
    supervisor.wait()
    gate.write_text("go\n")
    exit_file = shop.folder(run) / "exit.json"
    wait_until(exit_file.exists)
    ended = RunFolder(shop.state_dir, run).read_exit()
    assert ended is not None
    shop.start_worker()
    state = shop.wait_for_end(run, timeout=5)
    assert (state.name, state.message, state.timestamp) == ("Failed", "exit code 6", ended.ended)
    assert shop.lines(run) == ["one", "two"]
    assert shop.run(run).sluice.exit_code == 6


def test_a_run_that_ended_long_ago_while_nobody_worked_is_settled(
    shop: Shop, supervisor: subprocess.Popen[str]
) -> None:
    gate = shop.work / "gate"
    os.mkfifo(gate)
    run = shop.run_command(f"echo one; read x < {gate}; echo two; exit 6")
    wait_until(lambda: shop.lines(run) == ["one"])
    supervisor.kill()
    supervisor.wait()
    runner = runner_pid(shop, run)
    gate.write_text("go\n")
    wait_until(lambda: start_ticks(runner) is None)
    os.utime(shop.folder(run), (0, 0))
    shop.start_worker()
    assert shop.wait_for_end(run, timeout=5).message == "exit code 6"
    assert shop.lines(run) == ["one", "two"]


def test_supervisor_and_runner_killed_together(shop: Shop, supervisor: subprocess.Popen[str]) -> None:
    run = shop.run_command("echo $$ > pid; exec sleep 300")
    pid = pid_in(shop.work / "pid")
    shop.wait_for(run, "Running")
    runner = runner_pid(shop, run)
    supervisor.kill()
    os.kill(runner, signal.SIGKILL)
    supervisor.wait()
    shop.start_worker()
    state = shop.wait_for_end(run, timeout=5)
    assert state.type is StateType.CRASHED
    assert state.message == "Its process is gone and left no exit code."
    assert start_ticks(pid) is None


def test_a_cancel_while_nobody_works_is_carried_out_by_the_next_worker(
    shop: Shop, supervisor: subprocess.Popen[str]
) -> None:
    run = shop.run_command("echo $$ > pid; sleep 300")
    pid = pid_in(shop.work / "pid")
    shop.wait_for(run, "Running")
    supervisor.kill()
    supervisor.wait()
    cancel(shop.store, [run])
    shop.start_worker()
    assert (shop.wait_for_end(run, timeout=5).message or "").startswith("Cancelled: ended ")
    assert start_ticks(pid) is None


def test_leaving_lets_runs_go_on_and_the_next_worker_adopts_them(shop: Shop) -> None:
    first = shop.start_worker()
    gate = shop.work / "gate"
    os.mkfifo(gate)
    run = shop.run_command(f"echo one; read x < {gate}; echo two", {"timeout_seconds": 60})
    wait_until(lambda: shop.lines(run) == ["one"])
    assert first.stop() is True
    assert shop.state(run).name == "Running"
    shop.start_worker()
    gate.write_text("go\n")
    assert shop.wait_for_end(run).name == "Completed"
    assert shop.lines(run) == ["one", "two"]


def test_a_claimed_run_whose_runner_never_took_it_is_scheduled_again(shop: Shop) -> None:
    run, asked, lost = (shop.run_command("true") for _ in range(3))
    for key in (run, asked, lost):
        assert claims.claim(shop.store, key, f"{WORKER_PREFIX}1@gone", shop.store.clock.now()) == 1
    RunFolder(shop.state_dir, run).create({"argv": ["/bin/false"]}, {})
    states.write(shop.store, asked, StateCreate(type=StateType.CANCELLING))
    states.write(shop.store, lost, StateCreate(type=StateType.RUNNING))
    shop.start_worker()
    assert shop.wait_for_end(run).name == "Completed"
    assert shop.names(run) == ["Scheduled", "Pending", "Scheduled", "Pending", "Running", "Completed"]
    assert shop.wait_for_end(asked).message == "Cancelled: it had not started."
    assert shop.wait_for_end(lost).message == "The folder of the run is gone, and with it its exit code."


def test_a_reused_process_number_is_not_alive_and_not_harmed(shop: Shop) -> None:
    run = shop.run_command("true")
    token = claims.claim(shop.store, run, f"{WORKER_PREFIX}1@gone", shop.store.clock.now())
    assert token is not None
    bystander = subprocess.Popen(["sleep", "300"], start_new_session=True)
    identity = identify(bystander.pid)
    assert identity is not None
    folder = RunFolder(shop.state_dir, run)
    folder.create({}, {})
    (folder.path / "spec").rename(folder.path / "taken")
    old = identity._replace(start_ticks=identity.start_ticks - 1)._asdict()
    process = {**old, "pgid": bystander.pid}
    claims.record_start(shop.store, run, token, process, datetime.now(UTC))
    (folder.path / "started.json").write_text(json.dumps({"runner": old, "child": old, "started": 0}))
    shop.start_worker()
    assert shop.wait_for_end(run, timeout=5).type is StateType.CRASHED
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_restart_of_the_machine_is_told(shop: Shop) -> None:
    run = shop.run_command("true")
    token = claims.claim(shop.store, run, f"{WORKER_PREFIX}1@gone", shop.store.clock.now())
    assert token is not None
    folder = RunFolder(shop.state_dir, run)
    folder.create({}, {})
    (folder.path / "spec").rename(folder.path / "taken")
    process = {"boot_id": "another", "pid": os.getpid(), "start_ticks": 1, "pgid": os.getpid()}
    claims.record_start(shop.store, run, token, process, datetime.now(UTC))
    shop.start_worker()
    state = shop.wait_for_end(run, timeout=5)
    assert (state.name, state.message) == ("Crashed", "The machine was restarted while the run was active.")


def test_runs_of_external_workers_are_left_alone(shop: Shop) -> None:
    run = shop.run_command("true")
    claims.claim(shop.store, run, "ProcessWorker abc", shop.store.clock.now())
    shop.start_worker()
    assert shop.wait_for_end(shop.run_command("true")).name == "Completed"
    assert shop.state(run).name == "Pending"


def test_a_worker_with_another_home_adopts_too(shop: Shop) -> None:
    first = shop.start_worker()
    gate = shop.work / "gate"
    os.mkfifo(gate)
    run = shop.run_command(f"echo one; read x < {gate}; echo two")
    wait_until(lambda: shop.lines(run) == ["one"])
    assert first.stop()
    shop.start_worker(state_dir=shop.state_dir.parent / "another home")
    gate.write_text("go\n")
    assert shop.wait_for_end(run).name == "Completed"
    assert shop.lines(run) == ["one", "two"]
    wait_until(lambda: not shop.folder(run).exists())


def test_a_worker_that_cannot_work_leaves_it_to_another(shop: Shop) -> None:
    no_folder = shop.write_file("no folder", "")
    worker = Worker(shop.store, concurrency=1, state_dir=no_folder)
    worker.start()
    try:
        wait_until(lambda: worker.error)
        shop.start_worker()
        assert shop.wait_for_end(shop.run_command("true")).name == "Completed"
        wait_until(lambda: worker.error is None, message="the other one's work is no error")
    finally:
        worker.stop()


def test_a_database_that_a_newer_sluice_upgraded_is_left_alone(shop: Shop) -> None:
    shop.store.database.execute_sql("PRAGMA user_version = 99")
    run = shop.run_command("true")
    worker = Worker(shop.store, concurrency=1, state_dir=shop.state_dir)
    worker.start()
    try:
        wait_until(lambda: worker.error)
    finally:
        worker.stop()
    assert "was written by a newer Sluice" in str(worker.error)
    assert shop.state(run).name == "Scheduled"


def test_a_runner_that_was_cleaned_away_is_compiled_again(shop: Shop) -> None:
    shop.start_worker()
    for file in shop.state_dir.glob("runner-*.pyc"):
        file.unlink()
    assert shop.wait_for_end(shop.run_command("true")).name == "Completed"


def test_a_run_whose_deployment_went_is_not_tried_again(shop: Shop) -> None:
    shop.start_worker()
    gate = shop.work / "gate"
    os.mkfifo(gate)
    run = shop.run_command(f"read x < {gate}; exit 3", {"retries": 2})
    shop.wait_for(run, "Running")
    deployment = shop.run(run).deployment_id
    assert deployment is not None
    deployments.delete(shop.store, [deployment], "ann@desk")
    gate.write_text("go\n")
    assert shop.wait_for_end(run).message == "exit code 3"
    assert shop.names(run) == ["Scheduled", "Pending", "Running", "Failed"]


def test_a_run_that_is_scheduled_anew_while_it_runs_never_runs_twice_at_once(shop: Shop) -> None:
    shop.start_worker()
    run = shop.run_command("echo $$ >> pids; exec sleep 300")
    first = pid_in(shop.work / "pids")
    shop.wait_for(run, "Running")
    set_state(shop.store, run, StateCreate(type=StateType.SCHEDULED))
    wait_until(lambda: len((shop.work / "pids").read_text().split()) == 2)
    assert start_ticks(first) is None
    cancel(shop.store, [run])
    assert shop.wait_for_end(run).type is StateType.CANCELLED
    assert start_ticks(int((shop.work / "pids").read_text().split()[1])) is None


def test_what_is_stored_of_a_log_is_still_known_when_the_start_is_recorded_later(shop: Shop) -> None:
    run = shop.run_command("true")
    token = claims.claim(shop.store, run, f"{WORKER_PREFIX}1@gone", shop.store.clock.now())
    assert token is not None
    assert claims.record_logs(shop.store, run, token, [], 50)
    process = {"boot_id": "b", "pid": 1, "start_ticks": 1, "pgid": 1}
    claims.record_start(shop.store, run, token, process, shop.store.clock.now())
    assert claims.claimed_runs(shop.store, WORKER_PREFIX)[0].process == {**process, "log_offset": 50}
