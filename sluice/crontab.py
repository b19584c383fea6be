"""Reading a crontab as cron itself does: crontab(5) of Debian's and Red Hat's cron, which agree on this.

Assignments hold for the lines below them, and nothing is expanded in their values. In a command the first
unescaped `%` starts its standard input, in which each further one is a line end; `\\%` is a percent sign. A
day field that begins with `*` restricts the other one instead of adding to it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NO_MAIL = "nobody is mailed, and the output is kept as the run's log"
IGNORED_VARIABLES = {
    "MAILTO": _NO_MAIL,
    "MAILFROM": _NO_MAIL,
    "CONTENT_TYPE": _NO_MAIL,
    "CONTENT_TRANSFER_ENCODING": _NO_MAIL,
    "START_HOURS_RANGE": "only anacron knows it",
}
ZONE_VARIABLE = "CRON_TZ"
DELAY_VARIABLE = "RANDOM_DELAY"
NICKNAMES = {
    **{name: name for name in ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")},
    "@midnight": "@daily",
    "@annually": "@yearly",
    "@every_minute": "* * * * *",
}

_ASSIGNMENT = re.compile(r"""\s*(?:"([^"=]+)"|'([^'=]+)'|([A-Za-z_]\w*))\s*=\s*(.*)""")
_FIELDS = re.compile(r"((?:\S+\s+){4}\S+)(?:\s+(.*))?$")
_HEADING = re.compile(r"m(in(ute)?)?\s+h(our)?s?\s+(dom|day)", re.IGNORECASE)


class Entry(NamedTuple):
    """A line that becomes a deployment.

    Args:
        number: its line, from 1.
        text: as it stands.
        cron: five fields, or a nickname such as `@daily`.
        day_or: whether the two day fields add to each other (see the module).
        zone: what CRON_TZ says above it; null: the machine's.
        user: from a system crontab, else null.
        command: for the shell, percent signs resolved.
        stdin: what the command reads; null: nothing.
        environment: the assignments above it that a command sees.
        comment: the comment lines directly above.
        delay_minutes: Red Hat's RANDOM_DELAY, 0 without one.
    """

    number: int
    text: str
    cron: str
    day_or: bool
    zone: str | None
    user: str | None
    command: str
    stdin: str | None
    environment: dict[str, str]
    comment: list[str]
    delay_minutes: int


class Remark(NamedTuple):
    """A line and what is to be said of it."""

    number: int
    text: str
    reason: str


class Crontab(NamedTuple):
    """A crontab, read."""

    entries: list[Entry]
    unsupported: list[Remark]
    """Lines that cannot be expressed."""
    ignored: list[Remark]
    """Assignments that have no effect here."""


def parse_crontab(text: str, *, system: bool = False) -> Crontab:
    """Read a crontab.

    Args:
        text: its content.
        system: it has a column with the user before the command (/etc/crontab, /etc/cron.d).
    """
    reader = _Reader(system)
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        reader.read(number, line.strip("\r\0"))
    return Crontab(reader.entries, reader.unsupported, reader.ignored)


class _Reader:
    def __init__(self, system: bool) -> None:
        self._system = system
        self._environment: dict[str, str] = {}
        self._zone: str | None = None
        self._delay = 0
        self._comment: list[str] = []
        self.entries: list[Entry] = []
        self.unsupported: list[Remark] = []
        self.ignored: list[Remark] = []

    def read(self, number: int, line: str) -> None:
        """One line, with what the lines above it have set."""
        stripped = line.strip()
        if stripped.startswith("#"):
            self._read_comment(stripped)
            return
        assignment = _ASSIGNMENT.match(line)
        if not stripped:
            self._comment = []
        elif assignment:
            self._comment = []
            self._assign(number, stripped, assignment)
        else:
            self._read_entry(number, stripped)
            self._comment = []

    def _read_comment(self, line: str) -> None:
        """Keep the last paragraph of comment; not the column headings, nor entries that are commented out."""
        text = line.lstrip("#").strip()
        if not text:
            self._comment = []
        elif not _HEADING.match(text) and not _looks_like_entry(text):
            self._comment.append(text)

    def _assign(self, number: int, line: str, match: re.Match[str]) -> None:
        name = match[1] or match[2] or match[3]
        value = match[4].strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if name in IGNORED_VARIABLES:
            self.ignored.append(Remark(number, line, f"{name} is ignored: {IGNORED_VARIABLES[name]}"))
        elif name == ZONE_VARIABLE:
            self._zone = value or None
        elif name == DELAY_VARIABLE and value.isdecimal():
            self._delay = int(value)
        else:
            self._environment[name] = value

    def _read_entry(self, number: int, line: str) -> None:
        cron, rest = _split(line)
        reason = _refusal(cron)
        user = None
        if self._system and not reason:
            user, _, rest = rest.strip().partition(" ")
        command, stdin = _split_percent(_without_flags(rest.strip()))
        if not reason and not command:
            reason = "it has no command" if rest or not self._system else "it has no user and command"
        if reason:
            self.unsupported.append(Remark(number, line, reason))
            return
        rule = NICKNAMES.get(cron, cron)
        self.entries.append(
            Entry(
                number=number,
                text=line,
                cron=rule,
                day_or=_days_add(rule),
                zone=self._zone,
                user=user,
                command=command,
                stdin=stdin,
                environment=dict(self._environment),
                comment=list(self._comment),
                delay_minutes=self._delay,
            )
        )


def _looks_like_entry(text: str) -> bool:
    fields = _FIELDS.match(text)
    return text.startswith("@") or bool(fields and all(re.search(r"[\d*]", f) for f in fields[1].split()[:3]))


def _split(line: str) -> tuple[str, str]:
    """The rule and what follows it. The rule is empty when the line has too few fields."""
    if line.startswith("@"):
        word, _, rest = line.replace("\t", " ").partition(" ")
        return word.lower(), rest
    fields = _FIELDS.match(line)
    if not fields:
        return "", ""
    # A leading `-` keeps SUSE's and Red Hat's cron from logging the start.
    return " ".join(fields[1].removeprefix("-").split()), (fields[2] or "").replace("\t", " ")


def _refusal(cron: str) -> str | None:
    if not cron:
        return "it is neither an assignment nor five time fields with a command"
    if cron == "@reboot":
        return "@reboot is no time: Sluice has no event for the start of the machine"
    if cron.startswith("@") and cron not in NICKNAMES:
        return f"{cron} is not a name that Sluice knows"
    if "~" in cron:
        return (
            "`~` picks a random time each day: choose a fixed one, or set jitter on the schedule afterwards"
        )
    return None


def _without_flags(command: str) -> str:
    """A command without OpenBSD's and FreeBSD's flags `-n -q -s` before it."""
    return re.sub(r"^(?:-[nqs]+\s+)+", "", command)


def _split_percent(text: str) -> tuple[str, str | None]:
    """The command, and what follows the first unescaped `%`, as its standard input."""
    parts: list[list[str]] = [[]]
    escaped = False
    for character in text:
        if character == "%" and escaped:
            parts[-1][-1] = "%"
        elif character == "%":
            parts.append([])
        else:
            parts[-1].append(character)
        escaped = character == "\\" and not escaped
    command, *lines = ["".join(part) for part in parts]
    stdin = "\n".join(lines)
    return command.strip(), stdin or None


def _days_add(cron: str) -> bool:
    """Whether days of month and of week add up: not when one begins with `*` and restricts, as `*/2` does."""
    fields = cron.split()
    days = fields[2::2] if len(fields) == 5 else []
    return "*" in days or not any(day.startswith("*") for day in days)
