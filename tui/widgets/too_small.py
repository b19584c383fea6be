"""What a terminal sees that is too small for anything else."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget


class TooSmall(Widget):
    """One sentence instead of a crushed screen. Styles show it in place of all else (`-tiny`, `-flat`).

    Args:
        width: cells needed.
        height: lines needed.
    """

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self._needed = (width, height)

    def render(self) -> Content:
        size = self.app.size
        return Content(
            f"{size.width}x{size.height} is too small: Sluice needs {self._needed[0]}x{self._needed[1]}. "
            "Enlarge the terminal, or q to quit."
        )
