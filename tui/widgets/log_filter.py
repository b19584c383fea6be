"""What an operator types after `&` and `/`: a regular expression, and for `&` a level too."""

from __future__ import annotations

import re
import warnings
from typing import NamedTuple

from store.errors import Invalid

LEVELS = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "critical": 50}
"""Python's own level numbers, by the names that people type."""

_LEVEL = re.compile(r"(?:^|\s)level:(?P<name>\S*)", re.IGNORECASE)


class LogFilter(NamedTuple):
    """Which messages are shown: at least this level, and the pattern found in one of their rows."""

    text: str = ""
    min_level: int = 0
    pattern: re.Pattern[str] | None = None

    def __bool__(self) -> bool:
        return bool(self.min_level or self.pattern)

    def passes(self, level: int, text: str) -> bool:
        """Whether a row of that level with that text is what was asked for."""
        return level >= self.min_level and (self.pattern is None or self.pattern.search(text) is not None)


def parse_pattern(text: str) -> re.Pattern[str]:
    """A regular expression; upper and lower case differ only when `text` has an upper-case letter.

    Raises:
        Invalid: with what is wrong and at which character.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # `[[` may mean more one day: nothing to tell now
            return re.compile(text, 0 if any(c.isupper() for c in text) else re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        place = getattr(error, "pos", None)
        where = f" at character {place + 1}" if isinstance(place, int) else ""
        reason = getattr(error, "msg", str(error))
        raise Invalid(
            f"{text} is not a regular expression: {reason}{where}. "
            "Put \\ before a character that is meant as itself."
        ) from error


def parse_filter(text: str) -> LogFilter:
    """`level:warning time.?out`: a least level, a pattern, both or neither.

    Raises:
        Invalid: for an unknown level or a pattern that is not a regular expression.
    """
    levels = [match["name"].lower() for match in _LEVEL.finditer(text)]
    unknown = [name for name in levels if name not in LEVELS]
    if unknown:
        raise Invalid(
            f"level:{unknown[0]} is not a level. Levels are debug, info, warning, error and critical."
        )
    rest = _LEVEL.sub("", text).strip()
    pattern = parse_pattern(rest) if rest else None
    return LogFilter(text.strip(), max((LEVELS[name] for name in levels), default=0), pattern)
