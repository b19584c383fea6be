"""The worker with real processes: states, logs, times, environment, cancelling."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.making import WHO, scheduled
from support.waiting import wait_until
from support.working import Shop, open_shop, pid_in

from scheduler.environment import LogLimit
from scheduler.execution import Execution
from scheduler.orchestration import cancel
from scheduler.processes import start_ticks
from store import claims, deployments, flow_runs, logs, states
from store.errors import DatabaseProblem
from store.schemas import DeploymentUpdate, StateType


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        yield opened


def test_a_command_runs_from_scheduled_to_completed(shop: Shop) -> None:
    shop.start_worker()
    run = shop.run_command("echo hello; echo oops >&2")
    assert shop.wait_for_end(run).name == "Completed"
    assert shop.names(run) == ["Scheduled", "Pending", "Running", "Completed"]
    found = shop.run(run)
    assert found.run_count == 1
    assert found.sluice.exit_code == 0
    assert found.infrastructure_pid is not None
    assert found.start_time is not None
    assert found.end_time is not None
    assert found.expected_start_time is not None
    assert found.expected_start_time <= found.start_time <= found.end_time
    assert sorted((line.level, line.name, line.message) for line in shop.log(run)) == [
        (20, "stdout", "hello"),
        (30, "stderr", "oops"),
    ]
    wait_until(lambda: not shop.folder(run).exists())


def test_an_entrypoint_with_parameters(shop: Shop) -> None:
    shop.write_file("flows/etl.py", "async def load(n, who='x'):\n    print(n * 2, who)\n")
    shop.start_worker()
    run = shop.run_entrypoint("flows/etl.py:load", parameters={"n": 21})
    assert shop.wait_for_end(run).name == "Completed"
    assert shop.lines(run) == ["42 x"]


def test_failures_say_why(shop: Shop) -> None:
    shop.write_file("flows.py", "def bad(): raise ValueError('bad')\ndef needs(n): pass\n")
    shop.start_worker()
    cases: list[tuple[Any, str, str, str]] = [
        (shop.run_command("exit 3"), "Failed", "exit code 3", ""),
        (shop.run_command("sh -c 'kill -9 $$'; exit $?"), "Failed", "exit code 137 (SIGKILL)", ""),
        (shop.run_command("kill -9 $$"), "Crashed", "killed by SIGKILL", ""),
        (shop.run_entrypoint("flows.py:bad"), "Failed", "ValueError: bad", "ValueError: bad"),
        (
            shop.run_entrypoint("flows.py:needs"),
            "Failed",
            "missing a required argument: 'n'",
            "flows.py:needs",
        ),
        (shop.run_entrypoint("gone.py:x"), "Failed", "there is no file", "gone.py"),
        (shop.run_entrypoint("no function"), "Failed", "path/to/file.py:function", "no function"),
        (shop.run_command(""), "Failed", "nothing to run", "nothing to run"),
        (shop.run_command("true", {"nice": "x"}), "Failed", "job_variables.nice is 'x'", "nice"),
        (shop.run_command("true", {"working_dir": "gone"}), "Failed", "No such file or directory", "gone"),
    ]
    for run, name, message, logged in cases:
        state = shop.wait_for_end(run)
        assert state.name == name
        assert message in (state.message or "")
        assert logged in "\n".join(shop.lines(run))
    assert shop.run(cases[0][0]).sluice.exit_code == 3
    assert shop.run(cases[2][0]).sluice.exit_code == -9


def test_a_run_is_not_started_before_it_is_due_and_at_once_when_it_is(shop: Shop) -> None:
    shop.start_worker()
    run = shop.run_command("true")
    shop.wait_for_end(run)
    deployment = deployments.read(shop.store, shop.run(run).deployment_id or run)
    due = shop.store.clock.now() + timedelta(seconds=1.2)
    later = flow_runs.create(
        shop.store,
        flow_id=deployment.flow_id,
        deployment_id=deployment.id,
        work_queue_id=shop.run(run).work_queue_id,
        state=scheduled(due),
    )[0].id
    shop.wait_for_end(later)
    started = shop.run(later).start_time
    assert started is not None
    assert timedelta(0) <= started - due < timedelta(seconds=0.5)


def test_lines_arrive_while_the_run_goes_on_and_all_before_its_end(shop: Shop) -> None:
    shop.start_worker()
    gate = shop.work / "gate"
    os.mkfifo(gate)
    run = shop.run_command(f"echo first; read x < {gate}; seq 1 3000")
    wait_until(lambda: shop.lines(run) == ["first"])
    assert shop.state(run).name == "Running"
    seen: list[int] = []

    def look() -> None:
        if not seen and shop.state(run).is_terminal():
            seen.append(len(shop.lines(run)))

    unsubscribe = shop.store.changes.subscribe(look)
    gate.write_text("go\n")
    shop.wait_for_end(run)
    wait_until(lambda: seen)
    unsubscribe()
    assert seen == [3001]
    assert shop.lines(run)[-1] == "3000"


def test_the_environment_of_a_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/poison")
    monkeypatch.setenv("GONE", "1")
    shop.start_worker()
    shop.write_file(
        "env.sh", 'pwd; echo "$SLUICE_PARAMETERS"; cat "$SLUICE_PARAMETERS_FILE"; echo; env > env.txt'
    )
    variables = {"env": {"A": "x y", "N": 5, "B": True, "GONE": None}}
    run = shop.run_command("sh ./env.sh", variables, parameters={"p": "{q} $(boom)"})
    assert shop.wait_for_end(run).name == "Completed"
    assert shop.lines(run)[0] == str(shop.work)
    assert [json.loads(line) for line in shop.lines(run)[1:]] == [{"p": "{q} $(boom)"}] * 2
    env = dict(line.split("=", 1) for line in (shop.work / "env.txt").read_text().splitlines() if "=" in line)
    assert (env["A"], env["N"], env["B"]) == ("x y", "5", "true")
    assert not env.keys() & {"PYTHONPATH", "GONE", "SLUICE_SLOT"}
    assert env["SLUICE_RUN_ID"] == env["PREFECT__FLOW_RUN_ID"] == str(run)
    assert env["SLUICE_RUN_NAME"] == shop.run(run).name


def test_parameters_too_large_for_an_environment(shop: Shop) -> None:
    shop.write_file("flows.py", "def size(text): print(len(text))\n")
    shop.start_worker()
    big = {"text": "x" * 400_000}
    function = shop.run_entrypoint("flows.py:size", parameters=big)
    command = shop.run_command(
        'echo "[$SLUICE_PARAMETERS]"; wc -c < "$SLUICE_PARAMETERS_FILE"', parameters=big
    )
    shop.wait_for_end(function)
    shop.wait_for_end(command)
    assert shop.lines(function) == ["400000"]
    assert shop.lines(command) == ["[]", str(len(json.dumps(big)))]


def test_the_log_is_cut_and_the_run_says_so(shop: Shop) -> None:
    shop.start_worker(log_limit=LogLimit(lines=10))
    run = shop.run_command("seq 1 100000")
    assert shop.wait_for_end(run).name == "Completed"
    assert shop.run(run).sluice.log_cut is True
    assert shop.lines(run)[-1].startswith("Log cut here: more than 10 lines")
    assert len(shop.lines(run)) == 11


def test_cancelling_ends_the_process_and_all_it_started(shop: Shop) -> None:
    shop.start_worker()
    shop.write_file(
        "deep.sh", "sh -c 'echo $$ > inner; sleep 300' & setsid sh -c 'echo $$ > away; sleep 300' & wait"
    )
    run = shop.run_command("sh deep.sh")
    pids = [pid_in(shop.work / "inner"), pid_in(shop.work / "away")]
    shop.wait_for(run, "Running")
    assert cancel(shop.store, [run]) == 1
    state = shop.wait_for_end(run)
    assert state.name == "Cancelled"
    assert (state.message or "").startswith("Cancelled: ended ")
    assert shop.names(run) == ["Scheduled", "Pending", "Running", "Cancelling", "Cancelled"]
    assert [start_ticks(pid) for pid in pids] == [None, None]


def test_a_process_that_ignores_sigterm_is_killed_after_its_grace(shop: Shop) -> None:
    shop.start_worker()
    run = shop.run_command("trap '' TERM; echo up; while :; do sleep 0.1; done", {"grace_seconds": 0.3})
    wait_until(lambda: shop.lines(run))
    cancel(shop.store, [run])
    assert shop.wait_for_end(run).message == "Cancelled: killed by SIGKILL after 0.3 s of grace."


def test_a_grandchild_that_ignores_sigterm_is_killed_before_the_run_is_cancelled(shop: Shop) -> None:
    shop.start_worker()
    stubborn = 'trap "" TERM; echo $$ > stubborn; while :; do sleep 0.1; done'
    run = shop.run_command(f"sh -c '{stubborn}' & wait", {"grace_seconds": 0.5})
    pid = pid_in(shop.work / "stubborn")
    shop.wait_for(run, "Running")
    cancel(shop.store, [run])
    assert shop.wait_for_end(run).name == "Cancelled"
    assert start_ticks(pid) is None


def test_a_run_that_never_started_is_cancelled_at_once(shop: Shop) -> None:
    shop.start_worker(concurrency=1)
    first = shop.run_command("echo up; sleep 300", {"grace_seconds": 1})
    wait_until(lambda: shop.lines(first))
    waiting = shop.run_command("touch ran")
    assert cancel(shop.store, [waiting]) == 1
    assert shop.names(waiting) == ["Scheduled", "Cancelled"]
    cancel(shop.store, [first])
    shop.wait_for_end(first)
    assert not (shop.work / "ran").exists()


def test_cancelling_while_the_process_is_being_started(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Execution.start

    def slow(*arguments: Any) -> Execution:
        execution = start(*arguments)
        cancel(shop.store, [execution.run_id])
        return execution

    monkeypatch.setattr(Execution, "start", slow)
    shop.start_worker()
    runs = [shop.run_command("exec sleep 300") for _ in range(3)]
    assert [shop.wait_for_end(run, timeout=5).name for run in runs] == ["Cancelled"] * 3


def test_a_timeout_fails_the_run_as_timed_out(shop: Shop) -> None:
    shop.start_worker()
    run = shop.run_command("sleep 300", {"timeout_seconds": 0.4})
    state = shop.wait_for_end(run)
    assert (state.type, state.name) == (StateType.FAILED, "TimedOut")
    assert (state.message or "").startswith("Timed out after 0.4 s: ended ")


def test_retries_wait_and_run_again(shop: Shop) -> None:
    shop.start_worker()
    variables = {"retries": 2, "retry_delay_seconds": [0, 0.2]}
    run = shop.run_command("echo try >> tries; exit 1", variables)
    assert shop.wait_for_end(run).name == "Failed"
    assert shop.names(run) == [
        *["Scheduled", "Pending", "Running"],
        *["AwaitingRetry", "Pending", "Retrying"] * 2,
        "Failed",
    ]
    assert (shop.work / "tries").read_text() == "try\n" * 3
    assert shop.run(run).run_count == 3


def test_a_retry_that_succeeds_and_one_on_crash(shop: Shop) -> None:
    shop.start_worker()
    once = shop.run_command("mkdir once 2>&- && exit 1; echo second", {"retries": 1})
    crash = shop.run_command("mkdir twice && kill -9 $$; true", {"retries": 1, "retry_on_crash": True})
    never = shop.run_command("kill -9 $$", {"retries": 1})
    assert [shop.wait_for_end(run).name for run in (once, crash, never)] == [
        "Completed",
        "Completed",
        "Crashed",
    ]
    assert shop.lines(once) == ["second"]


def test_its_own_limit_and_the_deployments(shop: Shop) -> None:
    shop.start_worker(concurrency=2)
    gate = shop.work / "gate"
    runs = [shop.run_command(f"until [ -e {gate} ]; do sleep 0.05; done") for _ in range(3)]
    for run in runs[:2]:
        shop.wait_for(run, "Running")
    assert shop.state(runs[2]).name == "Scheduled"
    gate.touch()
    assert [shop.wait_for_end(run).name for run in runs] == ["Completed"] * 3


def test_a_change_of_the_deployment_counts_for_the_next_run(shop: Shop) -> None:
    shop.start_worker()
    run = shop.run_command("echo one")
    shop.wait_for_end(run)
    deployment = deployments.read(shop.store, shop.run(run).deployment_id or run)
    variables = {"command": "echo two"}
    deployments.update(shop.store, deployment.id, DeploymentUpdate(job_variables=variables), WHO)
    again = flow_runs.create(
        shop.store,
        flow_id=deployment.flow_id,
        deployment_id=deployment.id,
        work_queue_id=shop.run(run).work_queue_id,
        state=scheduled(shop.store.clock.now()),
    )[0].id
    shop.wait_for_end(again)
    assert shop.lines(again) == ["two"]


def test_trouble_with_one_run_crashes_that_one_only(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    start, step = Execution.start, Execution.step

    def broken_start(store: Any, launch: Any, *rest: Any) -> Execution:
        if launch.parameters.get("start"):
            raise RuntimeError("no more processes")
        return start(store, launch, *rest)

    def broken_step(self: Execution, now: float) -> None:
        if flow_runs.read(shop.store, self.run_id).parameters.get("step"):
            raise RuntimeError("wires crossed")
        step(self, now)

    monkeypatch.setattr(Execution, "start", broken_start)
    monkeypatch.setattr(Execution, "step", broken_step)
    worker = shop.start_worker()
    one = shop.run_command("true", parameters={"start": 1})
    two = shop.run_command("echo $$ > pid; sleep 300", parameters={"step": 1})
    pid = pid_in(shop.work / "pid")
    assert shop.wait_for_end(one).message == "Sluice could not start the run: no more processes"
    assert shop.wait_for_end(shop.run_command("true")).name == "Completed"
    assert (
        shop.wait_for_end(two).message == "Sluice could not go on with the run: RuntimeError: wires crossed"
    )
    assert shop.state(two).name == "Crashed"
    wait_until(lambda: start_ticks(pid) is None)
    assert worker.error is None


def test_trouble_that_passes_costs_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Execution.step
    raised: list[int] = []

    def shaky(self: Execution, now: float) -> None:
        if not raised:
            raised.append(1)
            raise RuntimeError("once")
        step(self, now)

    monkeypatch.setattr(Execution, "step", shaky)
    shop.start_worker()
    assert shop.wait_for_end(shop.run_command("true")).name == "Completed"


def test_a_database_that_fails_for_a_while_costs_no_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    record = claims.record_logs
    failures = [1, 2]

    def failing(*arguments: Any) -> bool:
        if failures:
            failures.pop()
            raise DatabaseProblem(shop.store.path, "the disk is full")
        return record(*arguments)

    monkeypatch.setattr(claims, "record_logs", failing)
    worker = shop.start_worker()
    gate = shop.work / "gate"
    os.mkfifo(gate)
    run = shop.run_command(f"echo one; read x < {gate}; echo two")
    wait_until(lambda: worker.error)
    assert worker.error == "the worker could not go on: the disk is full"
    gate.write_text("go\n")
    assert shop.wait_for_end(run).name == "Completed"
    assert shop.lines(run) == ["one", "two"]


def test_a_worker_that_stops_leaves_the_store_as_it_was(shop: Shop) -> None:
    shop.store.watch()
    shop.start_worker().stop()
    heard: list[int] = []
    shop.store.changes.subscribe(lambda: heard.append(1))
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('UPDATE work_pool SET updated = 1')"
    )
    subprocess.run([sys.executable, "-c", f"{code}; c.commit()", str(shop.store.path)], check=True)
    wait_until(lambda: heard)


def test_a_deleted_run_is_ended(shop: Shop) -> None:
    shop.start_worker()
    run = shop.run_command("echo $$ > pid; sleep 300")
    pid = pid_in(shop.work / "pid")
    shop.wait_for(run, "Running")
    with shop.store.write():
        flow_runs.delete_where(shop.store, "id = ?", [run.bytes])
    wait_until(lambda: start_ticks(pid) is None)
    wait_until(lambda: not shop.folder(run).exists())


def test_stopping_waits_for_live_runs_when_asked(shop: Shop) -> None:
    worker = shop.start_worker()
    gate = shop.work / "gate"
    os.mkfifo(gate)
    run = shop.run_command(f"echo up; read x < {gate}; sleep 0.2; echo bye")
    wait_until(lambda: shop.lines(run))
    gate.write_text("go\n")
    assert worker.stop(wait_for_runs=10) is True
    assert shop.state(run).name == "Completed"
    assert not worker.holds_lock


def test_a_worker_waits_for_the_lock_and_takes_over(shop: Shop) -> None:
    first = shop.start_worker()
    from scheduler.worker import Worker

    second = Worker(shop.store, concurrency=1, state_dir=shop.state_dir)
    second.start()
    assert shop.wait_for_end(shop.run_command("true")).name == "Completed"
    assert not second.holds_lock
    first.stop()
    wait_until(lambda: second.holds_lock, timeout=2.5)
    assert shop.wait_for_end(shop.run_command("true")).name == "Completed"
    second.stop()


def test_an_error_of_the_worker_itself_is_shown_and_passes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scheduler import worker as module

    admit = module.admit
    broken = [True]

    def failing(*args: Any) -> Any:
        if broken:
            raise RuntimeError("disk on fire")
        return admit(*args)

    monkeypatch.setattr(module, "admit", failing)
    worker = shop.start_worker()
    wait_until(lambda: worker.error)
    assert worker.error == "the worker could not go on: disk on fire"
    broken.clear()
    assert shop.wait_for_end(shop.run_command("true")).name == "Completed"
    assert worker.error is None


def test_many_lines_do_not_hold_up_other_runs(shop: Shop) -> None:
    shop.start_worker()
    flood = shop.run_command("seq 1 30000")
    shop.wait_for(flood, "Running")
    beside = shop.run_command("echo quick")
    assert shop.wait_for_end(beside).name == "Completed"
    assert shop.wait_for_end(flood).name == "Completed"
    assert len(logs.read_logs(shop.store, flood, limit=100_000)) == 30_000
    assert states.history(shop.store, beside)[-1].name == "Completed"
