"""Rotate log files: app.log becomes app.log.1.gz, the older ones move up, the oldest goes."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
from pathlib import Path

from workspace import folder, slot

log = logging.getLogger("rotate_logs")


def rotate_logs(max_bytes: int = 4_000, keep: int = 5, lines: int = 40) -> None:
    """Rotate every log file that has grown too large.

    Args:
        max_bytes: smaller files are left alone.
        keep: compressed files to keep of each log.
        lines: how much this example writes first, so that there is something to rotate.
    """
    logs = folder("logs")
    _pretend_to_be_an_application(logs / "app.log", lines)
    for file in sorted(logs.glob("*.log")):
        size = file.stat().st_size
        if size <= max_bytes:
            log.info("%s: %d bytes, stays", file.name, size)
            continue
        _rotate(file, keep)
        log.info("%s: %d bytes, rotated", file.name, size)


def _pretend_to_be_an_application(file: Path, lines: int) -> None:
    with file.open("a", encoding="utf-8") as stream:
        for number in range(lines):
            stream.write(f"{slot().isoformat()} INFO request {number} answered in {number * 7 % 90} ms\n")


def _rotate(file: Path, keep: int) -> None:
    def numbered(number: int) -> Path:
        return file.with_name(f"{file.name}.{number}.gz")

    numbered(keep).unlink(missing_ok=True)
    for number in range(keep - 1, 0, -1):
        if numbered(number).exists():
            numbered(number).rename(numbered(number + 1))
    moved = file.with_name(f"{file.name}.moved")
    os.replace(file, moved)  # the application goes on with a new file while the old one is compressed
    with moved.open("rb") as source, gzip.open(numbered(1), "wb") as target:
        shutil.copyfileobj(source, target)
    moved.unlink()
