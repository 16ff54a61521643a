"""Posterior draws of what a program computes of its latents: those very functions of the draws beside them."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import torch
from torch import Tensor

import ppgen
from ppgen.declare import Program
from ppgen.models import VAE


def model(x: Tensor, size: int) -> None:
    shift = pyro.sample("shift", dist.Normal(0.0, 1.0))
    pyro.deterministic("doubled", 2.0 * shift)
    with pyro.plate("data", size, subsample_size=len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        loc = pyro.deterministic("loc", z + shift)
        pyro.sample("x", dist.Normal(loc, 1.0), obs=x)


def guide(x: Tensor, size: int) -> None:
    pyro.sample("shift", dist.Normal(pyro.param("m", torch.tensor(0.3)), 0.5))
    with pyro.plate("data", size, subsample_size=len(x)):
        pyro.sample("z", dist.Normal(x / 2, 0.7))


def test_they_are_the_functions_of_the_draws_beside_them() -> None:
    fit = ppgen.fit(Program(model, guide), {"x": torch.randn(40)}, max_epochs=1, progress=False)
    found: Any = fit.posterior(num_draws=6)["posterior"]
    draws = {name: torch.as_tensor(found[name].values[0]) for name in ("shift", "z", "doubled", "loc")}
    assert draws["loc"].shape == draws["z"].shape == (6, 4)
    torch.testing.assert_close(draws["doubled"], 2.0 * draws["shift"])
    torch.testing.assert_close(draws["loc"], draws["z"] + draws["shift"][:, None])


def test_a_declared_model_has_its_latents_alone() -> None:
    fit = ppgen.fit(VAE((1, 4, 4), latent_dim=2), torch.zeros(40, 1, 4, 4), max_epochs=1, progress=False)
    assert list(fit.posterior(num_draws=2)["posterior"].data_vars) == ["z"]
