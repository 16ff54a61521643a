from __future__ import annotations

import torch

from ppgen.nets.gated import GatedLayer


def test_computes_the_gated_update_of_both_stacks():
    torch.manual_seed(0)
    layer = GatedLayer(3, kernel_size=3, context_dim=2)
    v, h, context = torch.randn(4, 3, 5, 5), torch.randn(4, 3, 5, 5), torch.randn(4, 2)
    new_v, new_h = layer(v, h, context)

    bias = layer.context(context)[..., None, None]
    features_v = layer.vertical(v)
    a, b = (features_v + bias[:, :6]).chunk(2, 1)
    torch.testing.assert_close(new_v, a.tanh() * b.sigmoid())
    a, b = (layer.horizontal(h) + layer.down(features_v) + bias[:, 6:]).chunk(2, 1)
    torch.testing.assert_close(new_h, h + layer.mix(a.tanh() * b.sigmoid()))


def test_without_context_has_no_parameters_for_it():
    assert GatedLayer(3, 3).context is None
