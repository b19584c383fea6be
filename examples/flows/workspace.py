"""What the example flows share: the one folder they write in, and the time a run stands for."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

MEASUREMENTS = "measurements.db"
"""The SQLite file that disk_usage fills, digest reads and sqlite_backup copies."""


def folder(*parts: str) -> Path:
    """A folder below $SLUICE_EXAMPLES_DIR (default: sluice-examples in the temporary one), made if needed."""
    base = os.environ.get("SLUICE_EXAMPLES_DIR") or Path(tempfile.gettempdir(), "sluice-examples")
    path = Path(base, *parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def slot() -> datetime:
    """The instant that this run stands for: its slot, or now when it was started by hand."""
    text = os.environ.get("SLUICE_SLOT")
    return datetime.fromisoformat(text) if text else datetime.now(UTC)
