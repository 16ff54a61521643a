from __future__ import annotations

import pyro
import pytest
import torch
from torch.nn import functional

import ppgen
from ppgen.models import VAE

SHAPE = (1, 8, 8)


def factorised_log_prob(data: ppgen.data.Dataset) -> torch.Tensor:
    """Mean test log-probability of independent pixels: what a model of images has to beat."""
    ink = data.split("train")["x"]
    probabilities = (ink.sum(0) + 1) / (len(ink) + 2)
    return torch.distributions.Bernoulli(probs=probabilities).log_prob(data.split("test")["x"]).sum((1, 2, 3)).mean()


def test_says_what_it_is():
    model = VAE(SHAPE, latent_dim=3)
    assert {name: site.role for name, site in model.sites.items()} == {"z": "latent", "x": "observed"}
    assert str(model).startswith("VAE: p(z) p(x | z)")


def test_log_joint_is_a_standard_normal_and_a_cross_entropy():
    torch.manual_seed(0)
    model, x, z = VAE(SHAPE, latent_dim=3), torch.rand(5, *SHAPE).round(), torch.randn(5, 3)
    trace = pyro.poutine.trace(pyro.poutine.condition(model, {"z": z})).get_trace({"x": x})
    prior = -0.5 * (z.square() + torch.tensor(2 * torch.pi).log()).sum(1)
    cross_entropy = functional.binary_cross_entropy(model.decoder(z).sigmoid(), x, reduction="none").flatten(1).sum(1)
    torch.testing.assert_close(trace.log_prob_sum(), (prior - cross_entropy).sum())


@pytest.mark.parametrize("shape", [(1, 16, 16), (12,), (3, 9, 11)])
def test_takes_images_and_vectors(shape):
    x = VAE(shape)(size=4)["x"]
    assert x.shape == (4, *shape)
    assert ((x == 0) | (x == 1)).all()


def test_likelihood_keeps_particles_in_front():
    assert VAE(SHAPE, latent_dim=3).x(torch.zeros(7, 5, 3)).batch_shape == (7, 5)


def test_beats_independent_pixels_on_digits():
    torch.manual_seed(0)
    data = ppgen.data.load("digits")
    fit = ppgen.fit(
        VAE(SHAPE, latent_dim=8),
        data=data,
        max_epochs=15,
        batch_size=64,
        learning_rate=1e-2,
        schedule="cosine",
        progress=False,
    )
    # A lower bound above the baseline proves that log p is.
    assert fit.elbo().value > factorised_log_prob(data) + 2.0
