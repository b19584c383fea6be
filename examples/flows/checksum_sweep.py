"""Notice files that changed behind one's back: SHA-256 of every file, compared with the last sweep."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from workspace import folder

log = logging.getLogger("checksum_sweep")


def checksum_sweep(root: str | None = None, pattern: str = "*", fail_on_change: bool = False) -> None:
    """Compare the checksums of all files below a folder with those of the last sweep.

    Args:
        root: the folder; default: the one that holds these examples.
        pattern: which files, as in *.py.
        fail_on_change: end the run as failed when a file changed or is gone.
    """
    base = Path(root) if root else Path(__file__).resolve().parent.parent
    found = {str(file.relative_to(base)): _checksum(file) for file in _files(base, pattern)}
    name = hashlib.sha256(f"{base} {pattern}".encode()).hexdigest()[:12]
    memory = folder("checksums") / f"{name}.json"
    before: dict[str, str] = json.loads(memory.read_text()) if memory.exists() else {}
    changed = sorted(name for name in found.keys() & before.keys() if found[name] != before[name])
    gone = sorted(before.keys() - found.keys())
    for title, names in (("changed", changed), ("gone", gone), ("new", sorted(found.keys() - before.keys()))):
        for file_name in names if before else ():
            log.warning("%s: %s", title, file_name)
    memory.write_text(json.dumps(found, indent=1, sort_keys=True))
    log.info("%d files below %s: %d changed, %d gone", len(found), base, len(changed), len(gone))
    if fail_on_change and (changed or gone):
        raise RuntimeError(f"{len(changed)} files changed and {len(gone)} are gone below {base}")


def _files(base: Path, pattern: str) -> list[Path]:
    return [file for file in base.rglob(pattern) if file.is_file() and "__pycache__" not in file.parts]


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
