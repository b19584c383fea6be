"""Pictures are drawn by cairo, else by rsvg-convert, else one is told what to install."""

from __future__ import annotations

import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from screenshots import png

SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50">
<rect width="9" height="9" fill="#ff0000"/></svg>"""


@pytest.fixture
def without_cairo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)


def drawn() -> bytes:
    stream = BytesIO()
    Image.new("RGBA", (160, 80), "red").save(stream, "PNG")
    return stream.getvalue()


def test_rsvg_convert_draws_when_cairo_is_missing(
    without_cairo: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, drawn())

    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    png.write_png(SVG, tmp_path / "one.png")
    assert asked[0][0] == "/bin/rsvg-convert"
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size == (160, 80)
        assert picture.mode == "P"


def test_without_both_it_says_what_to_install(
    without_cairo: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(png.NothingDraws, match=r"apt install libcairo2.*rsvg-convert"):
        png.write_png(SVG, tmp_path / "one.png")


def test_named_colours_and_shades_of_them_are_kept() -> None:
    assert png.palette(SVG, (255, 255, 255))[:2] == [(255, 255, 255), (255, 0, 0)]
    assert len(png.palette(SVG, (255, 255, 255))) == 4
    many = " ".join(f"#{number:06x}" for number in range(500))
    assert len(png.palette(many, (9, 9, 9))) == 256
