"""The machine's own IANA zone."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LINK = Path("/etc/localtime")
_TEXT = Path("/etc/timezone")
_FOLDER = "zoneinfo/"


def machine_zone(link: Path = _LINK, text: Path = _TEXT) -> str | None:
    """Its name by $TZ, where /etc/localtime leads, or /etc/timezone; None when none of them tells.

    Args:
        link: the symbolic link into the zone folder.
        text: a file that holds the name.
    """
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    if link.is_symlink():
        candidates.append(os.readlink(link))
        candidates.append(os.path.realpath(link))
    if text.is_file():
        candidates.append(text.read_text(errors="replace").strip())
    names = (candidate.rpartition(_FOLDER)[2] for candidate in candidates)
    return next((name for name in names if _is_zone(name)), None)


def _is_zone(name: str) -> bool:
    try:
        return bool(name) and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
