"""`sluice import-crontab`: each line of a crontab becomes a deployment."""

from __future__ import annotations

import getpass
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from backend.protocol import Backend
from sluice.apply_report import outcomes_as_json, report_problems, say_outcomes, say_who_schedules, summary
from sluice.changes import NEW, UNCHANGED, Outcome, compare, find_existing
from sluice.crontab import Crontab, Entry, Remark, parse_crontab
from sluice.crontab_deployments import deployment_values, name_entries
from sluice.invocation import opened
from sluice.output import note, print_json, say
from sluice.project.problems import InputInvalid, Problem
from sluice.project_file import NO_FLOW, read_text
from sluice.zone import machine_zone
from store.errors import Invalid, Refused
from store.schemas import CronSchedule, DeploymentCreate

USER_FLOW, SYSTEM_FLOW = "crontab", "system-crontab"
_LINE_SHOWN = 60


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import-crontab")(import_crontab)


def import_crontab(
    ctx: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|-]", help="A crontab; `-` reads standard input. Default: what `crontab -l` prints."
        ),
    ] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Let new deployments run at once; else they arrive paused.")
    ] = False,
    system: Annotated[
        bool, typer.Option("--system", help="The lines name a user before the command, as in /etc/crontab.")
    ] = False,
    skip_unsupported: Annotated[
        bool, typer.Option("--skip-unsupported", help="Import the other lines when some cannot be expressed.")
    ] = False,
    zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Time zone of the lines. Default: this machine's.")
    ] = None,
    flow: Annotated[
        str | None, typer.Option(metavar="NAME", help="The flow that the deployments belong to.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would come; write nothing.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object: what became of each line, and what was left out.")
    ] = False,
) -> None:
    """Make a deployment of each line of a crontab. They arrive paused, so that nothing runs twice."""
    try:
        text, name = _read(file)
        crontab = parse_crontab(text, system=system)
        with opened(ctx, make=True) as backend:
            importing = Importing(backend, crontab, name, zone or _machine_zone(), active)
            importing.check(skip_unsupported)
            importing.run(flow or (SYSTEM_FLOW if system else USER_FLOW), dry_run=dry_run, as_json=as_json)
    except InputInvalid as refusal:
        raise typer.Exit(report_problems(refusal, what="import-crontab", as_json=as_json)) from None


class Importing:
    """One import: the crontab, where it comes from, and what is made of it.

    Args:
        backend: what it is imported into.
        crontab: what was read.
        name: the file's name for messages.
        zone: of lines without CRON_TZ.
        active: whether new deployments arrive unpaused.
    """

    def __init__(self, backend: Backend, crontab: Crontab, name: str, zone: str, active: bool) -> None:
        self._backend = backend
        self._name = name
        self._zone = zone
        self._active = active
        self.unsupported = list(crontab.unsupported)
        self.ignored = crontab.ignored
        self.entries = [entry for entry in crontab.entries if self._is_possible(entry)]
        self.unsupported.sort()

    def check(self, skip_unsupported: bool) -> None:
        """Raise InputInvalid when there is nothing to import, or lines that nobody said to skip."""
        problems = [self._problem(remark) for remark in self.unsupported]
        if problems and not skip_unsupported:
            raise InputInvalid(problems, hint="Add --skip-unsupported to import the other lines.")
        if not self.entries and not problems:
            raise InputInvalid(
                [Problem(self._name, None, "there is no line with a command in this crontab.")]
            )

    def run(self, flow: str, *, dry_run: bool, as_json: bool) -> None:
        """Compare, write unless it is a dry run, and report."""
        names = name_entries(self.entries)
        creates = [(flow, self._create(flow, entry, names[entry.number])) for entry in self.entries]
        outcomes = compare(self._backend, creates)
        if not dry_run:
            pairs = zip(outcomes, creates, strict=True)
            changed = [create for outcome, create in pairs if outcome.action != UNCHANGED]
            ids = iter(upserted.deployment.id for upserted in self._backend.apply_deployments(changed))
            outcomes = [one if one.action == UNCHANGED else one._replace(id=next(ids)) for one in outcomes]
        if as_json:
            self._print_json(outcomes, dry_run)
        else:
            self._print(outcomes, dry_run)

    def _create(self, flow: str, entry: Entry, name: str) -> DeploymentCreate:
        is_new = find_existing(self._backend, flow, name) is None
        paused = not self._active if is_new else None
        values = deployment_values(entry, name, zone=self._zone, home=Path.home(), paused=paused)
        return DeploymentCreate(**values, flow_id=NO_FLOW)

    def _is_possible(self, entry: Entry) -> bool:
        """Whether the timetable accepts the rule and the user is who Sluice runs as; else it is noted why."""
        reason = None
        if entry.user is not None and entry.user != getpass.getuser():
            reason = f"it runs as {entry.user}, and Sluice runs commands as {getpass.getuser()}"
        try:
            rule = CronSchedule(cron=entry.cron, timezone=entry.zone or self._zone, day_or=entry.day_or)
            self._backend.check_schedule(rule)
        except Invalid as error:
            reason = str(error)
        if reason:
            self.unsupported.append(Remark(entry.number, entry.text, reason))
        return reason is None

    def _problem(self, remark: Remark) -> Problem:
        return Problem(self._name, remark.number, f"{remark.reason}: {_short(remark.text)}")

    def _print_json(self, outcomes: Sequence[Outcome], dry_run: bool) -> None:
        notes = [self._problem(remark) for remark in self.ignored]
        answer = outcomes_as_json(outcomes, notes=notes, dry_run=dry_run)
        for shown, entry in zip(answer["deployments"], self.entries, strict=True):
            shown["line"] = entry.number
        skipped = [remark._asdict() for remark in self.unsupported]
        print_json({**answer, "skipped": skipped, "comment_out": [entry.number for entry in self.entries]})

    def _print(self, outcomes: Sequence[Outcome], dry_run: bool) -> None:
        for remark in self.ignored:
            note(f"note: {self._problem(remark)}")
        for remark in self.unsupported:
            note(f"skipped: {self._problem(remark)}")
        say_outcomes(outcomes, dry_run=dry_run)
        say(f"{self._name}: {summary(outcomes, dry_run=dry_run)}, times in {self._zone}")
        numbers = [
            entry.number for entry, one in zip(self.entries, outcomes, strict=True) if one.action == NEW
        ]
        if not numbers or dry_run:
            return
        lines = f"line{'s' if len(numbers) > 1 else ''} {_ranges(numbers)}"
        where = "crontab -e" if self._name == "crontab -l" else self._name
        if self._active:
            say(f"They run from now on: comment out {lines} now ({where}), or they run twice.")
            say_who_schedules(self._backend, outcomes)
        else:
            say(f"They are paused. To move over, comment out {lines} ({where}), then `sluice resume` them.")


def _read(file: str | None) -> tuple[str, str]:
    """The crontab and what it is called in messages."""
    if file == "-":
        return sys.stdin.buffer.read().decode("utf-8-sig", "replace"), "stdin"
    if file is not None:
        return read_text(
            Path(file).expanduser(), "Give the path of a crontab, or `-` for standard input."
        ), file
    program = shutil.which("crontab")
    if program is None:
        said = "this machine has no `crontab` command: give a file, or `-` for standard input."
        raise InputInvalid([Problem("crontab -l", None, said)], unread=True)
    answer = subprocess.run([program, "-l"], capture_output=True, text=True, check=False, errors="replace")
    if answer.returncode != 0:
        said = answer.stderr.strip() or f"it ended with exit code {answer.returncode}"
        raise InputInvalid([Problem("crontab -l", None, said)], unread=True)
    return answer.stdout, "crontab -l"


def _machine_zone() -> str:
    found = machine_zone()
    if found is None:
        raise Refused("this machine does not tell its time zone: name it, e.g. --zone Europe/Paris")
    return found


def _short(text: str) -> str:
    return text if len(text) <= _LINE_SHOWN else text[: _LINE_SHOWN - 1] + "…"


def _ranges(numbers: Sequence[int]) -> str:
    """`3, 5-7`."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
