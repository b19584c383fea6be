"""Typed errors. Each carries what the caller needs; a face turns it into words, HTTP or an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class SluiceError(Exception):
    """Base of everything Sluice refuses on purpose. `str(error)` is a whole sentence for a person."""


class NotFound(SluiceError):
    """The object named does not exist (HTTP 404).

    Args:
        noun: what was looked for, e.g. `Deployment`.
        key: the id or name asked for.
        message: Prefect's wording where it has one; default `{noun} not found`.
    """

    def __init__(self, noun: str, key: object = None, message: str | None = None) -> None:
        self.noun = noun
        self.key = key
        super().__init__(message or f"{noun} not found")


class Conflict(SluiceError):
    """The request contradicts what is stored (HTTP 409)."""


class PlanChanged(Conflict):
    """What was planned is not what would be done now, so nothing was.

    Args:
        message: what changed.
        plan: what would be done now.
    """

    def __init__(self, message: str, plan: Any) -> None:
        self.plan = plan
        super().__init__(message)


class Invalid(SluiceError):
    """A value is refused by a rule (HTTP 422).

    Args:
        message: what is wrong and what would be right.
        field: dotted path of the offending field, e.g. `schedules[0].schedule.cron`.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        self.field = field
        super().__init__(message)


class BadRequest(SluiceError):
    """The request cannot be carried out as asked (HTTP 400)."""


class Refused(SluiceError):
    """Sluice will not do this now: read-only, the wrong state, nobody to do it. Says why."""


class ParametersInvalid(Conflict):
    """Parameters do not fit `parameter_openapi_schema`.

    Args:
        message: Prefect's wording.
        errors: one dict {field, message} per violation.
    """

    def __init__(self, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        self.errors = errors or []
        super().__init__(message)


class DatabaseProblem(SluiceError):
    """The database cannot be used (exit code 2). Nothing was changed in it.

    Args:
        path: the database file.
        message: what is wrong and what to do.
    """

    def __init__(self, path: Path | str, message: str) -> None:
        self.path = Path(path)
        super().__init__(message)


class DatabaseNewer(DatabaseProblem):
    """The database was written by a newer Sluice."""


class DatabaseUnreadable(DatabaseProblem):
    """Not a SQLite file, no permission, a folder, or damaged."""


class DatabaseOnNetwork(DatabaseProblem):
    """WAL is unsafe on a network file system, so it is refused."""


class DatabaseReadOnly(Refused):
    """A change was asked of a store opened with `--read-only`."""
