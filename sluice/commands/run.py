"""`sluice run`: a run of a deployment now, and if wanted wait for its end."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.protocol import Backend
from sluice.exits import DONE, INTERRUPTED, REFUSED
from sluice.follow import follow_run
from sluice.invocation import opened
from sluice.names import find_deployment
from sluice.output import note, print_json, say
from sluice.parameters import check_names, parse_parameters
from sluice.run_output import line_printer, run_as_json
from store.schemas import LOCAL_POOL, Deployment, DeploymentFlowRunCreate, FlowRun, LogLine, StateType
from tui.times import duration


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="flow/deployment, name or id.")],
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", "-p", metavar="KEY=VALUE", help="A parameter, the value as JSON or text; repeatable."
        ),
    ] = None,
    params: Annotated[str | None, typer.Option(metavar="JSON", help="Parameters as one JSON object.")] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Print the log until the run ends; exit code 1 if it did not complete."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The run as a JSON object; with --wait, as it ended.")
    ] = False,
) -> None:
    """Run a deployment now. Prints the run's id; a process that works on this database executes it."""
    with opened(ctx) as backend:
        deployment = find_deployment(backend, name)
        parameters = parse_parameters(param or (), params, deployment.parameter_openapi_schema)
        if deployment.enforce_parameter_schema:
            check_names(parameters, deployment.parameter_openapi_schema)
        sent = DeploymentFlowRunCreate(parameters=parameters)
        made = backend.create_flow_run_from_deployment(deployment.id, sent).flow_run
        if not as_json:
            say(str(made.id))
        note(_who_runs_it(backend, deployment, made))
        if not wait:
            if as_json:
                print_json(run_as_json(made))
            return
        code = _wait(backend, made, as_json)
    raise typer.Exit(code)


def _who_runs_it(backend: Backend, deployment: Deployment, made: FlowRun) -> str:
    """Who will execute the run, in words; plainly so when nobody does."""
    title = f"{made.name} of {deployment.full_name}"
    if deployment.work_pool_name != LOCAL_POOL:
        pool = deployment.work_pool_name
        whose = (
            f"a worker of the work pool {pool!r}"
            if pool
            else "its own runner (flow.serve), it has no work pool"
        )
        return f"{title} waits for {whose}"
    worker = backend.read_status().worker
    if worker is None:
        return (
            f"{title} waits: nobody works on this database now. "
            "Start `sluice serve`, or open the screen with `sluice`, and it runs at once."
        )
    return f"{title} goes to the worker in process {worker.pid}"


def _wait(backend: Backend, made: FlowRun, as_json: bool) -> int:
    show = _keep_quiet if as_json else line_printer(False)
    try:
        ended = follow_run(backend, made.id, show)
    except KeyboardInterrupt:
        note(
            f"\n{made.name} goes on. `sluice logs {made.id} -f` follows it, "
            f"`sluice cancel {made.id}` stops it."
        )
        return INTERRUPTED
    if as_json:
        print_json(run_as_json(ended))
    took = duration(ended.total_run_time.total_seconds())
    message = f": {ended.state.message}" if ended.state and ended.state.message else ""
    note(f"{ended.name}: {ended.state_name} after {took}{message}")
    return DONE if ended.state_type == StateType.COMPLETED else REFUSED


def _keep_quiet(line: LogLine) -> None:
    """With --json only the run's end is printed; the lines are in `sluice logs`."""
