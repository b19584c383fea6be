"""A YAML file as plain values, with the line of every key and item.

YAML 1.1 is read, as Prefect does (`yes`, `off` and `010` mean what they mean there), but times stay text:
parameters are JSON, and an `anchor_date` keeps the zone it was written with.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.project.problems import Problems

Path = tuple[str | int, ...]
"""Keys and positions from the top of the document, e.g. `("deployments", 0, "name")`."""

MAX_VALUES = 1_000_000
"""Values a document may hold once its aliases are written out; a guard against exponential anchors."""

_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_TAG + kind for kind in ("bool", "int", "float", "null"))
_TEXT_TAGS = frozenset(_TAG + kind for kind in ("str", "timestamp", "value"))


@dataclass
class Document:
    """The values of a file and where they stand."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    """The text as written of numbers, flags and the like: `1.10` is a version, not 1.1."""
    anchored: set[Path] = field(default_factory=set)
    """Places that define an anchor."""

    def line(self, path: Path) -> int | None:
        """The line of a key or item; for a place that is not in the file, that of the nearest one above."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def parse(text: str, problems: Problems) -> Document:
    """The document in `text`; what is wrong with it is added to `problems`.

    Args:
        text: the file's content; a byte order mark and CRLF line ends are fine.
        problems: receives syntax errors, duplicate keys, unknown tags and the like, each with its line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    document = Document()
    try:
        root = yaml.compose(text.removeprefix("\ufeff"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(_syntax_message(error), None if mark is None else mark.line + 1)
        return document
    except YAMLError as error:
        position = getattr(error, "position", None)
        line = None if position is None else text.count("\n", 0, position) + 1
        problems.add(f"this is not YAML text: {str(error).splitlines()[0]}.", line)
        return document
    if root is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ruamel warns of `1e3`, which is clear enough
            document.value = _Builder(yaml.constructor, document, problems).build(root, ())
    return document


def _syntax_message(error: Any) -> str:
    said = " ".join(part for part in (error.context, error.problem) if part)
    said = (
        said.removeprefix("while scanning for the next token ")
        .replace("<stream end>", "the end of the file")
        .replace("<block end>", "the end of the block")
    )
    if "'\\t'" in said:
        return "a tab stands where YAML wants spaces: indent with spaces."
    if "mapping values are not allowed" in said:
        return "a second `:` stands in this line: put the value in quotes, or indent it under its key."
    if "cannot start any token" in said:
        return f"{said}: put the value in quotes."
    if "another document" in said:
        return "a second document starts here (`---`): a project file is one document."
    return f"the YAML cannot be read: {said}."


class _Builder:
    """Turns ruamel's nodes into values, noting lines on the way."""

    def __init__(self, constructor: Any, document: Document, problems: Problems) -> None:
        self._constructor = constructor
        self._document = document
        self._problems = problems
        self._open: list[Any] = []
        self._count = 0

    def build(self, node: Any, path: Path) -> Any:
        """The value of a node; problems leave None in its place."""
        line = node.start_mark.line + 1
        self._document.lines.setdefault(path, line)
        if node.anchor:
            self._document.anchored.add(path)
        self._count += 1
        if self._count == MAX_VALUES:
            self._problems.add(
                f"the file holds more than {MAX_VALUES:,} values once its anchors are written out."
            )
        if self._count >= MAX_VALUES:
            return None
        if node in self._open:
            self._problems.add("an anchor that holds itself cannot be written out: remove the alias.", line)
            return None
        self._open.append(node)
        try:
            return self._value(node, path, line)
        finally:
            self._open.pop()

    def _value(self, node: Any, path: Path, line: int) -> Any:
        from ruamel.yaml.nodes import MappingNode, SequenceNode

        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        tag = str(node.tag)
        if tag in _TEXT_TAGS:
            return node.value
        if tag not in _PLAIN_TAGS:
            self._problems.add(f"the tag `{tag.replace(_TAG, '!!')}` is not used in project files.", line)
            return None
        return self._plain(node, path, line)

    def _plain(self, node: Any, path: Path, line: int) -> Any:
        try:
            value = self._constructor.construct_object(node, deep=True)
        except ValueError:
            self._problems.add(f"`{node.value}` is not a number.", line)
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self._problems.add(f"`{node.value}` has no JSON form: put it in quotes to send it as text.", line)
            return None
        self._document.texts[path] = node.value
        return value

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key, (key_node, value_node) in self._pairs(node).items():
            self._document.lines[*path, key] = key_node.start_mark.line + 1
            built[key] = self.build(value_node, (*path, key))
        return built

    def _pairs(self, node: Any) -> dict[str, tuple[Any, Any]]:
        """A mapping's keys with their nodes: its own, then what `<<:` brings, the earlier one winning."""
        pairs: dict[str, tuple[Any, Any]] = {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node.value, str):
                self._problems.add(_odd_key(key_node), line)
            elif str(key_node.tag) == _TAG + "merge":
                merged.append(value_node)
            elif key_node.value in pairs:
                first = pairs[key_node.value][0].start_mark.line + 1
                self._problems.add(
                    f"the key `{key_node.value}` stands twice here (first in line {first}).", line
                )
            else:
                pairs[key_node.value] = (key_node, value_node)
        for value_node in merged:
            for key, pair in self._merged(value_node):
                pairs.setdefault(key, pair)
        return pairs

    def _merged(self, node: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
        """What one `<<:` brings: the pairs of a mapping, or of a list of them."""
        from ruamel.yaml.nodes import MappingNode, SequenceNode

        for source in node.value if isinstance(node, SequenceNode) else [node]:
            line = source.start_mark.line + 1
            if not isinstance(source, MappingNode):
                self._problems.add("`<<` takes an alias of a mapping, or a list of such aliases.", line)
            elif source in self._open:
                self._problems.add("an anchor that holds itself cannot be merged: remove the `<<`.", line)
            else:
                self._open.append(source)
                yield from self._pairs(source).items()
                self._open.pop()


def _odd_key(key_node: Any) -> str:
    from ruamel.yaml.nodes import MappingNode

    if isinstance(key_node, MappingNode):
        return 'a template must be in quotes: write "{{ ... }}".'
    return "a key must be a single word or text here."
