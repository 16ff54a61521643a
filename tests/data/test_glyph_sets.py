"""Glyphs as data sets: balanced, true to their factors, paired where they say so and never where they do not."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import torch

import ppgen.data
from ppgen.data import glyph_sets
from ppgen.data.catalogue import CATALOGUE
from ppgen.data.drawn_cache import columns_hash
from ppgen.data.glyph_drawing import PLACEMENT
from ppgen.data.glyph_faces import CHARACTERS, FACES
from ppgen.data.glyph_inks import edges, grey
from ppgen.data.glyph_sets import GLYPH_SETS, GRID, GlyphSet

_WHERE = tuple(PLACEMENT)


@pytest.fixture(scope="module", autouse=True)
def _few_in_a_cache_of_their_own(tmp_path_factory):
    """Two images of each character in each face, but of the digits, which are drawn in full."""
    few = {name: dataclasses.replace(each, each=2) for name, each in GLYPH_SETS.items() if name != "glyphs"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PPGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(glyph_sets, "GLYPH_SETS", {**GLYPH_SETS, **few})
        yield


def whole(name, **settings):
    """All rows of a set, those to train on first."""
    splits = ppgen.data.load(name, **settings).splits.values()
    return {key: torch.cat([split[key] for split in splits]) for key in next(iter(splits))}


def test_digits_come_equally_often_in_every_face_with_what_is_said_of_it():
    rows = whole("glyphs")
    assert torch.equal((20 * rows["y"] + rows["face"]).bincount(), torch.full((200,), 60))
    for style in ("bold", "italic", "serif"):
        assert rows[style].tolist() == [getattr(FACES[face], style) for face in rows["face"].tolist()]


def test_every_pixel_follows_from_the_factors():
    data = ppgen.data.load("glyphs", binarize=None)
    test = data.splits["test"]
    characters = [data.columns["y"].categories[y] for y in test["y"].tolist()]
    again = ppgen.data.draw_glyphs(characters, test["face"], {factor: test[factor] for factor in _WHERE})
    assert torch.equal(again, test["x"])


def test_two_processes_draw_the_same_bits_and_another_seed_others(monkeypatch, tmp_path):
    script = """if True:
        from ppgen.data.glyph_sets import GlyphSet, _columns
        from ppgen.data.drawn_cache import columns_hash
        print(columns_hash(_columns("n", GlyphSet("Ag8", (0, 13, 16), 2, ink="coloured", given="edges"), 0)))"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    settings = GlyphSet("Ag8", (0, 13, 16), 2, ink="coloured", given="edges")
    assert columns_hash(glyph_sets._columns("n", settings, 0)) == told
    assert columns_hash(glyph_sets._columns("n", settings, 1)) != told
    assert columns_hash(glyph_sets._columns("m", settings, 0)) != told


def test_the_protocol_says_versions_and_hash():
    import matplotlib

    rows = ppgen.data.load("glyphs-sans")
    assert f"drawn by matplotlib {matplotlib.__version__}, sha256 " in rows.protocol
    assert ppgen.data.load("glyphs-sans", seed=1).protocol != rows.protocol


def test_a_set_from_the_cache_is_the_one_that_was_drawn_and_nothing_is_drawn_again(monkeypatch):
    first = ppgen.data.load("glyphs-sans")
    monkeypatch.setattr(glyph_sets, "draw_glyphs", None)
    again = ppgen.data.load("glyphs-sans")
    assert first.keys == again.keys
    assert first.fingerprint("train") == again.fingerprint("train")


@pytest.mark.parametrize("name", ["glyphs", "glyphs-grid", "glyphs-coloured", "glyphs-outlines"])
def test_nothing_touches_the_border_and_no_image_is_empty(name):
    x = whole(name, binarize=None)["x"]
    assert max(edge.max() for edge in (x[..., 0, :], x[..., -1, :], x[..., 0], x[..., -1])) == 0
    assert x.flatten(1).amax(1).min() > 150


def test_bold_ones_have_more_ink_by_far():
    rows = whole("glyphs", binarize=None)
    ink, bold = rows["x"].double().mean((1, 2, 3)) / rows["size"] ** 2, rows["bold"] == 1
    assert ink[bold].mean() > 1.3 * ink[~bold].mean()


def test_the_grid_has_every_combination_once():
    rows = whole("glyphs-grid")
    place = torch.zeros_like(rows["y"])
    for factor, count in GRID.items():
        place = place * count + rows[factor]
    assert torch.equal(place.sort().values, torch.arange(21600))
    assert ppgen.data.load("glyphs-grid").num_classes == GRID


def test_the_centre_of_mass_follows_the_grids_positions():
    rows = whole("glyphs-grid", binarize=None)
    mass, axis = rows["x"][:, 0].double(), torch.arange(28, dtype=torch.float64)
    right, down = (mass.sum(dim) @ axis / mass.sum((1, 2)) for dim in (1, 2))
    for factor, found in (("pos_x", right), ("pos_y", down)):
        means = torch.stack([found[rows[factor] == step].mean() for step in range(3)])
        assert torch.allclose(means.diff(), torch.full((2,), 1.5, dtype=torch.float64), atol=0.01)


def test_a_hollow_letter_is_given_beside_the_same_letter_filled():
    data = ppgen.data.load("glyphs-outlines", binarize=None)
    test = data.split("test")
    assert data.columns["given"].kind == "image"
    own = ((test["given"] > 0.5) & (test["x"] > 0.1)).float().sum() / (test["given"] > 0.5).float().sum()
    others = ((test["given"] > 0.5) & (test["x"].roll(1, 0) > 0.1)).float().sum() / (test["given"] > 0.5).float().sum()
    assert own > 0.9 > 0.5 > others


@pytest.mark.parametrize(("name", "told"), [("glyphs-edges", edges), ("glyphs-colouring", grey)])
def test_what_is_given_of_a_coloured_letter_is_made_of_its_own_image(name, told):
    test = ppgen.data.load(name).splits["test"]
    assert torch.equal((255 * test["given"]).round(), told(test["x"]).float())


def test_a_colour_is_nearest_to_the_hue_that_its_word_means():
    import colorsys

    from ppgen.data.glyph_captions import COLOURS

    test = ppgen.data.load("glyphs-coloured").splits["test"]
    hues = torch.tensor([360 * colorsys.rgb_to_hsv(*ink)[0] for ink in test["ink"].tolist()])
    away = (hues[:, None] - torch.tensor(list(COLOURS.values())) + 180) % 360 - 180
    assert torch.equal(away.abs().argmin(1), test["colour"])
    brightest = test["x"].flatten(2).amax(2).float() / 255
    assert torch.allclose(brightest, test["ink"], atol=0.05)


DOMAINS = [("glyphs-upright", "glyphs-italic", "italic"), ("glyphs-serif", "glyphs-sans", "serif")]


@pytest.mark.parametrize(("one", "other", "change"), DOMAINS)
def test_no_domain_holds_the_counterpart_of_anything_in_the_other(one, other, change):
    """An instance is its character, where it stands and its face up to what the domains differ in."""
    first, second = whole(one), whole(other)
    second["face"] = ppgen.data.counterparts(second["face"], change)
    assert set(first["face"].unique().tolist()) == set(second["face"].unique().tolist())

    def instances(rows):
        return set(zip(*(rows[factor].tolist() for factor in ("y", "face", "size", "rotation", "slant")), strict=True))

    assert len(instances(first)) == len(first["y"])
    assert not instances(first) & instances(second)
    assert (first["y"] == second["y"]).float().mean() < 0.1  # the order of rows tells nothing either


@pytest.mark.parametrize(("one", "other", "change"), DOMAINS)
def test_the_true_counterpart_can_be_drawn_and_is_not_cut_off(one, other, change):
    test = ppgen.data.load(one).splits["test"]
    faces = ppgen.data.counterparts(test["face"], change)
    characters = [CHARACTERS[y] for y in test["y"].tolist()]
    placed = {factor: test[factor] for factor in _WHERE}
    x = ppgen.data.draw_glyphs(characters, faces, placed, in_place_of=test["face"])
    assert max(edge.max() for edge in (x[..., 0, :], x[..., -1, :], x[..., 0], x[..., -1])) == 0


def test_two_domains_together_are_an_unpaired_set():
    data = ppgen.data.unpaired(upright="glyphs-upright", italic="glyphs-italic")
    assert data.domains["italic"].splits["train"]["italic"].all()
    assert not data.domains["upright"].splits["train"]["italic"].any()
    assert data.split("test")["upright"].shape == data.split("test")["italic"].shape == (99, 1, 28, 28)


@pytest.mark.parametrize("name", GLYPH_SETS)
def test_every_set_is_as_the_catalogue_says(name):
    data, line, settings = ppgen.data.load(name), CATALOGUE[name], GLYPH_SETS[name]
    assert data.x_shape == line.shape
    assert data.measure == ("8-bit" if data.x_shape[0] == 3 else "binary")
    rows = len(settings.characters) * len(settings.faces) * settings.each
    assert line.sizes == (rows - 2 * (rows // 10), rows // 10, rows // 10)


def test_the_left_half_is_given_of_the_whole():
    batch = ppgen.data.quadrants(ppgen.data.load("glyphs"), observed=2).split("test")
    assert torch.equal(batch["given"][..., :14], batch["x"][..., :14])
    assert batch["given"][..., 14:].sum() == 0
