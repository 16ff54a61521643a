"""The two pictures of what ppgen looks like: the top of a page, and a traversal.

    ppgen fit vae --data glyphs --set latent_dim=16 --epochs 8 --lr 2e-3 --out runs/glyphs
    ppgen demo
    python docs/build_front.py runs/demo/report.html runs/glyphs [PICTURE_FOLDER]

Needs chromium. A picture is kept in 64 colours, which is what makes it small.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import ppgen
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import house_style, new_figure

WIDTH, HEIGHT = 1100, 1180
"""Of the window: the title, the strip of samples, and the head of the table."""


def photograph(page: Path, picture: Path) -> None:
    """The top of a page as headless Chromium shows it."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    with tempfile.TemporaryDirectory() as profile:
        flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}")
        size = (f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={picture.resolve()}", "--virtual-time-budget=3000")
        subprocess.run([browser, *flags, *size, page.resolve().as_uri()], check=True, capture_output=True)


def draw_traversal(run: Path, picture: Path) -> None:
    """The four most active dimensions of a model's codes, from a test datum."""
    fit = ppgen.load(run)
    start = fit.data.split("test")["x"][:1]
    dims = [int(label[2:-1]) for label in fit.traverse(start).row_labels[:4]]  # "z[3]"
    with house_style():
        figure = new_figure(11.0, 4.4)
        fit.traverse(start, dims=dims, steps=13).plot(ax=figure.subplots())
    Illustration(figure, "A traversal", "").save(picture)


def shrink(picture: Path) -> None:
    """Keep a picture in 64 colours."""
    with Image.open(picture) as image:
        image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(picture, optimize=True)


def main() -> None:
    """Make both, and say how large they are."""
    page, run = Path(sys.argv[1]), Path(sys.argv[2])
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else "docs/figures")
    photograph(page, folder / "page.png")
    draw_traversal(run, folder / "traversal.png")
    for picture in (folder / "page.png", folder / "traversal.png"):
        shrink(picture)
        print(f"{picture}: {picture.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
