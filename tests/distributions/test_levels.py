"""Levels of a grid: probabilities sum to 1, means are sums over levels, and draws come from the levels alone."""

from __future__ import annotations

import pytest
import torch

from ppgen.distributions import Autoregressive, DiscretizedLogistic, LevelCategorical, conditionals
from ppgen.nets import CategoricalLikelihood, DiscretizedLogisticLikelihood, GatedPixelCNN

GRIDS = [(256, 1.0), (256, 255.0), (17, 1.0), (2, 1.0)]


def levels_of(levels: int, white: float, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.arange(levels, dtype=dtype).unsqueeze(-1) * white / (levels - 1)


@pytest.mark.parametrize(("levels", "white"), GRIDS)
@pytest.mark.parametrize("scale", [4e-5, 1e-3, 0.05, 1.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_probabilities_of_all_levels_sum_to_one(levels, white, scale, dtype):
    loc = torch.tensor([-3.0, -0.1, 0.0, 0.3, 0.5, 0.999, 1.2, 40.0], dtype=dtype) * white
    fn = DiscretizedLogistic(loc, torch.tensor(scale * white, dtype=dtype), levels, white)
    values = levels_of(levels, white, dtype)
    p = fn.log_prob(values).exp()
    assert torch.allclose(p.sum(0), torch.ones(len(loc), dtype=dtype), atol=1e-10 if dtype is torch.float64 else 2e-5)
    assert torch.allclose((p * values).sum(0), fn.mean, atol=1e-4 * white)


def test_a_bin_is_the_difference_of_the_cumulated_logistic():
    loc, scale, value = (torch.tensor(each, dtype=torch.float64) for each in (0.4, 0.1, 51 / 255))
    ends = [((value + half / 255 - loc) / scale).sigmoid() for half in (0.5, -0.5)]
    assert torch.allclose(DiscretizedLogistic(loc, scale).log_prob(value), (ends[0] - ends[1]).log())
    black = ((0.5 / 255 - loc) / scale).sigmoid().log()
    assert torch.allclose(DiscretizedLogistic(loc, scale).log_prob(torch.zeros(())), black)


def test_far_tails_keep_numbers_and_gradients():
    loc = torch.tensor([-1e3, 0.5, 1e3], requires_grad=True)
    scale = torch.full((3,), 4e-5, requires_grad=True)
    log_p = DiscretizedLogistic(loc, scale).log_prob(torch.tensor([1.0, 128 / 255, 0.0]))
    log_p.sum().backward()
    assert log_p.isfinite().all()
    assert loc.grad.isfinite().all()
    assert scale.grad.isfinite().all()
    assert loc.grad[0] > 0 > loc.grad[2], "a miss, however wide, says which way to go"


def test_the_widest_scales_have_numbers_and_gradients():
    # By then half of the mass lies at either edge, and a level between has step / (4 scale).
    scale, x = torch.tensor([1e30, 1e36, 1e38, 3e38], requires_grad=True), torch.tensor([[0.0], [1.0], [0.2]])
    log_p = DiscretizedLogistic(torch.tensor(0.5), scale).log_prob(x)
    torch.testing.assert_close(log_p[:2].exp(), torch.full((2, 4), 0.5))
    torch.testing.assert_close(log_p[2], -(4 * 255 * scale.detach().double()).log().float())
    log_p.sum().backward()
    assert scale.grad is not None
    torch.testing.assert_close(scale.grad[1:], -1.0 / scale.detach()[1:], rtol=1e-3, atol=0.0)
    assert scale.grad[0].abs() < 1e-29, "it may vanish, in so small a number"


@pytest.mark.parametrize(("levels", "white"), GRIDS[:3])
def test_draws_are_levels_and_as_frequent_as_their_probabilities(levels, white):
    torch.manual_seed(0)
    logistic = DiscretizedLogistic(torch.tensor([0.1, 0.9]) * white, torch.tensor(0.2 * white), levels, white)
    for fn in (logistic, LevelCategorical(torch.randn(2, levels), white)):
        drawn = fn.sample((20_000,))
        assert fn.support.check(drawn).all()
        index = fn.support.index(drawn).long()
        counts = torch.stack([torch.bincount(column, minlength=levels) for column in index.T], 1) / 20_000
        p = fn.log_prob(levels_of(levels, white, torch.float32)).exp()
        assert (counts - p).abs().max() < 5 * (p * (1 - p) / 20_000).sqrt().max()


def test_levels_are_the_bits_of_divided_pixels():
    grid = LevelCategorical(torch.zeros(256)).support
    pixels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(grid.value(grid.index(pixels / 255)), pixels / 255)
    assert grid.check(pixels / 255).all()
    assert not grid.check(torch.tensor([0.5, -1 / 255, 256 / 255])).any()


def test_a_categorical_is_softmax_and_has_the_mean_of_its_levels():
    logits = torch.randn(5, 256)
    fn, values = LevelCategorical(logits, 255.0), levels_of(256, 255.0, torch.float32)
    p = fn.log_prob(values).exp().T
    assert torch.allclose(p, logits.softmax(-1), atol=1e-6)
    assert torch.allclose(fn.mean, (p * values.squeeze()).sum(-1), rtol=1e-4)


@pytest.mark.parametrize("kind", [CategoricalLikelihood, DiscretizedLogisticLikelihood])
def test_colour_images_drawn_pixel_by_pixel_have_probabilities_that_sum_to_one(kind):
    torch.manual_seed(0)
    shape, likelihood = (2, 1, 2), kind((2,), levels=3, white=1.0)
    network = GatedPixelCNN(shape, 4, 1, num_parameters=likelihood.shape[0])
    fn = Autoregressive(network, shape, conditional=conditionals.OfPixel(likelihood), validate_args=True)
    every = torch.cartesian_prod(*[torch.arange(3) / 2] * 4).reshape(-1, *shape)
    p = fn.log_prob(every).exp()
    assert p.sum().item() == pytest.approx(1.0, abs=1e-5)
    drawn = fn.expand([4000]).sample()
    number = ((drawn * 2).round().flatten(1) @ torch.tensor([27.0, 9.0, 3.0, 1.0])).long()
    assert (torch.bincount(number, minlength=81) / 4000 - p).abs().max() < 0.03
