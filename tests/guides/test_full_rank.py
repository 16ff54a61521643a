from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.errors import DeclarationError
from ppgen.guides import FullRank
from ppgen.inference.paired_trace import trace_guide
from tests.oracles.conjugate import TwoLevels
from tests.oracles.linear_gaussian import PPCA, frozen, log_evidence, marginal, maximum_likelihood, posterior


@pytest.fixture(scope="module")
def known() -> tuple[PPCA, ppgen.fitted.Fit]:
    """The full-rank guide of a linear-Gaussian model whose parameters are the truth."""
    model = frozen(PPCA())
    torch.manual_seed(0)
    x = marginal(model).sample((6500,)).float()
    data = {"train": x[:6000], "valid": x[6000:6010], "test": x[6010:]}
    settings: dict[str, Any] = {"max_epochs": 24, "batch_size": 150, "learning_rate": 3e-3, "schedule": "cosine"}
    return model, ppgen.fit(model, data, guide=FullRank(model), progress=False, **settings)


def test_it_reaches_the_exact_posterior_and_no_bound_exceeds_the_evidence(known: tuple[PPCA, Any]) -> None:
    """On data that training has not seen: KL under 0.01 nats, and bounds that rise with K to log p(x), per datum."""
    model, fit = known
    x = fit.data.split("test")["x"]
    with torch.no_grad():
        q = trace_guide(fit.guide, {"x": x}, len(x))["z"].guide_fn
    wide = MultivariateNormal(q.loc.double(), scale_tril=q.scale_tril.double())
    assert kl_divergence(wide, posterior(model, x)).mean() < 0.01
    bounds = [fit.log_prob_per_datum(x[:60], particles) for particles in (1, 10, 100, 5000)]
    gaps = torch.stack([log_evidence(model, x[:60]) - bound for bound in bounds])
    means, errors = gaps.mean(1), gaps.std(1) / 60**0.5
    assert (means > -3 * errors).all()
    assert (means[1:] < means[:-1] + 3 * errors[:-1]).all()
    assert abs(means[-1]) < 0.01


def test_model_and_guide_together_reach_maximum_likelihood() -> None:
    """W, b and s by SVI end within 0.01 nats per datum of Tipping and Bishop's closed form."""
    torch.manual_seed(1)
    x = marginal(PPCA()).sample((1000,)).float()
    torch.manual_seed(0)
    model = PPCA(seed=7, noise=1.0)
    data = {"train": x, "valid": x[:2] + 1, "test": x[:2] + 2}
    settings: dict[str, Any] = {"max_epochs": 250, "batch_size": 250, "learning_rate": 0.02, "schedule": "cosine"}
    ppgen.fit(model, data, guide=FullRank(model), progress=False, **settings)
    best = maximum_likelihood(x, latent_dim=4)
    reached = log_evidence(model, x).mean().item()
    assert 0 <= best - reached < 0.01


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("make", [PPCA, TwoLevels])
def test_all_latents_of_a_datum_are_one_gaussian(make: Any) -> None:
    """What the chain of sites draws has the joint covariance that its factors spell out, and its own density."""
    model: Model = make()
    guide, x = FullRank(model), torch.randn(1, 20 if make is PPCA else 5)
    with torch.no_grad():
        for parameter in guide.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        draws = trace_guide(guide, {"x": x.expand(40_000, -1)}, 40_000)
    joint = torch.cat([draw.value for draw in draws.values()], -1)
    log_q = sum(draw.guide_fn.log_prob(draw.value) for draw in draws.values())
    fitted = MultivariateNormal(joint.mean(0), covariance_matrix=torch.cov(joint.T))
    assert (torch.corrcoef(joint.T) - torch.eye(joint.shape[1])).abs().max() > 0.05
    # A Gaussian's log-density is quadratic: the fitted one agrees everywhere, up to the sampling error of its moments.
    assert (fitted.log_prob(joint) - log_q).abs().mean() < 0.02


def test_constrained_and_scalar_latents_take_part() -> None:
    class Mixed(Model):
        """A rate, a probability and an image, tied together by the guide alone."""

        @latent
        def rate(self) -> Any:
            return dist.Gamma(2.0, 1.0)

        @latent
        def p(self) -> Any:
            return dist.Dirichlet(torch.ones(3))

        @latent
        def image(self) -> Any:
            return dist.Normal(0.0, 1.0).expand([2, 2]).to_event(2)

        @observed
        def x(self, rate: Tensor, p: Tensor, image: Tensor) -> Any:
            return dist.Normal(rate + p.sum(-1) + image.sum((-1, -2)), 1.0)

    model = Mixed()
    guide, x = FullRank(model), torch.randn(4)
    with torch.no_grad():
        for parameter in guide.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    ppgen.check(model, guide, {"x": x})
    # The conditional of the last latent moves with the draws of the others.
    locs = []
    for seed in (0, 1):
        pyro.set_rng_seed(seed)
        locs.append(trace_guide(guide, {"x": x}, 4)["image"].guide_fn.base_dist.loc)
    assert not torch.allclose(locs[0], locs[1])


def test_plates_inside_the_data_plate_are_refused() -> None:
    class Views(Model):
        @latent(plate="views")
        def z(self) -> Any:
            return dist.Normal(torch.zeros(3), 1.0)

        @observed(plate="views")
        def x(self, z: Tensor) -> Any:
            return dist.Normal(z, 1.0)

    with pytest.raises(DeclarationError, match=r"(?s)'z' stands in plate 'views'.*Structured"):
        FullRank(Views()).setup({"x": torch.zeros(2, 3)})
