"""Plates over components beside the data, in minibatches: by hand and by Pyro's automatic guides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import AutoMultivariateNormal, AutoNormal, init_to_feasible
from torch import Tensor

import ppgen
from ppgen.errors import DeclarationError
from tests.oracles.losses import loss_of

pytestmark = pytest.mark.usefixtures("float64")


def mixture(count: int) -> Callable[..., None]:
    def model(x: Tensor, size: int) -> None:
        with pyro.plate("components", count):
            locs = pyro.sample("locs", dist.Normal(0.0, 10.0))
        with pyro.plate("data", size, subsample_size=len(x)):
            weights = dist.Categorical(torch.ones(count) / count)
            pyro.sample("x", dist.MixtureSameFamily(weights, dist.Normal(locs, 1.0)), obs=x)

    return model


def by_hand(count: int) -> Callable[..., None]:
    def guide(x: Tensor) -> None:
        loc = pyro.param("loc", lambda: torch.linspace(-1.0, 1.0, count))
        with pyro.plate("components", count):
            pyro.sample("locs", dist.Normal(loc, 0.1))

    return guide


def automatic(kind: type, count: int) -> Any:
    return kind(mixture(count), init_loc_fn=init_to_feasible)


@pytest.mark.parametrize("count", [2, 6, 16])
@pytest.mark.parametrize("kind", [AutoNormal, AutoMultivariateNormal, None])
def test_a_plate_of_components_is_none_of_the_data_whatever_its_size(kind: type | None, count: int) -> None:
    guide = by_hand(count) if kind is None else automatic(kind, count)
    program, x = ppgen.Program(mixture(count), guide), torch.randn(48)
    ppgen.check(program, batch={"x": x[:6]})
    fit = ppgen.fit(program, {"x": x}, batch_size=16, max_epochs=1, progress=False, device="cpu")
    assert not fit.model.is_whole
    assert not fit.model.sites["locs"].local
    batch = {"x": x[:16]}
    pyro.set_rng_seed(0)
    wanted = Trace_ELBO().differentiable_loss(fit.model, fit.guide, batch, 48) / 48
    pyro.set_rng_seed(0)
    loss = loss_of(ppgen.ELBO(closed_form=False), fit.model, fit.guide, batch, 48)
    assert loss.value.item() == pytest.approx(wanted.item(), rel=1e-8)


def test_automatic_guides_of_local_latents_cannot_follow_minibatches() -> None:
    def model(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample_size=len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=x)

    with pytest.raises(DeclarationError, match=r"the plate 'data' does not follow the rows(.|\n)*batch_size=None"):
        ppgen.fit(ppgen.Program(model, AutoNormal(model)), {"x": torch.randn(40)}, batch_size=8, progress=False)
    fit = ppgen.fit(
        ppgen.Program(model, AutoNormal(model)), {"x": torch.randn(40)}, batch_size=None, max_epochs=1, progress=False
    )
    assert fit.model.is_whole
