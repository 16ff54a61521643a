"""Glyphs: characters of twenty faces with their factors and captions; paired, coloured, and in unpaired domains."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.drawn_cache import drawn_once
from ppgen.data.glyph_captions import COLOURS, VOCABULARY, captions
from ppgen.data.glyph_drawing import draw_glyphs, fitted_in, placements
from ppgen.data.glyph_faces import CHARACTERS, FACES, FAMILIES, counterparts
from ppgen.data.glyph_inks import edges, grey, inks, painted
from ppgen.data.splitting import shuffle_split

__all__ = ["GLYPH_SETS", "GRID", "GlyphSet", "read_glyph_grid", "read_glyphs"]

_DRAWING = 2
"""Counts the changes of what is drawn, so that no cache stands for an older one."""

_DIGITS = CHARACTERS[:10]


@dataclasses.dataclass(frozen=True)
class GlyphSet:
    """What is drawn for one name of the catalogue.

    Args:
        characters: its classes.
        faces: numbers in ``FACES``.
        each: images of each character in each face.
        ink: ``""`` for one channel, ``"white"`` or ``"coloured"`` for three.
        given: what stands beside each image in the column ``given``: ``"outline"``, ``"edges"``, ``"grey"`` or nothing.
        other: of a domain, what is changed in the other one (``"italic"``): its faces find room as well.
    """

    characters: str = _DIGITS
    faces: tuple[int, ...] = tuple(range(len(FACES)))
    each: int = 60
    ink: str = ""
    given: str = ""
    other: str = ""


_UPRIGHT, _ITALIC = tuple(range(0, 16, 2)), tuple(range(1, 16, 2))
_SANS, _SERIF = (0, 1, 2, 3, 18), (8, 9, 10, 11, 16)
_TWO_FAMILIES = (0, 1, 2, 3, 8, 9, 10, 11)
GLYPH_SETS = {
    "glyphs": GlyphSet(),
    "glyphs-few": GlyphSet(faces=_TWO_FAMILIES, each=25),
    "glyphs-letters": GlyphSet(CHARACTERS[10:], each=20),
    "glyphs-all": GlyphSet(CHARACTERS, each=20),
    "glyphs-coloured": GlyphSet(ink="coloured"),
    "glyphs-white": GlyphSet(ink="white"),
    "glyphs-outlines": GlyphSet(CHARACTERS, each=10, given="outline"),
    "glyphs-edges": GlyphSet(CHARACTERS, each=10, ink="coloured", given="edges"),
    "glyphs-colouring": GlyphSet(CHARACTERS, each=10, ink="coloured", given="grey"),
    "glyphs-upright": GlyphSet(CHARACTERS, _UPRIGHT, each=12, other="italic"),
    "glyphs-italic": GlyphSet(CHARACTERS, _ITALIC, each=12, other="italic"),
    "glyphs-serif": GlyphSet(CHARACTERS, _SERIF, each=20, other="serif"),
    "glyphs-sans": GlyphSet(CHARACTERS, _SANS, each=20, other="serif"),
}


def read_glyphs(root: Path, download: bool, seed: int, name: str = "glyphs") -> Source:
    """One of :data:`GLYPH_SETS`: 80 percent of it to train on and 10 each for valid and test.

    ``y`` is the character, ``face`` its face, which says ``bold``, ``italic`` and ``serif``; the six factors of
    :func:`~ppgen.data.glyph_drawing.draw_glyphs` say where and how it stands, and ``caption`` says it in words. Every
    character comes equally often in every face. Sets of different names are drawn independently, so that no image of
    one domain is the counterpart of one in another.

    Args:
        root: not used; what was drawn is kept in ppgen's cache.
        download: not used.
        seed: of the factors and of the split.
        name: of the set.
    """
    settings = GLYPH_SETS[name]
    columns, made = _drawn(name, settings, seed, lambda: _columns(name, settings, seed))
    if "given" in columns:  # what a model is told is seen as it is, whatever is made of x
        columns["given"] = columns["given"].to(torch.get_default_dtype()) / 255
    classes = {"y": len(settings.characters), "face": len(FACES), "bold": 2, "italic": 2, "serif": 2}
    names = {"y": tuple(settings.characters), "face": tuple(map(str, FACES)), "caption": VOCABULARY}
    if "colour" in columns:
        classes, names = classes | {"colour": len(COLOURS)}, names | {"colour": tuple(COLOURS)}
    return _source(columns, classes, names, made, _own_seed(name, seed))


GRID = {
    "y": 10,
    "family": len(FAMILIES),
    "bold": 2,
    "italic": 2,
    "size": 3,
    "rotation": 5,
    "pos_x": 3,
    "pos_y": 3,
}
_STEPS = {
    "size": (13.0, 15.5, 18.0),
    "rotation": (-14.0, -7.0, 0.0, 7.0, 14.0),
    "pos_x": (-1.5, 0.0, 1.5),
    "pos_y": (-1.5, 0.0, 1.5),
}


def read_glyph_grid(root: Path, download: bool, seed: int) -> Source:
    """All 21600 combinations of :data:`GRID`, once each: factors that are independent, to find again in a latent.

    Sizes are 13, 15.5 and 18 pixels, rotations -14 to 14 degrees in steps of 7, positions -1.5, 0 and 1.5 pixels.

    Args:
        root: not used; what was drawn is kept in ppgen's cache.
        download: not used.
        seed: of the split.
    """
    columns, made = _drawn("glyphs-grid", GRID | _STEPS, 0, _grid)
    names = {"y": tuple(_DIGITS), "family": FAMILIES}
    return _source(columns, GRID, names, made, seed)


def _drawn(
    name: str, settings: object, seed: int, draw: Callable[[], Mapping[str, Tensor]]
) -> tuple[dict[str, Tensor], str]:
    versions = f"matplotlib {importlib.metadata.version('matplotlib')}"
    columns, its_hash = drawn_once(name, f"{name} {settings} {seed} {versions} drawing {_DRAWING}", draw)
    return columns, f"drawn by {versions}, sha256 {its_hash[:12]}"


def _source(
    columns: Mapping[str, Tensor],
    classes: Mapping[str, int],
    names: Mapping[str, tuple[str, ...]],
    made: str,
    seed: int,
) -> Source:
    num_held_out = len(columns["x"]) // 10
    splits = shuffle_split(columns, num_held_out, num_held_out, seed)
    return Source(splits, num_classes=dict(classes), made=made, categories=names)


def _own_seed(name: str, seed: int) -> int:
    """A seed for each name, so that not even the order of one set tells anything of another."""
    return int.from_bytes(hashlib.sha256(f"{name} {seed}".encode()).digest()[:7], "big")


def _columns(name: str, settings: GlyphSet, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(_own_seed(name, seed))
    classes = torch.arange(len(settings.characters))
    grid = torch.cartesian_prod(torch.tensor(settings.faces), classes, torch.arange(settings.each))
    face, y = grid[:, 0].clone(), grid[:, 1].clone()
    characters = [settings.characters[each] for each in y.tolist()]
    faces = torch.stack([face, counterparts(face, settings.other)], 1) if settings.other else face
    placement = fitted_in(characters, faces, placements(len(face), generator))
    factors = {"y": y, "face": face, **_style(face), **placement}
    image = draw_glyphs(characters, face, placement)
    if settings.ink == "coloured":
        factors |= inks(len(face), generator)
    columns = {"x": painted(image, factors.get("ink")) if settings.ink else image}
    if settings.given == "outline":
        columns["given"] = draw_glyphs(characters, face, placement, hollow=True)
    elif settings.given:
        columns["given"] = {"edges": edges, "grey": grey}[settings.given](columns["x"])
    tokens, lengths = captions(characters, factors)
    return columns | factors | {"caption": tokens, "caption_lengths": lengths}


def _style(face: Tensor) -> dict[str, Tensor]:
    return {
        style: torch.tensor([int(getattr(each, style)) for each in FACES])[face]
        for style in ("bold", "italic", "serif")
    }


def _grid() -> dict[str, Tensor]:
    rows = torch.cartesian_prod(*(torch.arange(count) for count in GRID.values()))
    factors = {factor: rows[:, column].clone() for column, factor in enumerate(GRID)}
    placement = {factor: torch.tensor(steps)[factors[factor]] for factor, steps in _STEPS.items()}
    placement |= {"slant": torch.zeros(len(rows)), "stroke": torch.full((len(rows),), 0.5)}
    face = 4 * factors["family"] + 2 * factors["bold"] + factors["italic"]
    return {"x": draw_glyphs([_DIGITS[y] for y in factors["y"].tolist()], face, placement), **factors}
