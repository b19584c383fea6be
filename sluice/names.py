"""From what an operator types to the deployment or run that is meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from backend.protocol import Backend
from store.errors import NotFound, Refused
from store.schemas import Deployment, DeploymentQuery, DeploymentRow, FlowRun

SHORTEST_PREFIX = 4
MOST_SHOWN = 5
_ID_START = re.compile(r"[0-9a-fA-F-]{4,36}")


def find_deployment(backend: Backend, name: str) -> Deployment:
    """The deployment called `flow/deployment`, or whose own name or id (or its beginning) is unambiguous.

    Raises:
        NotFound: none is; the sentence gives the nearest names.
        Refused: several are; the sentence gives them.
    """
    flow, slash, own = name.partition("/")
    if slash:
        try:
            return backend.read_deployment_by_name(flow, own)
        except NotFound:
            raise _unknown(backend, name) from None
    named = _with_name(backend, name)
    if not named and _ID_START.fullmatch(name):
        return backend.read_deployment(_with_id(backend, name))
    if not named:
        raise _unknown(backend, name)
    if len(named) > 1:
        choices = _list([row.full_name for row in named])
        raise Refused(
            f"{name!r} is the name of {len(named)} deployments: {choices}. Give the flow's name too"
        )
    return backend.read_deployment(named[0].id)


def find_deployments(backend: Backend, names: Sequence[str]) -> list[Deployment]:
    """Each once, in the order named. Raises as `find_deployment`, before anything is done to any of them."""
    found = [find_deployment(backend, name) for name in names]
    return list({deployment.id: deployment for deployment in found}.values())


def find_flow_run(backend: Backend, name: str) -> FlowRun:
    """The run of that name or id, or the one whose id begins so.

    Raises:
        NotFound: there is none.
        Refused: several are; the sentence gives their ids.
    """
    found = backend.find_flow_runs(name)
    if not found:
        raise NotFound(
            "Flow run",
            name,
            f"no run is called {name!r}, and no run's id begins so; `sluice runs` lists them",
        )
    if len(found) > 1:
        choices = _list([str(run.id) for run in found])
        raise Refused(f"{name!r} means {len(found)} runs: {choices}. Give the id")
    return found[0]


def _with_name(backend: Backend, name: str) -> list[DeploymentRow]:
    """Rows whose own name is exactly `name`; the text query narrows them down so that few rows are read."""
    keys = backend.deployment_keys(DeploymentQuery(text=name))
    rows = backend.deployment_rows(keys)
    return [rows[key] for key in keys if key in rows and rows[key].name == name]


def _with_id(backend: Backend, start: str) -> UUID:
    wanted = start.replace("-", "").lower()
    keys = [key for key in backend.deployment_keys(DeploymentQuery()) if key.hex.startswith(wanted)]
    if not keys or len(wanted) < SHORTEST_PREFIX:
        raise _unknown(backend, start)
    if len(keys) > 1:
        rows = backend.deployment_rows(keys[:MOST_SHOWN])
        choices = _list([f"{key} ({rows[key].full_name})" if key in rows else str(key) for key in keys])
        raise Refused(f"{len(keys)} deployments have an id that begins with {start!r}: {choices}")
    return keys[0]


def _unknown(backend: Backend, name: str) -> NotFound:
    keys = backend.deployment_keys(DeploymentQuery())
    if not keys:
        return NotFound("Deployment", name, f"no deployment is called {name!r}: this database has none yet")
    rows = backend.deployment_rows(keys).values()
    near = nearest(name, (row.full_name for row in rows))
    hint = f"the nearest: {_list(near)}" if near else "`sluice ls` lists them all"
    return NotFound("Deployment", name, f"no deployment is called {name!r}; {hint}")


def nearest(name: str, full_names: Iterable[str]) -> list[str]:
    """The full names most like `name`, compared with `flow/deployment` and with the own name alone."""
    everything = list(full_names)
    wanted = name.lower()
    own = wanted.rpartition("/")[2]
    by_lower = {text.lower(): text for text in everything}
    close = difflib.get_close_matches(wanted, by_lower, n=MOST_SHOWN, cutoff=0.6)
    by_own: dict[str, list[str]] = {}
    for text in everything:
        by_own.setdefault(text.rpartition("/")[2].lower(), []).append(text)
    alike = difflib.get_close_matches(own, by_own, n=MOST_SHOWN, cutoff=0.6)
    near = [by_lower[text] for text in close] + [text for key in alike for text in by_own[key]]
    inside = [text for text in everything if wanted in text.lower()]
    return list(dict.fromkeys([*near, *inside]))[:MOST_SHOWN]


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_SHOWN])
    return shown if len(names) <= MOST_SHOWN else f"{shown} and {len(names) - MOST_SHOWN} more"
