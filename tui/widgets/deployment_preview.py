"""The preview pane: the deployment under the cursor, in more words than a row has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from uuid import UUID

from textual import getters
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.style import Style
from textual.timer import Timer
from textual.widgets import Static

from tui.app import SluiceApp
from tui.live import LatestRead
from tui.states import STYLES, look_of, look_of_deployment
from tui.text import cut, cut_start, harmless, plural, some_of
from tui.times import ago, countdown, day_time, duration, exact

if TYPE_CHECKING:
    from store.schemas import Deployment, DeploymentRow, DeploymentSchedule

NEXT_TIMES = 5
"""Next times listed over all schedules."""

LABEL_CELLS = 8

REST_SECONDS = 0.06
"""How long the cursor rests on a row before the pane reads it."""


class Timing(NamedTuple):
    """A schedule in words, with its next times."""

    words: str
    active: bool
    times: list[datetime]


class Previewed(NamedTuple):
    """All that the pane shows, read in one go."""

    row: DeploymentRow
    deployment: Deployment
    timings: list[Timing]


class DeploymentPreview(VerticalScroll, can_focus=False):
    """Shows nothing, and reads nothing, while it is hidden."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "deployment-preview--title",
        "deployment-preview--label",
        "deployment-preview--dim",
        "deployment-preview--warning",
        *STYLES,
    }
    app = getters.app(SluiceApp)

    def __init__(self) -> None:
        super().__init__()
        self._wanted: UUID | None = None
        self._shown: Previewed | None = None
        self._text = Content("")
        self._rest: Timer | None = None
        self._reader: LatestRead[UUID, Previewed | None] = LatestRead(
            self, self._read, self._take, self._fail
        )

    def compose(self) -> ComposeResult:
        yield Static(id="preview-text", markup=False)

    def show_deployment(self, deployment_id: UUID | None, row: DeploymentRow | None) -> None:
        """Show another deployment, or the same one again if it changed."""
        new = deployment_id != self._wanted
        self._wanted = deployment_id
        if deployment_id is None:
            self._shown = None
            self._draw()
        elif row is not None and (new or self._shown is None or row != self._shown.row):
            self._read_soon()

    def _read_soon(self) -> None:
        """Read when the cursor rests: a key that is held down needs the machine for the list."""
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_SECONDS, self.refresh_data)

    def refresh_data(self) -> None:
        """Read again what is shown."""
        self._rest = None
        if self._wanted is not None and self.display:
            self._reader.ask(self._wanted)

    def on_show(self) -> None:
        self.refresh_data()

    @property
    def is_behind(self) -> bool:
        """Whether it still shows another deployment than the one it was told to, or an older reading."""
        return self.display and (self._reader.busy or self._rest is not None)

    def tick(self, now: datetime) -> None:
        """Move the countdowns; repaints only when a word changed."""
        if self._shown is not None and self.display:
            self._draw()

    def _read(self, deployment_id: UUID) -> Previewed | None:
        backend, now = self.app.backend, self.app.now()
        row = backend.deployment_rows([deployment_id]).get(deployment_id)
        if row is None:
            return None
        deployment = backend.read_deployment(deployment_id)
        return Previewed(row, deployment, [self._timing(schedule, now) for schedule in deployment.schedules])

    def _timing(self, schedule: DeploymentSchedule, now: datetime) -> Timing:
        times = self.app.backend.next_occurrences(schedule, now, NEXT_TIMES) if schedule.active else []
        return Timing(self.app.backend.describe_schedule(schedule.schedule), schedule.active, times)

    def _take(self, _: UUID, read: Previewed | None) -> None:
        self._shown = read
        self._draw()

    def _fail(self, error: Exception) -> None:
        """The row may have gone or its rule may be bad: the pane says so, without a notification per move."""
        self._shown = None
        self._update(Content.styled(harmless(str(error), lines=True), self._style("warning")))

    def _style(self, part: str) -> Style:
        if part.startswith("state-"):
            return self.get_visual_style(part, partial=True)
        return self.get_visual_style(f"deployment-preview--{part}", partial=True)

    def _update(self, text: Content) -> None:
        if text != self._text:
            self._text = text
            self.query_one("#preview-text", Static).update(text)

    def _draw(self) -> None:
        if self._shown is None:
            self._update(Content(""))
            return
        width = max(20, self.scrollable_content_region.width)
        self._update(Description(self._shown, self.app.now(), self.app.zone, width, self._style).content())


class Description:
    """Writes the pane's text.

    Args:
        shown: what was read.
        now: the present, for countdowns.
        zone: the operator's zone; null for the machine's.
        width: cells of a line.
        style: the style of a part of the text.
    """

    def __init__(
        self, shown: Previewed, now: datetime, zone: tzinfo | None, width: int, style: Callable[[str], Style]
    ) -> None:
        self._shown = shown
        self._now = now
        self._zone = zone
        self._room = width - LABEL_CELLS
        self._style = style

    def content(self) -> Content:
        """All of it."""
        blocks = [self._head(), self._trouble(), self._about(), self._schedules(), self._next(), self._last()]
        return Content("\n\n").join([block for block in blocks if block])

    def _dim(self, words: str) -> Content:
        return Content.styled(harmless(words), self._style("dim"))

    def _field(self, label: str, value: str | Content) -> Content:
        shown = value if isinstance(value, Content) else Content(cut(harmless(value), self._room))
        return Content.assemble(Content.styled(f"{label:<{LABEL_CELLS}}", self._style("label")), shown)

    def _head(self) -> Content:
        row = self._shown.row
        look = look_of_deployment(row)
        word = (
            f"Paused, last run {look_of(row.last_state_type, row.last_state_name).word}"
            if (row.paused and not row.error and not row.running and row.last_state_type)
            else look.word
        )
        return Content("\n").join(
            [
                self._dim(f"{row.flow_name}/"),
                Content.styled(harmless(row.name), self._style("title")),
                Content.assemble(Content.styled(look.glyph, self._style(look.style)), f" {word}"),
            ]
        )

    def _trouble(self) -> Content:
        row = self._shown.row
        lines = []
        if row.error:
            lines.append(Content.styled(harmless(row.error, lines=True), self._style("warning")))
        if row.paused and row.pause_reason:
            lines.append(Content.styled(f"Paused: {harmless(row.pause_reason)}", self._style("state-paused")))
        if row.paused and row.pause_until:
            lines.append(self._dim(f"until {exact(row.pause_until, self._zone)}"))
        if row.late:
            lines.append(Content.styled(f"{plural(row.late, 'run')} late", self._style("state-late")))
        if row.running:
            lines.append(Content.styled(f"{plural(row.running, 'run')} live", self._style("state-running")))
        return Content("\n").join(lines)

    def _about(self) -> Content:
        deployment, row = self._shown.deployment, self._shown.row
        lines = []
        if deployment.description:
            lines += [Content(harmless(deployment.description, lines=True).strip()), Content("")]
        lines.append(self._field("pool", row.work_pool_name or "none: waits for its runner"))
        if row.tags:
            lines.append(self._field("tags", some_of(row.tags, self._room)))
        if deployment.entrypoint:
            lines.append(self._field("runs", cut_start(harmless(deployment.entrypoint), self._room)))
        if deployment.version:
            lines.append(self._field("version", deployment.version))
        return Content("\n").join(lines)

    def _schedules(self) -> Content:
        if not self._shown.timings:
            return self._dim("No schedule: runs only by hand.")
        lines = [Content.styled("Schedules", self._style("label"))]
        for timing in self._shown.timings:
            words = harmless(timing.words) if timing.active else f"{harmless(timing.words)} (off)"
            lines.append(Content(words) if timing.active else self._dim(words))
        return Content("\n").join(lines)

    def _next(self) -> Content:
        times = sorted({when for timing in self._shown.timings for when in timing.times})[:NEXT_TIMES]
        if not times:
            return Content("")
        zone_name = times[0].astimezone(self._zone).tzname()
        title = (
            f"Next, if it were not paused ({zone_name})" if self._shown.row.paused else f"Next ({zone_name})"
        )
        lines = [Content.styled(title, self._style("label"))]
        lines += [
            Content.assemble(
                f"{day_time(when, self._now, self._zone):<22}", self._dim(countdown(when, self._now))
            )
            for when in times
        ]
        return Content("\n").join(lines)

    def _last(self) -> Content:
        row = self._shown.row
        if row.last_start is None:
            return Content("")
        look = look_of(row.last_state_type, row.last_state_name)
        lines = [
            Content.styled("Last run", self._style("label")),
            Content.assemble(
                Content.styled(look.glyph, self._style(look.style)),
                f" {look.word} ",
                self._dim(ago(row.last_start, self._now)),
            ),
            self._dim(exact(row.last_start, self._zone)),
        ]
        if row.last_duration is not None:
            usual = "" if row.median_duration is None else f", usually {duration(row.median_duration)}"
            lines.append(Content.assemble(f"took {duration(row.last_duration)}", self._dim(usual)))
        return Content("\n").join(lines)
