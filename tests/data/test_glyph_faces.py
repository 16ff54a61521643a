"""The faces of matplotlib: that they are there, what is said of them, and their outlines."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import ppgen.data
from ppgen.data.glyph_drawing import PLACEMENT, draw_glyphs
from ppgen.data.glyph_faces import CHARACTERS, FACES, FAMILIES, outline
from ppgen.errors import SettingError


def test_twenty_faces_and_sixty_two_characters_of_which_no_two_are_drawn_alike():
    assert (len(FACES), len(CHARACTERS)) == (20, 62)
    shapes = {outline(face, character).points.tobytes() for face in range(20) for character in CHARACTERS}
    assert len(shapes) == 20 * 62


def test_the_first_sixteen_are_a_full_grid_of_family_bold_and_italic():
    grid = [(face.family, face.bold, face.italic) for face in FACES[:16]]
    assert grid == [(family, bold, italic) for family in FAMILIES for bold in (False, True) for italic in (False, True)]


@pytest.mark.parametrize("face", range(20))
def test_what_is_said_of_a_face_is_what_its_file_says(face):
    """The fonts' own tables are the oracle; DejaVu calls its slanted sans oblique, and cmb10 does not say a style."""
    from pathlib import Path

    import matplotlib
    from matplotlib.ft2font import FT2Font

    told = FACES[face]
    font = FT2Font(str(Path(matplotlib.get_data_path(), "fonts/ttf", f"{told.file}.ttf")))
    style = font.style_name.lower()
    assert ("italic" in style or "oblique" in style) == told.italic
    assert ("bold" in style or told.file == "cmb10") == told.bold


@pytest.mark.parametrize("face", range(20))
def test_an_outline_is_as_high_as_one_capital_and_centred(face):
    points = outline(face, "H").points
    assert np.ptp(points[:, 1]) == pytest.approx(1.0)
    assert points.min(0) + points.max(0) == pytest.approx(np.zeros(2), abs=1e-9)


@pytest.mark.parametrize(("regular", "bold"), [(0, 2), (1, 3), (4, 6), (5, 7), (8, 10), (9, 11), (12, 14), (16, 17)])
def test_bold_strokes_are_wider(regular, bold):
    """The width of l, which is one stroke between serifs or none, by the area of its outline over its height."""

    def area(face):
        return sum(
            abs(np.sum(x * np.roll(y, 1) - y * np.roll(x, 1)) / 2)
            for x, y in (part.T for part in outline(face, "I").curves.to_polygons())
        )

    assert area(bold) > 1.15 * area(regular)


def test_counterparts_change_one_thing_and_changing_it_back_gives_the_face():
    upright = torch.arange(0, 16, 2)
    italic = ppgen.data.counterparts(upright, "italic")
    for one, other in zip(upright.tolist(), italic.tolist(), strict=True):
        before, after = FACES[one], FACES[other]
        assert (before.italic, after.italic) == (False, True)
        assert (before.family, before.bold, before.serif) == (after.family, after.bold, after.serif)
    assert torch.equal(ppgen.data.counterparts(italic, "italic"), upright)
    sans = torch.tensor([0, 1, 2, 3, 18])
    serif = ppgen.data.counterparts(sans, "serif")
    for one, other in zip(sans.tolist(), serif.tolist(), strict=True):
        before, after = FACES[one], FACES[other]
        assert (before.serif, after.serif) == (False, True)
        assert (before.bold, before.italic) == (after.bold, after.italic)
    assert torch.equal(ppgen.data.counterparts(serif, "serif"), sans)


def test_a_face_without_a_counterpart_is_named():
    with pytest.raises(SettingError, match="Computer Modern Typewriter has none"):
        ppgen.data.counterparts(torch.tensor([19]), "serif")


@pytest.mark.parametrize("face", range(20))
def test_the_centre_of_an_outline_is_where_its_ink_balances(face):
    """Of all 62 characters, drawn large: holes count for nothing, and strokes that cross in a letter hardly."""
    size = dict.fromkeys(PLACEMENT, torch.zeros(62)) | {"size": torch.full((62,), 12.0)}
    images = draw_glyphs(CHARACTERS, torch.full((62,), face), size).double()[:, 0]
    ink, axis = images.sum((1, 2)), torch.arange(28, dtype=torch.float64) - 13.5
    drawn = torch.stack([images.sum(1) @ axis, -(images.sum(2) @ axis)], 1) / ink[:, None] / 12.0
    told = torch.from_numpy(np.stack([outline(face, character).centre for character in CHARACTERS]))
    assert (drawn - told).abs().max() < 0.006
