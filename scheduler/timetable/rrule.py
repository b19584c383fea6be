"""RRULE schedules (RFC 5545): sets of recurrences, added and excluded dates, and their zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from heapq import merge
from itertools import islice

from scheduler.timetable import zones
from scheduler.timetable.recurrence import END, NOTHING, WILDCARD, read_dates, read_recurrence
from store.errors import Invalid

MAX_LENGTH = 6500
MAX_EXCLUDED = 10_000
"""How many labels in a row may be excluded before a rule counts as one that nothing ever matches."""

_MICROSECOND = timedelta(microseconds=1)


class RRule:
    """A compiled recurrence rule: RRULE, EXRULE, RDATE and EXDATE lines evaluated on labels of one zone.

    A rule of which every RRULE is DAILY or longer fires like fixed-time cron, any other like wildcard cron.
    `timezone` wins over a TZID (the label stays); a time that ends in Z is an instant and is converted.

    Args:
        text: lines separated by whitespace, or a bare `FREQ=...`.
        timezone: IANA name; default the TZID of DTSTART, else UTC.
        anchor: instant from which a rule without DTSTART starts.

    Raises:
        Invalid: in Prefect's words, followed by the reason.
    """

    def __init__(self, text: str, timezone: str | None, anchor: datetime) -> None:
        if len(text) > MAX_LENGTH:
            raise refusal(text[:40] + "...", f"max length is {MAX_LENGTH}, got {len(text)}")
        named = re.search(r";TZID=([^:;\s]+)", text, re.IGNORECASE)
        self.zone = zones.zone(timezone or (named.group(1) if named else None))
        default = zones.local(anchor.astimezone(UTC).replace(tzinfo=None, microsecond=0), self.zone)
        try:
            self._read(_on_labels(text, self.zone), default)
        except (ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
            raise refusal(text, str(error)) from error

    def instants(self, after: datetime, before: datetime) -> Iterator[datetime]:
        """Instants not before `after`, in order; the caller stops."""
        if self.wildcard:
            return zones.each_pass(self._labels, self.zone, after, before)
        return zones.once(self._labels, self.zone, after)

    def _read(self, text: str, default: datetime) -> None:
        start: datetime | None = None
        rules: list[str] = []
        exrules: list[str] = []
        dates: set[datetime] = set()
        self._excluded: set[datetime] = set()
        for line in text.split():
            name, _, value = line.rpartition(":")
            name, *extra = (name or "RRULE").upper().split(";")
            if name == "DTSTART":
                (start,) = read_dates(value)
            elif name == "RDATE":
                dates.update(read_dates(value))
            elif name == "EXDATE":
                self._excluded.update(read_dates(value))
            elif name in ("RRULE", "EXRULE"):
                (rules if name == "RRULE" else exrules).append(value)
            else:
                raise ValueError(f"unsupported property: {name}")
            if any(not item.startswith(("VALUE=DATE", "X-")) for item in extra):
                raise ValueError(f"unsupported parameter: {';'.join(extra)}")
        if not rules and not dates:
            raise ValueError("it has no RRULE and no RDATE")
        self._parts = [read_recurrence(value, start or default) for value in rules]
        self._exparts = [read_recurrence(value, start or default) for value in exrules]
        self._dates = sorted(dates)
        self.wildcard = any(part.frequency in WILDCARD for part in self._parts)
        if start or exrules or self._excluded:
            self._refuse_empty(min([start or default, *dates]), over_is_empty=start is not None)

    def _refuse_empty(self, first: datetime, *, over_is_empty: bool) -> None:
        """Refuse a rule that keeps no label from `first` on.

        One that only starts when its schedule is made may rightly be over by then.
        """
        looked_at = 0
        for _, kept in islice(self._judged(first), MAX_EXCLUDED):
            if kept:
                return
            looked_at += 1
        if over_is_empty or looked_at == MAX_EXCLUDED:
            raise ValueError(NOTHING)

    def _labels(self, first: datetime) -> Iterator[datetime]:
        return (label for label, kept in self._judged(first) if kept)

    def _judged(self, first: datetime) -> Iterator[tuple[datetime, bool]]:
        """Every label that an RRULE or RDATE names, and whether no EXRULE or EXDATE takes it away."""
        exceptions = [first - _MICROSECOND for _ in self._exparts]
        dates = (label for label in self._dates if label >= first)
        for label in merge(*(part.labels(first) for part in self._parts), dates):
            for number, part in enumerate(self._exparts):
                if exceptions[number] < label:
                    # Begun anew, not walked: seconds excluded from a yearly rule are many.
                    exceptions[number] = next(part.labels(label), END)
            yield label, label not in exceptions and label not in self._excluded


def refusal(text: str, reason: str) -> Invalid:
    """The error for a rule, in Prefect's words and on one line."""
    shown = " ".join(text.split())
    return Invalid(
        f'Invalid RRule string "{shown if len(shown) <= 200 else shown[:200] + "..."}": {reason}', "rrule"
    )


def _on_labels(text: str, where: tzinfo) -> str:
    """The rule with all its times as labels of `where`: TZID dropped, times in UTC converted."""

    def converted(found: re.Match[str]) -> str:
        instant = datetime.strptime(found.group(1).upper(), "%Y%m%dT%H%M%S")  # noqa: DTZ007 (UTC, naive)
        return zones.local(instant, where).strftime("%Y%m%dT%H%M%S")

    text = re.sub(r";TZID=[^:;\s]+", "", text, flags=re.IGNORECASE)
    return re.sub(r"\b(\d{8}T\d{6})Z\b", converted, text, flags=re.IGNORECASE)
