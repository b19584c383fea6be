"""The child of an entrypoint: loads `path/to/file.py:function` and calls it with the run's parameters.

Started by runner.py as `<the user's python> entry.py FRAME_FD RUN_DIR`. Stand-alone: it imports nothing of
Sluice, runs on Python 3.9 and later, and keeps its own folder off the module path, so that a user's
`store.py`, `tui.py` or `scheduler.py` is the one that is imported. What Python code prints and logs leaves in
frames over one pipe.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.path and sys.path[0] == __file__.rpartition("/")[0]:
    del sys.path[0]  # Python put this file's folder first: its neighbours would hide the user's modules

import importlib.util
import json
import os
import select
import signal
import time

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType, TracebackType
    from typing import Any

INFO, ERROR = 20, 40
PIECE = select.PIPE_BUF - 15
"""Largest payload, in bytes: a frame of at most PIPE_BUF bytes is written in one piece (POSIX), so that
frames of several threads and forked processes never mix."""


class Frames:
    """The child's end of the frame pipe: kind 1, length 2, pid 4, time 8 (microseconds), payload."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def send(self, kind: bytes, payload: bytes, more: bytes = b"", instant: int | None = None) -> None:
        """Send a payload in as many frames as it needs; all but the last are of kind `more` or `kind`."""
        stamp = os.getpid().to_bytes(4, "big") + (instant or time.time_ns() // 1000).to_bytes(8, "big")
        for start in range(0, max(len(payload), 1), PIECE):
            piece = payload[start : start + PIECE]
            last = start + PIECE >= len(payload)
            head = kind if last else more or kind
            os.write(self._fd, b"".join((head, len(piece).to_bytes(2, "big"), stamp, piece)))

    def record(
        self, level: int, name: str, message: str, kind: bytes = b"l", instant: int | None = None
    ) -> None:
        """Send one log record (`l`), or a traceback (`x`), which is kept even where the log is cut."""
        name = name.replace("\0", "")
        text = f"{level}\0{name}\0{message}"
        self.send(kind, text.encode("utf-8", "backslashreplace"), more=b"m", instant=instant)

    def fail(self, sentence: str) -> None:
        """Say why the run failed."""
        self.send(b"f", sentence.encode("utf-8", "backslashreplace")[:PIECE])


class Refusal(Exception):
    """The entrypoint cannot be run; the text is a whole sentence for a person."""


class Terminated(SystemExit):
    """SIGTERM arrived: `finally` blocks and exit handlers run, then the process dies of it."""


def redirect(frames: Frames) -> None:
    """Make sys.stdout and sys.stderr write frames; their `fileno()` stay 1 and 2, for programs they start."""
    import io

    class Raw(io.RawIOBase):
        def __init__(self, kind: bytes, number: int) -> None:
            self._kind, self._number = kind, number

        def writable(self) -> bool:
            return True

        def fileno(self) -> int:
            return self._number

        def write(self, data: Any) -> int:
            frames.send(self._kind, bytes(data))
            return len(data)

    def stream(kind: bytes, number: int) -> io.TextIOWrapper:
        buffer = io.BufferedWriter(Raw(kind, number))
        return io.TextIOWrapper(buffer, "utf-8", "backslashreplace", line_buffering=True)

    sys.stdout = sys.__stdout__ = stream(b"o", 1)  # type: ignore[misc]  # Final in typeshed only
    sys.stderr = sys.__stderr__ = stream(b"e", 2)  # type: ignore[misc]  # Final in typeshed only


def catch_logging(frames: Frames) -> Callable[[], None]:
    """Send the records of the logging module, from INFO on, as lines with their level and logger.

    Returns:
        Catches them again, after the user's file or a library that it imports has configured logging: what
        would now be written to stdout or stderr arrives once, with its level.
    """
    import logging

    class FrameHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                text = self.format(record)
                frames.record(record.levelno, record.name, text, instant=int(record.created * 1e6))
            except Exception:  # noqa: BLE001 - logging's rule: a bad record is reported on stderr, the run goes on
                self.handleError(record)

    root = logging.getLogger()
    handler = FrameHandler()
    root.addHandler(handler)
    root.setLevel(logging.INFO)

    def catch_again() -> None:
        if handler not in root.handlers:
            for other in list(root.handlers):
                if getattr(other, "stream", None) in (sys.stdout, sys.stderr):
                    root.removeHandler(other)
            root.addHandler(handler)

    return catch_again


def unwind_on_sigterm() -> None:
    """Make SIGTERM unwind the stack, and still be what the process dies of."""
    import atexit

    seen = []

    def terminate(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Terminated(128 + number)

    def die() -> None:
        if seen:
            sys.stdout.flush()
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGTERM)

    def plain_again() -> None:
        # A forked child (multiprocessing's Pool ends its own so) dies of SIGTERM at once, as without Sluice:
        # an exception raised somewhere in its loop may be swallowed there, and its parent waits for ever.
        if signal.getsignal(signal.SIGTERM) is terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    os.register_at_fork(after_in_child=plain_again)
    atexit.register(die)  # the first registered is the last called
    signal.signal(signal.SIGTERM, terminate)


def load_module(file: str, title: str) -> ModuleType:
    """Import the user's file under its own name, not as `__main__`. Raises what the file raises."""
    if not os.path.isfile(file):
        raise Refusal(f"Entrypoint {title}: there is no file {file}.")
    name = os.path.splitext(os.path.basename(file))[0]
    if name in sys.modules or name in getattr(sys, "stdlib_module_names", ()):
        name = f"__sluice_{name}"
    # As Prefect's load_script_as_module: the file's folder first, then the working directory (the project).
    sys.path[:0] = dict.fromkeys([os.path.dirname(file), os.getcwd()])
    sys.argv = [file]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise Refusal(f"Entrypoint {title}: {file} is not a Python file (.py).")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def load(entry: dict[str, Any], frames: Frames) -> Callable[..., Any]:
    """The function that the entrypoint names; of a flow object (anything with `.fn`) the plain one inside.

    Raises:
        Refusal: no such file or function, or it is not callable.
    """
    file, name, title = entry["file"], entry["function"], entry["entrypoint"]
    found: Any = load_module(file, title)
    for part in name.split("."):
        if not hasattr(found, part):
            raise Refusal(f'Entrypoint {title}: {file} has no function "{name}".')
        found = getattr(found, part)
    inner = getattr(found, "fn", None)
    if callable(inner):
        kind = f"{type(found).__module__.partition('.')[0]} {type(found).__name__}"
        text = f'"{name}" is a {kind} object: Sluice runs the plain function inside, without its engine.'
        frames.record(INFO, "sluice", text)
        found = inner
    if not callable(found):
        raise Refusal(
            f'Entrypoint {title}: "{name}" in {file} is of type {type(found).__name__}, not a function.'
        )
    return found  # type: ignore[no-any-return]  # just seen to be callable


def call(function: Callable[..., Any], entry: dict[str, Any]) -> None:
    """Call it with the run's parameters, and await or exhaust what it answers.

    Raises:
        Refusal: the parameters do not fit the function's signature.
    """
    import inspect

    parameters = entry["parameters"]
    try:
        inspect.signature(function).bind(**parameters)
    except TypeError as error:
        title, name, file = entry["entrypoint"], entry["function"], entry["file"]
        raise Refusal(
            f'Entrypoint {title}: the parameters do not fit function "{name}" in {file}: {error}.'
        ) from None
    except ValueError:
        pass  # written in C, without a signature: the call itself tells
    result = function(**parameters)
    if inspect.isawaitable(result):
        import asyncio

        async def wait() -> None:
            await result

        asyncio.run(wait())
    elif inspect.isgenerator(result):
        for _ in result:
            pass


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without its leading frames in this file, importlib and asyncio."""
    while trace is not None and trace.tb_next is not None:
        file = trace.tb_frame.f_code.co_filename
        if file != __file__ and not file.startswith("<frozen importlib") and "/asyncio/" not in file:
            break
        trace = trace.tb_next
    return trace


def summary(error: BaseException) -> str:
    """`ValueError: bad`: the traceback's last line, without notes and further lines of the message."""
    kind = type(error)
    plain = kind.__module__ in ("builtins", "__main__")
    name = kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"
    text = str(error).strip().partition("\n")[0]
    return f"{name}: {text}" if text else name


def report(error: BaseException, frames: Frames) -> None:
    """Log the traceback at ERROR and make its last line the run's message."""
    import traceback

    sys.stdout.flush()
    lines = traceback.format_exception(type(error), error, _users_part(error.__traceback__))
    frames.record(ERROR, "sluice", "".join(lines).rstrip("\n"), kind=b"x")
    frames.fail(summary(error))


def enter(fd: int, run_dir: str) -> int:
    """Load and call the entrypoint of RUN_DIR. Answers the exit code; SystemExit passes through."""
    os.set_inheritable(fd, False)
    with open(os.path.join(run_dir, "entry.json")) as file:
        entry = json.load(file)
    frames = Frames(fd)
    redirect(frames)
    catch_again = catch_logging(frames)
    unwind_on_sigterm()
    try:
        function = load(entry, frames)
        catch_again()
        call(function, entry)
    except SystemExit as error:
        if isinstance(error.code, str):
            frames.fail(error.code)
        raise
    except Refusal as error:
        frames.record(ERROR, "sluice", str(error), kind=b"x")
        frames.fail(str(error))
        return 1
    except BaseException as error:  # noqa: BLE001 - the process's outermost frame: the log says why the run failed
        report(error, frames)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(enter(int(sys.argv[1]), sys.argv[2]))
