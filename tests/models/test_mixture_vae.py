from __future__ import annotations

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal
from torch.nn.functional import softplus

from ppgen import nets
from ppgen.declare import Guide, latent, observed
from ppgen.guides import Clustered
from ppgen.inference.importance import elbo_per_datum, log_weights
from ppgen.models import MixtureVAE
from tests.oracles.ascent import train

CLUSTERS, LATENT, DIM = 3, 2, 4


class LinearMixture(MixtureVAE):
    """The same story with ``x | z ~ Normal(W z, s)``, so that x is a mixture of Gaussians."""

    def __init__(self) -> None:
        super().__init__((DIM,), CLUSTERS, LATENT)
        self.logits = nn.Parameter(torch.randn(CLUSTERS))
        self.raw_scale = nn.Parameter(torch.randn(CLUSTERS, LATENT))
        self.decoder = nn.Linear(LATENT, DIM, bias=False)
        self.noise = 0.7

    @observed
    def x(self, z: Tensor) -> dist.TorchDistribution:
        return dist.Normal(self.decoder(z), self.noise).to_event(1)

    def components(self) -> MultivariateNormal:
        """Of x, one for each cluster: ``Normal(W mu_c, W S_c W^T + s^2 I)``."""
        w = self.decoder.weight
        spread = w @ softplus(self.raw_scale).square().diag_embed() @ w.T
        return MultivariateNormal(self.loc @ w.T, spread + self.noise**2 * torch.eye(DIM).to(w))

    def by_cluster(self, x: Tensor) -> Tensor:
        """``log p(c, x)`` [N, K]."""
        return self.logits.log_softmax(-1) + self.components().log_prob(x[:, None])


class Posterior(Guide):
    """The exact one: ``p(c | x)`` and ``p(z | c, x)``."""

    def __init__(self, model: LinearMixture) -> None:
        super().__init__()
        self.model = model

    @latent
    def c(self, x: Tensor) -> dist.TorchDistribution:
        return dist.Categorical(logits=self.model.by_cluster(x))

    @latent
    def z(self, c: Tensor, x: Tensor) -> dist.TorchDistribution:
        w, variance = self.model.decoder.weight, softplus(self.model.raw_scale).square()[c]
        precision = (1.0 / variance).diag_embed() + w.T @ w / self.model.noise**2
        inside = self.model.loc[c] / variance + x @ w / self.model.noise**2
        return dist.MultivariateNormal(torch.linalg.solve(precision, inside), precision_matrix=precision)


def test_with_a_linear_decoder_it_is_the_gaussian_mixture():
    # At the exact posterior, every draw's weight and every draw's ELBO is log p(x) itself.
    model = LinearMixture().double()
    x = torch.randn(6, DIM).double()
    exact = model.by_cluster(x).logsumexp(-1)
    guide = Posterior(model)
    torch.testing.assert_close(log_weights(model, guide, {"x": x}), exact)
    torch.testing.assert_close(elbo_per_datum(model, guide, {"x": x}), exact)


def test_an_observed_cluster_is_scored_and_not_summed_out():
    model = LinearMixture().double()
    x, c = torch.randn(6, DIM).double(), torch.tensor([0, 1, 2, 2, 1, 0])
    exact = model.by_cluster(x).gather(1, c[:, None]).squeeze(1)
    torch.testing.assert_close(log_weights(model, Posterior(model), {"x": x, "c": c}), exact)


def test_clusters_are_found_without_labels():
    # Three prototypes with 3% of the pixels flipped, and clusters to spare: none may hold two prototypes.
    prototypes = (torch.rand(3, 64) > 0.5).float()
    truth = torch.arange(90) % 3
    x = (prototypes[truth] - (torch.rand(90, 64) < 0.03).float()).abs()
    model = MixtureVAE((64,), num_clusters=6, latent_dim=2)
    guide = Clustered(model, nets.Gaussian(nets.encoder((64,), 64), 64, 2))
    train(model, guide, {"x": x}, 120, 5e-3)
    with torch.no_grad():
        found = guide.c(x).logits.argmax(-1)
    counts = torch.zeros(6, 3).index_put((found, truth), torch.ones(90), accumulate=True)
    assert counts.max(1).values.sum() >= 0.95 * 90
