from __future__ import annotations

import pyro
import torch
from torch.nn import functional

from ppgen.models import VAE

SHAPE = (1, 8, 8)


def test_log_joint_is_a_standard_normal_and_a_cross_entropy():
    torch.manual_seed(0)
    model, x, z = VAE(SHAPE, latent_dim=3), torch.rand(5, *SHAPE).round(), torch.randn(5, 3)
    trace = pyro.poutine.trace(pyro.poutine.condition(model, {"z": z})).get_trace({"x": x})
    prior = -0.5 * (z.square() + torch.tensor(2 * torch.pi).log()).sum(1)
    cross_entropy = functional.binary_cross_entropy(model.decoder(z).sigmoid(), x, reduction="none").flatten(1).sum(1)
    torch.testing.assert_close(trace.log_prob_sum(), (prior - cross_entropy).sum())
