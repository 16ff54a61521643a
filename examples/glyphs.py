"""Glyphs: what they look like, what is known of each, and what a translation from upright to italic is judged by.

python examples/glyphs.py [--figure docs/figures/glyphs.png]
"""

from __future__ import annotations

import argparse

import torch
from matplotlib.figure import Figure

import ppgen

FACTORS = ("size", "pos_x", "pos_y", "rotation", "slant", "stroke")
COLUMNS = 20


def true_italics(upright: ppgen.Dataset) -> torch.Tensor:
    """The test glyphs as they would stand in the italic faces: drawn here, and in no split of any set."""
    test = upright.splits["test"]
    characters = [upright.columns["y"].categories[y] for y in test["y"]]
    faces = ppgen.data.counterparts(test["face"], "italic")
    placed = {factor: test[factor] for factor in FACTORS}
    return ppgen.data.draw_glyphs(characters, faces, placed, in_place_of=test["face"]) / 255


def strips() -> dict[str, torch.Tensor]:
    """A row of images [20, C, 28, 28] in [0, 1] for each line of the figure."""
    rows = {}
    for name in ("glyphs", "glyphs-all"):
        rows[name] = ppgen.data.load(name, binarize=None).split("test")["x"]
    rows["binarized"] = ppgen.data.load("glyphs-all").split("test")["x"]
    halves = ppgen.data.quadrants(ppgen.data.load("glyphs-all", binarize=None), observed=2).split("test")
    rows |= {"left half": halves["given"], "  and whole": halves["x"]}
    for name in ("outlines", "edges", "colouring"):
        batch = ppgen.data.load(f"glyphs-{name}", binarize=None).split("test")
        rows |= {f"glyphs-{name}": batch["given"], "  and x" + " " * len(rows): batch["x"]}
    upright = ppgen.data.load("glyphs-upright", binarize=None)
    rows |= {"glyphs-upright": upright.split("test")["x"], "  drawn italic": true_italics(upright)}
    for name in ("italic", "serif", "sans", "coloured"):
        rows[f"glyphs-{name}"] = ppgen.data.load(f"glyphs-{name}", binarize=None).split("test")["x"]
    return {name: images[:COLUMNS] for name, images in rows.items()}


def draw(path: str) -> None:
    """One line of images for each strip, each of their pixels two of the picture's."""
    rows = strips()
    left, width, height = 1.4, 0.56 * COLUMNS, 0.60 * len(rows)
    figure = Figure(figsize=(left + width, height), dpi=100)
    for place, (name, images) in enumerate(rows.items()):
        box = (left / (left + width), 1 - (place + 0.97) / len(rows), width / (left + width), 0.56 / height)
        axes = figure.add_axes(box)
        line = images.expand(-1, 3, -1, -1).permute(2, 0, 3, 1).reshape(28, -1, 3)
        axes.imshow(line, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        axes.text(-6, 14, name.rstrip(), ha="right", va="center", fontsize=10)
    figure.savefig(path)


def main() -> None:
    """Print some captions and the distance of the italics, and draw all sets where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", help="where to save the picture")
    args = parser.parse_args()

    glyphs = ppgen.data.load("glyphs")
    print(glyphs)
    for text in ppgen.data.words_of(glyphs.columns["caption"], glyphs.split("test")["caption"][:4]):
        print(" ", text)
    upright = ppgen.data.load("glyphs-upright", binarize=None)
    unchanged = (upright.split("test")["x"] - true_italics(upright)).square().mean().sqrt()
    print(f"a translation to italic has to come nearer to the true ones than the upright do: {unchanged:.3f}")
    if args.figure:
        draw(args.figure)
        print(f"figure: {args.figure}")


if __name__ == "__main__":
    main()
