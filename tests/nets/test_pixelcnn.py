"""The plain PixelCNN: what it reads, and what it cannot; steps; its draws."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ppgen.distributions import Autoregressive, conditionals
from ppgen.nets import GatedPixelCNN, PixelCNN


def randomised(network: PixelCNN) -> PixelCNN:
    """Weights large enough that no dependence hides behind a small number."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    return network.double()


def reads(network: nn.Module, shape: tuple[int, int]) -> Tensor:
    """``[pixel, pixel]``: whether the first's parameters have a gradient at the second, in any of a few images."""
    pixels, found = shape[0] * shape[1], []
    for x in torch.rand(4, 1, *shape, dtype=torch.float64):
        jacobian = torch.autograd.functional.jacobian(network, x)
        found.append(jacobian.reshape(pixels, pixels) != 0)
    return torch.stack(found).any(0)


@pytest.mark.parametrize("context_dim", [0, 3])
def test_a_pixel_reads_what_is_before_it_but_for_the_blind_spot(context_dim):
    # With kernels of 3, the way back leads one pixel to the right for each row that it climbs, and no further.
    shape = (4, 6)
    network = randomised(PixelCNN((1, *shape), 6, 6, 3, 3, context_dim=context_dim))
    context = torch.randn(context_dim, dtype=torch.float64) if context_dim else None
    place = torch.cartesian_prod(torch.arange(shape[0]), torch.arange(shape[1]))
    up, right = (place.unsqueeze(1) - place).unbind(-1)[0], (place - place.unsqueeze(1)).unbind(-1)[1]
    expected = ((up > 0) & (right <= up)) | ((up == 0) & (right < 0))
    assert torch.equal(reads(lambda x: network(x, context), shape), expected)
    before = torch.ones(24, 24).tril(-1).bool()
    assert (expected <= before).all()
    assert (expected < before).any(), "the blind spot"
    whole = randomised(GatedPixelCNN((1, *shape), 6, 8))
    assert torch.equal(reads(whole, shape), before), "which two stacks do not have"


@pytest.mark.parametrize(("context_dim", "num_parameters"), [(0, 1), (3, 1), (0, 4)])
@pytest.mark.parametrize("kernels", [(3, 7), (5, 3), (1, 5)])
def test_pixel_by_pixel_equals_all_at_once(context_dim, num_parameters, kernels):
    shape, highest = (2, 4, 5), max(1, num_parameters - 1)
    network = randomised(
        PixelCNN(shape, 3, 2, *kernels, context_dim=context_dim, num_parameters=num_parameters, highest=highest)
    )
    x = (torch.rand(6, *shape, dtype=torch.float64) * highest).round()
    context = torch.randn(6, context_dim, dtype=torch.float64) if context_dim else None
    with torch.no_grad():
        expected, values = network(x, context).flatten(2), x.flatten(2)
    state, previous = network.start(6, context), torch.zeros(6, 2, dtype=torch.float64)
    for position in range(20):
        parameters, state = network.step(state, previous, position)
        torch.testing.assert_close(parameters, expected[..., position])
        previous = values[..., position]


@pytest.mark.parametrize("family", [conditionals.Bernoulli(), conditionals.Categorical(5)])
def test_steps_and_whole_passes_draw_the_same_images(family):
    count = family.num_parameters(1)
    network = randomised(PixelCNN((1, 5, 6), 4, 3, num_parameters=count, highest=max(1, count - 1)))
    draws = []
    for each in (network, nn.Sequential(network)):  # which has no steps
        torch.manual_seed(3)
        draws.append(Autoregressive(each, (1, 5, 6), conditional=family).sample((20,)))
    assert torch.equal(*draws)
