"""A declared model is an ordinary Pyro program: Pyro's own tools run on it, and give what they should.

The oracle is conjugate. Local: z_i ~ Normal(0, 1), x_i | z_i ~ Normal(z_i, s), so that z_i | x_i is Normal with mean
x_i / (1 + s^2) and variance s^2 / (1 + s^2). Global: w ~ Normal(0, t), x_i | w ~ Normal(w, s), so that w | x is
Normal with precision 1 / t^2 + n / s^2 and mean sum(x) / s^2 over that precision.
"""

from __future__ import annotations

import itertools

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import MCMC, NUTS, SVI, Predictive, Trace_ELBO, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoNormal
from torch import nn

from ppgen.declare import Guide, Model, latent, observed

NOISE, SPREAD = 0.5, 2.0


class Local(Model):
    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(3.0))

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0)

    @observed
    def x(self, z):
        return dist.Normal(z + self.shift, NOISE)


class LocalGuide(Guide):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(1, 1)
        self.log_scale = nn.Parameter(torch.zeros(()))

    @latent
    def z(self, x):
        return dist.Normal(self.net(x.unsqueeze(-1) - 3.0).squeeze(-1), self.log_scale.exp())


class Global(Model):
    @latent(local=False)
    def w(self):
        return dist.Normal(0.0, SPREAD)

    @observed
    def x(self, w):
        return dist.Normal(w, NOISE)


class Mixture(Model):
    @latent
    def k(self):
        return dist.Categorical(probs=torch.tensor([0.3, 0.7]))

    @observed
    def x(self, k):
        return dist.Normal(torch.tensor([-1.0, 2.0])[k], 1.0)


@pytest.fixture
def _own_store():
    yield
    pyro.clear_param_store()


def posterior_of_w(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    precision = 1 / SPREAD**2 + len(x) / NOISE**2
    return x.sum() / NOISE**2 / precision, torch.tensor(precision**-0.5)


@pytest.mark.parametrize("parallel", [False, True])
def test_prior_predictive(parallel):
    draws = Predictive(Local(), num_samples=400, parallel=parallel)(None, 10)
    assert draws["x"].shape == draws["z"].shape == (400, 10)
    # Normal(3, sqrt(1.25)); the mean of 4000 draws has a standard error of 0.018
    assert abs(draws["x"].mean() - 3.0) < 0.08
    assert abs(draws["x"].var() - 1.25) < 0.15


@pytest.mark.parametrize("parallel", [False, True])
def test_posterior_predictive_with_a_guide(parallel):
    guide = LocalGuide()
    exact(guide)
    x = torch.tensor([3.0, 4.0, 1.0])
    draws = Predictive(Local(), guide=guide, num_samples=600, parallel=parallel, return_sites=["z"])({"x": x})["z"]
    assert draws.shape == (600, 3)
    assert torch.allclose(draws.mean(0), (x - 3.0) / 1.25, atol=0.09)  # standard error 0.018
    again = Predictive(Local(), posterior_samples={"z": draws}, parallel=parallel)(None, 3)["x"]
    assert torch.allclose(again.mean(0), (x - 3.0) / 1.25 + 3.0, atol=0.1)


def exact(guide: LocalGuide) -> None:
    """Set the guide to the posterior."""
    with torch.no_grad():
        guide.net.weight.fill_(1 / 1.25)
        guide.net.bias.zero_()
        guide.log_scale.fill_(0.5 * torch.log(torch.tensor(0.2)))


def test_the_elbo_of_the_exact_posterior_is_the_evidence():
    guide, x = LocalGuide(), torch.randn(6) + 3.0
    exact(guide)
    elbo = -Trace_ELBO().loss(Local(), guide, {"x": x})
    assert abs(elbo - dist.Normal(3.0, 1.25**0.5).log_prob(x).sum().item()) < 1e-4


def test_the_elbo_with_vectorised_particles_runs_and_agrees():
    model, guide, x = Local(), LocalGuide(), torch.randn(6) + 3.0
    one = Trace_ELBO(num_particles=4000, vectorize_particles=True, max_plate_nesting=1)
    other = sum(-Trace_ELBO().loss(model, guide, {"x": x}) for _ in range(300)) / 300
    assert abs(-one.loss(model, guide, {"x": x}) - other) < 0.05 * abs(other)


@pytest.mark.usefixtures("_own_store")
def test_svi_with_minibatches_reaches_the_posterior_of_a_global_latent():
    x = torch.randn(100) * NOISE + 1.5
    model = Global()
    guide = AutoNormal(model)
    decay = {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.2}, "gamma": 0.99}
    optimizer = pyro.optim.ExponentialLR(decay)
    svi = SVI(model, guide, optimizer, Trace_ELBO(num_particles=4, vectorize_particles=True, max_plate_nesting=1))
    for step in range(400):
        rows = torch.arange(20) + 20 * (step % 5)
        svi.step({"x": x[rows]}, 100)
        optimizer.step()
    loc, scale = posterior_of_w(x)
    found = guide.quantiles([0.5, 0.8413])["w"]
    assert abs(found[0] - loc) < 0.5 * scale
    assert abs((found[1] - found[0]) / scale - 1) < 0.2


def test_nuts_recovers_the_posterior():
    x = torch.randn(10) * NOISE + 1.5
    mcmc = MCMC(NUTS(Global()), num_samples=300, warmup_steps=60, disable_progbar=True)
    mcmc.run({"x": x})
    draws = mcmc.get_samples()["w"]
    loc, scale = posterior_of_w(x)
    # 300 draws, of which at least a third are worth independent ones
    assert abs(draws.mean() - loc) < 4 * scale / 100**0.5
    assert abs(draws.std() / scale - 1) < 0.25


def test_discrete_latents_are_summed_out_by_enumeration():
    x = torch.tensor([0.0, 1.0, 2.5])
    elbo = TraceEnum_ELBO(max_plate_nesting=1)
    evidence = -elbo.loss(config_enumerate(Mixture()), lambda batch: None, {"x": x})
    weights = torch.tensor([0.3, 0.7])
    density = sum(w * dist.Normal(m, 1.0).log_prob(x).exp() for w, m in zip(weights, (-1.0, 2.0), strict=True))
    assert abs(evidence - density.log().sum().item()) < 1e-4
    by_hand = sum(
        torch.stack([w[i] for w, i in zip([weights] * 3, ks, strict=True)]).prod()
        * dist.Normal(torch.tensor([-1.0, 2.0])[list(ks)], 1.0).log_prob(x).sum().exp()
        for ks in itertools.product(range(2), repeat=3)
    )
    assert abs(evidence - by_hand.log().item()) < 1e-4
