"""Where a fit begins in a funnel, whose highest mode has next to no mass: by the bound, against quadrature."""

from __future__ import annotations

import math

import pyro.distributions as dist
import torch
from torch import Tensor

import ppgen
from ppgen.declare import Model, latent, observed

ROWS = 8


class Funnel(Model):
    """v ~ Normal(0, 3), eta_i ~ Normal(0, 1), once;  y_i ~ Normal(exp(v / 2) eta_i, 1)."""

    @latent(local=False)
    def v(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 3.0)

    @latent(local=False)
    def eta(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 1.0).expand([ROWS]).to_event(1)

    @observed
    def y(self, v: Tensor, eta: Tensor, which: Tensor) -> dist.TorchDistribution:
        return dist.Normal((v / 2).exp() * eta[which], 1.0)


def data() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {"y": 0.5 * torch.randn(ROWS), "which": torch.arange(ROWS)}


def log_evidence(y: Tensor) -> float:
    """``log p(y)``: eta is integrated out in closed form, v by quadrature."""
    v = torch.linspace(-20, 20, 8001, dtype=torch.float64)
    scale = (v.exp() + 1).sqrt().unsqueeze(-1)
    joint = dist.Normal(0.0, 3.0).log_prob(v) + dist.Normal(0.0, scale).log_prob(y.double()).sum(-1)
    return float(joint.logsumexp(0)) + math.log(float(v[1] - v[0]))


def test_it_begins_where_the_mass_is() -> None:
    """The mode is at a wide v with small eta, and 9 nats are lost by a fit that begins there."""
    rows = data()
    whole = ppgen.data.from_tensors(rows, valid=0.0, test=0.0)
    settings = {"max_epochs": 120, "learning_rate": 0.05, "schedule": "cosine", "progress": False}
    fit = ppgen.fit(Funnel(), whole, **settings)
    assert type(fit.guide) is ppgen.guides.FullRank
    assert fit.history[0]["start"].startswith("median")
    log_p = log_evidence(rows["y"])
    assert log_p - 1.5 < ROWS * fit.elbo(rows, num_particles=100).value < log_p


def test_a_start_that_was_asked_for_is_taken() -> None:
    model = Funnel()
    guide = ppgen.guides.FullRank(model, init="laplace")
    fit = ppgen.fit(model, data(), guide=guide, max_epochs=1, progress=False)
    assert fit.history[0]["start"].startswith("laplace")
