"""Saying what an apply or an import does or would do, in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from backend.protocol import Backend
from sluice.changes import CHANGED, NEW, PRUNED, UNCHANGED, Change, Outcome
from sluice.exits import REFUSED, USAGE
from sluice.output import note, print_json, say
from sluice.project.problems import InputInvalid, Problem

_SIGNS = {NEW: "+", CHANGED: "~", UNCHANGED: "=", PRUNED: "-"}
_LONGEST = 100


def report_problems(refusal: InputInvalid, *, what: str, as_json: bool) -> int:
    """Tell everything that is wrong with an input, and that nothing was written. Answers the exit code."""
    problems = refusal.problems
    if as_json:
        print_json({"written": False, "problems": [problem._asdict() for problem in problems]})
    else:
        for problem in problems:
            note(str(problem))
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        hint = f" {refusal.hint}" if refusal.hint else ""
        note(f"sluice: {what}: {count}; nothing was written.{hint}")
    return USAGE if refusal.unread else REFUSED


def outcomes_as_json(
    outcomes: Sequence[Outcome], *, notes: Sequence[Problem], dry_run: bool, **further: Any
) -> dict[str, Any]:
    """The documented shape of `sluice apply --json` and `sluice import-crontab --json`."""
    return {
        "written": not dry_run,
        "deployments": [
            {
                "id": outcome.id,
                "flow_name": outcome.flow_name,
                "deployment_name": outcome.name,
                "action": outcome.action,
                "changes": [change._asdict() for change in outcome.changes],
            }
            for outcome in outcomes
        ],
        "notes": [one._asdict() for one in notes],
        **further,
    }


def say_outcomes(outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    """One line per deployment; below it the fields that change, and in a dry run those of new ones."""
    for outcome in outcomes:
        say(f"{_SIGNS[outcome.action]} {outcome.full_name}  {outcome.action}")
        if outcome.action == CHANGED or (dry_run and outcome.action == NEW):
            for change in outcome.changes:
                say(f"    {_change_text(change)}")


def say_who_schedules(backend: Backend, outcomes: Sequence[Outcome]) -> None:
    """That nothing will run, when nobody schedules this database now."""
    if (
        any(outcome.action in (NEW, CHANGED) for outcome in outcomes)
        and backend.read_status().scheduler is None
    ):
        note("Nobody schedules this database now: open the screen with `sluice`, or start `sluice serve`.")


def summary(outcomes: Sequence[Outcome], *, dry_run: bool) -> str:
    """`2 new, 1 changed, 9 unchanged`, and whether it was written."""
    counts = {action: sum(outcome.action == action for outcome in outcomes) for action in _SIGNS}
    told = ", ".join(f"{count} {action}" for action, count in counts.items() if count) or "no deployments"
    return f"{told} (dry run: nothing was written)" if dry_run else told


def _change_text(change: Change) -> str:
    if change.field == "parameter_openapi_schema" and change.before is not None and change.after is not None:
        return "the flow's parameters changed"
    if change.field == "parameter_openapi_schema":
        names = ", ".join((change.after or change.before).get("properties", {}))
        return f"parameters of the flow: {names or 'none'}"
    if change.before is None:
        return f"{change.field}: {_short(change.after)}"
    return f"{change.field}: {_short(change.before)} -> {_short(change.after)}"


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    first, *rest = text.splitlines() or [""]
    cut = first if len(first) <= _LONGEST else first[: _LONGEST - 1] + "…"
    return f"{cut} …" if rest else cut
