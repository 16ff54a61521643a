"""Drawn characters: that their factors are true, and nothing is cut off."""

from __future__ import annotations

import math

import pytest
import torch

from ppgen.data.glyph_drawing import PLACEMENT, draw_glyphs, fitted_in, placements
from ppgen.data.glyph_faces import CHARACTERS, FACES, outline


def placed(num=1, **changes):
    plain = {"size": 16.0, "pos_x": 0.0, "pos_y": 0.0, "rotation": 0.0, "slant": 0.0, "stroke": 0.0}
    return {factor: torch.full((num,), value) for factor, value in (plain | changes).items()}


def draw(character="H", face=0, **changes):
    return draw_glyphs([character], torch.tensor([face]), placed(**changes))[0, 0].double() / 255


def centre(image):
    """Centre of mass, to the right and downward of the middle."""
    axis = torch.arange(28, dtype=torch.float64) - 13.5
    return torch.stack([image.sum(0) @ axis, image.sum(1) @ axis]) / image.sum()


def test_ink_is_the_area_of_the_outline():
    """An I of DejaVu Sans is a rectangle: 201 wide and 1493 high in its file's units of 2048."""
    image = draw("I", size=16.0)
    assert image.sum() == pytest.approx(16 * 16 * 201 / 1493, rel=0.01)


def test_a_rectangle_covers_pixels_by_exact_shares():
    """Rows 6 to 21 are full and none beyond; the width of 2.154 pixels is two halves and remainders at both sides."""
    image = draw("I", size=16.0)
    width = 16 * 201 / 1493
    share = torch.tensor([width / 2 - 1, 1, 1, width / 2 - 1], dtype=torch.float64)
    assert torch.allclose(image[6:22, 12:16], share.expand(16, 4), atol=0.01)
    assert image[:6].sum() == image[22:].sum() == 0


@pytest.mark.parametrize(("right", "down"), [(3.0, 0.0), (0.0, 2.5), (-1.25, -2.0)])
def test_the_centre_of_mass_moves_as_the_position_says(right, down):
    moved = centre(draw(pos_x=right, pos_y=down)) - centre(draw())
    assert torch.allclose(moved, torch.tensor([right, down], dtype=torch.float64), atol=0.02)


@pytest.mark.parametrize("degrees", [-15.0, -6.0, 4.0, 15.0])
def test_a_rotation_is_measured_from_the_principal_axis(degrees):
    """The longer axis of inertia of an I points up, and then clockwise by as many degrees."""
    image = draw("I", size=20.0, rotation=degrees)
    axis = torch.arange(28, dtype=torch.float64) - 13.5
    x, y = axis[None, :] - centre(image)[0], -(axis[:, None] - centre(image)[1])
    xx, yy, xy = (image * x * x).sum(), (image * y * y).sum(), (image * x * y).sum()
    measured = torch.rad2deg(0.5 * torch.atan2(2 * xy, yy - xx))
    assert measured == pytest.approx(degrees, abs=0.3)


def test_a_slant_moves_higher_rows_to_the_right_in_proportion():
    image = draw("I", size=20.0, slant=0.1)
    axis = torch.arange(28, dtype=torch.float64)
    middles = (image @ axis) / image.sum(1)
    assert torch.allclose(middles[15:18] - middles[5:8], torch.tensor(-1.0, dtype=torch.float64), atol=0.01)


@pytest.mark.parametrize("size", [12.0, 16.0, 20.0])
def test_the_size_is_the_height_of_a_capital_in_pixels(size):
    assert draw("H", size=size).amax(1).sum() == pytest.approx(size, abs=0.01)


def test_a_stroke_widens_by_its_pixels():
    """Half of it at each side of the I, over the full height."""
    thin, wide = (draw("I", size=16.0, stroke=stroke)[14].sum() for stroke in (0.0, 0.8))
    assert wide - thin == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("regular", "bold"), [(0, 2), (1, 3), (4, 6), (5, 7), (8, 10), (9, 11), (12, 14), (13, 15)])
def test_bold_characters_have_more_ink_in_all_62_but_few(regular, bold):
    ink = [
        draw_glyphs(CHARACTERS, torch.full((62,), face), placed(62)).double().sum((1, 2, 3)) for face in (regular, bold)
    ]
    assert (ink[1] > 1.05 * ink[0]).all()


def test_italics_lean_to_the_right():
    """The correlation of height with position, of an l, is higher in the italic face of each family."""
    for upright in range(0, 16, 2):
        leaning = []
        for face in (upright, upright + 1):
            image = draw("I", face)
            axis = torch.arange(28, dtype=torch.float64) - 13.5
            leaning.append(-(image * axis[None, :] * axis[:, None]).sum() / (image * axis[:, None] ** 2).sum())
        assert leaning[0] == pytest.approx(0.0, abs=0.01)
        assert leaning[1] > 0.1


def test_a_face_in_place_of_another_has_its_centre_of_mass():
    places = placed(62, size=14.0, rotation=10.0, slant=0.1)
    upright = torch.full((62,), 12)
    for one, other in zip(
        draw_glyphs(CHARACTERS, upright, places),
        draw_glyphs(CHARACTERS, upright + 1, places, in_place_of=upright),
        strict=True,
    ):
        assert torch.allclose(centre(one[0].double()), centre(other[0].double()), atol=0.08)


@pytest.mark.parametrize("upright", [0, 2, 4, 6])
def test_an_oblique_face_in_place_of_its_upright_one_is_that_one_slanted(upright):
    """DejaVu's oblique sans and mono are slanted by 11 degrees; by their boxes, many letters would be pushed aside."""
    faces, slant = torch.full((62,), upright), math.tan(math.radians(11))
    about = torch.tensor([outline(upright, character).centre[1] for character in CHARACTERS])
    stays = placed(62, size=14.0, stroke=0.3) | {"slant": torch.full((62,), slant), "pos_x": -slant * 14.0 * about}
    slanted = draw_glyphs(CHARACTERS, faces, stays) / 255
    oblique = draw_glyphs(CHARACTERS, faces + 1, placed(62, size=14.0, stroke=0.3), in_place_of=faces) / 255
    aside = draw_glyphs(CHARACTERS, faces + 1, placed(62, size=14.0, stroke=0.3)) / 255
    assert (slanted - oblique).abs().mean() < 0.005
    assert (slanted - aside).abs().mean() > 0.02


def test_nothing_is_cut_off_wherever_it_was_to_stand():
    """Every character in every face, at the most extreme placement: what is cut would show along the edges."""
    faces = torch.arange(20).repeat_interleave(62)
    for corner in (-1, 1):
        extreme = {
            factor: torch.full((1240,), high if factor in ("size", "stroke") else corner * high)
            for factor, (_, high) in PLACEMENT.items()
        }
        images = draw_glyphs(CHARACTERS * 20, faces, fitted_in(CHARACTERS * 20, faces, extreme))[:, 0]
        assert max(edge.max() for edge in (images[:, 0], images[:, -1], images[..., 0], images[..., -1])) == 0
        assert images.flatten(1).amax(1).min() > 128


def test_what_fits_stays_where_it_is_and_the_rest_moves_no_further_than_it_must():
    easy = placed(size=15.0, pos_x=2.0, pos_y=-2.0, rotation=5.0, slant=0.1, stroke=0.5)
    same = fitted_in("7", torch.tensor([0]), easy)
    assert all(torch.equal(same[factor], easy[factor]) for factor in easy)
    far = fitted_in("H", torch.tensor([0]), placed(size=15.0, pos_y=40.0))
    assert far["size"] == 15.0
    assert far["pos_y"] == pytest.approx(
        14 - 1.05 - 0.5 - 7.5
    )  # the middle, less the margin, half a pen and half the letter


def test_room_is_left_for_every_face_that_is_named():
    upright, italic = torch.tensor([10]), torch.tensor([11])
    wide = placed(size=21.0, pos_x=3.0, rotation=15.0, slant=0.12, stroke=0.9)
    both = fitted_in("W", torch.stack([upright, italic], 1), wide)
    alone = fitted_in("W", upright, wide)
    assert torch.allclose(alone["size"], fitted_in("W", upright, alone)["size"])
    assert both["size"] < alone["size"]
    again = fitted_in("W", upright, both)
    assert all(torch.allclose(again[factor], both[factor], atol=1e-4) for factor in both)
    for face in (upright, italic):
        image = draw_glyphs("W", face, both, in_place_of=upright)[0, 0]
        assert max(edge.max() for edge in (image[0], image[-1], image[:, 0], image[:, -1])) == 0


def test_the_same_seed_places_alike_and_another_does_not():
    one, same, other = (placements(50, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    for factor, (low, high) in PLACEMENT.items():
        assert torch.equal(one[factor], same[factor])
        assert not torch.equal(one[factor], other[factor])
        assert low <= one[factor].min() < one[factor].max() <= high


def test_a_hollow_character_has_its_line_where_the_filled_one_ends():
    placement = placed(size=20.0)
    filled, hollow = (draw_glyphs("O", torch.tensor([2]), placement, hollow=hollow) for hollow in (False, True))
    edge = (filled > 20) & (filled < 235)
    assert hollow[edge].float().mean() > 150
    assert hollow[:, :, 14, 7:21].min() == 0  # and nothing amid the stroke or the counter


def test_no_two_faces_draw_a_character_alike():
    images = draw_glyphs("R" * 20, torch.arange(len(FACES)), placed(20))
    assert len({image.numpy().tobytes() for image in images}) == 20
