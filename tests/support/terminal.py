"""A real pseudo-terminal with the installed `sluice` in it, and eyes that read its screen."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pexpect
import pyte

COMMAND = Path(sys.executable).with_name("sluice")
READ_BYTES = 65536


class Terminal:
    """`sluice ...` in a pseudo-terminal of so many columns and rows.

    `screen` is what a person would see. Every wait has a deadline, and fails with that picture.
    """

    def __init__(
        self,
        arguments: list[str],
        *,
        home: Path,
        columns: int = 140,
        rows: int = 40,
        environ: dict[str, str] | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.child = pexpect.spawn(
            str(COMMAND),
            arguments,
            dimensions=(rows, columns),
            timeout=20,
            env={
                # Sizes that whoever runs the tests exported would win over the terminal's own.
                **{name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")},
                "SLUICE_HOME": str(home),
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                **(environ or {}),
            },
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
        self.child.close(force=True)

    @property
    def text(self) -> str:
        """The screen's lines."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, *words: str, timeout: float = 20.0) -> str:
        """Read until all the words stand on the screen together; answers its text."""
        return self._wait(lambda: all(word in self.text for word in words), f"{words} on the screen", timeout)

    def wait_for_or_end(self, word: str, timeout: float = 20.0) -> bool:
        """Read until the word stands on the screen or the process has ended; answers whether it lives."""
        awaited = f"{word!r} on the screen, or the end"
        self._wait(lambda: word in self.text or not self.child.isalive(), awaited, timeout)
        return self.child.isalive()

    def wait_until_gone(self, word: str, timeout: float = 20.0) -> str:
        """Read until the word stands on the screen no more."""
        return self._wait(lambda: word not in self.text, f"{word!r} gone from the screen", timeout)

    def press(self, keys: str) -> None:
        """Type keys; escape sequences for the special ones."""
        self.child.send(keys)

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size, as a person dragging its corner does."""
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def wait_for_end(self, timeout: float = 20.0) -> int:
        """Read until the process has ended and answer its exit code (negative: the signal)."""
        self._wait(lambda: not self.child.isalive(), "the end of the process", timeout)
        self.read()
        self.child.close()
        return self.child.exitstatus if self.child.exitstatus is not None else -(self.child.signalstatus or 0)

    def _wait(self, reached: Callable[[], bool], awaited: str, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        while not reached():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout:g} s: {awaited}. The screen:\n{self.text}")
            self.read()
        return self.text

    def read(self) -> None:
        """Take in what has arrived, waiting for it 50 ms at most."""
        try:
            data = self.child.read_nonblocking(READ_BYTES, timeout=0.05)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.raw += data
        self._stream.feed(data)
