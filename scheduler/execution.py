"""One claimed run under supervision: its process, its log on the way into the store, its end.

The worker calls `step` when the run's bell rings or its time has come. Everything that must outlive the
worker is in the run's folder and in the run's row, so that another worker can `adopt` it.
"""

from __future__ import annotations

import logging
import py_compile
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

from scheduler import outcomes, processes
from scheduler.environment import LogLimit, spec_of
from scheduler.job_variables import JobVariables, parse
from scheduler.orchestration import Facts, decide
from scheduler.processes import Identity
from scheduler.spool import Bell, Exit, RunFolder, Started, Tail
from store import claims, logs, slots, states
from store.claims import Claimed, Launch
from store.database import Store
from store.errors import Invalid
from store.schemas import LogCreate, State, StateCreate, StateType

log = logging.getLogger("sluice.worker")

RUNNER = Path(__file__).with_name("runner.py")
IDLE_SECONDS = 1.0
"""How often a run is looked at although its bell is silent: it may have died with its runner."""
RECHECK_SECONDS = 0.1
KILLS = 5
"""How often SIGKILL is repeated, a second apart, before the runner itself is ended."""
RESTARTED = "The machine was restarted while the run was active."


class Execution:
    """A run that this worker holds.

    Attributes:
        wake_at: when to call `step` next, on the monotonic clock.
        over: whether the run has its final state; its folder is gone then.
        claim_lost: set by the worker when the run was deleted, or another took it.
    """

    def __init__(
        self, store: Store, folder: RunFolder, launch: Launch, variables: JobVariables, offset: int = 0
    ) -> None:
        self.run_id = launch.id
        self.token = launch.token
        self.over = False
        self.claim_lost = False
        self.wake_at = 0.0
        self.stepped_at = 0.0
        self.popen: subprocess.Popen[bytes] | None = None
        self.bell = Bell(folder)
        self._store = store
        self._folder = folder
        self._variables = variables
        self._tail = Tail(folder, offset)
        self._runner: Identity | None = None
        self._started: Started | None = None
        self._recorded = False
        self._lost = outcomes.Ending(None).lost
        self._asked: str | None = None
        self._kill_at = 0.0
        self._kills = 0
        self._timeout_at: float | None = None

    @classmethod
    def start(
        cls, store: Store, launch: Launch, state_dir: Path, limit: LogLimit, runner: Path = RUNNER
    ) -> Execution:
        """Start a claimed run's process.

        Args:
            runner: runner.py, or what `compile_runner` made of it.

        Raises:
            Invalid: the run cannot be started as it is described.
            OSError: the folder cannot be made, or no process.
        """
        variables = parse(launch.job_variables)
        folder = RunFolder(state_dir, launch.id)
        folder.create(spec_of(launch, variables, folder.path, limit), launch.parameters)
        execution = cls(store, folder, launch, variables)
        try:
            # Its environment is empty: what carries the run's id belongs to the run, and the runner does not.
            execution.popen = subprocess.Popen(
                [sys.executable, "-I", "-S", str(runner), str(folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env={},
            )
        except BaseException:
            execution.close()
            raise
        return execution

    @classmethod
    def adopt(cls, store: Store, claimed: Claimed, state_dir: Path) -> Execution | None:
        """Take over a run whose worker is gone; one that never started is settled at once (None).

        Args:
            claimed: the run, with the token of the new claim.
        """
        folder = RunFolder(state_dir, claimed.id)
        launch = claims.read_launch(store, claimed.id, claimed.token)
        never_started = folder.give_up()
        if never_started:
            _settle_unstarted(store, claimed, folder)
            return None
        process = claimed.process or {}
        execution = cls(store, folder, launch, _variables_of(launch), process.get("log_offset", 0))
        recorded = Identity.from_json(process)
        execution._recorded = recorded is not None
        execution._started = folder.read_started()
        started = execution._started
        execution._runner = started.runner if started else processes.find_by_argument(str(folder.path))
        if recorded is not None and recorded.boot_id != processes.boot_id():
            execution._lost = RESTARTED
        return execution

    def step(self, now: float) -> None:
        """Look at the run once: store its start, its new lines, its end.

        Args:
            now: on the monotonic clock.
        """
        self.stepped_at = now
        self.wake_at = now + IDLE_SECONDS
        alive = self._runner_lives()  # asked first: what a living runner writes later, it rings for
        end = self._folder.read_exit()
        if not self.claim_lost:
            self._note_start(now)
            self.claim_lost = not self._store_lines()
        if self.claim_lost:
            self._let_go(alive)
        elif self.wake_at > now:  # else there are more lines
            self._look_for_end(now, end, alive)

    def ask_to_end(self, why: str = "cancel") -> None:
        """Send SIGTERM to all that belongs to the run; SIGKILL follows after the grace period."""
        if self._asked is None:
            self._asked = why
            self._kill_at = self._store.clock.monotonic() + self._variables.grace_seconds
            self._folder.give_up()  # should the runner not have taken it yet, it never starts
            self._signal(SIGTERM)
        self.wake_at = 0.0

    def crash(self, reason: str) -> None:
        """End the run because Sluice itself cannot go on with it."""
        self._signal(SIGKILL)
        self._end_runner()
        state = StateCreate(type=StateType.CRASHED, message=reason)
        claims.record_end(self._store, self.run_id, self.token, state)
        self.close()

    def abandon(self) -> None:
        """End the process and write nothing: somebody scheduled the run anew while it ran."""
        self._end_runner()
        self._signal(SIGKILL)
        self.over = True
        self.leave()

    def close(self) -> None:
        """Forget the run and remove its folder."""
        self.over = True
        self.leave()
        self._folder.remove()

    def leave(self) -> None:
        """Stop looking; the run goes on, for another worker to adopt."""
        self.bell.close()

    # --- Start

    def _note_start(self, now: float) -> None:
        """Once the runner says that the process is there: the run is RUNNING, since then."""
        if self._started is None:
            self._started = self._folder.read_started()
            if self._started is not None and self._asked is not None:
                self._signal(SIGTERM)  # it was asked to end before there was anybody to tell
        started = self._started
        if started is None:
            return
        if not self._recorded:
            runner = started.runner or Identity(processes.boot_id(), 0, 0)  # gone before it could be seen
            self._runner = self._runner or started.runner
            process = {**runner._asdict(), "pgid": started.pid}
            claims.record_start(self._store, self.run_id, self.token, process, started.at)
            self._recorded = True
        if self._timeout_at is None and self._variables.timeout_seconds is not None:
            elapsed = (self._store.clock.now() - started.at).total_seconds()
            self._timeout_at = now + self._variables.timeout_seconds - max(0.0, elapsed)

    def _runner_lives(self) -> bool:
        if self.popen is not None:
            return self.popen.poll() is None
        return self._runner is not None and processes.is_alive(self._runner)

    # --- Log

    def _store_lines(self) -> bool:
        """Store the next lines. Answers False when the run is no longer this worker's."""
        lines, offset, more = self._tail.read()
        if not lines:
            return True
        if not claims.record_logs(self._store, self.run_id, self.token, lines, offset):
            return False
        self._tail.offset = offset
        if more:
            self.wake_at = self.stepped_at
        return True

    # --- End

    def _look_for_end(self, now: float, end: Exit | None, alive: bool) -> None:
        if end is None and alive:
            self._mind_deadlines(now)
        elif self._asked is not None or end is None:
            self._end_all(now, end)
        else:
            self._settle(end)

    def _mind_deadlines(self, now: float) -> None:
        if self._asked is not None:
            self._kill_when_due(now)
        elif self._timeout_at is not None:
            if now >= self._timeout_at:
                self.ask_to_end("timeout")
            self.wake_at = min(self.wake_at, self._timeout_at)

    def _kill_when_due(self, now: float) -> None:
        if now >= self._kill_at:
            self._kills += 1
            self._kill_at = now + 1.0
            self._signal(SIGKILL)
            if self._kills > KILLS:
                self._end_runner()
        self.wake_at = min(self.wake_at, self._kill_at)

    def _end_all(self, now: float, end: Exit | None) -> None:
        """The process itself is gone, but it was to end with all that it started."""
        if end is None and self._asked is None and self.popen is not None and self.popen.returncode < 0:
            name = processes.signal_name(-self.popen.returncode)
            self._lost = (
                f"Its runner was killed by {name}, so its process was ended; its exit code is unknown."
            )
        if self._kills >= KILLS or not self._family():
            self._settle(end)
            return
        if self._asked is None:
            self.ask_to_end("lost")
        self._kill_when_due(now)
        self.wake_at = min(self.wake_at, now + RECHECK_SECONDS)

    def _settle(self, end: Exit | None) -> None:
        """Write the final state, or that of a retry, and clean up."""
        with self._store.write():
            situation = slots.read_situation(self._store, self.run_id)
            current = states.read(self._store, situation.state_id) if situation else None
            if situation is not None and current is not None:
                self._write_end(end, current, situation)
        self.close()

    def _write_end(self, end: Exit | None, current: State, situation: slots.Situation) -> None:
        grace = self._variables.grace_seconds
        ending = outcomes.Ending(
            exit=end,
            cancelled=current.type is StateType.CANCELLING,
            timeout=self._variables.timeout_seconds if self._asked == "timeout" else None,
            killed_after=grace if self._kills else None,
            lost=self._lost,
        )
        final = outcomes.final_state(ending)
        now = self._store.clock.now()
        retries = self._variables.retries or situation.retries
        facts = Facts(
            now=now,
            retries_left=situation.run_count <= retries
            and not claims.has_lost_its_deployment(self._store, self.run_id),
            retry_delay=self._variables.retry_delay(max(1, situation.run_count)),
            retry_on_crash=self._variables.retry_on_crash,
        )
        state = decide(current, final, facts).write or final
        state.timestamp = max(_ended_at(end, state, now), current.timestamp)
        claims.record_end(
            self._store,
            self.run_id,
            self.token,
            state,
            exit_code=outcomes.exit_code(end),
            log_cut=end is not None and end.log_cut,
        )

    def _let_go(self, alive: bool) -> None:
        """The run was deleted, or another took it: nothing more is written, and nothing of it goes on."""
        if alive:
            log.warning("run %s is no longer this worker's: its process is ended", self.run_id)
            self._signal(SIGKILL)
            self.wake_at = self.stepped_at + RECHECK_SECONDS
        else:
            self.close()

    def _end_runner(self) -> None:
        """Kill the runner, so that it writes nothing more into a folder that is about to go."""
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()
        elif self._runner is not None and processes.is_alive(self._runner):
            processes.send([self._runner.pid], SIGKILL)

    def _family(self) -> set[int]:
        child = self._started.child if self._started else None
        return processes.family(child, "SLUICE_RUN_ID", str(self.run_id))

    def _signal(self, number: Signals) -> None:
        """Signal all that belongs to the run, the process itself first: it shall not see its children go."""
        leader = self._started.pid if self._started else None
        processes.send(sorted(self._family(), key=lambda pid: pid != leader), number)


def compile_runner(state_dir: Path) -> Path:
    """Compile runner.py once, so that not every run does (4 ms of its 15). Answers the file to start."""
    compiled = state_dir / f"runner-{sys.implementation.cache_tag}.pyc"
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    py_compile.compile(str(RUNNER), cfile=str(compiled), doraise=True)
    return compiled


def _variables_of(launch: Launch) -> JobVariables:
    """The job variables of a run that started once; should they have become invalid since, the defaults."""
    try:
        return parse(launch.job_variables)
    except Invalid as error:
        log.warning("run %s goes on with default job variables: %s", launch.id, error)
        return JobVariables()


def fail_to_start(store: Store, launch: Launch, sentence: str) -> None:
    """Make a claimed run FAILED that cannot be started, and say why in its log too."""
    now = store.clock.now()
    line = LogCreate(
        flow_run_id=launch.id, name="sluice", level=logging.ERROR, message=sentence, timestamp=now
    )
    with store.write():
        logs.write_logs(store, [line])
        state = StateCreate(type=StateType.FAILED, message=sentence)
        claims.record_end(store, launch.id, launch.token, state)


def _ended_at(end: Exit | None, state: StateCreate, now: datetime) -> datetime:
    return end.ended if end is not None and state.type is not StateType.SCHEDULED else now


def _settle_unstarted(store: Store, claimed: Claimed, folder: RunFolder) -> None:
    """A run whose worker died before a runner took it: it is due again, unless it was to be cancelled."""
    match claimed.state_type:
        case StateType.CANCELLING:
            state = StateCreate(type=StateType.CANCELLED, message="Cancelled: it had not started.")
        case StateType.PENDING:
            message = "Scheduled again: the worker ended before the run had started."
            state = StateCreate(type=StateType.SCHEDULED, message=message)
        case _:
            processes.send(processes.family(None, "SLUICE_RUN_ID", str(claimed.id)), SIGKILL)
            message = "The folder of the run is gone, and with it its exit code."
            state = StateCreate(type=StateType.CRASHED, message=message)
    claims.record_end(store, claimed.id, claimed.token, state)
    folder.remove()
