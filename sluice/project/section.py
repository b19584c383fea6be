"""One mapping of a project file, read key by key; a wrong type becomes a problem with its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sluice.project.document import Document, Path
from sluice.project.problems import Problems, did_you_mean

T = TypeVar("T")

_WORDS: dict[type, str] = {
    dict: "a mapping",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
}


def kind(value: Any) -> str:
    """What a value is, for a sentence: `a list`, `the number 3`, `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text `{value if len(value) <= 40 else value[:39] + '…'}`"
    return _WORDS[type(value)]


class Section:
    """A mapping with the place it stands at.

    Args:
        document: the file, for lines and for numbers as they were written.
        path: where the mapping stands.
        values: the mapping, templates resolved.
        problems: receives what is wrong.
    """

    def __init__(self, document: Document, path: Path, values: dict[str, Any], problems: Problems) -> None:
        self.document = document
        self.path = path
        self.values = values
        self.problems = problems

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def line(self, *keys: str | int) -> int | None:
        """The line of a place below this one, or of the nearest one above that stands in the file."""
        return self.document.line((*self.path, *keys))

    def problem(self, message: str, *keys: str | int) -> None:
        """Something wrong at a place below this one."""
        self.problems.add(message, self.line(*keys))

    def refuse_unknown(self, known: Sequence[str], what: str) -> None:
        """Name every key that is not in `known`, and the nearest that is."""
        for key in self.values:
            if key not in known:
                self.problem(f"unknown key `{key}` in {what}: {did_you_mean(key, known)}", key)

    def text(self, key: str) -> str | None:
        """A text; a number or flag is taken as it is written in the file."""
        return self._as_text(self.values.get(key), key)

    def flag(self, key: str) -> bool | None:
        """True or false, also as the text that an environment variable gives."""
        value = self.values.get(key)
        if isinstance(value, str) and value.strip().lower() in ("true", "yes", "on", "1"):
            return True
        if isinstance(value, str) and value.strip().lower() in ("false", "no", "off", "0"):
            return False
        return self._typed(key, bool)

    def whole(self, key: str) -> int | None:
        """A whole number, also as the text that an environment variable gives."""
        value = self.values.get(key)
        if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
            return int(value)
        if isinstance(value, bool):
            self.problem(f"`{key}` must be a number, not {kind(value)}.", key)
            return None
        return self._typed(key, int)

    def mapping(self, key: str) -> dict[str, Any]:
        """A mapping; absent and null are empty."""
        return self._typed(key, dict) or {}

    def items(self, key: str) -> list[Any]:
        """A list; absent and null are empty."""
        return self._typed(key, list) or []

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        texts = (self._as_text(item, key, index) for index, item in enumerate(self.items(key)))
        return [text for text in texts if text is not None]

    def section(self, key: str) -> Section:
        """The mapping at `key` as a section of its own; absent and null are empty."""
        return Section(self.document, (*self.path, key), self.mapping(key), self.problems)

    def _as_text(self, value: Any, *keys: str | int) -> str | None:
        if value is None or isinstance(value, str):
            return value
        written = self.document.texts.get((*self.path, *keys))
        if written is None:
            self.problem(f"`{keys[0]}` must be text, not {kind(value)}.", *keys)
        return written

    def _typed(self, key: str, wanted: type[T]) -> T | None:
        value = self.values.get(key)
        if value is None or isinstance(value, wanted):
            return value
        self.problem(f"`{key}` must be {_WORDS[wanted]}, not {kind(value)}.", key)
        return None
