"""The sets that need no files: handwritten digits that come with scikit-learn, and sprites that are drawn here."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits

import ppgen.data
from ppgen.data.built_in import FACTORS, draw


def test_the_splits_are_scikit_learns_digits_each_with_its_label():
    bunch, splits = load_digits(), ppgen.data.load("digits", binarize=None).splits.values()
    official = [
        (image.astype("uint8").tobytes(), label) for image, label in zip(bunch.images, bunch.target, strict=True)
    ]
    ours = [(x.numpy().tobytes(), int(y)) for split in splits for x, y in zip(split["x"], split["y"], strict=True)]
    assert sorted(ours) == sorted(official)


def test_every_split_has_every_digit_in_fair_number():
    data = ppgen.data.load("digits")
    for columns in data.splits.values():
        shares = columns["y"].bincount(minlength=10) / len(columns["y"])
        assert torch.all((shares - 0.1).abs() < 0.05)


def test_another_seed_is_another_split():
    assert not torch.equal(ppgen.data.load("digits").split()["y"], ppgen.data.load("digits", seed=1).split()["y"])


AXES = tuple(FACTORS.values())


@pytest.fixture(scope="module", params=[32, 64])
def sprites(request):
    return draw(request.param)


def test_every_combination_of_factors_is_there_once(sprites):
    index = torch.stack([sprites[factor] for factor in FACTORS])
    flat = torch.zeros(len(sprites["x"]), dtype=torch.int64)
    for row, size in zip(index, AXES, strict=True):
        flat = flat * size + row
    assert torch.equal(flat, torch.arange(3 * 4 * 6 * 16 * 16))


def test_no_two_images_are_the_same(sprites):
    assert len({image.numpy().tobytes() for image in sprites["x"]}) == len(sprites["x"])


def test_no_sprite_is_cut_by_the_edge(sprites):
    x = sprites["x"][:, 0]
    assert x.max() == 1
    assert max(edge.max() for edge in (x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1])) == 0


def test_the_centre_of_mass_follows_the_position_exactly(sprites):
    size = sprites["x"].shape[-1]
    mass = sprites["x"][:, 0].double()
    axis = torch.arange(size, dtype=torch.float64)
    total = mass.sum((1, 2))
    right = (mass.sum(1) @ axis / total).reshape(AXES)
    down = (mass.sum(2) @ axis / total).reshape(AXES)
    step = size // 32 * torch.arange(16, dtype=torch.float64)
    start = torch.zeros(16, 16, dtype=torch.float64)
    torch.testing.assert_close(right - right[..., :1, :1], (start + step[:, None]).expand(AXES))
    torch.testing.assert_close(down - down[..., :1, :1], (start + step).expand(AXES))


def test_a_larger_scale_has_more_ink_whatever_the_orientation(sprites):
    ink = sprites["x"].flatten(1).sum(1).reshape(AXES)[..., 0, 0]
    assert (ink[:, 1:].min(-1).values > ink[:, :-1].max(-1).values).all()


def test_squares_have_their_symmetry_and_ellipses_theirs(sprites):
    """At orientation 0 a square equals its quarter turn and an ellipse its half turn; a heart only its mirror image."""
    size = sprites["x"].shape[-1]
    images = sprites["x"].reshape(*AXES, size, size)[:, :, 0, 8, 8]
    for shape, turned in ((0, 1), (1, 2)):
        for image in images[shape]:
            crop = _crop(image)
            assert torch.equal(crop, crop.rot90(turned))
    for image in images[2]:
        heart = _crop(image)
        assert torch.equal(heart, heart.flip(1))
        assert not torch.equal(heart, heart.flip(0))
        assert heart[: len(heart) // 2].sum() > heart[len(heart) // 2 :].sum()  # wide above, pointed below


def _crop(image):
    rows, columns = image.any(1).nonzero()[:, 0], image.any(0).nonzero()[:, 0]
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def test_as_a_data_set_it_is_binary_with_all_factors_as_covariates():
    data = ppgen.data.load("sprites")
    assert data.measure == "binary"
    assert data.num_classes == FACTORS
    assert data.keys == ("x", *FACTORS)
    for factor, size in FACTORS.items():
        assert data.splits["test"][factor].unique().tolist() == list(range(size))
