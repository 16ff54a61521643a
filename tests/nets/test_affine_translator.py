"""The translator that moves all images alike: what it starts as, what it moves, and a slant found without pairs."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import ppgen
from ppgen import nets
from ppgen.models import CycleGAN


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


def bars(generator: torch.Generator) -> Tensor:
    """Upright bars of many sizes and places, [512, 1, 16, 16]."""
    across, down = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="xy")
    high, wide, top, left = (
        torch.randint(low, below, (512, 1, 1), generator=generator) for low, below in ((6, 11), (2, 5), (2, 5), (5, 9))
    )
    inside = (down >= top) & (down < top + high) & (across >= left) & (across < left + wide)
    return functional.avg_pool2d(inside[:, None].float(), 3, stride=1, padding=1)


def test_a_slant_is_found_without_pairs() -> None:
    true = nets.AffineTranslator((1, 16, 16), 1, width=4, num_blocks=1)
    true.plane.data = torch.tensor([[0.0, 0.1], [0.0, 0.0]])
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        a, b = bars(generator), true.moved(bars(generator))
        partners = true.moved(a)
    torch.manual_seed(0)
    fit = ppgen.fit(
        CycleGAN((1, 16, 16), (1, 16, 16), width=2, num_blocks=1, num_halvings=1, translator="affine"),
        ppgen.data.unpaired(a=a, b=b, valid=0, test=0),
        objective=ppgen.CycleTranslation(
            {name: nets.PatchCritic((1, 16, 16), hidden=(16, 32)) for name in "ab"}, cycle=1.0
        ),
        max_epochs=3,
        batch_size=16,
        learning_rate=5e-3,
        device="cpu",
        progress=False,
    )
    assert (fit.translate(a) - partners).abs().mean() < 0.5 * (a - partners).abs().mean()
    assert (fit.translate(partners, site="to_a") - a).abs().mean() < 0.5 * (a - partners).abs().mean()
