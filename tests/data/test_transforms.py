"""Transforms: closed forms of their means, ranges at the ends, and noise from the generator alone."""

from __future__ import annotations

import pytest
import torch

from ppgen.data.transforms import Dequantize, DynamicBinarize, ToFloat, draw_bits

TRANSFORMS = [ToFloat(255.0), DynamicBinarize(255.0), Dequantize(255.0)]
each_transform = pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: type(t).__name__)


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


@each_transform
def test_only_the_named_site_changes(transform):
    batch = {"x": torch.randint(0, 256, (4, 1, 3, 3), dtype=torch.uint8), "y": torch.arange(4)}
    seen = transform(batch, noise())
    assert seen["y"] is batch["y"]
    assert batch["x"].dtype == torch.uint8
    assert seen["x"].dtype == torch.get_default_dtype()
    assert seen["x"].shape == batch["x"].shape
    assert transform({"y": batch["y"]}, noise()).keys() == {"y"}


@each_transform
def test_noise_comes_from_the_generator_alone(transform):
    batch = {"x": torch.randint(0, 256, (8, 16), dtype=torch.uint8)}
    before = torch.get_rng_state()
    first, again, other = (transform(batch, noise(seed))["x"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert torch.equal(first, other) is not transform.random
    assert torch.equal(before, torch.get_rng_state())


def test_black_is_never_on_and_white_always():
    ends = torch.tensor([0, 16], dtype=torch.uint8).expand(10_000, 2)
    bits = draw_bits(ends, 16.0, noise())
    assert bits[:, 0].max() == 0
    assert bits[:, 1].min() == 1


def test_bits_have_the_grey_level_as_their_mean():
    levels = torch.arange(17, dtype=torch.uint8)
    mean = draw_bits(levels.expand(20_000, 17), 16.0, noise()).float().mean(0)
    p = levels / 16
    assert ((mean - p).abs() <= 4 * (p * (1 - p) / 20_000).sqrt()).all()


def test_dequantised_values_stay_in_the_cell_of_their_level_below_one():
    stored = torch.arange(256, dtype=torch.uint8).expand(5000, 256)
    seen = Dequantize(255.0)({"x": stored}, noise())["x"]
    assert seen.min() >= 0
    assert seen.max() < 1
    assert torch.equal((seen * 256).floor().to(torch.uint8), stored)
    torch.testing.assert_close(seen.mean(0), (torch.arange(256) + 0.5) / 256, atol=3e-4, rtol=0)


def test_float64_sees_the_same_bits(float64):
    batch = {"x": torch.randint(0, 256, (8, 16), dtype=torch.uint8)}
    double = DynamicBinarize()(batch, noise())["x"]
    assert double.dtype == torch.float64
    assert torch.equal(double.to(torch.uint8), draw_bits(batch["x"], 255.0, noise()))
