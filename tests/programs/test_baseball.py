"""Baseball batting averages (Efron & Morris, 1975), as in Pyro's example: pooled fully, partly, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import AutoNormal, init_to_feasible
from torch import Tensor

from tests.oracles.pyro_svi import bound_of_pyro, fitted_as_by_svi

pytestmark = pytest.mark.usefixtures("float64")

DATA = {"at_bats": torch.full((6,), 45), "hits": torch.tensor([18, 17, 15, 12, 10, 7])}


def fully_pooled(at_bats: Tensor, hits: Tensor) -> None:
    phi = pyro.sample("phi", dist.Uniform(0.0, 1.0))
    with pyro.plate("num_players", len(at_bats)):
        pyro.sample("obs", dist.Binomial(at_bats, phi), obs=hits.to(phi.dtype))


def not_pooled(at_bats: Tensor, hits: Tensor) -> None:
    with pyro.plate("num_players", len(at_bats)):
        phi = pyro.sample("phi", dist.Uniform(0.0, 1.0))
        pyro.sample("obs", dist.Binomial(at_bats, phi), obs=hits.to(phi.dtype))


def partially_pooled(at_bats: Tensor, hits: Tensor) -> None:
    m = pyro.sample("m", dist.Uniform(0.0, 1.0))
    kappa = pyro.sample("kappa", dist.Pareto(1.0, 1.5))
    with pyro.plate("num_players", len(at_bats)):
        phi = pyro.sample("phi", dist.Beta(m * kappa, (1 - m) * kappa))
        pyro.sample("obs", dist.Binomial(at_bats, phi), obs=hits.to(phi.dtype))


def partially_pooled_with_logit(at_bats: Tensor, hits: Tensor) -> None:
    loc = pyro.sample("loc", dist.Normal(-1.0, 1.0))
    scale = pyro.sample("scale", dist.HalfCauchy(1.0))
    with pyro.plate("num_players", len(at_bats)):
        alpha = pyro.sample("alpha", dist.Normal(loc, scale))
        pyro.sample("obs", dist.Binomial(at_bats, logits=alpha), obs=hits.to(alpha.dtype))


@pytest.mark.parametrize("model", [fully_pooled, not_pooled, partially_pooled, partially_pooled_with_logit])
def test_all_four_models_train_as_by_svi(model: Callable[..., Any]) -> None:
    fit = fitted_as_by_svi(model, lambda: AutoNormal(model, init_loc_fn=init_to_feasible), DATA, Trace_ELBO())
    elbo = fit.elbo(num_particles=3)
    assert float(elbo) == pytest.approx(bound_of_pyro(fit, Trace_ELBO(), 3), rel=1e-8)
    assert (elbo.kind, elbo.per, elbo.num_data) == ("lower bound", "data set", 6)
