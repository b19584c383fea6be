"""The app with the house behind it: scheduling and working begin when the first picture is on the screen."""

from __future__ import annotations

from textual import work

from sluice.house import House
from tui.app import SluiceApp


class LiveApp(SluiceApp):
    """SluiceApp in the process that schedules and works.

    Their libraries take longer to load than a picture takes to paint, so they wait for it.

    Args:
        house: open, its threads not started yet.
    """

    def __init__(self, house: House) -> None:
        super().__init__(house.backend)
        self._house = house

    def on_ready(self) -> None:
        self._start_house()

    @work(thread=True, name="start the house")
    def _start_house(self) -> None:
        self._house.start()
