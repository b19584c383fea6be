"""The folder of one run: what the worker hands to runner.py, and what it finds there."""

from __future__ import annotations

import json
import logging
import marshal
import os
import shutil
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from scheduler.processes import Identity, find_by_argument, identify
from store.clock import from_micros
from store.schemas import LogCreate

log = logging.getLogger("sluice.worker")

READ_SIZE = 128 * 1024
WARNING = 30
KEEP_FOLDERS = timedelta(days=7)
RECORD_BYTES = {"started.json": 1024, "exit.json": 32 * 1024}
"""Room on the disk that is set aside for the records of the runner, so that a disk that is full by then costs
no run its end. The sentence of a failure has up to 4 KiB, six times as much in JSON."""


class Started(NamedTuple):
    """What runner.py wrote when the run's process was there. An identity is None when it is gone already."""

    runner: Identity | None
    child: Identity | None
    pid: int
    at: datetime


class Exit(NamedTuple):
    """How the run's process ended, as runner.py wrote it.

    Exactly one of `code` and `signal` is given. `failure` is the sentence for a person, `max_rss` the peak
    memory in bytes.
    """

    code: int | None
    signal: int | None
    failure: str | None
    started: datetime
    ended: datetime
    max_rss: int
    log_cut: bool


class RunFolder:
    """`<state_dir>/runs/<run id>/`.

    Args:
        state_dir: Sluice's own folder.
        run_id: whose folder it is.
    """

    def __init__(self, state_dir: Path, run_id: UUID) -> None:
        self.run_id = run_id
        self.path = state_dir / "runs" / str(run_id)

    def create(self, spec: dict[str, Any], parameters: dict[str, Any]) -> None:
        """Make it, for the owner's eyes only; what an earlier try left is removed.

        Raises:
            OSError: it cannot be made; then nothing of it stays.
        """
        self.remove()
        self.path.mkdir(mode=0o700, parents=True)
        try:
            self._fill(spec, parameters)
        except BaseException:
            self.remove()
            raise

    def _fill(self, spec: dict[str, Any], parameters: dict[str, Any]) -> None:
        os.mkfifo(self.path / "bell", 0o600)
        for record, room in RECORD_BYTES.items():
            (self.path / f"{record}.new").write_bytes(b" " * room)
        (self.path / "parameters.json").write_text(json.dumps(parameters, ensure_ascii=False))
        (self.path / "entry.json").write_text(json.dumps(spec.get("entry")))
        (self.path / "spec").write_bytes(marshal.dumps(spec))

    def give_up(self) -> bool:
        """Take the spec away before a runner does. Answers whether no runner ever started, or will."""
        try:
            (self.path / "spec").rename(self.path / "given-up")
        except FileNotFoundError:
            return not (self.path / "taken").exists()
        return True

    def read_started(self) -> Started | None:
        """What the runner wrote when it had started the run; None when it has not."""
        record = self._read("started.json")
        if record is None:
            return None
        return Started(
            runner=_identity(record["runner"]),
            child=_identity(record["child"]),
            pid=record["child"]["pid"],
            at=from_micros(record["started"]),
        )

    def read_exit(self) -> Exit | None:
        """How the run ended; None while it has not, or when the runner died before it could write."""
        record = self._read("exit.json")
        if record is None:
            return None
        times = {name: from_micros(record[name]) for name in ("started", "ended")}
        return Exit(**{**record, **times})

    def remove(self) -> None:
        """Delete it, if it is there."""
        if self.path.exists():
            shutil.rmtree(self.path)

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            text = (self.path / name).read_text()
        except FileNotFoundError:
            return None
        record: dict[str, Any] = json.loads(text)
        return record


class Tail:
    """Reads a run's log.jsonl from where it was read last.

    Args:
        folder: the run's.
        offset: bytes that are in the store already.
    """

    def __init__(self, folder: RunFolder, offset: int = 0) -> None:
        self._file = folder.path / "log.jsonl"
        self._run_id = folder.run_id
        self.offset = offset

    def read(self) -> tuple[list[LogCreate], int, bool]:
        """The next whole lines (about 128 KiB at most), the offset behind them, and whether there are more.

        `offset` stays: set it when the lines are stored.
        """
        try:
            with self._file.open("rb") as file:
                file.seek(self.offset)
                data = file.read(READ_SIZE)
                if len(data) == READ_SIZE and b"\n" not in data:
                    data += file.readline()
        except FileNotFoundError:
            return [], self.offset, False
        end = data.rfind(b"\n") + 1
        lines = [self._line(line) for line in data[:end].split(b"\n") if line]
        return lines, self.offset + end, len(data) >= READ_SIZE

    def _line(self, data: bytes) -> LogCreate:
        try:
            line = json.loads(data)
            level, name, text, instant = line["level"], line["name"], line["msg"], from_micros(line["t"])
        except (ValueError, KeyError, TypeError):
            # A full disk tore it. Nothing is known of it but that it was there.
            level, name, text, instant = WARNING, "sluice", "A log line was damaged here.", self._modified()
        # model_construct: the runner made these values, and there may be a hundred thousand of them.
        return LogCreate.model_construct(
            name=name,
            level=level,
            message=text,
            timestamp=instant,
            flow_run_id=self._run_id,
            task_run_id=None,
        )

    def _modified(self) -> datetime:
        return from_micros(self._file.stat().st_mtime_ns // 1000)


class Bell:
    """The FIFO that the runner rings after each write, and, by ending, when it dies."""

    def __init__(self, folder: RunFolder) -> None:
        self._fd = os.open(folder.path / "bell", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._closed = False

    def fileno(self) -> int:
        """For a selector."""
        return self._fd

    def silence(self) -> None:
        """Take in the rings so far; later ones ring again."""
        try:
            while len(os.read(self._fd, 4096)) == 4096:
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        """Stop listening; nothing happens the second time, when its number may be another file's."""
        if not self._closed:
            self._closed = True
            os.close(self._fd)


def home_of(run_id: UUID, state_dirs: Sequence[Path]) -> Path:
    """Which of Sluice's folders has a run's own folder; the first when none has."""
    for state_dir in state_dirs:
        try:
            if RunFolder(state_dir, run_id).path.exists():
                return state_dir
        except OSError as error:
            log.warning("cannot look for run %s in %s: %s", run_id, state_dir, error)
    return state_dirs[0]


def prune(state_dir: Path, now: datetime, held: Collection[UUID] = ()) -> int:
    """Remove run folders that nothing wrote to for a week and whose runner is gone; answers how many.

    Such are left by a run that was deleted while nobody worked. Younger ones may be another database's. One
    that cannot be removed stays, and is told of in the log.

    Args:
        held: runs whose folders stay, however old: how they ended may be known from there alone.
    """
    removed = 0
    kept = {str(run_id) for run_id in held}
    for path in (state_dir / "runs").glob("*"):
        if path.name in kept:
            continue
        try:
            age = now - from_micros(path.stat().st_mtime_ns // 1000)
            if age > KEEP_FOLDERS and find_by_argument(str(path)) is None:
                shutil.rmtree(path)
                removed += 1
        except FileNotFoundError:
            continue  # another worker on the same folder was faster
        except OSError as error:
            log.warning("the old run folder %s cannot be removed: %s", path, error)
    return removed


def _identity(record: dict[str, Any]) -> Identity | None:
    """An identity from started.json; where the runner could not tell (no /proc), what is seen now."""
    return Identity.from_json(record) or identify(record["pid"])
