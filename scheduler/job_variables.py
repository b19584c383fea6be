"""The job variables of the pool `local`: what a deployment or a run may say about how its process runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.errors import Invalid

Seconds = Annotated[float, Field(ge=0, le=366 * 86400)]
MAX_DELAY = timedelta(days=366)


class ExponentialDelay(BaseModel):
    """Prefect's `exponential_backoff(factor)`: the n-th retry waits factor x 2^(n-1) seconds."""

    model_config = ConfigDict(extra="forbid")

    exponential_backoff: Seconds


class JobVariables(BaseModel):
    """Job variables; unknown keys are left alone, because deployments may be made for other kinds of pools.

    Args:
        command: run by `/bin/sh -c` instead of the entrypoint. Nothing is filled into it: parameters arrive
            in SLUICE_PARAMETERS.
        env: added to the environment; null takes a variable away.
        working_dir: null: the deployment's path.
        stream_output: false: what the process writes to stdout and stderr is not kept. Log records and the
            traceback of an entrypoint are.
        timeout_seconds: after this long the run is stopped, and Failed as TimedOut.
        grace_seconds: between SIGTERM and SIGKILL.
        retries: how often a run that failed is tried again.
        retry_delay_seconds: before each retry: a number, a list (its last one repeats), or
            `{exponential_backoff: factor}`.
        retry_on_crash: whether a crashed run is tried again too.
        nice: added to the process's niceness (0..19).
        memory_limit_mb: address space that the process may use, in MiB.
    """

    model_config = ConfigDict(extra="ignore")

    command: str | None = None
    env: dict[str, str | bool | int | float | None] = Field(default_factory=dict)
    working_dir: str | None = None
    stream_output: bool = True
    timeout_seconds: Annotated[float, Field(gt=0, le=366 * 86400)] | None = None
    grace_seconds: Seconds = 10.0
    retries: Annotated[int, Field(ge=0)] = 0
    retry_delay_seconds: Seconds | list[Seconds] | ExponentialDelay = 0.0
    retry_on_crash: bool = False
    nice: Annotated[int, Field(ge=0, le=19)] | None = None
    memory_limit_mb: Annotated[int, Field(ge=1)] | None = None

    def retry_delay(self, retry: int) -> timedelta:
        """How long the given retry (from 1) waits."""
        match self.retry_delay_seconds:
            case ExponentialDelay(exponential_backoff=factor):
                return min(timedelta(seconds=factor * 2 ** min(retry - 1, 30)), MAX_DELAY)
            case list() as delays:
                return timedelta(seconds=delays[min(retry, len(delays)) - 1] if delays else 0)
            case seconds:
                return timedelta(seconds=seconds)

    def environment(self) -> dict[str, str | None]:
        """`env` as text; booleans are `true` and `false`."""
        return {
            name: str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
            for name, value in self.env.items()
        }


def parse(values: dict[str, Any]) -> JobVariables:
    """Read job variables.

    Raises:
        Invalid: a value has the wrong type or range; the sentence names it.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return JobVariables.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(["job_variables", *(str(part) for part in first["loc"][:2])])
        # The values of `env` may be secrets, and this sentence goes into states and logs.
        wrong = first["input"]
        shown = f"of type {type(wrong).__name__}" if first["loc"][0] == "env" else repr(wrong)
        message = f"{field} is {shown}: {first['msg'][:1].lower()}{first['msg'][1:]}."
        raise Invalid(message, field) from error
