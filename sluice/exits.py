"""Exit codes, and the one place where errors become a sentence on stderr."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
from collections.abc import Callable

from store.errors import DatabaseProblem, SluiceError

DONE = 0
REFUSED = 1
USAGE = 2
INTERRUPTED = 130
"""128 + SIGINT, what a shell gives to a command ended by ctrl+c."""


class UsageProblem(SluiceError):
    """The command line or the settings cannot be understood (exit code 2)."""


def guarded(face: Callable[[], int], *, debug: bool = False) -> int:
    """Run a face of the program and answer its exit code; every error becomes one sentence on stderr.

    Args:
        face: does the work and answers an exit code.
        debug: let an unexpected exception through, with its traceback.
    """
    try:
        code = face()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _forget_stdout()
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (DatabaseProblem, UsageProblem) as problem:
        return complain(str(problem), USAGE)
    except SluiceError as refusal:
        return complain(str(refusal), REFUSED)
    except Exception as error:  # the outermost frame: logged with its traceback, said in one sentence
        if debug:
            raise
        return _explain_unexpected(error)


def complain(sentence: str, code: int) -> int:
    """Say `sentence` on stderr and answer `code`."""
    text = sentence[:1].upper() + sentence[1:]
    print(
        f"sluice: {text}" if text.endswith((".", "!", "?", ")", ":")) else f"sluice: {text}.", file=sys.stderr
    )
    return code


def plainly(message: str) -> str:
    """What pydantic says about a value, without the words that only programmers know."""
    text = message.removeprefix("Value error, ")
    text = re.sub(r"Input should be a valid integer\b.*", "it must be a whole number", text)
    return re.sub(r"\bInput should be\b", "it must be", text)


def report_crash(traceback: str) -> int:
    """Say in one sentence that the screen ended by an exception; the traceback goes to the log.

    Args:
        traceback: as text, its last line naming the exception.
    """
    hint = _keep_traceback("the screen ended by an exception:\n" + traceback)
    last = next((line for line in reversed(traceback.splitlines()) if line.strip()), "no message")
    return complain(f"the screen ended unexpectedly: {last.strip()} ({hint})", REFUSED)


def _explain_unexpected(error: Exception) -> int:
    hint = _keep_traceback("unexpected exception", error)
    text = " ".join(str(error).split()) or "no message"
    cause = error.__cause__ or error.__context__
    if isinstance(error, sqlite3.Error) or isinstance(cause, sqlite3.Error):
        return complain(f"the database answered: {text} ({hint})", USAGE)
    return complain(f"something unexpected happened: {type(error).__name__}: {text} ({hint})", REFUSED)


def _keep_traceback(message: str, error: Exception | None = None) -> str:
    """Log it where there is a log, and answer where a person finds it."""
    where = _log_file_in_use()
    if where is None:
        return "SLUICE_DEBUG=1 shows the traceback"
    logging.getLogger("sluice").critical(message, exc_info=error)
    return f"the traceback is in {where}"


def _log_file_in_use() -> str | None:
    names = [getattr(handler, "baseFilename", None) for handler in logging.getLogger().handlers]
    return next((name for name in names if name), None)


def _forget_stdout() -> None:
    """Nobody reads any more (`| head`): point stdout elsewhere so that the flush at exit stays quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
