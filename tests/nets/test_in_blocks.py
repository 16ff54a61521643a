"""Blocks drawn together are one more order of pixels: exact, causal, and drawn as they are scored."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from ppgen.distributions import Autoregressive, orders
from ppgen.distributions.causal_network import WholePasses
from ppgen.errors import SettingError
from ppgen.nets import GatedPixelCNN, InBlocks, SkipPixelCNN

BLOCKS = [(2, 2), (1, 2), (3, 2), (1, 1)]


def network(shape: tuple[int, int], block: tuple[int, int], context_dim: int = 0) -> InBlocks:
    size, grid = block[0] * block[1], (shape[0] // block[0], shape[1] // block[1])
    torch.manual_seed(0)
    inner = SkipPixelCNN((size, *grid), 4, 2, context_dim=context_dim, num_parameters=2**size)
    for parameter in inner.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return InBlocks(inner, block).double()


@pytest.mark.parametrize("block", BLOCKS)
def test_probabilities_of_all_images_sum_to_one(block):
    shape = (3, 4) if block[0] == 3 else (2, 4)
    fn = Autoregressive(network(shape, block), (1, *shape), order=orders.blocks(shape, block))
    every = torch.tensor(list(product([0.0, 1.0], repeat=shape[0] * shape[1])), dtype=torch.float64)
    assert fn.log_prob(every.reshape(-1, 1, *shape)).logsumexp(0).abs() < 1e-12


@pytest.mark.parametrize("block", BLOCKS[:3])
def test_pixels_of_a_block_multiply_to_its_softmax(block):
    shape = (3, 4) if block[0] == 3 else (2, 4)
    net = network(shape, block)
    x = torch.rand(6, 1, *shape, dtype=torch.float64).round()
    order = orders.blocks(shape, block)
    pixels = order.arrange(x).reshape(6, -1, net.size)
    joint = net.network(pixels.mT.unflatten(-1, net.grid)).flatten(2).log_softmax(1)
    pattern = (pixels * 2 ** torch.arange(net.size).flip(0)).sum(-1).long()
    wanted = joint.gather(1, pattern.unsqueeze(1)).sum((1, 2))
    torch.testing.assert_close(Autoregressive(net, (1, *shape), order=order).log_prob(x), wanted)


@pytest.mark.parametrize("context_dim", [0, 3])
def test_draws_are_those_of_whole_passes(context_dim):
    net = network((4, 6), (2, 2), context_dim)
    context = torch.randn(5, context_dim, dtype=torch.float64) if context_dim else None
    fn = Autoregressive(net, (1, 4, 6), context, order=orders.blocks((4, 6), (2, 2))).expand([5])
    torch.manual_seed(3)
    cached = fn.sample()
    whole, _ = WholePasses(net, torch.zeros(1, 24, dtype=torch.float64), (1, 24)), torch.manual_seed(3)
    state, drawn, values = whole.start(5, context), torch.zeros(5, 1, dtype=torch.float64), []
    for position in range(24):
        logits, state = whole.step(state, drawn, position)
        drawn = torch.bernoulli(logits.sigmoid())
        values.append(drawn)
    torch.testing.assert_close(fn.order.arrange(cached), torch.stack(values, -1), rtol=0.0, atol=0.0)


def test_a_pixel_sees_the_blocks_before_it_and_the_pixels_before_it_in_its_own():
    net = network((4, 4), (2, 2))
    x = torch.rand(1, 1, 16, dtype=torch.float64).round().requires_grad_()
    seen = torch.autograd.functional.jacobian(net, x).reshape(16, 16)
    assert not seen.triu().any()


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (lambda: InBlocks(GatedPixelCNN((4, 2, 2), 4, 1, num_parameters=4), (2, 2)), "num_parameters=16"),
        (lambda: InBlocks(GatedPixelCNN((1, 2, 2), 4, 1, num_parameters=16), (2, 2)), "GatedPixelCNN((4, 2, 2)"),
        (lambda: orders.blocks((7, 8), (2, 2)), "block=(1, 2)"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(make, fix):
    with pytest.raises(SettingError) as error:
        make()
    assert fix in error.value.fix
