"""Sluice's own log: a rotating file in SLUICE_HOME, never the terminal."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
from types import TracebackType

from sluice.settings import Settings

MAX_BYTES = 1_000_000
KEPT_FILES = 3
LINE = "%(asctime)s %(process)d %(threadName)s %(levelname)s %(name)s: %(message)s"


def start_log_file(settings: Settings) -> None:
    """Send every log record of this process to the log file; where it cannot be written, say so on stderr."""
    root = logging.getLogger()
    root.setLevel(settings.log_level)
    logging.lastResort = None
    threading.excepthook = _log_thread_exception
    try:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            settings.log_file, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
        )
    except OSError as error:
        print(f"sluice: No log is kept: {settings.log_file}: {error.strerror}.", file=sys.stderr)
        return
    handler.setFormatter(logging.Formatter(LINE))
    root.addHandler(handler)


def _log_thread_exception(args: threading.ExceptHookArgs) -> None:
    """An exception that ended a thread belongs in the log: on stderr it would break the screen."""
    name = args.thread.name if args.thread else "?"
    info: tuple[type[BaseException], BaseException, TracebackType | None] | None = (
        (args.exc_type, args.exc_value, args.exc_traceback) if args.exc_value else None
    )
    logging.getLogger("sluice").critical("thread %s ended by an exception", name, exc_info=info)
