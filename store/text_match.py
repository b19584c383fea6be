"""Free-text filters as SQL: words that must all occur, case ignored, `%` and `_` without special meaning."""

from __future__ import annotations

from typing import Any, NamedTuple

from peewee import SqliteDatabase

from store.errors import Invalid

MAX_WORDS = 1000

_MAX_LIKE = 10_000
"""SQLite takes LIKE patterns up to 50,000 bytes."""

_JSON_PUNCTUATION = set('",[]\\')


class Haystack(NamedTuple):
    """Where a word may occur.

    Args:
        texts: SQL expressions of text, null allowed.
        slashed: expressions that put a slash between two of the texts, as in flow/deployment; only a word
            with a slash can reach over it, so only such words are looked for there.
        tags: a column that holds a JSON list of texts.
        neighbours: pairs of a condition that holds for a row whose neighbour (say, its pool) matches, with
            `{match}` where the test of the neighbour's name goes, and that name. SQLite evaluates such an
            inner query once, not per row.
    """

    texts: tuple[str, ...]
    slashed: tuple[str, ...] = ()
    tags: str | None = None
    neighbours: tuple[tuple[str, str], ...] = ()


def register_functions(database: SqliteDatabase) -> None:
    """Teach SQLite to compare letters beyond ASCII without regard to case."""
    database.register_function(_fold, "sluice_fold", 1, deterministic=True)


def where_text(text: str, haystack: Haystack) -> tuple[list[str], list[Any]]:
    """SQL conditions that together say that every word of `text` occurs, and their parameters in order.

    Raises:
        Invalid: more words than anybody types.
    """
    words = list(dict.fromkeys(text.split()))
    if len(words) > MAX_WORDS:
        raise Invalid(f"a filter takes at most {MAX_WORDS:,} words, this one has {len(words):,}")
    conditions: list[str] = []
    parameters: list[Any] = []
    for word in words:
        tests = _tests(word, haystack)
        conditions.append(f"({' OR '.join(tests)})")
        parameters += [_parameter(word)] * len(tests)
    return ([_all(conditions)] if conditions else []), parameters


def _all(conditions: list[str]) -> str:
    """One condition that all hold, nested evenly: SQLite refuses a chain of a thousand ANDs as too deep."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    return f"({_all(conditions[:middle])} AND {_all(conditions[middle:])})"


def _tests(word: str, haystack: Haystack) -> list[str]:
    """A condition with one parameter for each place where the word may occur."""
    texts = haystack.texts + (haystack.slashed if "/" in word else ())
    tests = [_test(expression, word) for expression in texts]
    if haystack.tags:
        tests.append(_test_tags(haystack.tags, word))
    tests += [condition.format(match=_test(name, word)) for condition, name in haystack.neighbours]
    return tests


def _by_like(word: str) -> bool:
    """LIKE ignores the case of ASCII letters only, and is several times faster than a call into Python."""
    return word.isascii() and len(word) <= _MAX_LIKE


def _test(expression: str, word: str) -> str:
    if _by_like(word):
        return f"{expression} LIKE ? ESCAPE '\\'"
    found = f"instr(sluice_fold({expression}), ?) > 0"
    if word.casefold().isascii():
        return found
    # Only a text with letters beyond ASCII can hold the word: most need no call into Python.
    return f"({_beyond_ascii(expression)} AND {found})"


def _test_tags(column: str, word: str) -> str:
    """The tags are tested one per line; their JSON as it stands, where that answers the same at less cost."""
    lines = f"(SELECT group_concat(value, char(10)) FROM json_each({column}))"
    if not _by_like(word):
        # JSON may write such letters as escapes: a backslash hides what ASCII shows.
        found = f"instr(sluice_fold({lines}), ?) > 0"
        guard = f"(instr({column}, '\\') OR {_beyond_ascii(column)})"
        return found if word.casefold().isascii() else f"({guard} AND {found})"
    if _JSON_PUNCTUATION & set(word):
        return _test(lines, word)
    return _test(f"CASE WHEN instr({column}, '\\') THEN {lines} ELSE {column} END", word)


def _beyond_ascii(expression: str) -> str:
    return f"length({expression}) <> length(CAST({expression} AS BLOB))"


def _parameter(word: str) -> str:
    if not _by_like(word):
        return word.casefold()
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
