"""The `:` prompt: `:runs failed`, `:dep etl/nightly`, `:theme sluice-light`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from store.schemas import DeploymentQuery
from tui.live import run_in_thread

if TYPE_CHECKING:
    from tui.app import SluiceApp

PLACES = ("deployments", "runs", "dep NAME", "theme NAME", "help", "quit")


def jump(app: SluiceApp, line: str) -> str | None:
    """Go where a line says.

    Args:
        app: the app that goes there.
        line: what was typed after the colon.

    Returns:
        why it went nowhere, in words; null when it is on its way.
    """
    word, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    match word.lower():
        case "":
            return None
        case "deployments" | "deps" | "home":
            app.open_deployments(rest)
        case "runs":
            app.open_runs(rest)
        case "dep" | "deployment":
            return _jump_to_deployment(app, rest)
        case "theme":
            return _change_theme(app, rest)
        case "help":
            app.action_show_help()
        case "q" | "quit":
            app.action_quit_sluice()
        case _:
            return f"No place is called {word}. There are: {', '.join(PLACES)}."
    return None


def _change_theme(app: SluiceApp, name: str) -> str | None:
    if name not in app.available_themes:
        return (
            f"No theme is called {name or '(nothing)'}. There are: {', '.join(sorted(app.available_themes))}."
        )
    app.theme = name
    return None


def _jump_to_deployment(app: SluiceApp, text: str) -> str | None:
    if not text:
        return "Say which deployment: `:dep NAME`, or some words of it."

    def read() -> list[UUID]:
        backend = app.backend
        keys = backend.deployment_keys(DeploymentQuery(text=text))
        if len(keys) > 1:
            rows = backend.deployment_rows(keys[:200])
            exact = [
                key for key in keys[:200] if key in rows and text in (rows[key].full_name, rows[key].name)
            ]
            return exact if len(exact) == 1 else keys
        return keys

    def go(keys: list[UUID]) -> None:
        if len(keys) == 1:
            app.open_deployment(keys[0])
        elif keys:
            app.open_deployments(text)
        else:
            app.say(f"No deployment matches “{text}”.", severity="warning")

    run_in_thread(app.screen, read, go, app.report)
    return None
