"""What a flow's signature says of its deployment: names, description, schema, and whether parameters fit."""

from __future__ import annotations

from typing import Any

from backend.parameters import validate
from scheduler.environment import interpreter
from scheduler.job_variables import JobVariables, parse
from sluice.project.deployment import EMPTY_SCHEMA, Planned
from sluice.project.problems import did_you_mean
from sluice.project.signatures import Question, Reading, Signature, read_signatures
from store.errors import Invalid, ParametersInvalid


def add_signatures(planned: list[Planned]) -> None:
    """Read the signature of every entrypoint, and complete the deployments by it."""
    questions: dict[Question, list[str]] = {}
    for deployment in planned:
        if deployment.entrypoint:
            questions.setdefault(_question(deployment), []).append(deployment.entrypoint.function)
    readings = read_signatures(questions)
    for deployment in planned:
        if deployment.entrypoint is None:
            deployment.values["parameter_openapi_schema"] = dict(EMPTY_SCHEMA)
        else:
            _complete(deployment, readings[_question(deployment)])


def _question(deployment: Planned) -> Question:
    assert deployment.entrypoint is not None
    variables = _job_variables(deployment)
    pairs = sorted((name, value) for name, value in variables.environment().items() if value is not None)
    python = interpreter(str(deployment.folder), variables)
    return Question(deployment.entrypoint.file, deployment.folder, tuple(pairs), python)


def _job_variables(deployment: Planned) -> JobVariables:
    """The job variables; those that are not valid, or meant for another kind of pool, count as not given."""
    try:
        return parse(deployment.values["job_variables"])
    except Invalid:
        return JobVariables()


def _complete(deployment: Planned, reading: Reading) -> None:
    entrypoint = deployment.entrypoint
    assert entrypoint is not None
    signature = reading.functions.get(entrypoint.function)
    if signature is None:
        deployment.section.problem(
            _not_found(entrypoint.function, str(entrypoint.file), reading), "entrypoint"
        )
        return
    if reading.import_error:
        deployment.section.problems.note(
            f"importing {entrypoint.file} fails here: {reading.import_error}. "
            "Its parameters were read from its text instead; a run will fail the same way.",
            deployment.line("entrypoint"),
        )
    deployment.flow_name = deployment.flow_name or signature.flow_name
    if deployment.describes_itself:
        deployment.values["description"] = signature.description
    deployment.values["parameter_openapi_schema"] = signature.schema
    deployment.signature = signature


def _not_found(function: str, file: str, reading: Reading) -> str:
    if reading.text_error:
        return f"{file} cannot be read: {reading.text_error}."
    if not reading.known:
        return f"{file} has no function `{function}`, and no other."
    return f"{file} has no function `{function}`: {did_you_mean(function, reading.known)}"


def check_parameters(deployment: Planned) -> None:
    """Add a problem for each parameter that does not fit, unless the deployment does not enforce that."""
    signature = deployment.signature
    if signature is None or not deployment.values["enforce_parameter_schema"]:
        return
    parameters = deployment.values["parameters"]
    _check(deployment, signature, parameters, {}, ("parameters",))
    required = set(signature.schema.get("required", ())) - set(parameters)
    for schedule in deployment.values.get("schedules") or ():
        place = schedule["_path"][len(deployment.section.path) :]
        _check(deployment, signature, schedule["parameters"], parameters, (*place, "parameters"))
        missing = sorted(required - set(schedule["parameters"]))
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            said = f"the flow needs {names}, and nothing gives it: the runs of this schedule will fail."
            deployment.section.problems.note(said, deployment.line(*place))


def _check(
    deployment: Planned,
    signature: Signature,
    own: dict[str, Any],
    below: dict[str, Any],
    place: tuple[str | int, ...],
) -> None:
    """Check the parameters `own`, which are laid over those `below`, and name what does not fit of them."""
    assert deployment.entrypoint is not None
    known = list(signature.schema["properties"])
    for name in own:
        if name not in known and not signature.open:
            hint = did_you_mean(name, known) if known else "it takes none."
            said = f"`{deployment.entrypoint.function}` takes no parameter `{name}`: {hint}"
            deployment.section.problem(said, *place, name)
    try:
        validate({**below, **own}, signature.schema, partial=True)
    except ParametersInvalid as error:
        for found in error.errors or [{"field": "", "message": str(error)}]:
            name = found["field"].partition(".")[0].partition("[")[0]
            if name in own or not name:
                said = f"parameter `{found['field']}` does not fit: {found['message']}."
                deployment.section.problem(said, *place, name)
