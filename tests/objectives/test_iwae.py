"""The importance-weighted objective against the linear-Gaussian model's closed form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import DeclarationError, SettingError
from ppgen.guides import Delta
from ppgen.inference.bound import elbo_parts
from ppgen.objectives import IWAE, TrainingPosition
from tests.oracles.mixture import Mixture
from tests.oracles.pyro_elbos import gradients
from tests.oracles.small_discrete import Bits, BitsGuide, log_joint, log_q

SCALE = 0.6


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


class Linear(Model):
    """z ~ Normal(0, I);  x | z ~ Normal(W z, s)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 2))

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z @ self.weight.T, SCALE).to_event(1)

    def log_prob(self, x: Tensor) -> Tensor:
        covariance = self.weight @ self.weight.T + SCALE**2 * torch.eye(5)
        return dist.MultivariateNormal(torch.zeros(5), covariance).log_prob(x)


class Posterior(Guide):
    """The exact posterior, its mean off by a little where that is wanted."""

    def __init__(self, model: Linear, off: float = 0.0) -> None:
        super().__init__()
        weight = model.weight.detach()
        covariance = torch.linalg.inv(torch.eye(2) + weight.T @ weight / SCALE**2)
        self.gain = nn.Parameter(covariance @ weight.T / SCALE**2 + off)
        self.register_buffer("tril", torch.linalg.cholesky(covariance))

    @latent
    def z(self, x: Tensor) -> Any:
        return dist.MultivariateNormal(x @ self.gain.T, scale_tril=self.tril)


def draws(objective: IWAE, model: Linear, guide: Posterior, x: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Values of the bound [n], and gradients with respect to the guide [n, 10]."""
    bounds, gradients = [], []
    for _ in range(n):
        loss = objective.loss("iwae", model, guide, {"x": x}, 10 * len(x), TrainingPosition())
        gradients.append(torch.autograd.grad(loss.value, guide.gain)[0].flatten())
        bounds.append(-loss.value.detach())
    return torch.stack(bounds), torch.stack(gradients)


@pytest.mark.parametrize(("k", "gradient"), [(1, "stl"), (1, "dreg"), (16, "dreg")])
def test_at_the_exact_posterior_there_is_no_noise_at_all(k: int, gradient: Any) -> None:
    model = Linear()
    x = model(size=7)["x"].detach()
    bounds, gradients = draws(IWAE(k, gradient=gradient), model, Posterior(model), x, 20)
    assert (bounds - model.log_prob(x).mean()).abs().max() < 1e-10
    assert gradients.std(0).max() < 1e-12


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(SettingError, match="biased"):
        IWAE(2, gradient="stl")
    with pytest.raises(SettingError, match="num_particles"):
        IWAE(0)
    with pytest.raises(SettingError, match="unknown gradient"):
        IWAE(2, gradient="score")  # type: ignore[arg-type]
    assert IWAE(**IWAE(4, gradient="dreg").settings()).name == "IWAE(4, dreg)"


# Discrete latents -----------------------------------------------------------------------------------------------------


def flat(found: dict[str, Tensor]) -> Tensor:
    return torch.cat([value.flatten() for value in found.values()])


def mixture(rows: int = 6) -> tuple[Mixture, Tensor]:
    torch.manual_seed(0)
    model = Mixture()
    return model, model(size=rows)["x"].detach()


class MixturePosterior(Guide):
    """q(y | x) of its own; z | x, y is the exact posterior, but for ``off``."""

    def __init__(self, model: Mixture, off: float = 0.0) -> None:
        super().__init__()
        weight, loc = model.weight.detach(), model.loc.detach()
        covariance = torch.linalg.inv(torch.eye(2) + weight.T @ weight / 0.49)
        self.gain = nn.Parameter(covariance @ weight.T / 0.49 + off)
        self.shift = nn.Parameter(loc @ covariance)
        self.tril = nn.Parameter(torch.linalg.cholesky(covariance))
        self.head = nn.Linear(4, 3)

    @latent
    def y(self, x: Tensor) -> Any:
        return dist.Categorical(logits=self.head(x))

    @latent
    def z(self, x: Tensor, y: Tensor) -> Any:
        return dist.MultivariateNormal(x @ self.gain.T + self.shift[y], scale_tril=self.tril.tril())


@pytest.mark.parametrize("k", [1, 4])
def test_with_all_latents_summed_out_the_bound_is_log_p_and_its_gradient_exact(k: int) -> None:
    model, guide, x = Bits(), BitsGuide(), torch.randn(5, 3)
    objective = IWAE(k, gradient="dreg" if k > 1 else "pathwise")
    loss = objective.loss("iwae", model, guide, {"x": x}, 50, TrainingPosition()).value
    log_p = log_joint(model, x).logsumexp(1)
    torch.testing.assert_close(loss, -log_p.mean(), rtol=0, atol=1e-10)
    found = gradients(loss, model, guide)
    posterior = (log_joint(model, x) - log_p[:, None]).exp().detach()
    exact = gradients(-log_p.mean() - (posterior * log_q(guide, x)).sum(1).mean(), model, guide)
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("k", [1, 8])
def test_at_the_exact_posterior_of_a_mixture_there_is_no_noise(k: int) -> None:
    model, x = mixture()
    guide = MixturePosterior(model)
    found = []
    for _ in range(10):
        loss = IWAE(k, gradient="dreg").loss("iwae", model, guide, {"x": x}, 60, TrainingPosition()).value
        assert abs(loss + model.log_joint(x).logsumexp(1).mean()) < 1e-10
        found.append(flat(gradients(loss, guide)))
    assert torch.stack(found).std(0).max() < 1e-12


def test_estimators_agree_on_a_mixture_and_the_doubly_reparameterised_one_is_clearer() -> None:
    model, x = mixture()
    guide = MixturePosterior(model, off=0.1)
    batch = {"x": x.repeat(10, 1)}
    found = {}
    for gradient in ("pathwise", "dreg"):
        objective = IWAE(4, gradient=gradient)
        losses = (objective.loss("iwae", model, guide, batch, 600, TrainingPosition()).value for _ in range(60))
        found[gradient] = torch.stack([flat(gradients(loss, model, guide)) for loss in losses])
    plain, doubly = found["pathwise"], found["dreg"]
    error = ((plain.var(0) + doubly.var(0)) / 60).sqrt() + 1e-12
    assert ((plain.mean(0) - doubly.mean(0)).abs() / error).max() < 4.5
    of_guide = slice(-len(flat(dict(guide.named_parameters()))), None)
    assert doubly[:, of_guide].var(0).sum() < plain[:, of_guide].var(0).sum() / 3


def test_the_bound_on_a_mixture_rises_with_k_and_the_true_elbo_is_beside_it() -> None:
    model, x = mixture()
    guide = MixturePosterior(model, off=0.1)
    batch = {"x": x.repeat(200, 1)}
    with torch.no_grad():
        records = {k: IWAE(k).loss("iwae", model, guide, batch, 1200, TrainingPosition()).record for k in (1, 8)}
    exact = model.log_joint(x).logsumexp(1).mean()
    for record in records.values():
        bound = elbo_parts(model, guide, batch, 1200, closed_form=False)
        assert record["elbo"] == pytest.approx(-(bound.distortion + bound.rate).item(), abs=0.1)
        assert {"rate/y", "rate/z", "distortion"} <= set(record)
        assert record["elbo"] < record["iwae"]
    assert records[1]["iwae"] < records[8]["iwae"] < exact + 0.02


def test_labels_that_are_there_teach_the_classifier_too() -> None:
    """Where y is observed its weight is 1: the guide's gradient is that of ``-log q(y | x)``."""
    model, x = mixture(4)
    guide = MixturePosterior(model)
    y = torch.tensor([2, 0, 1, 1])
    loss = IWAE(3).loss("iwae", model, guide, {"x": x, "y": y}, 4, TrainingPosition()).value
    found = gradients(loss, guide.head)
    exact = gradients(-guide.y(x).log_prob(y).mean(), guide.head)
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-10)


def test_sticking_the_landing_is_biased_where_latents_are_summed_out() -> None:
    model, x = mixture(3)
    with pytest.raises(SettingError, match="summed out: y"):
        IWAE(1, gradient="stl").loss("iwae", model, MixturePosterior(model), {"x": x}, 3, TrainingPosition())


def test_a_discrete_draw_is_refused_and_not_trained_with_a_wrong_gradient() -> None:
    class Counts(Model):
        @latent
        def c(self) -> Any:
            return dist.Geometric(0.5)

        @observed
        def x(self, c: Tensor) -> Any:
            return dist.Normal(c, 1.0)

    class Guess(Guide):
        @latent
        def c(self, x: Tensor) -> Any:
            return dist.Geometric(x.sigmoid())

    with pytest.raises(DeclarationError, match="'c' from Geometric"):
        IWAE(2).loss("iwae", Counts(), Guess(), {"x": torch.zeros(3)}, 3, TrainingPosition())


def test_a_point_has_no_density_to_weigh_draws_by() -> None:
    model = Linear()
    with pytest.raises(SettingError, match="point"):
        IWAE(2).loss("iwae", model, Delta(model), {"x": torch.zeros(3, 5)}, 3, TrainingPosition())
