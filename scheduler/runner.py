"""Starts the process of one run, keeps its log and its exit code, and outlives its supervisor.

Started as `python -I -S runner.py RUN_DIR`. Stand-alone: it imports nothing of Sluice and next to nothing of
the standard library, because every run waits for it to start. It takes RUN_DIR/spec (written by marshal),
starts the child in a session of its own, appends one JSON line {t, level, name, msg} per line of output to
RUN_DIR/log.jsonl (t in microseconds), rings the FIFO RUN_DIR/bell, and writes RUN_DIR/exit.json in one piece.

The child of an entrypoint is entry.py, which sends what Python code prints and logs in frames over a pipe of
its own, so that both stay in order. What programs write to the descriptors 1 and 2 is read line by line.
"""

from __future__ import annotations

import marshal
import os
import select
import sys
import time

TYPE_CHECKING = False  # typing's own constant would cost its import
if not TYPE_CHECKING:
    try:  # the C halves of two modules whose Python halves (enum, re) take as long to load as all the rest
        import _signal as signal
        from _json import encode_basestring_ascii as _quote
    except ImportError:
        import signal
        from json.encoder import encode_basestring_ascii as _quote
else:
    import signal
    from collections.abc import Callable, Iterator
    from json.encoder import encode_basestring_ascii as _quote
    from resource import struct_rusage
    from typing import Any

MAX_LINE = 64 * 1024
READ_SIZE = 64 * 1024
DRAIN_QUIET_MS = 250
DRAIN_SECONDS = 2.0
INFO, WARNING, ERROR = 20, 30, 40
STILL_HELD = "The run has ended, but a process that it started still holds its output: the rest is not kept."
HEADER = 15
"""Bytes before a frame's payload: kind 1, length 2, pid 4, time 8. entry.py writes them."""


def _micros() -> int:
    return time.time_ns() // 1000


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


class Spool:
    """The run's log file, and the bell that tells the worker of new lines.

    Args:
        max_lines, max_bytes: where the log is cut. A marker line says so, and only tracebacks follow it.
    """

    def __init__(self, max_lines: int, max_bytes: int) -> None:
        self.max_lines, self.max_bytes = max_lines, max_bytes
        self.lines = self.bytes = 0
        self.cut = False
        self._pending: list[str] = []
        self._torn = False
        self._file = os.open("log.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        # Opened for both: a FIFO opened for writing alone is refused while no worker reads it.
        self._bell = os.open("bell", os.O_RDWR | os.O_NONBLOCK)

    def add(self, instant: int, level: int, name: str, message: str, always: bool = False) -> None:
        """Keep one line; after the cut only those marked `always`."""
        if self.cut and not always:
            return
        self.lines += 1
        self.bytes += len(message)
        if not always and (self.lines > self.max_lines or self.bytes > self.max_bytes):
            self.cut = True
            level, name = WARNING, "sluice"
            message = f"Log cut here: more than {self.max_lines:,} lines or {self.max_bytes:,} bytes."
        head = f'{{"t":{instant},"level":{level},"name":{_quote(name)},"msg":'
        self._pending.append(f"{head}{_quote(message)}}}\n")

    def flush(self) -> None:
        """Write what was added, and ring. A full disk costs lines, never the run."""
        if not self._pending:
            return
        data = (("\n" if self._torn else "") + "".join(self._pending)).encode("ascii")
        self._pending.clear()
        try:
            self._torn = os.write(self._file, data) < len(data)
        except OSError:
            self._torn = True
        self.cut = self.cut or self._torn
        self.ring()

    def ring(self) -> None:
        """Wake the worker, if there is one."""
        try:  # noqa: SIM105 - contextlib costs a millisecond of every start
            os.write(self._bell, b"\0")
        except BlockingIOError:
            pass  # it rings already


class Lines:
    """Bytes to lines. A line ends with LF, CR LF or CR (progress bars); longer ones are split at 64 KiB."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Answer the lines that `data` completes."""
        lines = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n")
        rest = lines.pop()
        done = rest.rfind(b"\r", 0, len(rest) - 1)  # a CR at the very end may be half of a CR LF
        if done >= 0:
            lines.append(rest[:done])
            rest = rest[done + 1 :]
        found = [text for line in lines for text in _split(line)]
        while len(rest) > MAX_LINE:
            end = _boundary(rest)
            found.append(_text(rest[:end]))
            rest = rest[end:]
        self._rest = rest
        return found

    def finish(self) -> list[str]:
        """Answer the line that never ended, if there is one."""
        rest, self._rest = self._rest, b""
        return list(_split(rest)) if rest else []


def _split(line: bytes) -> Iterator[str]:
    """A line by its carriage returns: each part was what the terminal showed for a while."""
    parts = [part for part in line.split(b"\r") if part] if b"\r" in line else [line]
    for part in parts or [b""]:
        yield from _pieces(part)


def _pieces(data: bytes) -> Iterator[str]:
    while len(data) > MAX_LINE:
        end = _boundary(data)
        yield _text(data[:end])
        data = data[end:]
    yield _text(data)


def _boundary(data: bytes) -> int:
    """The last place at or before MAX_LINE that does not tear a UTF-8 character."""
    end = MAX_LINE
    while data[end] & 0xC0 == 0x80 and end > MAX_LINE - 4:
        end -= 1
    return end


class Output:
    """Turns what arrives on the three pipes into spool lines.

    Args:
        streams: whether stdout and stderr are kept (`stream_output`); log records and tracebacks always are.
    """

    KINDS = {b"o": ("stdout", INFO), b"e": ("stderr", WARNING)}

    def __init__(self, spool: Spool, streams: bool) -> None:
        self.spool = spool
        self.streams = streams
        self.failure: str | None = None
        self._lines: dict[tuple[bytes, int], Lines] = {}
        self._frames = b""
        self._records: dict[int, bytes] = {}

    def stdout(self, data: bytes) -> None:
        """What programs wrote to descriptor 1."""
        self._stream(b"o", data, 0, _micros())

    def stderr(self, data: bytes) -> None:
        """What programs wrote to descriptor 2."""
        self._stream(b"e", data, 0, _micros())

    def frames(self, data: bytes) -> None:
        """What entry.py sent: whole frames, several, or a part of one."""
        data = self._frames + data
        start = 0
        while len(data) - start >= HEADER:
            end = start + HEADER + int.from_bytes(data[start + 1 : start + 3], "big")
            if end > len(data):
                break
            pid = int.from_bytes(data[start + 3 : start + 7], "big")
            instant = int.from_bytes(data[start + 7 : start + HEADER], "big")
            self._frame(data[start : start + 1], pid, instant, data[start + HEADER : end])
            start = end
        self._frames = data[start:]

    def finish(self) -> None:
        """Keep the lines that never ended."""
        for (kind, _), lines in self._lines.items():
            self._add(kind, lines.finish(), _micros())

    def _stream(self, kind: bytes, data: bytes, pid: int, instant: int) -> None:
        if self.streams:
            lines = self._lines.get((kind, pid))
            if lines is None:
                lines = self._lines[(kind, pid)] = Lines()
            self._add(kind, lines.feed(data), instant)

    def _frame(self, kind: bytes, pid: int, instant: int, payload: bytes) -> None:
        if kind in self.KINDS:
            self._stream(kind, payload, pid, instant)
        elif kind == b"f":
            self.failure = _text(payload)
        elif kind == b"m":
            self._records[pid] = self._records.get(pid, b"") + payload
        else:  # l: the last piece of a log record; x: that of a traceback
            if kind == b"x":
                self.finish()
            level, name, message = (self._records.pop(pid, b"") + payload).split(b"\0", 2)
            for piece in _pieces(message):
                self.spool.add(instant, int(level), _text(name), piece, always=kind == b"x")

    def _add(self, kind: bytes, lines: list[str], instant: int) -> None:
        name, level = self.KINDS[kind]
        for line in lines:
            self.spool.add(instant, level, name, line)


def _identity(pid: int) -> dict[str, Any]:
    """What processes.Identity reads: boot, pid, and start in clock ticks since boot; None without /proc."""
    boot = ticks = None
    if os.path.exists("/proc/self/stat"):
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
    return {"boot_id": boot, "pid": pid, "start_ticks": ticks}


def _json(value: Any) -> str:
    """JSON of what the runner writes: objects, text, integers, booleans and null."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quote(name)}:{_json(item)}" for name, item in value.items()) + "}"
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _write_json(name: str, value: dict[str, Any]) -> None:
    """Write a record in one piece, into the room that the worker set aside: the disk may be full by now."""
    file = os.open(f"{name}.new", os.O_WRONLY | os.O_CREAT, 0o600)
    text = _json(value).encode("ascii").ljust(os.fstat(file).st_size)
    if os.write(file, text) < len(text):
        raise OSError("there is no room for the record")
    os.close(file)
    os.replace(f"{name}.new", name)


def _become(spec: dict[str, Any], pipes: list[int]) -> None:
    """In the forked child: take its place in the world, then become its program. Raises OSError."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for source, target in ((null, 0), (pipes[0], 1), (pipes[1], 2)):
        os.dup2(source, target)
    for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.umask(spec["umask"])
    if spec["nice"]:
        os.nice(spec["nice"])
    if spec["memory_limit_mb"]:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (spec["memory_limit_mb"] << 20,) * 2)
    os.chdir(spec["cwd"])
    argv = spec["argv"]
    if spec["entry"]:
        os.set_inheritable(pipes[2], True)
        argv = [*argv, str(pipes[2]), spec["run_dir"]]
    os.execve(argv[0], argv, spec["env"])


def _spawn(spec: dict[str, Any], pipes: list[int]) -> tuple[int, str | None]:
    """Fork and exec. Answers (pid, None), or (pid, sentence) when the program could not be started."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _become(spec, pipes)
        except BaseException as error:  # noqa: BLE001 - the fork must end here, and the run says why
            os.write(tell, f"The run could not be started: {error}.".encode()[:2000])
        finally:
            os._exit(127)
    os.close(tell)
    for pipe in pipes:
        os.close(pipe)
    problem = os.read(told, 4096)  # ends when exec succeeds: that closes the pipe
    os.close(told)
    return pid, _text(problem) or None


def _supervise(
    pid: int, readers: dict[int, Callable[[bytes], None]], wake: int, spool: Spool
) -> tuple[int, struct_rusage]:
    """Read until the child has ended and its pipes are drained. Answers wait status and resource usage.

    A process that the child left behind may hold the pipes for ever: what comes in the first quarter of a
    second of silence, and two seconds in all, is kept.
    """
    poll = select.poll()
    for fd in [*readers, wake]:
        poll.register(fd, select.POLLIN)
    ended = None
    give_up = 0.0
    while readers or ended is None:
        events = poll.poll(DRAIN_QUIET_MS if ended else None)
        for fd, _ in events:
            data = os.read(fd, READ_SIZE)
            if fd == wake:
                continue
            if data:
                readers[fd](data)
            else:
                poll.unregister(fd)
                del readers[fd]
                os.close(fd)
        spool.flush()
        if ended is None:
            done, status, usage = os.wait4(pid, os.WNOHANG)
            if done:
                ended = status, usage
                give_up = time.monotonic() + DRAIN_SECONDS
        elif not events or time.monotonic() > give_up:
            break
    assert ended is not None
    if readers:
        spool.add(_micros(), INFO, "sluice", STILL_HELD)
    return ended


def _hear_signals() -> int:
    """Outlive hang-ups and Ctrl-C; answer a descriptor that is readable when a child has ended."""
    wake, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    return wake


def _pass_on(pid: int) -> None:
    """SIGTERM to the runner (a shutdown of the machine) is meant for the run."""
    try:  # noqa: SIM105 - contextlib costs a millisecond of every start
        os.killpg(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has ended already


def supervise(run_dir: str) -> int:
    """Run RUN_DIR/spec to its end. Answers the exit code of the runner itself."""
    os.chdir(run_dir)
    try:
        os.rename("spec", "taken")  # whoever renames it decides: a worker may have given the run up
    except FileNotFoundError:
        return 3
    with open("taken", "rb") as file:
        spec = marshal.load(file)
    spool = Spool(spec["max_lines"], spec["max_bytes"])
    output = Output(spool, spec["stream_output"])
    wake = _hear_signals()
    (out, out_end), (err, err_end), (framed, framed_end) = os.pipe(), os.pipe(), os.pipe()
    pid, problem = _spawn(spec, [out_end, err_end, framed_end])
    signal.signal(signal.SIGTERM, lambda *_: _pass_on(pid))
    started = _micros()
    both = {"runner": _identity(os.getpid()), "child": _identity(pid)}
    _write_json("started.json", {**both, "started": started})
    spool.ring()
    status, usage = _supervise(
        pid, {out: output.stdout, err: output.stderr, framed: output.frames}, wake, spool
    )
    output.finish()
    if problem:
        spool.add(_micros(), ERROR, "sluice", problem, always=True)
    spool.flush()
    killed = os.WIFSIGNALED(status)
    record = {
        "code": None if killed else os.WEXITSTATUS(status),
        "signal": os.WTERMSIG(status) if killed else None,
        "failure": problem or output.failure,
        "started": started,
        "ended": _micros(),
        "max_rss": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "log_cut": spool.cut,
    }
    _write_json("exit.json", record)
    spool.ring()
    return 0


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1]))
