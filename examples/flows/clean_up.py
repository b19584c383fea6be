"""Remove what the other examples left behind and nobody needs any more."""

from __future__ import annotations

import logging
import time

from workspace import folder

log = logging.getLogger("clean_up")


def clean_up(days: float = 7.0, folders: list[str] | None = None, dry_run: bool = False) -> None:
    """Delete old files in the examples' own folder.

    Args:
        days: only files not changed for so long.
        folders: which of its folders; default: imports, reports and sales.
        dry_run: say what would go, and leave it.
    """
    limit = time.time() - days * 86_400
    freed = count = 0
    for name in folders or ["imports", "reports", "sales"]:
        if not name.replace("-", "").isalnum():
            raise ValueError(f"{name!r} is no folder of the examples: give a plain name such as reports")
        for file in sorted(folder(name).iterdir()):
            status = file.stat()
            if not file.is_file() or status.st_mtime >= limit:
                continue
            log.info("%s %s", "would delete" if dry_run else "deleting", file.name)
            if not dry_run:
                file.unlink()
            freed += status.st_size
            count += 1
    log.info("%d files, %.1f kB%s", count, freed / 1000, " (nothing deleted)" if dry_run else "")
