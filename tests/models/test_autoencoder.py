from __future__ import annotations

import math

import pyro
import torch

import ppgen
from ppgen.evaluation import PrincipalComponents
from ppgen.guides import Delta
from ppgen.models import Autoencoder
from ppgen.objectives import ELBO
from tests.oracles.losses import loss_of

SHAPE = (1, 8, 8)


def test_log_likelihood_is_minus_the_squared_error_and_a_constant():
    torch.manual_seed(0)
    model, x, z = Autoencoder(SHAPE, latent_dim=3), torch.rand(5, *SHAPE), torch.randn(5, 3)
    squared_error = (x - model.decoder(z)).square().flatten(1).sum(1)
    torch.testing.assert_close(model.x(z).log_prob(x), -squared_error - 32 * math.log(math.pi))


def test_with_a_point_guide_and_no_rate_the_loss_is_the_squared_error():
    torch.manual_seed(0)
    model = Autoencoder(SHAPE, latent_dim=3)
    guide, x = Delta(model), torch.rand(5, *SHAPE)
    z = pyro.poutine.trace(guide).get_trace({"x": x}, 5).nodes["z"]["value"]
    loss = loss_of(ELBO(beta=0.0), model, guide, {"x": x}, 5)
    squared_error = (x - model.decoder(z)).square().flatten(1).sum(1).mean()
    torch.testing.assert_close(loss.value, squared_error + 32 * math.log(math.pi))


def test_reconstructs_digits_better_than_as_many_principal_components():
    torch.manual_seed(0)
    data = ppgen.data.load("digits", binarize="dynamic")
    model = Autoencoder(SHAPE, latent_dim=4)
    settings = {"max_epochs": 20, "batch_size": 64, "learning_rate": 1e-2, "schedule": "cosine", "progress": False}
    fit = ppgen.fit(model, data, guide=Delta(model), objective=ELBO(beta=0.0), **settings)
    x = data.split("test")["x"]
    linear = PrincipalComponents.fit(data.split("train")["x"], 4).reconstruct(x).reshape(x.shape)
    error, floor = (fit.reconstruct().only - x).square().mean(), (linear - x).square().mean()
    assert error < 0.95 * floor
