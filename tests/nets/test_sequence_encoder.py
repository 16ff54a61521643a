from __future__ import annotations

import torch

from ppgen import nets


def test_order_and_every_step_count():
    encoder, x = nets.SequenceEncoder((5, 2), 8), torch.randn(3, 5, 2)
    torch.nn.init.zeros_(encoder.affine.weight)
    features = encoder(x)
    assert not torch.allclose(features, encoder(x.flip(1)))
    for step in range(5):
        other = x.clone()
        other[:, step] += 1.0
        assert not torch.allclose(features, encoder(other))


def test_any_batch_shape():
    encoder, x = nets.SequenceEncoder((5, 2), 8), torch.randn(4, 3, 5, 2)
    torch.testing.assert_close(encoder(x)[1], encoder(x[1]))
    torch.testing.assert_close(encoder(x[0, 0]), encoder(x)[0, 0])
