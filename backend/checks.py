"""What is checked of a request before anything of it is written: rules of time and parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backend import parameters
from store import deployments, schemas
from store.errors import Conflict, Invalid, ParametersInvalid


def check_rule(rule: schemas.ScheduleRule, field: str = "schedule") -> None:
    """Refuse a rule that cannot be planned.

    Args:
        field: where the rule stands in the request; the rule's own field is added.

    Raises:
        Invalid: says what is wrong with it.
    """
    from scheduler import timetable

    try:
        timetable.check(rule)
    except Invalid as error:
        inner = (error.field or "").removeprefix("schedule").removeprefix(".")
        raise Invalid(str(error), f"{field}.{inner}" if inner else field) from error


def check_rules(sent: Sequence[schemas.DeploymentScheduleCreate] | None) -> None:
    """Refuse schedules of which one cannot be planned.

    Raises:
        Invalid: with the field, e.g. `schedules[0].schedule.cron`.
    """
    for at, schedule in enumerate(sent or []):
        check_rule(schedule.schedule, f"schedules[{at}].schedule")


def new_deployment(name: str = "") -> deployments.Check:
    """A check of a created deployment's and its schedules' parameters; required ones may be missing.

    Args:
        name: begins the message when one of several is to be told from the others.

    Raises:
        Invalid: from the check; Prefect answers 422 here, and 409 to an update.
    """

    def check(proposed: deployments.Proposed) -> None:
        try:
            _check(proposed)
        except (ParametersInvalid, Invalid) as error:
            raise Invalid(f"{name}: {error}" if name else str(error), "parameters") from error

    return check


def changed_deployment(doing: str) -> deployments.Check:
    """A check of a changed deployment's and its schedules' parameters; required ones may be missing.

    Args:
        doing: begins the message, e.g. `Error updating deployment`.

    Raises:
        ParametersInvalid: from the check.
    """

    def check(proposed: deployments.Proposed) -> None:
        try:
            _check(proposed)
        except ParametersInvalid as error:
            raise ParametersInvalid(f"{doing}: {error}", error.errors) from error

    return check


def _check(proposed: deployments.Proposed) -> None:
    overlays: list[dict[str, Any]] = [{}, *proposed.schedule_parameters]
    for overlay in overlays if proposed.enforced else []:
        parameters.validate({**proposed.parameters, **overlay}, proposed.schema, partial=True)


def run_parameters(deployment: schemas.Deployment, enforced: bool | None, merged: dict[str, Any]) -> None:
    """Refuse a run's parameters that do not fit; required ones must be there.

    Args:
        enforced: the call's own wish; null: the deployment's.
        merged: the deployment's parameters overlaid by the call's.

    Raises:
        ParametersInvalid: they do not fit.
    """
    if not (deployment.enforce_parameter_schema if enforced is None else enforced):
        return
    try:
        parameters.validate(merged, deployment.parameter_openapi_schema, partial=False)
    except ParametersInvalid as error:
        raise ParametersInvalid(f"Error creating flow run: {error}", error.errors) from error


def backfill(deployment: schemas.Deployment, slot_parameter: str | None) -> Callable[[dict[str, Any]], None]:
    """A check of the parameters of a backfill's runs; required ones must be there.

    Args:
        slot_parameter: the one that receives the slot.

    Raises:
        ParametersInvalid: from the check.
        Invalid: the schema knows no such parameter, so every run would fail.
    """
    schema = deployment.parameter_openapi_schema or {}
    known = schema.get("properties")
    enforced = deployment.enforce_parameter_schema
    if enforced and slot_parameter is not None and known and slot_parameter not in known:
        raise Invalid(
            f"{deployment.full_name} has no parameter {slot_parameter!r} to receive the slot; it has"
            f" {', '.join(known)}",
            "slot_parameter",
        )
    parameters.prepare(deployment.parameter_openapi_schema)

    def check(merged: dict[str, Any]) -> None:
        try:
            parameters.validate(merged, deployment.parameter_openapi_schema, partial=False)
        except ParametersInvalid as error:
            raise ParametersInvalid(f"Error creating backfill: {error}", error.errors) from error

    return check if enforced else lambda merged: None


def no_infrastructure_document(run: schemas.DeploymentFlowRunCreate) -> None:
    """Refuse a run that names an infrastructure document.

    Raises:
        Conflict: there are no documents here (Prefect answers 409 for one that does not exist).
    """
    if run.infrastructure_document_id is not None:
        raise Conflict(
            "Error creating flow run. Could not find infrastructure_document with id:"
            f" {run.infrastructure_document_id}."
        )
