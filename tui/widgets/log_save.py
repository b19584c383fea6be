"""Writing a log to a file: asked where, never over a file without asking, stopped by escape."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import TextIO

from textual.message import Message
from textual.widget import Widget

from store.errors import Invalid
from store.schemas import LogLine
from tui.text import plural
from tui.widgets.log_filter import LogFilter
from tui.widgets.log_lines import ReadLogs, rows_of
from tui.widgets.log_painter import level_name
from tui.widgets.log_scan import PAGE

TELL_SECONDS = 0.25
"""At most so often a thread tells how far it is."""


def checked_path(text: str) -> Path:
    """The file that somebody typed.

    Raises:
        Invalid: nothing was typed, it is a folder, or its folder does not exist.
    """
    if not text.strip():
        raise Invalid("Type the name of a file to save to, or press escape.")
    path = Path(text.strip()).expanduser().absolute()
    if path.is_dir():
        raise Invalid(f"{path} is a folder. Type the name of a file in it.")
    if not path.parent.is_dir():
        raise Invalid(f"The folder {path.parent} does not exist. Type another one, or make it first.")
    return path


def save_lines(
    path: Path,
    chosen: LogFilter,
    read_logs: ReadLogs,
    zone: tzinfo | None,
    going_on: Callable[[int], bool],
    *,
    overwrite: bool = False,
) -> int:
    """Write the messages that pass the filter to a file; answers how many there were.

    The file appears when it is complete; until then a hidden neighbour is written.

    Args:
        path: where to.
        chosen: the filter; an empty one lets everything pass.
        read_logs: reads the log.
        zone: of the times.
        going_on: told how many lines were written so far; false stops.
        overwrite: replace a file that exists.

    Raises:
        FileExistsError: `path` exists and `overwrite` is false.
        OSError: it cannot be written.
        InterruptedError: `going_on` answered false; nothing was left behind.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    part = Path(name)
    try:
        with open(handle, "w", encoding="utf-8", errors="replace") as file:
            count = _write(file, chosen, read_logs, zone, going_on)
        if overwrite:
            part.replace(path)
        else:
            os.link(part, path)  # refuses where somebody made the file meanwhile
    finally:
        part.unlink(missing_ok=True)
    return count


def _write(
    file: TextIO,
    chosen: LogFilter,
    read_logs: ReadLogs,
    zone: tzinfo | None,
    going_on: Callable[[int], bool],
) -> int:
    count = after = 0
    while page := read_logs(after, PAGE):
        after = page[-1].id
        for line in page:
            if _passes(line, chosen):
                file.write(_as_text(line, zone))
                count += 1
        if not going_on(count):
            raise InterruptedError(f"stopped after {count:,} messages")
    return count


def _passes(line: LogLine, chosen: LogFilter) -> bool:
    return not chosen or any(chosen.passes(row.level, row.text) for row in rows_of([line]))


def _as_text(line: LogLine, zone: tzinfo | None) -> str:
    texts = "\n".join(row.text for row in rows_of([line]))
    at = line.timestamp.astimezone(zone).isoformat(timespec="milliseconds")
    return f"{at} {level_name(line.level)[0].upper():<8} {texts}\n"


class LogSaver:
    """Saves one log in a thread.

    Args:
        owner: gets the messages, and its workers do the work.
        read_logs: reads the log.
        zone: of the times in the file.
        tell: shows how far it is; empty when it is over.
    """

    class Saved(Message):
        """It is over: `words` say what was written where, or that it was stopped."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Exists(Message):
        """The file exists: ask, then `start` again with `overwrite`."""

        def __init__(self, path: Path, chosen: LogFilter) -> None:
            super().__init__()
            self.path = path
            self.chosen = chosen

    class Failed(Message):
        """The file could not be written, and why."""

        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self, owner: Widget, read_logs: ReadLogs, zone: tzinfo | None, tell: Callable[[str], None]
    ) -> None:
        self._owner = owner
        self._read_logs = read_logs
        self._zone = zone
        self._tell = tell
        self._told_at = 0.0
        self.running = False

    def start(self, path: Path, chosen: LogFilter, *, overwrite: bool = False) -> None:
        """Write the messages that pass the filter.

        Raises:
            Invalid: another save goes on.
        """
        if self.running:
            raise Invalid("A save is going on. Wait for it, or stop it with escape.")
        self.running = True
        self._owner.run_worker(self._save(path, chosen, overwrite), group="save")

    def stop(self) -> None:
        """Stop writing; the unfinished file is removed."""
        self.running = False

    def _going_on(self, count: int) -> bool:
        if time.monotonic() - self._told_at >= TELL_SECONDS:
            self._told_at = time.monotonic()
            self._owner.call_later(self._tell, f"saving: {plural(count, 'message')} · esc stops")
        return self.running

    async def _save(self, path: Path, chosen: LogFilter, overwrite: bool) -> None:
        post = self._owner.post_message
        try:
            count = await asyncio.to_thread(
                save_lines, path, chosen, self._read_logs, self._zone, self._going_on, overwrite=overwrite
            )
        except FileExistsError:
            post(self.Exists(path, chosen))
        except InterruptedError:
            post(self.Saved(f"Saving {path} was stopped. No file was left behind."))
        except OSError as error:
            post(self.Failed(Invalid(f"{path} could not be written: {error.strerror or error}.")))
        else:
            which = " that pass the filter" if chosen else ""
            post(self.Saved(f"Saved {plural(count, 'message')}{which} to {path}."))
        finally:
            self.running = False
            self._owner.call_later(self._tell, "")
