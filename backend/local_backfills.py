"""The part of LocalBackend that plans, makes and steers backfills."""

from __future__ import annotations

from uuid import UUID

from backend import checks
from store import deployments, schemas
from store.database import Store
from store.errors import Refused

BACKFILL_MAX_RUNS = 10_000
"""How many runs one backfill may make, unless the settings say otherwise: one transaction makes them all."""


class LocalBackfills:
    """Backfills on this machine's own store, and what the other parts of LocalBackend lean on.

    What only a backfill needs is loaded when the first is asked for: the first picture needs none of it.

    Args:
        store: an open database.
        who: who changes things.
        backfill_max_runs: how many runs one backfill may make.
    """

    def __init__(self, store: Store, who: str, backfill_max_runs: int) -> None:
        self._store = store
        self._who = who
        self._backfill_max_runs = backfill_max_runs

    @property
    def read_only(self) -> bool:
        """Whether every changing method answers `Refused`."""
        return self._store.read_only

    def plan_backfill(self, request: schemas.BackfillCreate) -> schemas.BackfillPlan:
        """A dry run: each slot with create or skip, and the reason.

        Raises:
            NotFound: there is no such deployment.
            Invalid: a schedule that is not the deployment's, too many slots, an unknown slot parameter.
            ParametersInvalid: the runs' parameters do not fit, and the schema is enforced.
        """
        from scheduler import backfill

        check = checks.backfill(deployments.read(self._store, request.deployment_id), request.slot_parameter)
        return backfill.preview(self._store, request, max_runs=self._backfill_max_runs, check=check)

    def create_backfill(self, request: schemas.BackfillCreate, digest: str) -> schemas.Backfill:
        """Make what a plan showed, all or nothing.

        Raises:
            PlanChanged: the plan would be another one now; holds it.
            Invalid: nothing is to be run. And what `plan_backfill` raises.
        """
        from scheduler import backfill

        self._refuse_read_only()
        check = checks.backfill(deployments.read(self._store, request.deployment_id), request.slot_parameter)
        return backfill.create(
            self._store, request, digest, self._who, max_runs=self._backfill_max_runs, check=check
        )

    def read_backfills(
        self, deployment_id: UUID | None = None, limit: int = 200, *, open_only: bool = False
    ) -> list[schemas.Backfill]:
        """Backfills, newest first: of one deployment or of all; `open_only`: those that are not over."""
        from store import backfills

        return backfills.read_all(self._store, deployment_id, limit, open_only=open_only)

    def read_backfill(self, backfill_id: UUID) -> schemas.Backfill:
        """One backfill with its progress. Raises NotFound."""
        from store import backfills

        return backfills.read(self._store, backfill_id)

    def pause_backfill(self, backfill_id: UUID) -> schemas.Backfill:
        """Start no more of its runs; those that run go on. Raises Refused when it is not RUNNING."""
        from store import backfills

        self._refuse_read_only()
        return backfills.pause(self._store, backfill_id)

    def resume_backfill(self, backfill_id: UUID) -> schemas.Backfill:
        """Start its runs again. Raises Refused when it is not PAUSED."""
        from store import backfills

        self._refuse_read_only()
        return backfills.resume(self._store, backfill_id)

    def cancel_backfill(self, backfill_id: UUID, *, cancel_running: bool) -> schemas.Backfill:
        """Cancel its runs that have not started and, if wanted, those that run. Raises Refused when over."""
        from scheduler import backfill

        self._refuse_read_only()
        return backfill.cancel(self._store, backfill_id, cancel_running=cancel_running)

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise Refused(
                f"{self._store.path} is open read-only: open it without --read-only to change something"
            )
