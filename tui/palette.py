"""The command palette: every action of the screen, places, themes, and deployments by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from store.errors import SluiceError
from store.schemas import DeploymentQuery
from tui.actions import find
from tui.screens.help import entries_of
from tui.text import harmless

if TYPE_CHECKING:
    from tui.app import SluiceApp

DEPLOYMENTS_OFFERED = 12


class _Command(NamedTuple):
    words: str
    help: str
    run: Callable[[], Any]


class SluiceCommands(Provider):
    """Commands as `group: Verb (key)`, made from the same bindings as the help."""

    @property
    def _sluice(self) -> SluiceApp:
        from tui.app import SluiceApp

        assert isinstance(self.app, SluiceApp)
        return self.app

    def _commands(self) -> list[_Command]:
        app = self._sluice
        commands = [
            _Command(
                f"{entry.group}: {entry.words} ({' '.join(entry.keys)})",
                entry.long_words,
                partial(app.run_action, entry.active.binding.action, entry.active.node),
            )
            for entry in entries_of(self.screen)
            if find(entry.active.binding.id) and entry.active.binding.id != "app.palette"
        ]
        commands += [
            _Command("Go: Deployments", "the home screen", partial(app.open_deployments, "")),
            _Command("Go: Runs", "all runs", partial(app.open_runs, "")),
        ]
        commands += [
            _Command(f"Theme: {name}", "change the colours", partial(setattr, app, "theme", name))
            for name in sorted(app.available_themes)
        ]
        return commands

    async def discover(self) -> Hits:
        for command in self._commands():
            if not command.words.startswith("Theme"):
                yield DiscoveryHit(Content(command.words), command.run, command.words, command.help or None)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in self._commands():
            score, offsets = matcher.fuzzy_search.match(query, command.words)
            if score:
                shown = _highlighted(command.words, offsets, self)
                yield Hit(score, shown, command.run, command.words, command.help or None)
        for command in await asyncio.to_thread(self._deployments, query):
            yield Hit(0.5, Content(command.words), command.run, command.words, command.help)

    def _deployments(self, query: str) -> list[_Command]:
        """Deployments that match all words; read in a thread. A database in trouble offers none."""
        app = self._sluice
        try:
            keys = app.backend.deployment_keys(DeploymentQuery(text=query))[:DEPLOYMENTS_OFFERED]
            rows = app.backend.deployment_rows(keys)
        except SluiceError as error:
            app.call_later(app.report, error)
            return []
        return [
            _Command(
                f"Open {harmless(rows[key].full_name)}",
                harmless(rows[key].schedule or "no schedule"),
                partial(app.open_deployment, key),
            )
            for key in keys
            if key in rows
        ]


def _highlighted(words: str, offsets: Any, provider: Provider) -> Content:
    content = Content(words)
    style = provider.match_style
    if style is not None:
        for offset in offsets:
            content = content.stylize(style, offset, offset + 1)
    return content
