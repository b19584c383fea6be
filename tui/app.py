"""The app: one Backend behind it, screens in front of it.

Other modules reach the house through it: `app.backend`, `app.clock`, `app.zone`, `app.open_deployment(id)`,
`app.open_run(id)`, `app.open_runs(...)`, `app.report(error)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from rich.text import Text
from textual.app import App
from textual.binding import BindingType
from textual.screen import Screen

from backend.protocol import Backend
from store.clock import Clock, SystemClock
from store.errors import Refused, SluiceError
from store.schemas import DeploymentQuery, Status
from tui.actions import Action, ActionHost, bindings, register
from tui.live import ChangeFeed, LatestRead, StoreChanged, run_in_thread
from tui.text import harmless, plural
from tui.theme import THEMES
from tui.times import countdown

if TYPE_CHECKING:
    from textual.command import Provider

    from store.schemas import Deployment

HELP = Action(
    "app.help", "question_mark,f1", "show_help", "Help: every key of this screen", "Go", footer="help"
)
PALETTE = Action("app.palette", "ctrl+p", "command_palette", "Palette: everything, by name", "Go")
JUMP = Action(
    "app.jump",
    "colon",
    "open_jump_prompt",
    "Jump: deployments, runs, dep NAME",
    "Go",
    long_words=":runs failed · :dep etl/nightly · :theme sluice-light",
    immediate=True,
)
NEXT_SCREEN = Action("app.next_screen", "right_square_bracket", "next_screen", "Next screen", "Go")
PREVIOUS_SCREEN = Action(
    "app.previous_screen", "left_square_bracket", "previous_screen", "Previous screen", "Go"
)
BACK = Action("app.back", "escape", "go_back", "Back", "Go")
THEME = Action("app.theme", "f2", "toggle_dark", "Dark or light theme", "View")
QUIT = Action("app.quit", "q,ctrl+q", "quit_sluice", "Quit, and say what will not run", "Go", footer="quit")

GLOBAL_ACTIONS = register(HELP, PALETTE, JUMP, NEXT_SCREEN, PREVIOUS_SCREEN, BACK, THEME, QUIT)

STYLES = Path(__file__).parent / "styles"
SMALLEST_WIDTH, SMALLEST_HEIGHT = 44, 10


def _palette_provider() -> type[Provider]:
    from tui.palette import SluiceCommands

    return SluiceCommands


class SluiceApp(ActionHost, App[None]):
    """Sluice in the terminal.

    Args:
        backend: all data and all changes.
        read_only: drop every changing key; true anyway when the backend is read-only.
        clock: time for countdowns and the header; frozen in tests.
        zone: the operator's zone for exact times; null takes the machine's.
        theme: name of the theme to start with.
        keymap: binding id to keys, from the user's keymap file.
    """

    CSS_PATH = [STYLES / name for name in ("app.tcss", "states.tcss", "lists.tcss", "dialogs.tcss")]
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(GLOBAL_ACTIONS)]
    COMMANDS = {_palette_provider}
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (SMALLEST_WIDTH, "-narrow"), (100, "-medium"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (SMALLEST_HEIGHT, "-low"), (30, "-tall")]
    TITLE = "Sluice"
    ENABLE_COMMAND_PALETTE = False  # its own binding would hide ours, which help and keymaps know

    def __init__(
        self,
        backend: Backend,
        *,
        read_only: bool = False,
        clock: Clock | None = None,
        zone: tzinfo | None = None,
        theme: str = "sluice-dark",
        keymap: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.use_command_palette = True
        self.backend = backend
        self.read_only = read_only or backend.read_only
        self.clock = clock or SystemClock()
        self.zone = zone
        self.status: Status | None = None
        self._feed: ChangeFeed | None = None
        for own in THEMES:
            self.register_theme(own)
        self._start_with(theme if theme in self.available_themes else "sluice-dark")
        if keymap:
            self.set_keymap(keymap)

    def _start_with(self, theme: str) -> None:
        """Take a theme before the style sheets are read.

        Assigning it would parse all of them a second time before the first picture.
        """
        self.set_reactive(SluiceApp.theme, theme)
        dark = self.current_theme.dark
        self.remove_class(*[name for name in self.classes if name.startswith("-theme-")])
        self.set_class(True, f"-theme-{theme}")
        self.set_class(dark, "-dark-mode")
        self.set_class(not dark, "-light-mode")
        self.stylesheet.set_variables(self.get_css_variables())

    def size_classes(self) -> list[str]:
        """The classes of the breakpoints that a screen has in a terminal of the present size."""
        sides = (
            (self.size.width, self.HORIZONTAL_BREAKPOINTS),
            (self.size.height, self.VERTICAL_BREAKPOINTS),
        )
        return [max(point for point in points if point[0] <= side)[1] for side, points in sides]

    # --- life

    def get_default_screen(self) -> Screen[Any]:
        from tui.screens.deployments import DeploymentsScreen

        return DeploymentsScreen()

    def on_mount(self) -> None:
        self._status_read: LatestRead[None, Status] = LatestRead(
            self.screen, lambda _: self.backend.read_status(), self._show_status, self.report
        )
        self._feed = ChangeFeed(self, self.backend.subscribe)
        self.refresh_status()
        self.set_interval(1.0, self._tick)

    def on_unmount(self) -> None:
        if self._feed is not None:
            self._feed.close()

    @property
    def changes_allowed(self) -> bool:
        return not self.read_only

    def now(self) -> datetime:
        """The present, from the clock that everything on screen uses."""
        return self.clock.now()

    # --- live

    def on_store_changed(self, event: StoreChanged) -> None:
        """Pass the news on to every screen of the stack: a dialog leaves the list behind it live."""
        self.refresh_status()
        for screen in self.screen_stack:
            screen.post_message(StoreChanged())

    def refresh_status(self) -> None:
        """Read who schedules and how much there is, and show it in the header."""
        self._status_read.ask(None)

    def _show_status(self, _: None, status: Status) -> None:
        self.status = status
        self._tell_screens()

    def _tick(self) -> None:
        self._tell_screens()

    def _tell_screens(self) -> None:
        from tui.screens.base import SluiceScreen

        if not self.is_running:  # a tick during shutdown would look for widgets that are gone
            return
        for screen in self.screen_stack:
            if isinstance(screen, SluiceScreen) and screen.is_mounted:
                screen.show_moment(self.now())

    def yaml_of(self, deployment: Deployment) -> str:
        """A deployment as a prefect.yaml, secrets masked; slow, for threads. The opening program knows how.

        Raises:
            Refused: this program does not.
        """
        raise Refused("This program shows no YAML. `sluice export` prints it.")

    # --- saying things

    def report(self, error: Exception) -> None:
        """Show an error of the backend: its own sentence, or for a surprise its type too."""
        expected = isinstance(error, SluiceError)
        words = str(error) if expected else f"{type(error).__name__}: {error}"
        title = "Not done" if expected else "Something went wrong"
        self.say(words, severity="error", title=title)

    def say(self, words: str, *, severity: Any = "information", title: str = "") -> None:
        """Show a notification; `words` may hold any text, and are never parsed as markup."""
        self.notify(harmless(words, lines=True), severity=severity, title=title, markup=False, timeout=6)

    # --- going places

    def open_deployment(self, deployment_id: UUID) -> None:
        """Open the detail of a deployment."""
        from tui.screens.deployment import DeploymentScreen

        self.push_screen(DeploymentScreen(deployment_id))

    def open_run(self, flow_run_id: UUID) -> None:
        """Open a run with its log."""
        from tui.screens.flow_run import FlowRunScreen

        self.push_screen(FlowRunScreen(flow_run_id))

    def open_runs(self, text: str = "") -> None:
        """Open the list of runs, filtered by text."""
        from tui.screens.flow_runs import FlowRunsScreen

        self._go_home()
        self.push_screen(FlowRunsScreen(text=text))

    def open_deployments(self, text: str | None = None) -> None:
        """Go back to the list of deployments, and filter it when a text is given."""
        from tui.screens.deployments import DeploymentsScreen

        self._go_home()
        home = self.screen_stack[0]
        if text is not None and isinstance(home, DeploymentsScreen):
            home.set_filter(text)

    def _go_home(self) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_next_screen(self) -> None:
        """Step from the deployments to the runs, and back."""
        if len(self.screen_stack) == 1:
            self.open_runs()
        else:
            self._go_home()

    action_previous_screen = action_next_screen

    def action_go_back(self) -> None:
        """Leave this screen; the first one stays."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def action_open_jump_prompt(self) -> None:
        """Open the `:` prompt of the screen."""
        from tui.screens.base import SluiceScreen

        if isinstance(self.screen, SluiceScreen):
            self.screen.open_prompt("jump")

    def action_show_help(self) -> None:
        """List every key of this screen."""
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen.of(self.screen))

    def action_toggle_dark(self) -> None:
        """Change between Sluice's dark and light theme."""
        self.theme = "sluice-light" if self.current_theme.dark else "sluice-dark"

    # --- leaving

    async def action_quit(self) -> None:
        """Textual's own name for quitting."""
        self.action_quit_sluice()

    def action_quit_sluice(self) -> None:
        """Quit, saying what will not run; ask first when runs of this process are live."""
        run_in_thread(self.screen, self._read_farewell, self._say_farewell, self._leave_anyway)

    def _read_farewell(self) -> tuple[Status, str]:
        """What the operator should know when leaving: read in a thread."""
        status = self.backend.read_status()
        return status, farewell(status, self._next_run_words() if _is_ours(status) else "")

    def _next_run_words(self) -> str:
        keys = self.backend.deployment_keys(DeploymentQuery(sort="next_run"))[:1]
        row = self.backend.deployment_rows(keys).get(keys[0]) if keys else None
        if row is None or row.next_run is None:
            return ""
        return f"{harmless(row.full_name)} {countdown(row.next_run, self.now())}"

    def _say_farewell(self, read: tuple[Status, str]) -> None:
        status, words = read
        works_here = status.worker is not None and status.worker.is_self
        if not (works_here and status.active_runs):
            self.exit(message=Text(words))
            return
        from tui.screens.dialogs import Question, QuestionDialog

        live = plural(status.active_runs, "run is", "runs are")
        question = Question(
            title=f"Quit while {live} live?",
            body=(
                f"{live.capitalize()} live here. Processes go on by themselves and are picked up again "
                f"at the next start. {words}"
            ),
            confirm="Quit",
        )
        self.push_screen(QuestionDialog(question), partial(self._quit_if, words))

    def _quit_if(self, words: str, confirmed: bool | None) -> None:
        if confirmed:
            self.exit(message=Text(words))

    def _leave_anyway(self, error: Exception) -> None:
        """A database that cannot be read must not keep anybody in the app."""
        self.exit(message=Text(f"Sluice closed. Its state could not be read: {harmless(str(error))}"))


def _is_ours(status: Status) -> bool:
    return any(holder is not None and holder.is_self for holder in (status.scheduler, status.worker))


def farewell(status: Status, next_run: str) -> str:
    """What does not run after this process has gone, in whole sentences.

    Args:
        status: as read when `q` was pressed.
        next_run: `flow/name in 4m`, the next run over all deployments; empty when there is none.
    """
    if not _is_ours(status):
        holder = status.scheduler
        if holder is None:
            return "Sluice closed. Nobody schedules this database now: start `sluice` or `sluice serve`."
        return f"Sluice closed. Process {holder.pid} goes on scheduling this database."
    words = "Sluice closed: nothing is scheduled or run until `sluice` or `sluice serve` is started"
    return f"{words}. Next would be {next_run}." if next_run else f"{words}."
