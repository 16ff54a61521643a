from __future__ import annotations

import pytest
import torch

from ppgen.errors import SettingError
from ppgen.nets import PixelCNN


def randomised(network: PixelCNN) -> PixelCNN:
    """Weights large enough that no dependence hides behind a small number."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return network.double()


@pytest.mark.parametrize("size", [(4, 4), (8, 8), (3, 6)])
@pytest.mark.parametrize("context_dim", [0, 3])
def test_logit_of_a_pixel_reads_exactly_the_pixels_before_it(size, context_dim):
    # The Jacobian has no entry at j >= i; and, with this many layers, no blind spot at j < i either.
    network = randomised(PixelCNN((1, *size), hidden=6, num_layers=8, context_dim=context_dim))
    x = torch.rand(1, *size, dtype=torch.float64)
    context = torch.randn(context_dim, dtype=torch.float64) if context_dim else None
    pixels = size[0] * size[1]
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, context), x).reshape(pixels, pixels)
    future = torch.ones(pixels, pixels).triu().bool()
    assert (jacobian[future] == 0).all()
    assert (jacobian[~future] != 0).all()


def test_context_reaches_every_pixel_and_broadcasts():
    network = randomised(PixelCNN((1, 4, 4), hidden=4, num_layers=2, context_dim=3))
    x = torch.zeros(5, 1, 4, 4, dtype=torch.float64)
    one, other = torch.randn(2, 3, dtype=torch.float64)
    assert (network(x, one) != network(x, other)).all()
    torch.testing.assert_close(network(x, one), network(x, one.expand(5, 3)))


@pytest.mark.parametrize("context_dim", [0, 3])
def test_pixel_by_pixel_equals_all_at_once(context_dim):
    network = randomised(PixelCNN((1, 5, 7), hidden=4, num_layers=3, context_dim=context_dim))
    x = torch.rand(6, 1, 5, 7, dtype=torch.float64).round()
    context = torch.randn(6, context_dim, dtype=torch.float64) if context_dim else None
    with torch.no_grad():
        expected, steps = network(x, context), network.incremental(6, context)
        for row in range(5):
            for column in range(7):
                torch.testing.assert_close(steps.logits(row, column), expected[:, :, row, column])
                steps.put(row, column, x[:, :, row, column])


@pytest.mark.parametrize("shape", [(3, 8, 8), (64,)])
def test_shapes_without_a_pixel_order_are_refused(shape):
    with pytest.raises(SettingError, match="orders pixels, not channels"):
        PixelCNN(shape)
