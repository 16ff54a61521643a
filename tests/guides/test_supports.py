"""Every support that a guide is derived for, fitted: the bound meets the evidence, and the posterior mean is right."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from pyro.distributions.transforms import OrderedTransform
from torch import Tensor
from torch.distributions import biject_to, constraints

import ppgen
from ppgen.declare import Guide, Model, check, latent, observed
from ppgen.errors import DeclarationError
from ppgen.guides import Flow, FullRank, MeanField, Structured
from ppgen.inference import importance as density

LOC = torch.tensor([-1.0, 0.0, 2.0])
ROWS = 64


@dataclasses.dataclass(frozen=True)
class Case:
    """A prior, a likelihood, and how far the mean-field bound may stay below log p(x), in nats per datum."""

    prior: Callable[[], Any]
    likelihood: Callable[[Tensor], Any]
    gap: float
    free: constraints.Constraint | None = None  # the support, where torch does not say it


CASES = {
    "Normal": Case(lambda: dist.Normal(0.0, 1.0), lambda z: dist.Normal(z, 0.7), 0.01),
    "MultivariateNormal": Case(
        lambda: dist.MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, 0.6], [0.6, 1.0]])),
        lambda z: dist.Normal(z, 1.0).to_event(1),
        0.09,  # most of which is what independent coordinates cost
    ),
    "LogNormal": Case(lambda: dist.LogNormal(0.5, 0.7), dist.Poisson, 0.05),
    "Gamma": Case(lambda: dist.Gamma(3.0, 1.0), dist.Poisson, 0.05),
    "HalfNormal": Case(lambda: dist.HalfNormal(1.0), lambda z: dist.Normal(z, 0.5), 0.2),
    "Beta": Case(lambda: dist.Beta(2.0, 3.0), lambda z: dist.Binomial(8, z), 0.03),
    "Uniform": Case(lambda: dist.Uniform(-1.0, 3.0), lambda z: dist.Normal(z, 1.0), 0.06),
    "Dirichlet": Case(lambda: dist.Dirichlet(torch.tensor([2.0, 1.5, 1.0])), lambda z: dist.Multinomial(10, z), 0.08),
    "LKJCholesky": Case(
        lambda: dist.LKJCholesky(3, 1.5),
        lambda z: dist.Normal((z @ z.mT)[..., [1, 2, 2], [0, 0, 1]], 0.3).to_event(1),
        0.25,
    ),
    "VonMises": Case(
        lambda: dist.VonMises(0.3, 2.0),
        lambda z: dist.Normal(torch.stack([z.cos(), z.sin()], -1), 0.5).to_event(1),
        0.08,
        constraints.interval(-math.pi, math.pi),
    ),
    "ordered": Case(
        lambda: dist.TransformedDistribution(dist.Normal(torch.zeros(2), 1.0).to_event(1), [OrderedTransform()]),
        lambda z: dist.Normal(z, 0.5).to_event(1),
        0.45,
    ),
    "mixture of Normals": Case(
        lambda: dist.MixtureSameFamily(dist.Categorical(torch.ones(2)), dist.Normal(torch.tensor([-1.0, 1.5]), 0.7)),
        lambda z: dist.Normal(z, 0.8),
        0.08,
        constraints.real,
    ),
    "Categorical": Case(
        lambda: dist.Categorical(torch.tensor([0.2, 0.3, 0.5])), lambda z: dist.Normal(LOC[z], 1.0), 0.03
    ),
    "OneHotCategorical": Case(
        lambda: dist.OneHotCategorical(torch.tensor([0.2, 0.3, 0.5])), lambda z: dist.Normal(z @ LOC, 1.0), 0.03
    ),
    "Bernoulli": Case(lambda: dist.Bernoulli(0.3), lambda z: dist.Normal(2.0 * z, 1.0), 0.03),
}
CONTINUOUS = [name for name, case in CASES.items() if "Categorical" not in name and name != "Bernoulli"]


def declare(case: Case, local: bool) -> Model:
    class Known(Model):
        @latent(local=local)
        def z(self) -> Any:
            return case.prior()

        @observed
        def x(self, z: Tensor) -> Any:
            return case.likelihood(z)

    return Known()


def grid(case: Case) -> tuple[Tensor, Tensor]:
    """Points [G, *event] all over the support and their log prior masses [G]: all values, or a lattice."""
    prior = case.prior()
    if prior.has_enumerate_support:
        values = prior.enumerate_support()
        return values, prior.log_prob(values)
    transform = biject_to(case.free or prior.support)
    (dim,) = transform.inverse_shape(prior.event_shape) or (1,)
    reach, count = {1: (9.0, 3001), 2: (9.0, 301), 3: (6.0, 41)}[dim]
    axis = torch.linspace(-reach, reach, count, dtype=torch.float64)
    u = torch.cartesian_prod(*[axis] * dim).reshape(-1, dim)
    u = u.squeeze(-1) if not prior.event_shape else u
    z = transform(u)
    log_mass = prior.log_prob(z) + transform.log_abs_det_jacobian(u, z) + dim * math.log(2 * reach / (count - 1))
    kept = log_mass > log_mass.max() - 40.0
    return z[kept], log_mass[kept]


def exact(case: Case, x: Tensor, local: bool) -> tuple[Tensor, Tensor]:
    """log p(x) in nats per datum and E[z | x], by quadrature: of each datum, or of all together."""
    z, log_mass = grid(case)
    torch.testing.assert_close(log_mass.exp().sum().double(), torch.ones((), dtype=torch.float64), rtol=0, atol=2e-3)
    likelihood = case.likelihood(z)
    joint = torch.stack([likelihood.log_prob(row) for row in x], 1) + log_mass[:, None]
    if not local:
        joint = (joint - log_mass[:, None]).sum(1, keepdim=True) + log_mass[:, None]
    mean = torch.einsum("gn,g...->n...", joint.softmax(0), z.to(joint.dtype))
    return (joint.logsumexp(0) if local else joint.logsumexp(0) / len(x)), mean


def fitted(name: str, family: Any, local: bool, **settings: Any) -> tuple[Any, Tensor]:
    """A fit through a derived guide, and the 64 points that it was trained on."""
    model = declare(CASES[name], local)
    torch.manual_seed(3)
    x = model(size=ROWS + 6)["x"].detach()
    data = {"train": x[:ROWS], "valid": x[ROWS : ROWS + 3], "test": x[ROWS + 3 :]}
    given: dict[str, Any] = {"max_epochs": 200, "learning_rate": 0.01, "schedule": "cosine", **settings}
    guide = family(model, width=32)
    return ppgen.fit(model, data, guide=guide, batch_size=ROWS, progress=False, **given), x[:ROWS]


def shortfall(fit: Any, x: Tensor, evidence: Tensor) -> tuple[float, float]:
    """By how much the bound stays below log p(x), in nats per datum, and the standard error of that over draws."""
    if len(evidence) > 1:
        bounds = torch.stack([fit.log_prob_per_datum(x, 1, seed=seed) for seed in range(40)])
        short = (evidence - bounds).mean(1)
    else:
        short = evidence - density.elbo(fit.model, fit.guide, {"x": x}, 100, 0)
    return short.mean().item(), short.std().item() / len(short) ** 0.5


@pytest.mark.parametrize("name", CASES)
def test_a_local_latent_of_every_support_is_fitted(name: str) -> None:
    """The bound comes near log p(x), never above it; importance weighting comes nearer; E[z | x] is the exact one."""
    case = CASES[name]
    fit, x = fitted(name, MeanField, True)
    evidence, mean = exact(case, x, True)
    short, error = shortfall(fit, x, evidence)
    assert -3 * error - 1e-5 < short < case.gap
    if name not in CONTINUOUS:
        return
    assert -0.02 < (evidence - fit.log_prob_per_datum(x, 200)).mean() < case.gap / 2
    assert (fit.encode(x).only - mean).abs().mean() < 0.15 * mean.std(0).mean()


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_global_latent_is_fitted(name: str) -> None:
    """Within one nat of log p(x_1 .. x_64), all data together."""
    fit, x = fitted(name, MeanField, False, learning_rate=0.1)
    short, error = shortfall(fit, x, exact(CASES[name], x, False)[0])
    assert -3 * error < short < 1.0 / ROWS


@pytest.mark.parametrize(("name", "family"), [("MultivariateNormal", FullRank), ("Dirichlet", Structured)])
def test_coordinates_that_depend_on_each_other(name: str, family: Any) -> None:
    """A guide with covariances is as near to log p(x) as mean-field has to be, or nearer."""
    fit, x = fitted(name, family, True)
    short, error = shortfall(fit, x, exact(CASES[name], x, True)[0])
    assert -3 * error < short < CASES[name].gap


def test_a_gaussian_on_the_line_is_no_guide_for_an_angle() -> None:
    """It could wind around the circle without end, and its bound rise above log p(x) as it does so."""

    class Line(Guide):
        @latent
        def z(self, x: Tensor) -> Any:
            return dist.Normal(x[:, 0], 1.0)

    class Circle(Guide):
        @latent
        def z(self, x: Tensor) -> Any:
            return dist.VonMises(x[:, 0], 1.0)

    model, x = declare(CASES["VonMises"], True), torch.randn(5, 2)
    with pytest.raises(DeclarationError, match=r"(?s)Line\.z.*on the circle.*dist\.VonMises"):
        check(model, Line(), {"x": x})
    for guide in (Circle(), MeanField(model), Flow(model)):
        check(model, guide, {"x": x})
