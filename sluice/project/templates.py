"""Templates in a project file: `{{ $VAR }}` and `{{ prefect.variables.name }}` become values.

Prefect's grammar for a placeholder is kept: one word of letters, digits, `. - _ [ ] $` between double braces.
Where Prefect puts an empty text for what is not set, Sluice refuses: an empty password is worse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sluice.project.document import Path
from sluice.project.problems import Problems, did_you_mean

_PLACEHOLDER = re.compile(r"\{\{\s*([\w.\-\[\]$]+)\s*\}\}")
_VARIABLES = "prefect.variables."
_BLOCKS = "prefect.blocks."

LEFT_OUT = object()
"""Stands for a value that needs the output of a step which is not run here."""


class Templates:
    """Resolves the placeholders of one file.

    Args:
        environment: the values of `{{ $NAME }}`.
        variables: the values of `{{ prefect.variables.name }}`, any JSON.
        steps: the ids of the file's build, push and pull steps, whose outputs are not known here.
        problems: receives what cannot be resolved, with its line.
        line: tells the line of a place.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        variables: Mapping[str, Any],
        steps: Collection[str],
        problems: Problems,
        line: Callable[[Path], int | None],
    ) -> None:
        self._environment = environment
        self._variables = variables
        self._steps = frozenset(steps)
        self._problems = problems
        self._line = line

    def resolve(self, value: Any, path: Path) -> Any:
        """`value` with all placeholders in it replaced; LEFT_OUT when it needs a step's output.

        Keys and items that are left out are dropped from what holds them.
        """
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            pairs = ((key, self.resolve(inner, (*path, key))) for key, inner in value.items())
            return {key: inner for key, inner in pairs if inner is not LEFT_OUT}
        if isinstance(value, list):
            items = (self.resolve(inner, (*path, index)) for index, inner in enumerate(value))
            return [inner for inner in items if inner is not LEFT_OUT]
        return value

    def _text(self, text: str, path: Path) -> Any:
        whole = _PLACEHOLDER.fullmatch(text.strip())
        if whole:
            return self._lookup(whole[1], whole[0], path)
        found = {match[0]: self._lookup(match[1], match[0], path) for match in _PLACEHOLDER.finditer(text)}
        if LEFT_OUT in found.values():
            return LEFT_OUT
        return _PLACEHOLDER.sub(lambda match: _as_text(found[match[0]]), text)

    def _lookup(self, word: str, written: str, path: Path) -> Any:
        line = self._line(path)
        if word.startswith("."):
            return written  # a Go template, as in `docker ps --format '{{.Names}}'`
        if word.startswith(_VARIABLES):
            return self._variable(word.removeprefix(_VARIABLES), written, line)
        if word.startswith("$") and word[1:] in self._environment:
            return self._environment[word[1:]]
        if word.split(".")[0] in self._steps:
            self._problems.note(f"`{written}` is the output of a step that is not run here: left out.", line)
            return LEFT_OUT
        if word.startswith("$"):
            self._problems.add(f"`{written}`: the environment variable {word[1:]} is not set here.", line)
        elif word.startswith(_BLOCKS):
            hint = "use an environment variable, `{{ $NAME }}`"
            self._problems.add(f"`{written}` is not supported: Sluice has no blocks; {hint}.", line)
        elif word.startswith("prefect."):
            hint = "`{{ prefect.variables.NAME }}` and `{{ $NAME }}` are resolved"
            self._problems.add(f"`{written}` is not known: {hint}.", line)
        else:
            self._problems.note(f"`{written}` is no template that Sluice knows: kept as written.", line)
        return written

    def _variable(self, name: str, written: str, line: int | None) -> Any:
        if name in self._variables:
            return self._variables[name]
        known = sorted(self._variables)
        hint = did_you_mean(name, known) if known else "this database has none; use `{{ $NAME }}`."
        self._problems.add(f"`{written}`: there is no variable {name}; {hint}", line)
        return written


def is_template(text: str) -> bool:
    """Whether applying this text would look something up in it."""
    return any(match[1].startswith(("$", "prefect.")) for match in _PLACEHOLDER.finditer(text))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
