"""Every bound on a linear-Gaussian model: the closed form within noise, never above log p, whatever the subsampling."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from ppgen.context import validation
from ppgen.inference.importance import log_weights, repeat_rows
from ppgen.objectives import ELBO, IWAE, Objective, WakeSleep
from tests.oracles.gaussian_pair import Linear, LinearGuide, elbo, exact_guide, log_evidence, z_scores
from tests.oracles.losses import loss_of
from tests.oracles.pyro_elbos import flat, gradients

pytestmark = pytest.mark.usefixtures("float64")

DATA, REPEATS, DRAWS = 10, 20, 30
ROWS = DATA * REPEATS  # each datum many times over: many draws of the guide in one run


@pytest.fixture(autouse=True)
def unchecked() -> Iterator[None]:
    """Without Pyro's checks of arguments, which take most of the time."""
    with validation(False):
        yield


def setting(off: float = 0.1, has_path: bool = True) -> tuple[Linear, LinearGuide, Tensor]:
    torch.manual_seed(0)
    model = Linear()
    x = model(size=DATA)["x"].detach().repeat(REPEATS, 1)
    return model, LinearGuide(model, off, has_path), x


def reference(k: int) -> tuple[float, float]:
    """The K-sample bound per datum and its standard error: exact at K = 1, else by plain Monte Carlo of its own."""
    model, guide, x = setting()
    return (elbo(model, guide, x).mean().item(), 0.0) if k == 1 else plain_monte_carlo(k)


@functools.cache
def plain_monte_carlo(k: int) -> tuple[float, float]:
    model, guide, x = setting()
    generator, x = torch.Generator().manual_seed(9), x[:DATA]
    mean, scale = (x @ guide.gain.T).detach(), guide.raw.exp().detach()
    noise = torch.randn(20_000, k, *mean.shape, generator=generator)
    z = mean + scale * noise
    log_w = dist.Normal(z @ model.weight.detach().T, model.noise).log_prob(x).sum(-1)
    log_w = log_w + (0.5 * noise**2 - 0.5 * z**2 + scale.log()).sum(-1)
    bounds = (log_w.logsumexp(1) - math.log(k)).mean(1)
    return bounds.mean().item(), bounds.std().item() / len(bounds) ** 0.5


def values(objective: Objective, model: Linear, guide: Any, batch: dict[str, Tensor], size: int) -> Tensor:
    """Values of the bound, [DRAWS]: the loss is its negative."""
    with torch.no_grad():
        losses = [loss_of(objective, model, guide, batch, size).value for _ in range(DRAWS)]
    return -torch.stack(losses)


def looped(model: Linear, guide: LinearGuide, x: Tensor, k: int) -> Tensor:
    """The K-sample bound from K runs of the pair, one after the other."""
    with torch.no_grad():
        weights = [[log_weights(model, guide, {"x": x}) for _ in range(k)] for _ in range(DRAWS)]
    return torch.stack([(torch.stack(w).logsumexp(0) - math.log(k)).mean() for w in weights])


def agree(found: Tensor, model: Linear, x: Tensor, k: int) -> None:
    exact, own_error = reference(k)
    error = math.hypot(found.std().item() / len(found) ** 0.5, own_error)
    assert abs(found.mean().item() - exact) < 3 * error
    assert found.mean() < log_evidence(model, x).mean() + 3 * error
    assert error < 0.02  # else the test would not tell


ONE_DRAW = {
    "elbo": lambda k: ELBO(num_particles=k),
    "elbo, sampled": lambda k: ELBO(num_particles=k, closed_form=False),
    "sticking the landing": lambda k: ELBO(num_particles=k, gradient="stl"),
    "score": lambda k: ELBO(num_particles=k, gradient="score"),
}
MANY_DRAWS = {
    "iwae": lambda k: IWAE(k),
    "dreg": lambda k: IWAE(k, gradient="dreg"),
    "wake-sleep": lambda k: WakeSleep(k),
}


@pytest.mark.parametrize("size", [ROWS, 10 * ROWS], ids=["whole", "subsampled"])
@pytest.mark.parametrize("k", [1, 8])
@pytest.mark.parametrize("name", ONE_DRAW)
def test_an_elbo_is_the_closed_form_whatever_its_particles(name: str, k: int, size: int) -> None:
    model, guide, x = setting(has_path=name != "score")
    agree(values(ONE_DRAW[name](k), model, guide, {"x": x}, size), model, x, k=1)


@pytest.mark.parametrize("size", [ROWS, 10 * ROWS], ids=["whole", "subsampled"])
@pytest.mark.parametrize("k", [1, 8])
@pytest.mark.parametrize("name", MANY_DRAWS)
def test_a_bound_of_k_draws_is_the_one_of_plain_monte_carlo(name: str, k: int, size: int) -> None:
    model, guide, x = setting()
    agree(values(MANY_DRAWS[name](k), model, guide, {"x": x}, size), model, x, k)


def test_particles_as_rows_and_in_a_loop_are_the_same_bound() -> None:
    model, guide, x = setting()
    agree(looped(model, guide, x, 8), model, x, 8)
    rows = values(ELBO(closed_form=False), model, guide, repeat_rows({"x": x}, 8), 8 * ROWS)
    agree(rows, model, x, 1)


@pytest.mark.parametrize("objective", [IWAE(1), IWAE(1, gradient="dreg"), WakeSleep(1)], ids=lambda one: one.name)
def test_the_bound_of_one_draw_is_the_elbo_beside_it(objective: Objective) -> None:
    """To the last digit: both are the same log-ratios, none of them in closed form."""
    model, guide, x = setting()
    record = loss_of(objective, model, guide, {"x": x}, 10 * ROWS).record
    torch.testing.assert_close(record["iwae"], record["elbo"], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "objective",
    [ELBO(closed_form=False), ELBO(gradient="stl"), IWAE(8), WakeSleep(8)],
    ids=lambda objective: objective.name,
)
def test_at_the_exact_posterior_no_bound_has_any_error(objective: Objective) -> None:
    model, _, x = setting()
    found = values(objective, model, exact_guide(model), {"x": x}, 10 * ROWS)
    assert (found - log_evidence(model, x).mean()).abs().max() < 1e-10


@pytest.mark.parametrize(
    "objective",
    [
        ELBO(gradient="stl"),
        ELBO(gradient="stl", num_particles=8),
        IWAE(1, gradient="stl"),
        IWAE(1, gradient="dreg"),
        IWAE(16, gradient="dreg"),
    ],
    ids=lambda objective: objective.name,
)
def test_at_the_exact_posterior_the_guides_gradient_has_no_noise(objective: Objective) -> None:
    model, _, x = setting()
    guide = exact_guide(model)
    drawn = many_gradients(objective, model, guide, x, 10, only=guide)
    assert drawn.std(0).max() < 1e-12


@pytest.mark.parametrize("size", [ROWS, 10 * ROWS], ids=["whole", "subsampled"])
@pytest.mark.parametrize("name", ONE_DRAW)
def test_an_elbos_gradient_is_that_of_the_closed_form(name: str, size: int) -> None:
    """All of model and guide: 14 numbers, of which the largest z-score is below 4 but for one time in 400."""
    model, guide, x = setting(has_path=name != "score")
    objective = ONE_DRAW[name](4)
    drawn = many_gradients(objective, model, guide, x, 60, size=size)
    exact = gradients(-elbo(model, guide, x).mean(), model, guide)
    assert z_scores(drawn, flat(exact)).max() < 4


def test_the_signal_of_doubly_reparameterised_gradients_is_clearer() -> None:
    model, guide, x = setting()
    plain = many_gradients(IWAE(16), model, guide, x, 40, only=guide)
    doubly = many_gradients(IWAE(16, gradient="dreg"), model, guide, x, 40, only=guide)
    assert doubly.var(0).sum() < plain.var(0).sum() / 3
    error = ((plain.var(0) + doubly.var(0)) / 40).sqrt()
    assert ((plain.mean(0) - doubly.mean(0)).abs() / error).max() < 4


def many_gradients(
    objective: Objective, model: Linear, guide: Any, x: Tensor, n: int, *, size: int = ROWS, only: Any = None
) -> Tensor:
    """Gradients of the only turn's loss by all parameters (or those of one module), [n, D]."""
    owners = (model, guide) if only is None else (only,)
    return torch.stack(
        [flat(gradients(loss_of(objective, model, guide, {"x": x}, size).value, *owners)) for _ in range(n)]
    )
