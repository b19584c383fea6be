"""Zones: names to tzinfo, and the two ways from a local label to instants.

A *label* is a naive datetime as a clock on the wall shows it. An *instant* is, inside this package, a naive
datetime in UTC: arithmetic on naive datetimes is several times as fast as on aware ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from store.errors import Invalid

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (an instant of this package is naive)
_CHUNK = timedelta(days=16)
_ZERO = timedelta(0)

NOT_ZONES = ("posix/", "right/", "localtime", "posixrules", "Factory")
"""Files of the system's zone folder that are no zones of tzdata: `right/` counts leap seconds, for one."""

Labels = Callable[[datetime], Iterator[datetime]]
"""From a label, the rule's labels at or after it, in order."""


@lru_cache(maxsize=1024)
def zone(name: str | None) -> tzinfo:
    """The zone of that IANA name; UTC for none.

    Raises:
        Invalid: no such zone; the words are Prefect's.
    """
    if name is None:
        return UTC
    try:
        if not name.startswith(NOT_ZONES):
            found = ZoneInfo(name)
            return UTC if name in ("UTC", "Etc/UTC") else found
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise Invalid(
        f'Invalid timezone: "{name}" (specify in IANA tzdata format, for example, America/New_York)',
        "timezone",
    )


def local(instant: datetime, where: tzinfo) -> datetime:
    """What the clock on the wall shows at an instant."""
    if where is UTC:
        return instant
    return instant.replace(tzinfo=UTC).astimezone(where).replace(tzinfo=None, fold=0)


def first_pass(label: datetime, where: tzinfo) -> datetime:
    """The instant at which a fixed-time rule fires for a label.

    A label that exists twice is its first pass; one that does not exist moves to the end of the gap.
    So does Debian's cron with jobs of a fixed time (cron(8), and SEMANTICS section 2). Never decreases as
    labels increase.
    """
    if where is UTC:
        return label
    aware = label.replace(tzinfo=where)
    before = _offset(aware)
    after = _offset(aware.replace(fold=1))
    if before >= after:
        return label - before
    return _change_between(where, label - after, label - before)


def each_pass(labels: Labels, where: tzinfo, after: datetime, before: datetime) -> Iterator[datetime]:
    """The instants at which a wildcard rule fires: whenever the clock on the wall shows one of its labels.

    Labels that do not exist are skipped, and those that exist twice fire twice.

    Args:
        labels: the rule, as labels.
        where: the schedule's zone.
        after: the first instant looked at.
        before: the last instant looked at.
    """
    offset: timedelta | None = None
    pending: datetime | None = None
    source: Iterator[datetime] = iter(())
    ended: datetime | None = None
    for start, end, shift in _segments(where, after, before):
        if shift != offset:
            offset = shift
            source = labels(max(start, after) + shift)
            pending = next(source, None)
        while pending is not None and pending < end + shift:
            yield pending - shift
            pending = next(source, None)
        if pending is not None:
            ended = None
        else:
            # The rule ended. A fold just ahead may still show its last labels again, nothing later can.
            ended = ended or end
            if start > ended + 2 * _DAY:
                return


def once(labels: Labels, where: tzinfo, after: datetime) -> Iterator[datetime]:
    """The instants, not before `after`, at which a fixed-time rule fires; equal ones may repeat."""
    # At the end of a gap the clock has just jumped: labels inside the gap belong to this instant.
    start = min(local(after, where), local(after - timedelta(microseconds=1), where))
    for label in labels(start):
        instant = first_pass(label, where)
        if instant >= after:
            yield instant


def _offset(aware: datetime) -> timedelta:
    return aware.utcoffset() or _ZERO


def _offset_at(instant: datetime, where: tzinfo) -> timedelta:
    return _offset(instant.replace(tzinfo=UTC).astimezone(where))


def _change_between(where: tzinfo, low: datetime, high: datetime) -> datetime:
    """The instant in (low, high] from which the offset is that of `high`; changes fall on whole seconds."""
    offset = _offset_at(low, where)
    while high - low > _SECOND:
        middle = low + ((high - low) / 2) // _SECOND * _SECOND
        if _offset_at(middle, where) == offset:
            low = middle
        else:
            high = middle
    return high


def _segments(
    where: tzinfo, after: datetime, before: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Spans (start, end, offset) of one offset each that cover [after, before]; ends are exclusive."""
    if isinstance(where, timezone):
        yield after, before + _SECOND, _offset_at(after, where)
        return
    number = (after - _EPOCH) // _CHUNK
    last = (before - _EPOCH) // _CHUNK
    while number <= last:
        for segment in _chunk(where, number):
            if segment[1] > after:
                yield segment
        number += 1


@lru_cache(maxsize=8192)
def _chunk(where: tzinfo, number: int) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """The segments of the 16 days number `number` since the epoch; a fixed grid keeps them path-independent.

    No zone of tzdata changes its offset twice within a day and returns to it (a test looks at all of them).
    """
    start = _EPOCH + number * _CHUNK
    end = start + _CHUNK
    found = []
    begin, offset, day = start, _offset_at(start, where), start
    while day < end:
        following = day + _DAY
        new = _offset_at(following, where)
        if new != offset:
            change = _change_between(where, day, following)
            if change < end:
                found.append((begin, change, offset))
                begin, offset = change, new
        day = following
    found.append((begin, end, offset))
    return tuple(found)
