"""The importance-weighted objective against the linear-Gaussian model's closed form."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

from ppgen.declare import Guide, latent
from ppgen.errors import SettingError
from ppgen.inference.bound import elbo_parts
from ppgen.inference.importance import elbo_per_datum
from ppgen.objectives import IWAE
from tests.oracles.losses import loss_of
from tests.oracles.mixture import Mixture
from tests.oracles.pyro_elbos import flat, gradients
from tests.oracles.small_discrete import Bits, BitsGuide, log_joint, log_q


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(SettingError, match="biased"):
        IWAE(2, gradient="stl")
    with pytest.raises(SettingError, match="num_particles"):
        IWAE(0)
    with pytest.raises(SettingError, match="unknown gradient"):
        IWAE(2, gradient="score")  # type: ignore[arg-type]


pytestmark = pytest.mark.usefixtures("float64")


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
    loss = loss_of(objective, model, guide, {"x": x}, 50).value
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
        loss = loss_of(IWAE(k, gradient="dreg"), model, guide, {"x": x}, 60).value
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
        losses = (loss_of(objective, model, guide, batch, 600).value for _ in range(60))
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
        records = {k: loss_of(IWAE(k), model, guide, batch, 1200).record for k in (1, 8)}
        repeated = elbo_per_datum(model, guide, batch).reshape(200, len(x))  # the noise of draws, not that of data
    error = (2 * repeated.var(0).mean() / repeated.numel()).sqrt().item()  # of a difference of two bounds
    exact = model.log_joint(x).logsumexp(1).mean()
    assert error < 0.2
    for record in records.values():
        bound = elbo_parts(model, guide, batch, 1200, closed_form=False)
        assert record["elbo"] == pytest.approx(-(bound.distortion + bound.rate).item(), abs=4 * error)
        assert {"rate/y", "rate/z", "distortion"} <= set(record)
        assert record["elbo"] < record["iwae"]
    assert records[1]["iwae"] < records[8]["iwae"] < exact + 0.02


def test_labels_that_are_there_teach_the_classifier_too() -> None:
    """Where y is observed its weight is 1: the guide's gradient is that of ``-log q(y | x)``."""
    model, x = mixture(4)
    guide = MixturePosterior(model)
    y = torch.tensor([2, 0, 1, 1])
    loss = loss_of(IWAE(3), model, guide, {"x": x, "y": y}, 4).value
    found = gradients(loss, guide.head)
    exact = gradients(-guide.y(x).log_prob(y).mean(), guide.head)
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-10)


def test_sticking_the_landing_is_biased_where_latents_are_summed_out() -> None:
    model, x = mixture(3)
    with pytest.raises(SettingError, match="summed out: y"):
        loss_of(IWAE(1, gradient="stl"), model, MixturePosterior(model), {"x": x}, 3)
