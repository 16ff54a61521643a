from __future__ import annotations

import torch
from torch.distributions import kl_divergence

from ppgen import nets
from ppgen.declare import check
from ppgen.guides import Clustered
from ppgen.inference.bound import elbo_parts
from ppgen.models import MixtureVAE

DIM, LATENT, CLUSTERS = 6, 2, 4


def setting() -> tuple[MixtureVAE, Clustered, dict[str, torch.Tensor]]:
    model = MixtureVAE((DIM,), CLUSTERS, LATENT)
    torch.nn.init.normal_(model.logits)
    guide = Clustered(model, nets.Gaussian(nets.encoder((DIM,), 8), 8, LATENT))
    return model.double(), guide.double(), {"x": torch.rand(5, DIM).double().round()}


def divergences(model: MixtureVAE, guide: Clustered, x: torch.Tensor) -> torch.Tensor:
    """``KL(q(z | x) || p(z | c))`` [N, K]."""
    q = guide.posterior(x)
    return torch.stack([kl_divergence(q, model.z(torch.full((len(x),), c))) for c in range(CLUSTERS)], 1)


def test_rate_is_the_smallest_that_any_clustering_has():
    # min over q(c) of sum_c q(c) KL_c + KL(q(c) || p(c)) is -log sum_c p(c) exp(-KL_c).
    model, guide, batch = setting()
    drawn = elbo_parts(model, guide, batch, 5)
    prior = model.logits.log_softmax(-1)
    smallest = -(prior - divergences(model, guide, batch["x"])).logsumexp(-1).mean()
    torch.testing.assert_close(drawn.rates["c"] + drawn.rates["z"], smallest)


def test_belongs_to_no_cluster_model_by_copy():
    model, guide, batch = setting()
    check(model, guide, batch)
    assert {name.partition(".")[0] for name, _ in guide.named_parameters()} == {"posterior"}


def test_bound_trains_the_clusters_through_the_guide():
    model, guide, batch = setting()
    drawn = elbo_parts(model, guide, batch, 5)
    (drawn.distortion + drawn.rate).backward()
    for name, parameter in [*model.named_parameters(), *guide.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
