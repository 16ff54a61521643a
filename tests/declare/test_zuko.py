"""Flows of zuko as Pyro wraps them, which say nothing of their support and draw by their call alone.

The oracle is ppgen's own wrapper of the same flow, which says both.
"""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Guide, Model, check, latent, observed, support_name, support_of
from ppgen.guides import MeanField
from ppgen.nets import FlowDistribution
from ppgen.nets.flow import zuko_flow

zuko_flow("MAF")  # imports zuko, which by itself switches all validation off
zuko: Any = pytest.importorskip("zuko")
ZukoToPyro: Any = pytest.importorskip("pyro.contrib.zuko").ZukoToPyro
WRAPPERS = [ZukoToPyro, FlowDistribution]


class Prior(Model):
    def __init__(self, wrap: Any) -> None:
        super().__init__()
        self.flow, self.decoder, self.wrap = zuko.flows.MAF(2, transforms=1), nn.Linear(2, 2), wrap

    @latent
    def z(self) -> Any:
        return self.wrap(self.flow())

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(self.decoder(z), 1.0).to_event(1)


class Posterior(Guide):
    def __init__(self, wrap: Any) -> None:
        super().__init__()
        self.flow, self.wrap = zuko.flows.MAF(2, 2, transforms=1), wrap

    @latent
    def z(self, x: Tensor) -> Any:
        return self.wrap(self.flow(x))


def pair(wrap: Any, *, derived: bool) -> tuple[Model, Any]:
    torch.manual_seed(0)
    model = Prior(wrap)
    return model, MeanField(model, width=8) if derived else Posterior(wrap)


@pytest.mark.parametrize("derived", [False, True])
def test_a_fit_is_that_of_our_own_wrapper(derived: bool) -> None:
    x = torch.randn(100, 2)
    found = []
    for wrap in WRAPPERS:
        model, guide = pair(wrap, derived=derived)
        check(model, guide, {"x": x[:5]})
        fit = ppgen.fit(model, {"x": x}, guide=guide, max_epochs=2, progress=False)
        found.append((fit.elbo(num_particles=5).value, fit.log_prob(num_particles=20).value, fit.encode().only))
        assert fit.posterior(num_draws=2) is not None
        assert fit.sample(3).only.shape == (3, 2)
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)


def test_the_support_is_that_of_the_flow() -> None:
    assert support_name(support_of(ZukoToPyro(zuko.flows.NSF(3)()))) == "real numbers"
    assert support_of(ZukoToPyro(zuko.flows.NCSF(3)())) is None  # on the circle, whatever its transform says
    assert support_of(ZukoToPyro(zuko.flows.MAF(3)()).mask(torch.tensor(True))) is not None
