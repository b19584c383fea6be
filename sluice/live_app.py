"""The app with the house behind it: scheduling and working begin when the first picture is on the screen."""

from __future__ import annotations

import gc
import io
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from textual import work

import tui
from sluice.house import House
from sluice.settings import is_debugging
from tui.app import SluiceApp
from tui.masking import masked
from tui.screens.deployments import DeploymentsScreen

if TYPE_CHECKING:
    from store.schemas import Deployment

START_DELAY_SECONDS = 0.25
"""From the first frame to the start of the threads: time for the preview, which comes a moment later."""

HOLDERS_SECONDS = 0.5
"""How often to look who schedules and works: lock files tell it, and no signal of the store."""

log = logging.getLogger("sluice")


class LiveApp(SluiceApp):
    """SluiceApp in the process that schedules and works.

    Their libraries take longer to load than a picture takes to paint, so they wait for it.

    Args:
        house: open, its threads not started yet.
    """

    # Textual looks for style sheets beside the class that runs, and theirs are beside its base.
    CSS_PATH = [Path(folder) / path for folder in tui.__path__ for path in SluiceApp.CSS_PATH]

    def __init__(self, house: House) -> None:
        super().__init__(house.backend)
        self._house = house
        self._last_words = io.StringIO()
        if not is_debugging():  # a traceback belongs in the log, not on the operator's terminal
            width = shutil.get_terminal_size().columns
            self.error_console = Console(file=self._last_words, width=width, highlight=False)

    @property
    def last_words(self) -> str:
        """What the app said when it ended: with a return code the traceback of a crash, else a farewell."""
        return self._last_words.getvalue()

    def get_default_screen(self) -> DeploymentsScreen:
        screen = DeploymentsScreen()
        try:
            screen.read_ahead()
        except Exception:  # the screen reads again by itself, and shows what is wrong
            log.exception("the first list could not be read ahead")
        return screen

    def on_ready(self) -> None:
        self.set_timer(START_DELAY_SECONDS, self._settle)

    def _settle(self) -> None:
        gc.freeze()  # what is loaded by now stays: no collection needs to look at it again
        gc.enable()
        self._start_house()
        self.set_interval(HOLDERS_SECONDS, self.refresh_status)

    @work(thread=True, name="start the house")
    def _start_house(self) -> None:
        self._house.start()

    def yaml_of(self, deployment: Deployment) -> str:
        """What `sluice export` prints for it, secrets masked."""
        from sluice.exported import exported_deployment, exported_project, text_of

        return text_of(exported_project([masked(exported_deployment(deployment))]))
