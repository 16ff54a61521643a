"""Posteriors of Pyro's examples at full batch, against NUTS: the gold numbers of `benchmarks/programs_nuts.py`."""

from __future__ import annotations

import pyro
import pytest
import torch
from pyro import poutine
from pyro.distributions import transforms as T
from pyro.infer.autoguide import AutoMultivariateNormal, AutoNormalizingFlow, init_to_median
from pyro.infer.reparam import LocScaleReparam
from torch import Tensor

import ppgen
from benchmarks.programs_nuts import CASES, gold, quantities
from tests.programs.test_baseball import partially_pooled_with_logit

pytestmark = pytest.mark.usefixtures("float64")

STEPS = {"eight schools": 1500}  # the others: 500
FAST = ("regression", "baseball, fully pooled", "baseball, not pooled")
FITTED = [
    name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in gold() if "partially" not in name
]


def drawn(name: str, model: object) -> dict[str, Tensor]:
    """Draws of every site, [1, 4000, ...], from a Gaussian over all free coordinates."""
    pyro.set_rng_seed(0)
    program = ppgen.Program(model, AutoMultivariateNormal(model, init_loc_fn=init_to_median(num_samples=50)))
    settings = {"max_epochs": STEPS.get(name, 500), "learning_rate": 0.05, "schedule": "cosine", "progress": False}
    fit = ppgen.fit(program, CASES[name].data(), batch_size=None, device="cpu", **settings)
    draws = fit.posterior(num_draws=4000).posterior
    return {str(site): torch.as_tensor(draws[site].values) for site in draws.data_vars}


def distances(name: str, draws: dict[str, Tensor]) -> dict[str, float]:
    """How far every posterior mean is from that of NUTS, in its standard deviations."""
    found, wanted = quantities(CASES[name], draws), gold()[name]
    assert found.keys() >= wanted.keys()
    return {scalar: abs(found[scalar].mean().item() - at.mean) / at.sd for scalar, at in wanted.items()}


@pytest.mark.parametrize("name", FITTED)
def test_posterior_means_are_those_of_nuts(name: str) -> None:
    assert {
        scalar: away for scalar, away in distances(name, drawn(name, CASES[name].model())).items() if away > 0.2
    } == {}


@pytest.mark.slow
def test_a_gaussian_misses_the_tail_of_a_concentration() -> None:
    """The posterior of log kappa falls off slowly to the right, further than a Gaussian can follow."""
    name = "baseball, partially pooled"
    found = distances(name, drawn(name, CASES[name].model()))
    assert 0.3 < found.pop("log kappa") < 0.7
    assert max(found.values()) < 0.3


def bent(dim: int) -> T.ComposeTransformModule:
    """Two affine autoregressive layers, the second over the coordinates in opposite order."""
    layers = [T.affine_autoregressive(dim, hidden_dims=[2 * dim + 10]) for _ in range(2)]
    return T.ComposeTransformModule([layers[0], T.permute(dim, torch.arange(dim).flip(0)), layers[1]])


@pytest.mark.slow
def test_a_flow_over_all_coordinates_follows_the_tail() -> None:
    name = "baseball, partially pooled"
    pyro.set_rng_seed(0)
    model = CASES[name].model()
    program = ppgen.Program(model, AutoNormalizingFlow(model, bent))
    settings = {"max_epochs": 1000, "learning_rate": 0.01, "schedule": "cosine", "progress": False}
    objective = ppgen.ELBO(num_particles=32)
    fit = ppgen.fit(program, CASES[name].data(), objective=objective, batch_size=None, device="cpu", **settings)
    draws = fit.posterior(num_draws=4000).posterior
    found = distances(name, {str(site): torch.as_tensor(draws[site].values) for site in draws.data_vars})
    assert max(found.values()) < 0.2


@pytest.mark.slow
def test_the_centred_model_needs_its_own_coordinates() -> None:
    """``alpha`` around ``loc`` by ``scale`` is a funnel, which Pyro's reparametrisation takes away."""
    name = "baseball, partially pooled with logit"
    draws = drawn(name, poutine.reparam(partially_pooled_with_logit, config={"alpha": LocScaleReparam(0.0)}))
    around = draws.pop("alpha_decentered")
    draws["alpha"] = draws["loc"][..., None] + draws["scale"][..., None] * around
    assert max(distances(name, draws).values()) < 0.2


def test_nuts_found_what_is_known_in_closed_form() -> None:
    phi = torch.distributions.Beta(1.0 + 215, 1.0 + 18 * 45 - 215)
    found = gold()["baseball, fully pooled"]["phi"]
    assert found.mean == pytest.approx(phi.mean.item(), abs=0.1 * phi.stddev.item())
    assert found.sd == pytest.approx(phi.stddev.item(), rel=0.1)
