"""What an operator does with runs: cancel, run again, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from store.errors import SluiceError
from store.schemas import (
    ACTIVE_STATES,
    TERMINAL_STATES,
    DeploymentFlowRunCreate,
    FlowRunOptions,
    FlowRunRow,
    StateType,
    Status,
)
from tui.actions import Action
from tui.live import run_in_thread
from tui.screens.dialogs import Question, QuestionDialog
from tui.text import harmless, plural

if TYPE_CHECKING:
    from tui.screens.base import SluiceScreen

    _Base = SluiceScreen
else:
    _Base = object

MANY = 10
"""More runs than this: cancelling asks to type their number, running them again asks at all."""
NAMED = 5
"""So many names stand in a dialog."""


def change_actions(prefix: str, group: str) -> tuple[Action, ...]:
    """The three actions, for one screen."""
    return (
        Action(
            f"{prefix}.cancel",
            "X",
            "cancel_runs",
            "Cancel, after a question",
            group,
            footer="cancel",
            changing=True,
            danger=True,
            long_words="Runs that did not start are cancelled at once; live ones get SIGTERM, then SIGKILL.",
        ),
        Action(
            f"{prefix}.run_again",
            "r",
            "run_again",
            "Run again with the same parameters",
            group,
            footer="again",
            changing=True,
            long_words="A new run of the same deployment, due at once; the old one stays as it is.",
        ),
        Action(
            f"{prefix}.delete",
            "d",
            "delete_runs",
            "Delete with log and states, after a question",
            group,
            changing=True,
            danger=True,
            long_words="Only runs that have ended. It cannot be undone.",
        ),
    )


class Again(NamedTuple):
    """What `r` did: the new runs (id and name), what was refused, and who works."""

    runs: list[tuple[UUID, str]]
    errors: list[str]
    status: Status


class FlowRunChanges(_Base):
    """Mixin for a screen that shows runs. Ids are pinned when a key is pressed."""

    def run_targets(self) -> list[UUID]:
        """The runs an action acts on now."""
        raise NotImplementedError

    def runs_deleted(self, count: int) -> None:
        """Runs are gone: tell it, and show it."""
        self.app.say(f"Deleted {plural(count, 'run')}.")
        self.refresh_data()

    def _with_rows(self, go_on: Callable[[list[FlowRunRow]], None]) -> None:
        """Read the rows of the targets now, then go on: what is on screen may be a moment old."""
        ids = self.run_targets()
        run_in_thread(self, partial(self._read_rows_now, ids), go_on, self.app.report)

    def _read_rows_now(self, ids: Sequence[UUID]) -> list[FlowRunRow]:
        return list(self.app.backend.flow_run_rows(ids).values())

    # --- cancel

    def action_cancel_runs(self) -> None:
        """Ask, then cancel the runs that have not ended."""
        self._with_rows(self._ask_to_cancel)

    def _ask_to_cancel(self, rows: Sequence[FlowRunRow]) -> None:
        open_rows = [row for row in rows if row.state_type not in TERMINAL_STATES]
        if not open_rows:
            self.refuse(nothing_to_cancel(rows))
            return
        ids = [row.id for row in open_rows]
        question = Question(
            title=f"Cancel {_what(open_rows)}?",
            body=cancel_words(open_rows, ended=len(rows) - len(open_rows)),
            items=_names(open_rows),
            more=_more(open_rows),
            confirm="Cancel run" if len(ids) == 1 else "Cancel runs",
            decline="Keep",
            danger=True,
            typed=str(len(ids)) if len(ids) > MANY else "",
        )
        self.app.push_screen(QuestionDialog(question), partial(self._cancel, ids))

    def _cancel(self, ids: list[UUID], confirmed: bool | None) -> None:
        if confirmed:
            run_in_thread(
                self, partial(self.app.backend.cancel_flow_runs, ids), self._say_cancelled, self.app.report
            )

    def _say_cancelled(self, count: int) -> None:
        words = (
            f"Cancelling {plural(count, 'run')}."
            if count
            else "Nothing was cancelled: all had ended meanwhile."
        )
        self.app.say(words)
        self.refresh_data()

    # --- run again

    def action_run_again(self) -> None:
        """Make a new run of the same deployment for each; ask first when there are many."""
        ids = self.run_targets()
        if len(ids) <= MANY:
            self._start_again(ids, True)
            return
        question = Question(
            title=f"Run {plural(len(ids), 'run')} again?",
            body="Each gets a new run of its deployment with the same parameters, due at once.",
            confirm="Run again",
        )
        self.app.push_screen(QuestionDialog(question), partial(self._start_again, ids))

    def _start_again(self, ids: list[UUID], confirmed: bool | None) -> None:
        if confirmed:
            run_in_thread(self, partial(self._create_again, ids), self._say_again, self.app.report)

    def _create_again(self, ids: list[UUID]) -> Again:
        """Create the runs; one that is refused does not stop the others."""
        backend = self.app.backend
        runs: list[tuple[UUID, str]] = []
        errors: list[str] = []
        for flow_run_id in ids:
            try:
                old = backend.read_flow_run(flow_run_id)
                if old.deployment_id is None:
                    errors.append(no_deployment(old.name, old.full_deployment_name))
                    continue
                again = DeploymentFlowRunCreate(
                    parameters=old.parameters, sluice=FlowRunOptions(rerun_of=old.id)
                )
                new = backend.create_flow_run_from_deployment(old.deployment_id, again).flow_run
            except SluiceError as error:
                errors.append(str(error))
            else:
                runs.append((new.id, new.name))
        return Again(runs, errors, backend.read_status())

    def _say_again(self, done: Again) -> None:
        if done.errors:
            more = f" (and {len(done.errors) - 1} more)" if len(done.errors) > 1 else ""
            self.app.say(done.errors[0] + more, severity="error", title="Not started")
        if not done.runs:
            return
        what = f"Run {harmless(done.runs[0][1])}" if len(done.runs) == 1 else plural(len(done.runs), "run")
        if done.status.worker is None:
            self.app.say(
                f"{what} waits: nobody works on this database. Start sluice or sluice serve.",
                severity="warning",
            )
        else:
            self.app.say(f"{what} is due now." if len(done.runs) == 1 else f"{what} are due now.")
        self.runs_started(done.runs)

    def runs_started(self, runs: Sequence[tuple[UUID, str]]) -> None:
        """New runs exist: a single one is opened."""
        if len(runs) == 1:
            self.app.open_run(runs[0][0])
        else:
            self.refresh_data()

    # --- delete

    def action_delete_runs(self) -> None:
        """Ask, then delete; only runs that have ended."""
        self._with_rows(self._ask_to_delete_runs)

    def _ask_to_delete_runs(self, rows: Sequence[FlowRunRow]) -> None:
        if not rows:
            self.refuse("There is nothing to delete: it is gone already.")
            return
        open_rows = [row for row in rows if row.state_type not in TERMINAL_STATES]
        if open_rows:
            self.refuse(not_ended(open_rows))
            return
        one = len(rows) == 1
        question = Question(
            title=f"Delete {_what(rows)}?",
            body=f"{'It goes' if one else 'They go'} with log and states. This cannot be undone.",
            items=_names(rows),
            more=_more(rows),
            confirm="Delete",
            danger=True,
            typed=harmless(rows[0].name) if one else str(len(rows)),
        )
        ids = [row.id for row in rows]
        self.app.push_screen(QuestionDialog(question), partial(self._delete_runs, ids))

    def _delete_runs(self, ids: list[UUID], confirmed: bool | None) -> None:
        if confirmed:
            run_in_thread(
                self, partial(self.app.backend.delete_flow_runs, ids), self.runs_deleted, self.app.report
            )


def _what(rows: Sequence[FlowRunRow]) -> str:
    return f"run {harmless(rows[0].name)}" if len(rows) == 1 else plural(len(rows), "run")


def _names(rows: Sequence[FlowRunRow]) -> tuple[str, ...]:
    return tuple(f"{row.name} ({row.state_name})" for row in rows[:NAMED]) if len(rows) > 1 else ()


def _more(rows: Sequence[FlowRunRow]) -> int:
    return max(0, len(rows) - NAMED)


def nothing_to_cancel(rows: Sequence[FlowRunRow]) -> str:
    """Why there is nothing to cancel."""
    if not rows:
        return "There is nothing to cancel: it is gone already."
    if len(rows) == 1:
        return f"{rows[0].name} has ended already: it is {rows[0].state_name}."
    return f"All {len(rows)} runs have ended already."


def cancel_words(rows: Sequence[FlowRunRow], ended: int) -> str:
    """What cancelling these runs does, in whole sentences.

    Args:
        rows: the runs that have not ended.
        ended: how many others were chosen that have.
    """
    live = [row for row in rows if row.state_type in ACTIVE_STATES]
    asked_before = sum(row.state_type == StateType.CANCELLING for row in rows)
    waiting = len(rows) - len(live)
    words = []
    if live:
        subject = "It gets" if len(rows) == 1 else f"{plural(len(live), 'live run gets', 'live runs get')}"
        words.append(f"{subject} SIGTERM, and SIGKILL when it has not ended after the grace time.")
    if asked_before:
        words.append(
            "It was asked to end before." if len(rows) == 1 else f"{asked_before} were asked to end before."
        )
    if waiting:
        subject = "It did" if len(rows) == 1 else f"{plural(waiting, 'run did', 'runs did')}"
        words.append(f"{subject} not start, and will not.")
    if ended == 1:
        words.append("1 chosen run has ended already and stays.")
    elif ended:
        words.append(f"{ended} chosen runs have ended already and stay.")
    return " ".join(words)


def not_ended(rows: Sequence[FlowRunRow]) -> str:
    """Why these runs cannot be deleted."""
    if len(rows) == 1:
        return f"{rows[0].name} has not ended: it is {rows[0].state_name}. Cancel it first, with X."
    return f"{len(rows)} of these runs have not ended. Cancel them first, with X, or clear their marks."


def no_deployment(name: str, deployment: str | None) -> str:
    """Why a run cannot be run again."""
    if deployment:
        return f"{name} cannot run again: its deployment {deployment} was deleted."
    return f"{name} cannot run again: it did not come from a deployment."
