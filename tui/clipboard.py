"""Copying to the operator's clipboard, over SSH too: OSC 52, capped, and said in words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from tui.live import run_in_thread
from tui.text import cut, harmless, plural

if TYPE_CHECKING:
    from textual.widget import Widget

    from tui.app import SluiceApp

COPY_LIMIT = 64 * 1024
"""Bytes copied at most: terminals drop longer OSC 52 sequences."""

TMUX_SECONDS = 3.0


def capped(lines: Sequence[str]) -> tuple[str, int]:
    """As many whole lines, from the first, as fit the limit; and how many those are."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line.encode()) + 1
        if size > COPY_LIMIT:
            return "\n".join(lines[:number]), number
    return "\n".join(lines), len(lines)


def copy_text(app: SluiceApp, screen: Widget, what: str, text: str) -> None:
    """Copy a text and say what was copied.

    Args:
        app: the app.
        screen: owns the thread that tells tmux, which passes no OSC 52 of programs on by default.
        what: names the text: `run id`.
        text: what to copy; of a longer text than the limit, the whole lines that fit.
    """
    lines = text.split("\n")
    kept, count = capped(lines)
    if not count:
        app.say(
            f"The {what} is longer than the {COPY_LIMIT // 1024} KiB that terminals take.", severity="warning"
        )
        return
    app.copy_to_clipboard(kept)
    if os.environ.get("TMUX"):
        run_in_thread(screen, partial(_tell_tmux, kept), lambda _: None, app.report)
    app.say(copied_words(what, kept, len(lines) - count))


def copied_words(what: str, text: str, left_out: int = 0) -> str:
    """`Copied run id: 0198…`, or for more than one line how many, and what was left out."""
    lines = text.count("\n") + 1
    if lines == 1:
        return f"Copied {what}: {cut(harmless(text), 60)}"
    words = f"Copied {what}: {plural(lines, 'line')}, {len(text.encode()):,} bytes."
    return f"{words} {plural(left_out, 'line')} more did not fit: S saves all." if left_out else words


def _tell_tmux(text: str) -> None:
    """Put the text into tmux's buffer and, by tmux, into the terminal's clipboard.

    Raises:
        OSError: there is no `tmux` to run.
        subprocess.SubprocessError: it refused, or did not answer.
    """
    command = ["tmux", "load-buffer", "-w", "-"]
    subprocess.run(command, input=text.encode(), check=True, timeout=TMUX_SECONDS, capture_output=True)
