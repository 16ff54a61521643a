"""The score-function gradient is unbiased: z-tests against sums over all values, and against closed forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.distributions.testing.fakes import NonreparameterizedNormal
from torch import Tensor, nn

from ppgen import guides
from ppgen.context import validation
from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import DeclarationError
from ppgen.evaluation import gradient_noise
from ppgen.guides import MeanField
from ppgen.inference.importance import elbo_per_datum
from ppgen.objectives import ELBO
from tests.oracles.gaussian_pair import Linear, LinearGuide, elbo, z_scores
from tests.oracles.losses import loss_of
from tests.oracles.pyro_elbos import flat, gradients
from tests.oracles.small_discrete import Bits, BitsGuide, log_joint, log_q

pytestmark = pytest.mark.usefixtures("float64")

REPEATS = 50


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    torch.manual_seed(0)
    with validation(False):
        yield


def drawn(objective: ELBO, model: Any, guide: Any, batch: dict[str, Tensor], size: int, n: int) -> Tensor:
    """Gradients by all parameters, [n, D]."""
    losses = (loss_of(objective, model, guide, batch, size).value for _ in range(n))
    return torch.stack([flat(gradients(loss, model, guide)) for loss in losses])


def bits_elbo(model: Bits, guide: BitsGuide, x: Tensor, beta: float = 1.0) -> Tensor:
    """The bound summed over all values, [N]; only its rate is weighted."""
    log_p, log_guide = log_joint(model, x), log_q(guide, x)
    prior = log_joint(model, x) - torch.stack([model.x(c.expand(len(x), 2)).log_prob(x) for c in codes()], 1)
    return (log_guide.exp() * (log_p - prior - beta * (log_guide - prior))).sum(1)


def codes() -> Tensor:
    return torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


@pytest.mark.parametrize("size", [1, 10], ids=["whole", "subsampled"])
@pytest.mark.parametrize(("k", "beta", "closed_form"), [(1, 1.0, True), (2, 1.0, False), (4, 3.0, True)])
def test_bits_that_are_drawn_get_the_gradient_of_the_sum(k: int, beta: float, closed_form: bool, size: int) -> None:
    model, guide = Bits(), BitsGuide()
    x = torch.randn(3, 3)
    exact = flat(gradients(-bits_elbo(model, guide, x, beta).mean(), model, guide))
    batch = {"x": x.repeat(REPEATS, 1)}
    objective = ELBO(beta, gradient="score", num_particles=k, closed_form=closed_form)
    found = drawn(objective, model, guide, batch, size * len(batch["x"]), 80)
    assert z_scores(found, exact).max() < 4
    wrong = flat(gradients(-bits_elbo(model, guide, x, beta + 0.5).mean(), model, guide))
    assert z_scores(found, wrong).max() > 8  # the test could tell


def test_a_baseline_of_the_other_particles_takes_noise_away() -> None:
    model, guide = Bits(), BitsGuide()
    batch = {"x": 3 * torch.randn(150, 3)}
    alone = drawn(ELBO(gradient="score"), model, guide, batch, 150, 60).var(0).sum()
    together = drawn(ELBO(gradient="score", num_particles=4), model, guide, batch, 150, 60).var(0).sum()
    assert together < alone / 8  # 4 of it are the average's


def test_at_the_exact_posterior_the_guides_gradient_has_no_noise() -> None:
    class Posterior(Guide):
        """The exact posterior of one bit."""

        def __init__(self) -> None:
            super().__init__()
            self.off = nn.Parameter(torch.zeros(()))

        @latent
        def z(self, x: Tensor) -> Any:
            return dist.Bernoulli(logits=x - 0.5 + self.off)

    class Bit(Model):
        @latent
        def z(self) -> Any:
            return dist.Bernoulli(0.5)

        @observed
        def x(self, z: Tensor) -> Any:
            return dist.Normal(z, 1.0)

    x = torch.randn(7)
    found = drawn(ELBO(gradient="score", num_particles=3, closed_form=False), Bit(), Posterior(), {"x": x}, 70, 20)
    assert found.abs().max() < 1e-12


class Mixed(Model):
    """y ~ Bernoulli;  z | y ~ Normal(m y, 1);  x | z, y ~ Normal(z + y, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.tensor(1.2))

    @latent
    def y(self) -> Any:
        return dist.Bernoulli(0.4)

    @latent
    def z(self, y: Tensor) -> Any:
        return dist.Normal(self.m * y, 1.0)

    @observed
    def x(self, z: Tensor, y: Tensor) -> Any:
        return dist.Normal(z + y, 1.0)


class MixedGuide(Guide):
    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([0.7, 0.4]))
        self.shift = nn.Parameter(torch.tensor(-0.3))

    @latent
    def y(self, x: Tensor) -> Any:
        return dist.Bernoulli(logits=self.slope[0] * x)

    @latent
    def z(self, x: Tensor, y: Tensor) -> Any:
        return dist.Normal(self.slope[1] * x + self.shift * y, 0.8)


def mixed_elbo(model: Mixed, guide: MixedGuide, x: Tensor) -> Tensor:
    """y summed out, z in closed form: [N]."""
    total = torch.zeros(())
    for value in (0.0, 1.0):
        y = torch.full_like(x, value)
        q_y, q_z, p_z = guide.y(x), guide.z(x, y), model.z(y)
        log_lik = model.x(q_z.mean, y).log_prob(x) - 0.5 * q_z.variance
        ratio = q_y.log_prob(y) - model.y().log_prob(y) + torch.distributions.kl_divergence(q_z, p_z)
        total = total + q_y.log_prob(y).exp() * (log_lik - ratio)
    return total


@pytest.mark.parametrize("gradient", ["score", "mixed"])
@pytest.mark.parametrize("closed_form", [True, False])
def test_a_continuous_draw_beside_a_discrete_one(closed_form: bool, gradient: Any) -> None:
    model, guide = Mixed(), MixedGuide()
    x = torch.tensor([0.5, -1.0, 2.0])
    exact = flat(gradients(-mixed_elbo(model, guide, x).mean(), model, guide))
    objective = ELBO(gradient=gradient, num_particles=2, closed_form=closed_form)
    found = drawn(objective, model, guide, {"x": x.repeat(REPEATS)}, 10 * REPEATS * 3, 150)
    assert z_scores(found, exact).max() < 4
    assert found.std(0).min() > 0


@pytest.mark.parametrize("closed_form", [True, False])
@pytest.mark.parametrize("k", [1, 3])
def test_draws_that_could_be_reparameterised_get_the_score_function_too(k: int, closed_form: bool) -> None:
    """Unbiased against the closed form, and the very gradient of a guide whose draws hide their parameters."""
    model, x = Linear(), torch.randn(4, 3)
    guide = LinearGuide(model, off=0.3)
    batch = {"x": x.repeat(REPEATS, 1)}
    exact = flat(gradients(-elbo(model, guide, x).mean(), model, guide))
    objective = ELBO(gradient="score", num_particles=k, closed_form=closed_form)
    found = drawn(objective, model, guide, batch, len(batch["x"]), 150)
    assert z_scores(found, exact).max() < 4
    if not closed_form:  # the stand-in whose draws hide their parameters has no registered rate
        hidden = LinearGuide(model, off=0.3, has_path=False)
        one, other = (_first(objective, model, each, batch) for each in (guide, hidden))
        torch.testing.assert_close(one, other)


def _first(objective: ELBO, model: Any, guide: Any, batch: dict[str, Tensor]) -> Tensor:
    torch.manual_seed(1)
    return drawn(objective, model, guide, batch, 1000, 1)


def test_gradient_noise_shows_what_reparameterisation_buys() -> None:
    model, x = Linear(), torch.randn(20, 3)
    guide = LinearGuide(model, off=0.1)
    noise = {
        gradient: gradient_noise(model, guide, ELBO(gradient=gradient), {"x": x}, num_draws=200)["guide"].variance
        for gradient in ("pathwise", "mixed", "score")
    }
    assert noise["mixed"] == pytest.approx(noise["pathwise"])  # every draw has a path
    assert noise["score"] > 5 * noise["pathwise"]


def test_a_point_has_no_score() -> None:
    model, x = Linear(), torch.randn(4, 3)
    with pytest.raises(DeclarationError, match="as a point, which has no score"):
        loss_of(ELBO(gradient="score"), model, guides.Delta(model), {"x": x}, 4)


@pytest.mark.parametrize("rows", [4, 20], ids=["subsampled", "whole"])
def test_a_global_draw_without_a_path_is_weighed_by_all_data(rows: int) -> None:
    """mu ~ Normal(0, 1), x ~ Normal(mu, 1): a minibatch stands for the data set, whose ELBO is known."""

    class Mean(Model):
        @latent(local=False)
        def mu(self) -> Any:
            return dist.Normal(0.0, 1.0)

        @observed
        def x(self, mu: Tensor) -> Any:
            return dist.Normal(mu, 1.0)

    class MeanGuide(Guide):
        def __init__(self) -> None:
            super().__init__()
            self.loc, self.raw = nn.Parameter(torch.tensor(0.3)), nn.Parameter(torch.tensor(-1.0))

        @latent(local=False)
        def mu(self) -> Any:
            return NonreparameterizedNormal(self.loc, self.raw.exp())

    model, guide = Mean(), MeanGuide()
    x = torch.randn(rows) + 1
    q = dist.Normal(guide.loc, guide.raw.exp())
    kl = torch.distributions.kl_divergence(q, dist.Normal(0.0, 1.0))
    pyro.set_rng_seed(0)
    mu = guide.mu().sample()
    by_hand = -dist.Normal(mu, 1.0).log_prob(x).mean() + (q.log_prob(mu) - dist.Normal(0.0, 1.0).log_prob(mu)) / 20
    pyro.set_rng_seed(0)
    value = loss_of(ELBO(gradient="score", closed_form=False), model, guide, {"x": x}, 20).value
    torch.testing.assert_close(value, by_hand)  # what carries the gradient has no value of its own
    loss = (0.5 * (x - guide.loc) ** 2 + 0.5 * q.variance).mean() + kl / 20
    exact = flat(gradients(loss, model, guide))
    found = drawn(ELBO(gradient="score", num_particles=4), model, guide, {"x": x}, 20, 120)
    assert z_scores(found, exact).max() < 4


def test_fifty_bits_are_too_many_to_sum_out_and_are_drawn() -> None:
    class Many(Model):
        @latent
        def z(self) -> Any:
            return dist.Bernoulli(torch.full((50,), 0.5)).to_event(1)

        @observed
        def x(self, z: Tensor) -> Any:
            return dist.Normal(z[:, :4], 1.0).to_event(1)

    model, x = Many(), torch.randn(8, 4)
    guide = MeanField(model)
    record = loss_of(ELBO(gradient="score", num_particles=2), model, guide, {"x": x}, 8).record
    assert torch.isfinite(record["elbo"])
    assert elbo_per_datum(model, guide, {"x": x}).shape == (8,)  # the bound itself needs no gradient
    with pytest.raises(Exception, match=r"'z' from Independent|'z' from Bernoulli"):
        loss_of(ELBO(), model, guide, {"x": x}, 8)
