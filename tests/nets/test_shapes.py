"""Any batch dimensions may stand before an event."""

from __future__ import annotations

import pytest
import torch

from ppgen import nets

NETWORKS = {
    "MLP": (lambda: nets.MLP(6, 3), (6,)),
    "ImageEncoder": (lambda: nets.encoder((2, 9, 8), 5), (2, 9, 8)),
    "VectorEncoder": (lambda: nets.encoder((6,), 5), (6,)),
    "SequenceEncoder": (lambda: nets.SequenceEncoder((4, 3), 5), (4, 3)),
    "ImageDecoder": (lambda: nets.decoder(4, (2, 9, 8)), (4,)),
    "VectorDecoder": (lambda: nets.decoder(4, (6,)), (4,)),
    "Critic": (lambda: nets.critic((1, 8, 8)), (1, 8, 8)),
    "PixelCNN": (lambda: nets.PixelCNN((1, 6, 6), hidden=4, num_layers=2), (1, 6, 6)),
    "FullyVisibleBeliefNetwork": (lambda: nets.FullyVisibleBeliefNetwork((2, 3, 3)), (2, 3, 3)),
    "MADE": (lambda: nets.MADE((6,), (8, 8)), (6,)),
    "DiagonalBiLSTM": (lambda: nets.DiagonalBiLSTM((1, 6, 6), hidden=4, num_layers=2), (1, 6, 6)),
    "PixelCNNPlusPlus": (lambda: nets.PixelCNNPlusPlus((1, 5, 6), hidden=3, num_blocks=1), (1, 5, 6)),
    "GatedPixelCNN": (lambda: nets.GatedPixelCNN((1, 6, 6), hidden=4, num_layers=2), (1, 6, 6)),
    "RowLSTM": (lambda: nets.RowLSTM((1, 6, 6), hidden=4, num_layers=2), (1, 6, 6)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_any_batch_dimensions_may_stand_before_the_event(name):
    make, shape = NETWORKS[name]
    network, x = make(), torch.randn(5, *shape)
    torch.testing.assert_close(network(torch.stack([x, -x], 1))[:, 0], network(x))
    torch.testing.assert_close(network(x[0]), network(x)[0])
