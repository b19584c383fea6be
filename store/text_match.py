"""Free-text filters as SQL: words that must all occur, case ignored, `%` and `_` without special meaning."""

from __future__ import annotations

from typing import Any, NamedTuple

from peewee import SqliteDatabase

_JSON_PUNCTUATION = set('",[]\\')


class Haystack(NamedTuple):
    """Where a word may occur.

    Args:
        texts: SQL expressions of text, null allowed.
        paths: pairs of expressions that people know as `first/second`.
        tags: a column that holds a JSON list of texts.
        neighbours: pairs of a condition that holds for a row whose neighbour (say, its pool) matches, with
            `{match}` where the test of the neighbour's name goes, and that name. SQLite evaluates such an
            inner query once, not per row.
    """

    texts: tuple[str, ...]
    paths: tuple[tuple[str, str], ...] = ()
    tags: str | None = None
    neighbours: tuple[tuple[str, str], ...] = ()


def register_functions(database: SqliteDatabase) -> None:
    """Teach SQLite to compare letters beyond ASCII without regard to case."""
    database.register_function(_fold, "sluice_fold", 1, deterministic=True)


def where_text(text: str, haystack: Haystack) -> tuple[list[str], list[Any]]:
    """SQL conditions, one per word of `text`, and their parameters in order."""
    conditions: list[str] = []
    parameters: list[Any] = []
    for word in text.split():
        condition, count = _match_word(word, haystack)
        conditions.append(condition)
        parameters += [_parameter(word)] * count
    return conditions, parameters


def _match_word(word: str, haystack: Haystack) -> tuple[str, int]:
    tests = [_test(expression, word) for expression in haystack.texts]
    for first, second in haystack.paths:
        # A word without a slash cannot reach over the one between them, and two tests cost less than a join.
        pieces = [f"{first} || '/' || {second}"] if "/" in word else [first, second]
        tests += [_test(piece, word) for piece in pieces]
    if haystack.tags:
        tests.append(_test(_tags_as_text(haystack.tags, word), word))
    tests += [condition.format(match=_test(name, word)) for condition, name in haystack.neighbours]
    return f"({' OR '.join(tests)})", len(tests)


def _test(expression: str, word: str) -> str:
    # LIKE ignores the case of ASCII letters only, and is several times faster than a call into Python.
    if word.isascii():
        return f"{expression} LIKE ? ESCAPE '\\'"
    return f"instr(sluice_fold({expression}), ?) > 0"


def _parameter(word: str) -> str:
    if not word.isascii():
        return word.casefold()
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _tags_as_text(column: str, word: str) -> str:
    """The tags, one per line; the JSON as it stands where that answers the same at less cost."""
    lines = f"(SELECT group_concat(value, char(10)) FROM json_each({column}))"
    if not word.isascii() or _JSON_PUNCTUATION & set(word):
        return lines
    return f"CASE WHEN instr({column}, '\\') THEN {lines} ELSE {column} END"


def _fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
