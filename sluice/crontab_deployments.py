"""From the lines of a crontab to deployments: names that stay, and commands that `/bin/sh` understands."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sluice.crontab import Entry
from store.schemas import DEFAULT_QUEUE, LOCAL_POOL

PAUSE_REASON = "imported from a crontab: comment the line out there, then resume"
SLUG = "crontab"
LONGEST_NAME = 60
EMPTY_SCHEMA = {"title": "Parameters", "type": "object", "properties": {}}

_EDGE_SLASH = re.compile(r"(?<!\w)/+|/+(?!\w)")
_REDIRECTION = re.compile(r"\s*(?:\d|&)?>>?\s*(?:&\d|\S+)|\s*<\s*\S+")
_SEPARATOR = re.compile(r"&&|\|\||[;|&]")
_PREPARATIONS = frozenset({"cd", "test", "[", "[[", "sleep", "export", ".", "source", "set", "umask", "true"})


def name_entries(entries: Iterable[Entry]) -> dict[int, str]:
    """A name for each entry by line number: its comment, else its command; doubles are numbered."""
    names: dict[int, str] = {}
    for entry in entries:
        base = _from_comment(entry.comment) or _from_command(entry.command)
        name, count = base, 1
        while name in names.values():
            count += 1
            name = f"{base} {count}"
        names[entry.number] = name
    return names


def deployment_values(
    entry: Entry, name: str, *, zone: str, home: Path, paused: bool | None
) -> dict[str, Any]:
    """The fields of the deployment that runs an entry's command at its times.

    Args:
        entry: the line.
        name: the deployment's name.
        zone: the zone of entries without CRON_TZ, an IANA name.
        home: where cron starts commands, unless the crontab sets HOME.
        paused: null leaves it as it is.
    """
    folder = entry.environment.get("HOME") or str(home)
    job_variables: dict[str, Any] = {"command": shell_command(entry), "working_dir": folder}
    if entry.environment:
        job_variables["env"] = entry.environment
    rule = {"cron": entry.cron, "timezone": entry.zone or zone, "day_or": entry.day_or}
    options = {"catchup_window": None, "jitter": entry.delay_minutes * 60 or None}
    schedule = {"schedule": rule, "slug": SLUG, "parameters": {}, "catchup": False, "sluice": options}
    values: dict[str, Any] = {
        "name": name,
        "description": "\n".join(entry.comment) or None,
        "tags": ["crontab"],
        "schedules": [schedule],
        "job_variables": job_variables,
        "parameter_openapi_schema": dict(EMPTY_SCHEMA),
        "work_pool_name": LOCAL_POOL,
        "work_queue_name": DEFAULT_QUEUE,
    }
    if paused is not None:
        values["paused"] = paused
        if paused:
            values["sluice"] = {"pause": {"reason": PAUSE_REASON}}
    return values


def shell_command(entry: Entry) -> str:
    """The command for `/bin/sh -c`: with the crontab's SHELL and standard input, as cron would run it."""
    shell = entry.environment.get("SHELL") or "/bin/sh"
    inner = f"{shlex.quote(shell)} -c {shlex.quote(entry.command)}"
    if entry.stdin is not None:
        return f"printf '%s\\n' {shlex.quote(entry.stdin.removesuffix(chr(10)))} | {inner}"
    return entry.command if os.path.realpath(shell) == os.path.realpath("/bin/sh") else f"exec {inner}"


def _from_comment(comment: list[str]) -> str:
    return _clean(comment[0].strip("#-=*: \t").rstrip(".")) if comment else ""


def _from_command(command: str) -> str:
    """`backup.sh --full` for `cd /x && /usr/local/bin/backup.sh --full > /dev/null 2>&1`."""
    parts = [part.strip() for part in _SEPARATOR.split(_REDIRECTION.sub("", command))]
    real = [part for part in parts if part and part.split()[0] not in _PREPARATIONS]
    words = (real or parts or [command])[0].split()
    names = [word.rstrip("/").rpartition("/")[2] for word in words if not re.match(r"[A-Za-z_]\w*=", word)]
    return _clean(" ".join(names)) or "command"


def _clean(text: str) -> str:
    """`text` as a name: without the characters that a name may not hold, and not too long."""
    plain = _EDGE_SLASH.sub("", text).translate(
        str.maketrans({"/": "-", "&": "+", **dict.fromkeys("%<>\"'\x00")})
    )
    name = " ".join(plain.split()).strip("- ")
    if len(name) <= LONGEST_NAME:
        return name
    return name[:LONGEST_NAME].rsplit(" ", 1)[0].rstrip("-,:; ")
