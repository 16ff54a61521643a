"""The log joint at free coordinates: against densities written out by hand."""

from __future__ import annotations

import math
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from ppgen.context import evaluating, frozen, seeded
from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import Unanswerable
from ppgen.guides import MeanField
from ppgen.inference import LocalDensity, state_at
from tests.oracles.conjugate import SharedMean
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal, posterior


class Nested(Model):
    """Two positive latents, the second below the first: its support depends on it."""

    @latent
    def top(self) -> Any:
        return dist.Gamma(2.0, 1.0)

    @latent
    def part(self, top: Tensor) -> Any:
        return dist.Uniform(torch.zeros_like(top), top)

    @observed
    def x(self, part: Tensor) -> Any:
        return dist.Normal(part, 0.5)


class NestedGuide(Guide):
    """Draws both from the prior."""

    @latent
    def top(self, x: Tensor) -> Any:
        return dist.Gamma(2.0, 1.0).expand(x.shape)

    @latent
    def part(self, top: Tensor) -> Any:
        return dist.Uniform(torch.zeros_like(top), top)


class Masked(Model):
    """Rows whose latent the model masks."""

    @latent
    def z(self, known: Tensor) -> Any:
        return dist.LogNormal(0.0, 1.0).expand(known.shape).mask(known)

    @observed
    def x(self, z: Tensor, known: Tensor) -> Any:
        return dist.Normal(torch.where(known, z, 0.0), 1.0)


class Classes(Model):
    """A class that is summed out, and a latent that depends on it."""

    @latent
    def y(self) -> Any:
        return dist.Categorical(torch.tensor([0.3, 0.7]))

    @latent
    def z(self, y: Tensor) -> Any:
        return dist.Normal(3.0 * y, 1.0)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z, 0.5)


def of(model: Model, guide: Any, batch: dict[str, Tensor], num_chains: int = 3) -> LocalDensity:
    torch.manual_seed(0)
    guide(batch)
    return LocalDensity(model, guide, batch, num_chains)


@pytest.fixture(autouse=True)
def _context() -> Any:
    with seeded(0, torch.device("cpu")), torch.no_grad():
        yield


def test_a_linear_gaussian_joint_is_posterior_times_evidence() -> None:
    model = PPCA().requires_grad_(False)
    x = marginal(model).sample((6,)).float()
    density = of(model, MeanField(model), {"x": x})
    u = density.draw()
    log_p, log_q = density.both(u)
    assert torch.allclose(log_p.double(), posterior(model, x).log_prob(u.double()) + log_evidence(model, x), atol=1e-4)
    assert torch.equal(log_p, density.log_joint(u))
    assert log_q.shape == (3, 6)
    exact = posterior(model, x)
    gradient = -((u.double() - exact.mean).unsqueeze(-2) @ exact.precision_matrix).squeeze(-2)
    assert torch.allclose(state_at(density.log_joint, u).gradient.double(), gradient, rtol=1e-3, atol=1e-3)


def test_a_support_that_depends_on_another_latent_has_its_own_jacobian() -> None:
    x = torch.tensor([0.5, 2.0])
    density = of(Nested(), NestedGuide(), {"x": x})
    u = density.draw()
    log_p, log_q = density.both(u)
    top = u[..., 0].exp()
    share = u[..., 1].sigmoid()
    jacobian = u[..., 0] + top.log() + share.log() + (-share).log1p()
    prior = top.log() - top - top.log()  # Gamma(2, 1), and a uniform below it
    likelihood = dist.Normal(share * top, 0.5).log_prob(x)
    assert torch.allclose(log_q, prior + jacobian, atol=1e-4)
    assert torch.allclose(log_p - log_q, likelihood, atol=1e-4)
    latents = density.latents(u)
    assert torch.allclose(latents["part"], share * top, atol=1e-5)
    back = density.coordinates({name: value.flatten(0, 1) for name, value in latents.items()})
    assert torch.allclose(back, u, atol=1e-3)


def test_a_masked_latent_is_held_by_a_standard_normal() -> None:
    batch = {"x": torch.tensor([0.4, 1.0]), "known": torch.tensor([True, False])}
    model = Masked()
    density = of(model, MeanField(model), batch)
    u = torch.randn(3, 2, 1)
    log_p, log_q = density.both(u)
    normal = dist.Normal(0.0, 1.0)
    held = normal.log_prob(u[:, 1, 0])
    assert torch.allclose(log_p[:, 1], held + normal.log_prob(torch.tensor(1.0)), atol=1e-5)
    assert torch.allclose(log_q[:, 1], held, atol=1e-5)
    known = normal.log_prob(u[:, 0, 0]) + normal.log_prob(0.4 - u[:, 0, 0].exp())
    assert torch.allclose(log_p[:, 0], known, atol=1e-5)


def test_discrete_latents_are_summed_out_of_both_densities() -> None:
    model, x = Classes(), torch.tensor([0.0, 2.5])
    density = of(model, MeanField(model), {"x": x})
    u = density.draw()
    log_p = density.log_joint(u)
    z = u[..., 0]
    parts = [math.log(p) + dist.Normal(3.0 * y, 1.0).log_prob(z) for y, p in enumerate((0.3, 0.7))]
    assert torch.allclose(log_p, torch.logaddexp(*parts) + dist.Normal(z, 0.5).log_prob(x), atol=1e-5)
    grid = torch.linspace(-12.0, 14.0, 2001)
    mass = torch.stack([density.both(one.expand(3, 2, 1))[1][0] for one in grid[::10]]).exp().sum(0) * 10 * 0.013
    assert torch.allclose(mass, torch.ones(2), atol=1e-3)
    assert torch.equal(density.latents(u)["z"], z)


class Wide(Guide):
    """Draws what the model does not have."""

    @latent
    def extra(self, x: Tensor) -> Any:
        return dist.Normal(torch.zeros(len(x)), 1.0)

    @latent
    def z(self, extra: Tensor) -> Any:
        return dist.Normal(extra.unsqueeze(-1).expand(-1, 4), 1.0).to_event(1)


class Counts(Model):
    """A latent count, which no guide sums out."""

    @latent
    def z(self) -> Any:
        return dist.Poisson(2.0)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z, 1.0)


class CountsGuide(Guide):
    """Draws the count."""

    @latent
    def z(self, x: Tensor) -> Any:
        return dist.Poisson(torch.full_like(x, 2.0))


@pytest.mark.parametrize(
    ("model", "guide", "shape", "words"),
    [
        (PPCA(), lambda _: Wide(), (2, 20), "integral over extra"),
        (Counts(), lambda _: CountsGuide(), (2,), "no continuous latent|no free coordinates"),
        (SharedMean(), MeanField, (3, 2), "one value for every datum"),
    ],
)
def test_what_has_no_such_density_is_refused_by_name(model: Model, guide: Any, shape: Any, words: str) -> None:
    with evaluating(model), pytest.raises(Unanswerable, match=words):
        of(model, guide(model), {"x": torch.ones(shape)})


def test_no_gradient_reaches_a_parameter() -> None:
    model = PPCA()
    guide = MeanField(model)
    x = torch.zeros(2, 20)
    guide({"x": x})
    with frozen(model, guide):
        density = LocalDensity(model, guide, {"x": x}, 2)
        state_at(lambda u: density.both(u)[0], density.draw())
    assert all(p.grad is None and p.requires_grad for p in (*model.parameters(), *guide.parameters()))
