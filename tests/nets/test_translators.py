"""Networks from images to images: what a patch sees, and that details pass."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch.nn import functional

from ppgen import nets
from ppgen.errors import SettingError


def test_a_score_of_a_patch_sees_a_window_of_18_pixels() -> None:
    critic = nets.PatchCritic((1, 40, 40), hidden=(4, 4)).double()
    x = torch.randn(1, 1, 40, 40, dtype=torch.float64, requires_grad=True)
    scores = critic(x)
    assert scores.shape == (1, 10, 10)
    spans = []
    for row in (4, 5):
        (gradient,) = torch.autograd.grad(scores[0, row, 5], x, retain_graph=True)
        seen = gradient[0, 0].abs().sum(1).nonzero().flatten()
        spans.append((int(seen[0]), int(seen[-1])))
    assert spans[0][1] - spans[0][0] + 1 == 18
    assert spans[1][0] - spans[0][0] == 4


def test_what_is_given_is_judged_with_the_image() -> None:
    critic = nets.PatchCritic((1, 8, 8), given_channels=2, hidden=(4, 4))
    x, given = torch.randn(3, 1, 8, 8), torch.randn(3, 2, 8, 8)
    assert not torch.equal(critic(x, given), critic(x, given.flip(0)))


def test_a_unet_lets_a_single_pixel_pass() -> None:
    net = nets.UNet((1, 16, 16), 1, (4, 4)).double()
    x = torch.randn(1, 1, 16, 16, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, 0, 7, 7], x)
    assert gradient[0, 0, 7, 7].abs() > 0


@pytest.mark.parametrize("kind", [nets.UNet, nets.ResidualTranslator, nets.AffineTranslator])
@pytest.mark.parametrize("size", [(28, 28), (9, 14), (8, 5)])
def test_translations_are_as_large_as_what_they_are_of(kind: type, size: tuple[int, int]) -> None:
    assert kind((2, *size), 3)(torch.zeros(2, 4, 2, *size)).shape == (2, 4, 3, *size)


@pytest.mark.parametrize("kind", [nets.UNet, nets.ResidualTranslator, nets.AffineTranslator])
def test_only_images_are_translated(kind: type) -> None:
    with pytest.raises(SettingError, match=f"{kind.__name__}: only images"):
        kind((64,), 3)


@pytest.mark.parametrize(("side", "window"), [(16, 8), (28, 18)])
def test_a_window_of_the_default_critic_is_smaller_than_the_image(side: int, window: int) -> None:
    critic = nets.PatchCritic((1, side, side))
    x = torch.rand(1, 1, side, side, requires_grad=True)
    scores = critic(x)
    middle = scores.shape[-1] // 2
    (slopes,) = torch.autograd.grad(scores[0, middle, middle], x)
    seen = slopes[0, 0].abs().sum(0).nonzero()
    assert int(seen.max() - seen.min()) + 1 <= window < side


@pytest.mark.parametrize(("output", "low"), [("sigmoid", 0.02), ("tanh", -0.96), ("none", -3.0)])
def test_an_affine_translation_starts_as_the_image_itself(
    output: Literal["sigmoid", "tanh", "none"], low: float
) -> None:
    network = nets.AffineTranslator((3, 9, 12), 3, width=4, num_blocks=1, output=output)
    x = torch.empty(4, 3, 9, 12).uniform_(low, 0.95)
    torch.testing.assert_close(nets.output_range(output)(network(x)), x, atol=2e-3, rtol=0)


def test_of_colours_an_affine_translation_to_grey_starts_as_their_mean() -> None:
    network = nets.AffineTranslator((3, 8, 8), 1, width=4, num_blocks=1, output="none")
    x = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(network(x), x.mean(1, keepdim=True), atol=5e-3, rtol=0)


def shapes_in_the_middle(generator: torch.Generator) -> torch.Tensor:
    """Smooth shapes far from the edges of black images, [32, 1, 24, 24]."""
    x = torch.zeros(32, 1, 24, 24)
    x[..., 7:17, 7:17] = torch.rand(32, 1, 5, 5, generator=generator).repeat_interleave(2, -1).repeat_interleave(2, -2)
    return functional.avg_pool2d(x, 3, stride=1, padding=1)


@pytest.mark.parametrize("paper", [0.0, 1.0])
def test_what_stands_elsewhere_is_mapped_as_it_was(paper: float) -> None:
    network = nets.AffineTranslator((1, 24, 24), 1, width=4, num_blocks=1).double()
    network.plane.data = torch.tensor([[0.02, 0.07], [-0.03, 0.01]], dtype=torch.float64)
    x = (shapes_in_the_middle(torch.Generator().manual_seed(0)).double() - paper).abs()
    there = x.roll((2, -3), dims=(-2, -1))
    torch.testing.assert_close(network.moved(there), network.moved(x).roll((2, -3), dims=(-2, -1)))


def test_one_map_is_found_for_all_images_and_undone_by_its_inverse() -> None:
    x = shapes_in_the_middle(torch.Generator().manual_seed(0))
    true, found, back = (nets.AffineTranslator((1, 24, 24), 1, width=4, num_blocks=1) for _ in range(3))
    true.plane.data = torch.tensor([[0.0, 0.08], [0.0, 0.0]])  # a slant
    with torch.no_grad():
        slanted = true.moved(x)
    optimizer = torch.optim.Adam([found.plane, back.plane], lr=3e-3)
    for _ in range(100):
        optimizer.zero_grad()
        loss = (found.moved(x) - slanted).square().sum() + (back.moved(slanted) - x).square().sum()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(found.plane, true.plane, atol=0.003, rtol=0)
    torch.testing.assert_close(back.plane, -true.plane, atol=0.006, rtol=0)


def test_an_image_of_one_colour_stays_where_it_is() -> None:
    network = nets.AffineTranslator((1, 8, 8), 1, width=4, num_blocks=1)
    network.plane.data.uniform_(-0.1, 0.1)
    for colour in (0.0, 0.5):
        x = torch.full((2, 1, 8, 8), colour)
        torch.testing.assert_close(network.moved(x), x)
