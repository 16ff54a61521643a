"""Sparse gamma deep exponential family (Ranganath et al., 2015): a parameter for each row, as in Pyro's example."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from torch import Tensor
from torch.nn.functional import softplus

from tests.oracles.pyro_svi import bound_of_pyro, fitted_as_by_svi

pytestmark = pytest.mark.usefixtures("float64")

TOP, BOTTOM, PIXELS = 2, 3, 5


def model(x: Tensor) -> None:
    with pyro.plate("w_top_plate", TOP * BOTTOM):
        w_top = pyro.sample("w_top", dist.Gamma(torch.tensor(0.1), torch.tensor(0.3))).reshape(TOP, BOTTOM)
    with pyro.plate("w_bottom_plate", BOTTOM * PIXELS):
        w_bottom = pyro.sample("w_bottom", dist.Gamma(torch.tensor(0.1), torch.tensor(0.3))).reshape(BOTTOM, PIXELS)
    with pyro.plate("data", len(x)):
        z_top = pyro.sample("z_top", dist.Gamma(0.1, 0.1).expand([TOP]).to_event(1))
        z_bottom = pyro.sample("z_bottom", dist.Gamma(0.1, 0.1 / (z_top @ w_top)).to_event(1))
        pyro.sample("obs", dist.Poisson(z_bottom @ w_bottom).to_event(1), obs=x)


def gamma(name: str, *shape: int) -> dist.Gamma:
    alpha = softplus(pyro.param(f"alpha_{name}", lambda: torch.full(shape, 0.5)))
    mean = softplus(pyro.param(f"mean_{name}", lambda: torch.full(shape, 0.4)))
    return dist.Gamma(alpha, alpha / mean)


def guide(x: Tensor) -> None:
    with pyro.plate("w_top_plate", TOP * BOTTOM):
        pyro.sample("w_top", gamma("w_top", TOP * BOTTOM))
    with pyro.plate("w_bottom_plate", BOTTOM * PIXELS):
        pyro.sample("w_bottom", gamma("w_bottom", BOTTOM * PIXELS))
    with pyro.plate("data", len(x)):
        pyro.sample("z_top", gamma("z_top", len(x), TOP).to_event(1))
        pyro.sample("z_bottom", gamma("z_bottom", len(x), BOTTOM).to_event(1))


def test_it_trains_as_by_svi() -> None:
    data = {"x": torch.poisson(torch.full((7, PIXELS), 2.0))}
    fit = fitted_as_by_svi(model, lambda: guide, data, Trace_ELBO())
    assert float(fit.elbo(num_particles=2)) == pytest.approx(bound_of_pyro(fit, Trace_ELBO(), 2), rel=1e-8)
