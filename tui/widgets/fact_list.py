"""Labels and values in two columns, under headings; long values wrap inside their column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.states import STYLES
from tui.text import cut, harmless, width_of
from tui.widgets.columns import Part

LABEL, HEADING, DIM, STRONG, GOOD, BAD, WARNING, KEY = (
    f"fact-list--{part}" for part in ("label", "heading", "dim", "strong", "good", "bad", "warning", "key")
)
NARROWEST = 28
"""Below so many cells a value stands under its label."""


class Heading(NamedTuple):
    """A line that names what follows; an empty line stands before it."""

    words: str


class Fact(NamedTuple):
    """A label and its value; without a label the value takes the whole width.

    Args:
        label: a word or two.
        value: parts of text with component classes; `\\n` begins a new line.
        wrap: false leaves lines whole and cuts them, for text whose columns matter.
    """

    label: str
    value: Sequence[Part]
    wrap: bool = True


Item = Heading | Fact


def fact(label: str, text: str, style: str = "") -> Fact:
    """A fact whose value is one text of one style."""
    return Fact(label, [(text, style)])


class FactList(Widget):
    """Shows facts; as high as they are.

    Args:
        label_width: cells of the left column; it gets wider for longer labels, up to a quarter of the widget.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {LABEL, HEADING, DIM, STRONG, GOOD, BAD, WARNING, KEY, *STYLES}
    DEFAULT_CSS = """
    FactList {
        height: auto;
        .fact-list--label { color: $foreground 60%; }
        .fact-list--heading { color: $text-primary; text-style: bold; }
        .fact-list--dim { color: $foreground 60%; }
        .fact-list--strong { text-style: bold; }
        .fact-list--good { color: $text-success; }
        .fact-list--bad { color: $text-error; }
        .fact-list--warning { color: $text-warning; }
        .fact-list--key { color: $text-primary; }
    }
    """

    def __init__(self, *, label_width: int = 11, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label_width = label_width
        self._items: tuple[Item, ...] = ()
        self._built: tuple[int, list[Content]] | None = None

    def show(self, items: Sequence[Item]) -> None:
        """Show these instead; repaints only when they differ."""
        if tuple(items) == self._items:
            return
        before = len(self._built[1]) if self._built else -1
        self._items = tuple(items)
        self._built = None
        self.refresh(layout=len(self._lines(self.size.width)) != before)

    @property
    def text(self) -> str:
        """What is shown, as plain text."""
        return "\n".join(line.plain for line in self._lines(self.size.width or 80))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._built = None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines(width)))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.size.width))

    def _styled(self, text: str, style: str) -> Content:
        return Content.styled(text, self.get_visual_style(style, partial=True)) if style else Content(text)

    def _lines(self, width: int) -> list[Content]:
        if self._built is None or self._built[0] != width:
            lines: list[Content] = []
            indent = self._indent(width)
            for item in self._items:
                if isinstance(item, Heading):
                    lines += [Content("")] if lines else []
                    lines.append(self._styled(cut(item.words, max(width, 1)), HEADING))
                else:
                    lines += self._fact_lines(item, max(width, 1), indent)
            self._built = (width, lines)
        return self._built[1]

    def _indent(self, width: int) -> int:
        longest = max((width_of(item.label) for item in self._items if isinstance(item, Fact)), default=0)
        return max(self._label_width, min(longest + 2, width // 4))

    def _fact_lines(self, item: Fact, width: int, indent: int) -> list[Content]:
        indent = indent if item.label and width >= NARROWEST else 0
        values = self._value_lines(item, width - indent)
        if not item.label:
            return values
        if not indent:
            return [self._styled(cut(item.label, width), LABEL), *values]
        label = self._styled(cut(item.label, indent - 1).ljust(indent), LABEL)
        space = Content(" " * indent)
        return [(label if number == 0 else space) + value for number, value in enumerate(values)]

    def _value_lines(self, item: Fact, width: int) -> list[Content]:
        value = Content.assemble(
            *(self._styled(harmless(text, lines=True), style) for text, style in item.value)
        )
        lines: list[Content] = []
        for line in value.split("\n", allow_blank=True):
            lines += line.wrap(width) if item.wrap and line.plain else [line.truncate(width, ellipsis=True)]
        return lines or [Content("")]
