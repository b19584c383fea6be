"""Check the links between Markdown files, without the network: is there such a file, and such a heading?"""

from __future__ import annotations

import logging
import re
from pathlib import Path

log = logging.getLogger("check_links")

_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)


def check_links(root: str | None = None, fail: bool = True) -> None:
    """Check all relative links in the Markdown files below a folder.

    Args:
        root: the folder; default: the one that holds these examples.
        fail: end the run as failed when a link is broken, else only warn.
    """
    base = Path(root) if root else Path(__file__).resolve().parent.parent
    broken = checked = 0
    for file in sorted(base.rglob("*.md")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for target in _LINK.findall(line):
                if "://" in target or target.startswith("mailto:"):
                    continue
                checked += 1
                problem = _problem(file, target)
                if problem:
                    broken += 1
                    log.warning("%s:%d: %s %s", file.relative_to(base), number, target, problem)
    log.info("%d links checked, %d broken", checked, broken)
    if broken and fail:
        raise RuntimeError(f"{broken} of {checked} links are broken")


def _problem(file: Path, target: str) -> str | None:
    name, _, anchor = target.partition("#")
    pointed = (file.parent / name) if name else file
    if not pointed.exists():
        return "does not exist"
    if anchor and pointed.suffix == ".md" and anchor not in _anchors(pointed):
        return "has no such heading"
    return None


def _anchors(file: Path) -> set[str]:
    headings = _HEADING.findall(file.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
