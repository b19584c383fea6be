"""What is wrong with an input file, collected so that all of it is told at once."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from store.errors import SluiceError


class Problem(NamedTuple):
    """One thing wrong (or, as a note, worth knowing): a whole sentence, and the 1-based line it is about."""

    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        """`file:line: sentence`, the form that editors jump to."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.message}"


class InputInvalid(SluiceError):
    """An input file was refused as a whole. Nothing was written.

    Args:
        problems: everything found, in the order of the lines.
        unread: the file could not be read at all (exit code 2 rather than 1).
        hint: what to do about all of them.
    """

    def __init__(self, problems: Sequence[Problem], *, unread: bool = False, hint: str = "") -> None:
        self.problems = list(problems)
        self.unread = unread
        self.hint = hint
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Problems:
    """A list of problems and one of notes about one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []
        self.notes: list[Problem] = []

    def add(self, message: str, line: int | None = None) -> None:
        """Something that stops the whole file; the same one is kept once."""
        problem = Problem(self.file, line, message)
        if problem not in self.found:
            self.found.append(problem)

    def note(self, message: str, line: int | None = None) -> None:
        """Something the operator should know that stops nothing; the same one is kept once."""
        note = Problem(self.file, line, message)
        if note not in self.notes:
            self.notes.append(note)

    def raise_if_any(self) -> None:
        """Raise InputInvalid with all problems, in the order of their lines."""
        if self.found:
            raise InputInvalid(sorted(self.found, key=lambda problem: problem.line or 0))


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant, or None when nothing is near."""
    matches = get_close_matches(word.lower().replace("-", "_"), known, n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown word: the nearest known one, else the list of them."""
    match = nearest(word, known)
    return f"did you mean `{match}`?" if match else f"known here: {', '.join(known)}."
