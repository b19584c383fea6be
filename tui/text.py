"""Make any text harmless to draw, and fit it into cells.

Names, tags, messages and log lines are written by users and programs. Drawn as they are, an escape sequence
could clear the screen, a bidi override could swap two names, and `[/b]` could crash a markup parser. Every
text that did not come from Sluice's own source passes through `harmless` before it is drawn, and is given to
Textual as `Text`, `Content` or segments, never as markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from rich.cells import cell_len, set_cell_size

Align = Literal["left", "right"]

ELLIPSIS = "…"
REPLACEMENT = "\ufffd"

# ECMA-48: CSI ... final byte; OSC, DCS, SOS, PM and APC strings up to BEL or ST; two-byte escapes.
# A sequence that never ends is cut at the end of the line, so that it cannot swallow what follows.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|(?=\n)|$)"
    r"|\x1b[ -/]*[0-~]"
)

# Soft hyphen, zero-width space and joiner, word joiner, invisible operators, BOM, variation selectors and
# language tags: invisible, or drawn with a width that terminals do not agree on.
_DROPPED = "\u00ad\u200b\u200d\u2060-\u2064\ufeff\ufe00-\ufe0f\U000e0000-\U000e01ef"
# Marks, embeddings, overrides and isolates that reorder what stands beside them.
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"

_SUSPECT = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_DROPPED}{_BIDI}]")
_DROP = re.compile(f"[{_DROPPED}]")
_SPACES = re.compile(r"[\t\n\r\v\f\u2028\u2029]+")
_BREAKS = re.compile(r"\r\n|[\r\v\f\u0085\u2028\u2029]")
_BAD = re.compile(f"[\x80-\x9f\ud800-\udfff{_BIDI}]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def harmless(text: str, *, lines: bool = False) -> str:
    """The text with nothing in it that could act on a terminal.

    Escape sequences and invisible characters go; other control characters become their visible pictures
    (`␇`); bidi overrides and lone surrogates become `�`. Markup needs no care here: it is never parsed.

    Args:
        text: anything a user, a flow or a program wrote.
        lines: keep line breaks as `\\n` and turn tabs into spaces; otherwise both become one space.
    """
    if not _SUSPECT.search(text):
        return text
    text = _ESCAPES.sub("", text)
    text = _DROP.sub("", text)
    text = _BREAKS.sub("\n", text).expandtabs(8) if lines else _SPACES.sub(" ", text)
    text = _BAD.sub(REPLACEMENT, text)
    return _CONTROL.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "\u2421" if code == 0x7F else chr(0x2400 + code)


def width_of(text: str) -> int:
    """Cells that harmless text takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, its end replaced by `…` where something is missing."""
    if width_of(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[: max(width, 0)]
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def cut_words(text: str, width: int) -> str:
    """As `cut`, but at the end of a word: half a time of day says something else."""
    if width_of(text) <= width:
        return text
    shown = cut(text, width).removesuffix(ELLIPSIS)
    whole = shown if text[len(shown) : len(shown) + 1] == " " else shown.rpartition(" ")[0]
    return (whole.rstrip(", ") or shown) + ELLIPSIS


def cut_start(text: str, width: int) -> str:
    """The text in at most `width` cells, its beginning replaced by `…`: for paths, whose end matters."""
    if width_of(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[: max(width, 0)]
    kept = text[-(width - 1) :]
    while width_of(kept) > width - 1:
        kept = kept[1:]
    return ELLIPSIS + kept


def fit(text: str, width: int, align: Align = "left") -> str:
    """The text in exactly `width` cells: cut with `…`, or filled with spaces."""
    text = cut(text, width)
    space = " " * (width - width_of(text))
    return text + space if align == "left" else space + text


def some_of(words: Sequence[str], width: int) -> str:
    """The first words that fit whole into a width, then `+n`; the first one is cut if need be."""
    harmless_words = [harmless(word) for word in words]
    for count in range(len(words), 0, -1):
        more = f" +{len(words) - count}" if count < len(words) else ""
        shown = " ".join(harmless_words[:count])
        if width_of(shown) + len(more) <= width:
            return shown + more
    if not words:
        return ""
    more = f" +{len(words) - 1}" if len(words) > 1 else ""
    return cut(harmless_words[0], width - len(more)) + more


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """`1 deployment`, `3 deployments`, `12,000 runs`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
