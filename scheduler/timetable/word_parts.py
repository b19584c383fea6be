"""Parts of words that cron and RRULE have in common: lists of days and months, ordinals, times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

MOST_LISTED = 4
"""More times or days than these are no short words any more."""

_SHORTEST_RANGE = 3
"""`Sat, Sun`, but `Mon-Wed`."""


def ordinal(number: int) -> str:
    """`1st`, `22nd`, and from the end `last`, `2nd last`."""
    if number < 0:
        return "last" if number == -1 else f"{ordinal(-number)} last"
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def listed(numbers: Iterable[int], names: Sequence[str]) -> str:
    """Numbers from 0 as names: `Mon-Fri`, `Sat, Sun`, `Jan, Mar-May`."""
    words: list[str] = []
    for first, last in _ranges(sorted(set(numbers))):
        if last - first + 1 >= _SHORTEST_RANGE:
            words.append(f"{names[first]}-{names[last]}")
        else:
            words += names[first : last + 1]
    return ", ".join(words)


def days_of_month(numbers: Iterable[int]) -> str | None:
    """`1st, 15th`, `1st-7th`, `last day`; null when there are too many."""
    wanted = sorted(set(numbers), key=lambda number: (number < 0, number))
    if wanted and all(number < 0 for number in wanted):
        return f"{', '.join(map(ordinal, wanted))} day" if len(wanted) <= MOST_LISTED else None
    ranges = _ranges(wanted)
    if len(ranges) > MOST_LISTED or (wanted and wanted[0] < 1):
        return None
    return ", ".join(
        ordinal(first) if first == last else f"{ordinal(first)}-{ordinal(last)}" for first, last in ranges
    )


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each row of consecutive numbers."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def times_of_day(hours: Sequence[int], minutes: Sequence[int]) -> str | None:
    """`09:30, 17:30`; null when there are too many or none."""
    if not 0 < len(hours) * len(minutes) <= MOST_LISTED or max(hours) > 23 or max(minutes) > 59:
        return None
    return ", ".join(clock(hour, minute) for hour in sorted(set(hours)) for minute in sorted(set(minutes)))


def clock(hour: int, minute: int) -> str:
    """`09:30`."""
    return f"{hour:02}:{minute:02}"
