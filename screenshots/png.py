"""SVG to PNG, small enough to be kept in the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

CELL = 12.2
"""Width of a cell in the units of the SVG, as Textual exports it."""
SCALE = 10 / CELL
"""Pixels for each unit. A cell is ten whole pixels: cairo rounds the width of letters to whole ones."""
FONT_SIZE = 20.27
"""At this size the letters of DejaVu Sans Mono are as wide as a cell."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_RAMP = (1.0, 0.66, 0.33)
"""How much of a colour its shades have at the edges of letters; the rest is background."""
_MOST_COLOURS = 256

INSTALL = (
    "No PNG was written, only SVG, for there is nothing to draw with. Install the cairo library"
    " (apt install libcairo2, or brew install cairo), or rsvg-convert (apt install librsvg2-bin,"
    " or brew install librsvg), and a monospace font (apt install fonts-dejavu-core)."
)

Colour = tuple[int, int, int]


class NothingDraws(Exception):
    """Neither cairo nor rsvg-convert is installed; the message says what to install."""


def write_png(svg: str, path: Path) -> None:
    """Write the picture with few colours: those of the SVG, and shades of them for the edges of letters.

    Raises:
        NothingDraws: there is neither the cairo library nor rsvg-convert.
    """
    from PIL import Image

    with Image.open(BytesIO(draw(svg))) as drawn:
        picture = Image.new("RGB", drawn.size, "white")
        picture.paste(drawn, mask=drawn.getchannel("A") if "A" in drawn.getbands() else None)
    colours = palette(svg, background(picture))
    few = Image.new("P", (1, 1))
    few.putpalette([part for colour in colours for part in colour])
    picture.quantize(palette=few, dither=Image.Dither.NONE).save(path, optimize=True)


def background(picture: Image) -> Colour:
    """The commonest colour."""
    counted: Any = picture.getcolors(picture.width * picture.height)
    commonest: Colour = max(counted)[1]
    return commonest


def palette(svg: str, behind: Colour) -> list[Colour]:
    """The colours that the SVG names, and between each and the background some shades."""
    named = [
        (int(found[1:3], 16), int(found[3:5], 16), int(found[5:7], 16)) for found in _COLOUR.findall(svg)
    ]
    shades = [
        (_mix(red, behind[0], share), _mix(green, behind[1], share), _mix(blue, behind[2], share))
        for share in _RAMP
        for red, green, blue in dict.fromkeys(named)
    ]
    return list(dict.fromkeys([behind, *shades]))[:_MOST_COLOURS]


def _mix(part: int, behind: int, share: float) -> int:
    return round(behind + (part - behind) * share)


def draw(svg: str) -> bytes:
    """The picture as a PNG with all its colours.

    Raises:
        NothingDraws: there is neither the cairo library nor rsvg-convert.
    """
    try:
        import cairosvg
    except (ImportError, OSError):
        return _draw_with_rsvg(svg)
    drawn: bytes = cairosvg.svg2png(bytestring=svg.encode(), scale=SCALE)
    return drawn


def _draw_with_rsvg(svg: str) -> bytes:
    program = shutil.which("rsvg-convert")
    if program is None:
        raise NothingDraws(INSTALL)
    command = [program, "--zoom", str(SCALE), "--format", "png"]
    return subprocess.run(command, input=svg.encode(), stdout=subprocess.PIPE, check=True).stdout
