"""The head of the Run screen: state, name, what went wrong or what it waits for, times."""

from __future__ import annotations

from datetime import datetime, tzinfo

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from store.schemas import FlowRun, Status
from tui.run_facts import headline, timing_words
from tui.states import STYLES, look_of
from tui.text import cut, cut_start, harmless, width_of
from tui.widgets.fact_list import BAD, DIM, STRONG, WARNING

MESSAGE_LINES = 3
"""A longer message goes on in the details."""


class RunHeader(Widget):
    """Two to five lines, as many as there is to say."""

    COMPONENT_CLASSES = {BAD, DIM, STRONG, WARNING, *STYLES}

    def __init__(self) -> None:
        super().__init__()
        self._said: tuple[object, ...] = ()
        self._lines: list[Content] = [Content("reading…")]
        self._parts: tuple[FlowRun, list[tuple[str, str]], list[str], bool] | None = None

    def show(
        self, run: FlowRun, status: Status | None, now: datetime, zone: tzinfo | None, *, gone: bool = False
    ) -> None:
        """Say how the run stands now."""
        self._parts = (run, headline(run, status, now), timing_words(run, now, zone), gone)
        height = len(self._lines)
        self._lines = self._build(self.size.width)
        said = (*(line.plain for line in self._lines), run.state_type, run.state_name)
        if said != self._said:
            self._said = said
            self.refresh(layout=len(self._lines) != height)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._lines = self._build(self.size.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._build(width))

    def render(self) -> Content:
        return Content("\n").join(self._build(self.size.width))

    def _styled(self, text: str, style: str) -> Content:
        clean = harmless(text)
        return Content.styled(clean, self.get_visual_style(style, partial=True)) if style else Content(clean)

    def _build(self, width: int) -> list[Content]:
        if self._parts is None:
            return [Content("reading…")]
        run, message, times, gone = self._parts
        width = max(width, 1)
        lines = [self._title(run, width, gone), *self._message(message, width)]
        return [*lines, self._styled(cut(" · ".join(times), width), DIM)] if times else lines

    def _title(self, run: FlowRun, width: int, gone: bool) -> Content:
        look = look_of(run.state_type, run.state_name)
        state = self._styled(f"{look.glyph} {look.word}", look.style)
        name = harmless(run.name)
        place = harmless(run.full_deployment_name or "no deployment")
        room = width - state.cell_length - 2 - (9 if gone else 0)
        name = cut(name, max(room * 2 // 3, room - width_of(place) - 2))
        place = cut_start(place, max(0, room - width_of(name) - 2))
        gap = " " * max(1, room - width_of(name) - width_of(place))
        end = [Content(" "), self._styled("deleted ", WARNING)] if gone else []
        return Content.assemble(state, "  ", self._styled(name, STRONG), gap, self._styled(place, DIM), *end)

    def _message(self, parts: list[tuple[str, str]], width: int) -> list[Content]:
        if not parts:
            return []
        lines = Content.assemble(*(self._styled(text, style) for text, style in parts)).wrap(width)
        if len(lines) > MESSAGE_LINES:
            lines = [*lines[: MESSAGE_LINES - 1], lines[MESSAGE_LINES - 1].truncate(width - 1).append("…")]
        return lines
