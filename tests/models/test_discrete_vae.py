from __future__ import annotations

from itertools import product

import torch

from ppgen.guides import MeanField
from ppgen.inference.importance import log_weights
from ppgen.models import DiscreteVAE
from tests.oracles.ascent import train

DIM, LETTERS = 5, 3


def setting() -> tuple[DiscreteVAE, torch.Tensor]:
    model = DiscreteVAE((DIM,), LETTERS, letter_dim=2)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.double(), torch.rand(4, DIM).double().round()


def by_code(model: DiscreteVAE, x: torch.Tensor) -> torch.Tensor:
    """``log p(c1, c2, x)`` [N, K, K], one code at a time."""
    result = torch.zeros(len(x), LETTERS, LETTERS).double()
    for a, b in product(range(LETTERS), repeat=2):
        c1, c2 = torch.full((len(x),), a), torch.full((len(x),), b)
        prior = model.c1().log_prob(c1) + model.c2(c1).log_prob(c2)
        result[:, a, b] = prior + model.x(c1, c2).log_prob(x)
    return result


def test_density_is_exact_whatever_the_guide():
    model, x = setting()
    torch.testing.assert_close(
        log_weights(model, MeanField(model), {"x": x}), by_code(model, x).flatten(1).logsumexp(1)
    )


def test_bound_is_below_the_density_and_reaches_it():
    model, x = setting()
    guide = MeanField(model).double()
    exact = by_code(model, x).detach().flatten(1).logsumexp(1).mean()
    model.requires_grad_(False)
    gaps = [float(exact) - elbo for elbo in train(model, guide, {"x": x}, 150, 0.02)]
    assert min(gaps) > -1e-12
    assert gaps[0] > 0.01
    assert gaps[-1] < 1e-3
