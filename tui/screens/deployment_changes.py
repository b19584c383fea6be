"""What an operator changes on the deployments list: pause, resume, run now, delete."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from store import schemas
from store.errors import SluiceError
from store.schemas import DeletionPreview, Status
from tui.live import run_in_thread
from tui.screens.dialogs import Question, QuestionDialog
from tui.text import harmless, plural

if TYPE_CHECKING:
    from tui.screens.base import SluiceScreen

    _Base = SluiceScreen
else:
    _Base = object

MANY = 10
"""More objects than this: a change without a way back asks to type their number, a run asks at all."""


class Paused(NamedTuple):
    """What `p` did."""

    paused: bool
    changed: int


class Started(NamedTuple):
    """What `r` did: the names of the new runs, what failed, and who works."""

    names: list[str]
    errors: list[str]
    status: Status


class DeploymentChanges(_Base):
    """Mixin for a screen that shows deployments.

    The host gives `targets` (what an action acts on), `names_of` and `say_done`. Ids are pinned when a key is
    pressed: what the cursor does while a dialog is open or a thread works changes nothing.
    """

    def targets(self) -> list[UUID]:
        """The ids an action acts on now."""
        raise NotImplementedError

    def names_of(self, ids: Sequence[UUID], limit: int = 5) -> list[str]:
        """Some of their names, for dialogs."""
        raise NotImplementedError

    def say_done(self, words: str) -> None:
        """Tell what was done, and show it."""
        raise NotImplementedError

    # --- pause and resume

    def action_pause_or_resume(self) -> None:
        """Pause the targets; when all of them are paused already, resume them."""
        ids = self.targets()
        run_in_thread(self, partial(self._pause_or_resume, ids), self._say_paused, self.app.report)

    def _pause_or_resume(self, ids: list[UUID]) -> Paused:
        backend = self.app.backend
        rows = backend.deployment_rows(ids)
        if rows and all(row.paused for row in rows.values()):
            return Paused(False, backend.resume_deployments(ids))
        return Paused(True, backend.pause_deployments(ids))

    def _say_paused(self, done: Paused) -> None:
        verb = "Paused" if done.paused else "Resumed"
        self.say_done(f"{verb} {plural(done.changed, 'deployment')}.")

    # --- run now

    def action_run_now(self) -> None:
        """Give each target a run that is due at once; ask first when there are many."""
        ids = self.targets()
        if len(ids) <= MANY:
            self._start_runs(ids, True)
            return
        question = Question(
            title=f"Run {plural(len(ids), 'deployment')} now?",
            body="Each gets a run that is due at once. How many run side by side is the worker's limit.",
            confirm="Run now",
        )
        self.app.push_screen(QuestionDialog(question), partial(self._start_runs, ids))

    def _start_runs(self, ids: list[UUID], confirmed: bool | None) -> None:
        if confirmed:
            run_in_thread(self, partial(self._create_runs, ids), self._say_started, self.app.report)

    def _create_runs(self, ids: list[UUID]) -> Started:
        """Create the runs; one that is refused does not stop the others."""
        backend = self.app.backend
        names: list[str] = []
        errors: list[str] = []
        run = schemas.DeploymentFlowRunCreate()
        for deployment_id in ids:
            try:
                created = backend.create_flow_run_from_deployment(deployment_id, run)
            except SluiceError as error:
                errors.append(str(error))
            else:
                names.append(created.flow_run.name)
        return Started(names, errors, backend.read_status())

    def _say_started(self, done: Started) -> None:
        if done.errors:
            more = f" (and {len(done.errors) - 1} more)" if len(done.errors) > 1 else ""
            self.app.say(done.errors[0] + more, severity="error", title="Not started")
        if not done.names:
            return
        what = f"Run {harmless(done.names[0])}" if len(done.names) == 1 else plural(len(done.names), "run")
        one = len(done.names) == 1
        if done.status.worker is None:
            waits = "waits" if one else "wait"
            self.app.say(
                f"{what} {waits}: nobody works on this database. Start `sluice` or `sluice serve`.",
                severity="warning",
            )
            self.refresh_data()
        else:
            self.say_done(f"{what} {'is' if one else 'are'} due now.")

    # --- delete

    def action_delete(self) -> None:
        """Read what deleting would do, then ask."""
        ids = self.targets()
        run_in_thread(
            self,
            partial(self.app.backend.deletion_preview, ids),
            partial(self._ask_to_delete, ids),
            self.app.report,
        )

    def _ask_to_delete(self, ids: list[UUID], preview: DeletionPreview) -> None:
        if not preview.deployments:
            self.refuse("These deployments are gone already.")
            return
        names = self.names_of(ids)
        what = "this deployment" if len(ids) == 1 else plural(preview.deployments, "deployment")
        question = Question(
            title=f"Delete {what}?",
            body=deletion_words(preview),
            items=tuple(names),
            more=len(ids) - len(names),
            confirm="Delete",
            danger=True,
            typed=str(preview.deployments) if preview.deployments > MANY else "",
        )
        self.app.push_screen(QuestionDialog(question), partial(self._delete, ids))

    def _delete(self, ids: list[UUID], confirmed: bool | None) -> None:
        if confirmed:
            run_in_thread(
                self, partial(self.app.backend.delete_deployments, ids), self._say_deleted, self.app.report
            )

    def _say_deleted(self, count: int) -> None:
        self.say_done(f"Deleted {plural(count, 'deployment')}.")


def deletion_words(preview: DeletionPreview) -> str:
    """What goes and what stays, in whole sentences."""
    going = [plural(preview.schedules, "schedule")] if preview.schedules else []
    going += [plural(preview.scheduled_runs, "scheduled run")] if preview.scheduled_runs else []
    words = f"{' and '.join(going)} {'goes' if going == ['1 schedule'] else 'go'} with it. " if going else ""
    if preview.deployments > 1:
        words = words.replace("with it", "with them")
    stay = "stays" if preview.kept_runs == 1 else "stay"
    kept = f"{plural(preview.kept_runs, 'run')} that ran {stay} readable."
    words += kept if preview.kept_runs else "Nothing has run yet."
    if preview.running:
        words += f" {plural(preview.running, 'run is', 'runs are')} live now and will finish."
    return words
