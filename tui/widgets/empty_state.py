"""What stands in place of an empty list: why it is empty, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from tui.text import harmless

_KEYS = re.compile(r"\[([^\]]+)\]")


class EmptyState(Widget):
    """A few centred lines. In `steps`, what stands in `[ ]` is a key or a command and stands out."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"empty-state--title", "empty-state--key", "empty-state--text"}

    def __init__(self) -> None:
        super().__init__(classes="-hidden")
        self._title = ""
        self._steps: list[str] = []
        self._after = ""

    def say(self, title: str, steps: Sequence[str], after: str = "") -> None:
        """Say why it is empty.

        Args:
            title: one short sentence.
            steps: what to do, one line each.
            after: a last, quiet line.
        """
        self._title, self._steps, self._after = title, [harmless(step) for step in steps], after
        self.refresh(layout=True)

    def render(self) -> Content:
        title, key, text = (
            self.get_visual_style(f"empty-state--{part}", partial=True) for part in ("title", "key", "text")
        )
        lines: list[Content] = [Content.styled(harmless(self._title), title), Content("")]
        longest = max((len(match[1]) for step in self._steps if (match := _KEYS.match(step))), default=0)
        for step in self._steps:
            pieces = _KEYS.split(step)
            if not pieces[0] and len(pieces) > 1:
                pieces[1] = pieces[1].ljust(longest + 1)
            lines.append(
                Content.assemble(
                    *((piece, key if n % 2 else text) for n, piece in enumerate(pieces) if piece)
                )
            )
        if self._after:
            lines += [Content(""), Content.styled(self._after, text)]
        return Content("\n").join(lines)
