"""Pyro's other bounds, its automatic guides and its discrete inference on declared pairs, against exact answers.

w ~ Normal(0, 2), x | w ~ Normal(w, 0.5): w | x is Normal with precision 1/4 + 4 n and mean 4 sum(x) over it.
z ~ Normal(0, 1), x | z ~ Normal(z, 0.5): z | x is Normal with mean x / 1.25 and variance 0.2, x is Normal(0, 1.25).
"""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import (
    SVI,
    Predictive,
    RenyiELBO,
    Trace_ELBO,
    TraceMeanField_ELBO,
    config_enumerate,
    infer_discrete,
)
from pyro.infer.autoguide import AutoDelta, AutoDiagonalNormal, AutoMultivariateNormal, AutoNormal
from torch import Tensor, nn

from ppgen.declare import Guide, Model, latent, observed

X = torch.tensor([0.4, -1.0, 2.0, 0.7, 1.1])


class Local(Model):
    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z, 0.5)


class Encoder(Guide):
    def __init__(self) -> None:
        super().__init__()
        self.gain, self.log_scale = nn.Parameter(torch.tensor(0.1)), nn.Parameter(torch.tensor(0.0))

    @latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(self.gain * x, self.log_scale.exp())


class Global(Model):
    @latent(local=False)
    def w(self) -> Any:
        return dist.Normal(0.0, 2.0)

    @observed
    def x(self, w: Tensor) -> Any:
        return dist.Normal(w, 0.5)


class Mixture(Model):
    @latent
    def k(self) -> Any:
        return dist.Categorical(probs=torch.tensor([0.3, 0.7]))

    @observed
    def x(self, k: Tensor) -> Any:
        return dist.Normal(torch.tensor([-1.0, 2.0])[k], 1.0)


@pytest.fixture(autouse=True)
def _own_store() -> Any:
    torch.manual_seed(0)
    yield
    pyro.clear_param_store()


ELBOS = [
    Trace_ELBO(num_particles=4),
    TraceMeanField_ELBO(num_particles=4),
    RenyiELBO(alpha=0.5, num_particles=4),
]


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("elbo", ELBOS, ids=lambda elbo: type(elbo).__name__)
def test_every_bound_trains_a_guide_to_the_posterior(elbo: Any, local: bool) -> None:
    with pyro.settings.context(module_local_params=local):
        model, guide = Local(), Encoder()
        svi = SVI(model, guide, pyro.optim.ClippedAdam({"lr": 0.05, "lrd": 0.99}), elbo)
        for _ in range(200):
            svi.step({"x": X})
    assert guide.gain.item() == pytest.approx(0.8, abs=0.05)
    assert guide.log_scale.exp().item() == pytest.approx(0.2**0.5, rel=0.1)
    assert not pyro.get_param_store().keys()


def test_a_loss_that_can_be_differentiated_has_the_gradient_of_kl() -> None:
    model, guide = Local(), Encoder()
    # By log s at s = 1: the rate, s^2 / 2 - log s, gives nothing, the likelihood, s^2 / (2 * 0.25), four a datum.
    grads = []
    for _ in range(500):
        guide.zero_grad()
        Trace_ELBO().differentiable_loss(model, guide, {"x": X}).backward()
        gradient = guide.log_scale.grad
        assert gradient is not None
        grads.append(gradient.item())
    draws = torch.tensor(grads)
    assert abs(draws.mean() - 4 * len(X)) < 4 * draws.std() / 500**0.5


# Pyro's SVI cannot train its own AutoContinuous guides with module_local_params on, whatever the model.
GUIDES = [(AutoDelta, True), (AutoNormal, False), (AutoNormal, True)]


@pytest.mark.parametrize(("family", "local"), [*GUIDES, (AutoDiagonalNormal, False), (AutoMultivariateNormal, False)])
def test_automatic_guides_over_a_declared_model(family: Any, local: bool) -> None:
    precision = 0.25 + 4 * len(X)
    loc, scale = (4 * X.sum() / precision).item(), precision**-0.5
    with pyro.settings.context(module_local_params=local):
        model = Global()
        guide = family(model)
        svi = SVI(model, guide, pyro.optim.ClippedAdam({"lr": 0.1, "lrd": 0.98}), Trace_ELBO(num_particles=4))
        for _ in range(200):
            svi.step({"x": X})
        if family is AutoDelta:
            assert guide.median()["w"].item() == pytest.approx(loc, abs=0.05 * scale)
            return
        low, mid, high = (q.item() for q in guide.quantiles([0.1587, 0.5, 0.8413])["w"])
    assert mid == pytest.approx(loc, abs=0.4 * scale)
    assert (high - low) / 2 == pytest.approx(scale, rel=0.2)


def test_classes_are_drawn_from_their_posterior() -> None:
    x = torch.tensor([0.0, 0.5, 3.0])
    drawn = torch.stack(
        [infer_discrete(config_enumerate(Mixture()), first_available_dim=-2)({"x": x})["k"] for _ in range(300)]
    )
    weighed = torch.tensor([0.3, 0.7]) * dist.Normal(torch.tensor([-1.0, 2.0]), 1.0).log_prob(x[:, None]).exp()
    torch.testing.assert_close(drawn.float().mean(0), weighed[:, 1] / weighed.sum(1), rtol=0, atol=0.12)


def test_predictive_and_the_graph_see_the_declared_sites() -> None:
    draws = Predictive(Local(), guide=Encoder(), num_samples=7)({"x": X})
    assert draws["z"].shape == (7, 5)
    source = pyro.render_model(Local(), model_args=({"x": X},)).source
    assert "z" in source
    assert "data" in source
