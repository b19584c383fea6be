"""Count words in text files, the way a search index would start."""

from __future__ import annotations

import logging
import re
from collections import Counter
from pathlib import Path
from typing import Literal

from workspace import folder, slot

log = logging.getLogger("text_statistics")


def text_statistics(
    pattern: str = "*.py",
    top: int = 10,
    shortest: int = 4,
    order: Literal["count", "word"] = "count",
    ignore: list[str] | None = None,
) -> None:
    """Count lines and words of the text files beside this one, and list the most frequent words.

    Args:
        pattern: which files, as in *.md.
        top: how many words to list.
        shortest: leave out words of fewer letters.
        order: sort the list by count or by word.
        ignore: words to leave out.
    """
    base = Path(__file__).resolve().parent.parent
    words: Counter[str] = Counter()
    files = [
        file for file in sorted(base.rglob(pattern)) if file.is_file() and "__pycache__" not in file.parts
    ]
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        found = [word for word in re.findall(r"[a-z]+", text.lower()) if len(word) >= shortest]
        words.update(found)
        log.info("%s: %d lines, %d words", file.relative_to(base), text.count("\n"), len(found))
    for word in ignore or ():
        del words[word]
    most = words.most_common(top)
    if order == "word":
        most.sort()
    lines = [f"{count:6} {word}" for word, count in most]
    print("\n".join(lines))
    (folder("reports") / f"words-{slot():%Y%m%d}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    log.info("%d files, %d different words", len(files), len(words))
