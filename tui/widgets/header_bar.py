"""The header: which database, who schedules and works, read-only lock, clock."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widget import Widget

from store.schemas import Holder, Status
from tui.text import cut_start, harmless, width_of
from tui.times import clock_time

if TYPE_CHECKING:
    from tui.app import SluiceApp


def short_path(path: str) -> str:
    """The path with the home folder written `~`."""
    home = str(Path.home())
    return "~" + path[len(home) :] if path.startswith(home + "/") else path


def who(holder: Holder | None, here: str, there: str, nobody: str) -> tuple[str, str]:
    """(style, words) for who holds a lock: this process, another one, nobody."""
    if holder is None:
        return "warning", nobody
    return ("good", here) if holder.is_self else ("other", f"{there} {holder.pid}")


class HeaderBar(Widget):
    """One line; repainted only when its text changes."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header-bar--name",
        "header-bar--dim",
        "header-bar--good",
        "header-bar--other",
        "header-bar--warning",
        "header-bar--lock",
        "header-bar--clock",
    }

    def __init__(self) -> None:
        super().__init__()
        self._status: Status | None = None
        self._clock = ""

    def show(self, status: Status | None, now: datetime) -> None:
        """Take the newest status and time."""
        if TYPE_CHECKING:
            assert isinstance(self.app, SluiceApp)
        clock = clock_time(now, self.app.zone)
        if (status, clock) != (self._status, self._clock):
            self._status, self._clock = status, clock
            self.refresh()

    def _styled(self, words: str, part: str) -> Content:
        return Content.styled(words, self.get_visual_style(f"header-bar--{part}", partial=True))

    def _right(self) -> list[Content]:
        """What stands at the right and never gives way: lock, who schedules, clock."""
        parts: list[Content] = []
        status = self._status
        if TYPE_CHECKING:
            assert isinstance(self.app, SluiceApp)
        if self.app.read_only:
            lock = self.get_visual_style("header-bar--lock")
            parts += [Content.styled(" locked · read-only ", lock), Content("  ")]
        if status is not None:
            for style, words in self._people(status):
                parts += [self._styled(words, style), Content("  ")]
        parts.append(self._styled(self._clock, "clock"))
        return parts

    @staticmethod
    def _people(status: Status) -> list[tuple[str, str]]:
        if status.scheduler_error:
            return [("warning", "! scheduler stopped")]
        if status.worker_error:
            return [("warning", "! worker stopped")]
        schedules = who(status.scheduler, "● scheduling", "◐ scheduled by", "○ nobody schedules")
        works = who(status.worker, "● working", "◐ worked by", "○ nobody works")
        same = status.scheduler and status.worker and status.scheduler.pid == status.worker.pid
        if same:
            return [(schedules[0], schedules[1])]
        return [schedules, works]

    def render(self) -> Content:
        right = Content.assemble(*self._right())
        name = self._styled("sluice", "name")
        room = self.size.width - 2 - right.cell_length - name.cell_length - 4
        path = harmless(short_path(self._status.database)) if self._status else ""
        path = cut_start(path, room) if room > 3 else ""
        space = max(1, self.size.width - 2 - name.cell_length - 2 - width_of(path) - right.cell_length)
        return Content.assemble(
            " ", name, "  ", self._styled(path, "dim"), Content(" " * space), right, Content(" ")
        )
