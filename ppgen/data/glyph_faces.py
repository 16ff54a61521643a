"""The twenty faces that come with matplotlib, and the outlines of their characters."""

from __future__ import annotations

import dataclasses
import functools
import string
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ppgen.arguments import one_of
from ppgen.errors import SettingError

if TYPE_CHECKING:
    from matplotlib.path import Path as Curves

__all__ = ["CHARACTERS", "FACES", "FAMILIES", "Face", "Outline", "counterparts", "outline"]

CHARACTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase


@dataclasses.dataclass(frozen=True)
class Face:
    """One file of type.

    Args:
        file: its name among matplotlib's fonts.
        family: the faces that belong together.
        bold: whether it is the heavier one of its family.
        italic: whether it leans of itself.
        serif: whether its strokes end in serifs.
    """

    file: str
    family: str
    bold: bool = False
    italic: bool = False
    serif: bool = False

    def __str__(self) -> str:
        return " ".join([self.family, *["bold"] * self.bold, *["italic"] * self.italic])


def _family(name: str, serif: bool, regular: str, italic: str, bold: str, bold_italic: str) -> tuple[Face, ...]:
    return (
        Face(regular, name, serif=serif),
        Face(italic, name, italic=True, serif=serif),
        Face(bold, name, bold=True, serif=serif),
        Face(bold_italic, name, bold=True, italic=True, serif=serif),
    )


FACES = (
    *_family("DejaVu Sans", False, *(f"DejaVuSans{style}" for style in ("", "-Oblique", "-Bold", "-BoldOblique"))),
    *_family("DejaVu Mono", False, *(f"DejaVuSansMono{style}" for style in ("", "-Oblique", "-Bold", "-BoldOblique"))),
    *_family("DejaVu Serif", True, *(f"DejaVuSerif{style}" for style in ("", "-Italic", "-Bold", "-BoldItalic"))),
    *_family("STIX", True, *(f"STIXGeneral{style}" for style in ("", "Italic", "Bol", "BolIta"))),
    Face("cmr10", "Computer Modern", serif=True),
    Face("cmb10", "Computer Modern", bold=True, serif=True),
    Face("cmss10", "Computer Modern Sans"),
    Face("cmtt10", "Computer Modern Typewriter", serif=True),
)
"""The first sixteen are four families of regular, italic, bold and bold italic, in this order."""

FAMILIES = tuple(face.family for face in FACES[:16:4])
"""The families that have all four, so that family, bold and italic are independent factors."""

_ITALICS = {face: face + 1 for face in range(0, 16, 2)}
_SERIFS = {0: 8, 1: 9, 2: 10, 3: 11, 18: 16}
_COUNTERPARTS = {
    "italic": _ITALICS | {italic: upright for upright, italic in _ITALICS.items()},
    "serif": _SERIFS | {serif: sans for sans, serif in _SERIFS.items()},
}


def counterparts(faces: Tensor, change: str) -> Tensor:
    """The faces with which a translation from one domain of glyphs to the other is to be drawn.

    Args:
        faces: numbers in :data:`FACES` [N], of a domain: upright or italic ones, or of the DejaVu and Computer Modern
            families with and without serifs.
        change: ``"italic"`` or ``"serif"``, in either direction.

    Returns:
        The numbers [N] of the faces that differ in this, and in nothing else that the families allow.

    Raises:
        SettingError: for another change, or a face that has no counterpart.

    Example:
        >>> [str(FACES[number]) for number in counterparts(torch.tensor([0, 11]), "italic")]
        ['DejaVu Sans italic', 'DejaVu Serif bold']
    """
    known = _COUNTERPARTS[one_of("counterparts: change", change, _COUNTERPARTS)]
    if absent := [face for face in faces.tolist() if face not in known]:
        raise SettingError(
            f"counterparts: {FACES[absent[0]]} has none",
            expected=f"one of {', '.join(str(FACES[face]) for face in sorted(known))}",
            got=f"face {absent[0]}",
            fix="the column face of a domain: glyphs-upright, glyphs-italic, glyphs-serif or glyphs-sans",
            code="S152",
        )
    return torch.tensor([known[face] for face in faces.tolist()])


@dataclasses.dataclass(frozen=True)
class Outline:
    """A character as curves, upright as in its file, the middle of its box at the origin, y upward.

    Args:
        curves: in units of the height of the face's capital H.
        points: on the curves, [P, 2], dense enough for the box of what an affine map makes of them.
        centre: of mass of what they enclose, [2], which stays one under every affine map; that of a box does not.
    """

    curves: Curves
    points: np.ndarray
    centre: np.ndarray


@functools.lru_cache(maxsize=len(FACES) * len(CHARACTERS))
def outline(face: int, character: str) -> Outline:
    """The outline of a character, without the hints that fit it to pixels.

    Args:
        face: number in :data:`FACES`.
        character: one of :data:`CHARACTERS`.

    Example:
        >>> capital = outline(0, "H").points
        >>> float(capital[:, 1].max() - capital[:, 1].min())
        1.0
    """
    from matplotlib.path import Path as Curves

    curves = _text_path(face, character)
    polygons = [np.asarray(line) for line in curves.to_polygons(closed_only=False)]
    points = np.concatenate(polygons)
    middle = (points.min(0) + points.max(0)) / 2
    height = _capital_height(face)
    drawn = Curves((curves.vertices - middle) / height, curves.codes)
    drawn.should_simplify = False
    return Outline(drawn, (points - middle) / height, (_centre_of_mass(polygons) - middle) / height)


def _centre_of_mass(polygons: Sequence[np.ndarray]) -> np.ndarray:
    """Of what closed lines [P, 2] enclose; holes run the other way round, and count as less than nothing."""
    area, moment = 0.0, np.zeros(2)
    for line in polygons:
        (x, y), (next_x, next_y) = line[:-1].T, line[1:].T
        twice = x * next_y - next_x * y
        area += 3 * twice.sum()
        moment += np.array([((x + next_x) * twice).sum(), ((y + next_y) * twice).sum()])
    return moment / area


@functools.lru_cache(maxsize=len(FACES))
def _capital_height(face: int) -> float:
    points = np.concatenate(_text_path(face, "H").to_polygons(closed_only=False))
    return float(points[:, 1].max() - points[:, 1].min())


def _text_path(face: int, character: str) -> Curves:
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    file = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{FACES[face].file}.ttf")
    return TextPath((0, 0), character, size=100, prop=FontProperties(fname=file))
