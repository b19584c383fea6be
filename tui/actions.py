"""What an operator can do, as data.

One `Action` feeds the key bindings, the footer, the help screen, the command palette and read-only mode, so
they never disagree. A screen (or the app) declares its actions, binds them with `bindings`, and implements
`action_<method>` for each; `ActionHost` asks `why_not` first and says the reason when there is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.dom import DOMNode

    _Base = DOMNode
else:
    _Base = object

READ_ONLY = "Sluice was started with --read-only: nothing can be changed here."


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done.

    Args:
        id: `screen.verb`; the binding's id, so keymap files name it.
        keys: keys as Textual writes them, comma-separated.
        method: the host's method is `action_<method>`.
        words: what it does, for help and palette.
        group: heading in the help: `Deployments`, `Marks`, `View`, `Go` ...
        footer: label in the footer; empty leaves it out.
        changing: changes something, so --read-only drops it.
        danger: opens a dialog before it acts.
        undoable: its change of deployments or schedules is in the history and can be taken back.
        long_words: one sentence more, for the help.
        immediate: it opens a prompt, so it acts before the next key is looked at: keys that arrive in one
            piece over a slow line must land in the prompt and not act on the list.
    """

    id: str
    keys: str
    method: str
    words: str
    group: str
    footer: str = ""
    changing: bool = False
    danger: bool = False
    undoable: bool = False
    long_words: str = ""
    immediate: bool = False

    @property
    def binding(self) -> Binding:
        """The key binding, which runs `act` on the host."""
        return Binding(
            self.keys,
            f"act('{self.id}')",
            self.words,
            show=bool(self.footer),
            priority=self.immediate,
            id=self.id,
            tooltip=self.long_words,
            group=Binding.Group(self.group),
        )


_registry: dict[str, Action] = {}


def register(*actions: Action) -> tuple[Action, ...]:
    """Add actions to the registry.

    Raises:
        ValueError: two actions have one id.
    """
    for action in actions:
        if action.id in _registry:
            raise ValueError(f"two actions are called {action.id}")
        _registry[action.id] = action
    return actions


def bindings(actions: Iterable[Action]) -> list[Binding]:
    """The `BINDINGS` of a host."""
    return [action.binding for action in actions]


def find(action_id: str | None) -> Action | None:
    """The action of an id, or null: widgets' own bindings are not actions."""
    return _registry.get(action_id or "")


class ActionHost(_Base):
    """Mixin for the App and screens: runs actions, or says why not.

    A host gives `action_<method>` for each of its actions, and may extend `why_not`.
    """

    @property
    def changes_allowed(self) -> bool:
        """False in read-only mode."""
        raise NotImplementedError

    def refuse(self, reason: str) -> None:
        """Tell the operator why an action did nothing."""
        self.app.notify(reason, severity="warning", markup=False, timeout=6)

    def why_not(self, action: Action) -> str | None:
        """Why the action cannot run now, in words; null when it can."""
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only mode drops changing actions from the key map, and so from footer, help and palette."""
        if action == "act":
            found = find(str(parameters[0]))
            if found is not None and found.immediate and self._is_typing():
                return False
            return not (found and found.changing and not self.changes_allowed)
        return super().check_action(action, parameters)

    def _is_typing(self) -> bool:
        """Whether keys are text now, or belong to a dialog: prompts open from neither."""
        return isinstance(self.app.focused, Input) or self.app.screen.is_modal

    async def action_act(self, action_id: str) -> None:
        """Run a registered action of this host, or say why not."""
        action = _registry[action_id]
        if action.changing and not self.changes_allowed:
            self.refuse(READ_ONLY)
        elif reason := self.why_not(action):
            self.refuse(reason)
        else:
            answer = getattr(self, f"action_{action.method}")()
            if isawaitable(answer):
                await answer
