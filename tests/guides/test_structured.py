"""The structured and flow guides, on a two-level linear-Gaussian model with a known evidence."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from ppgen.declare import Model, check, latent, observed
from ppgen.errors import SettingError
from ppgen.guides import Flow, Structured
from ppgen.guides.structured import faithful_inverse
from ppgen.inference.bound import elbo_parts
from ppgen.inference.importance import elbo_per_datum


class TwoLevels(Model):
    """z2 ~ Normal(0, I);  z1 | z2 ~ Normal(A z2, 0.5);  x | z1 ~ Normal(B z1, 0.5)."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.upper = torch.randn(2, 2, generator=generator)
        self.lower = torch.randn(4, 2, generator=generator)

    @latent
    def z2(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @latent
    def z1(self, z2: Tensor) -> Any:
        return dist.Normal(z2 @ self.upper.T, 0.5).to_event(1)

    @observed
    def x(self, z1: Tensor) -> Any:
        return dist.Normal(z1 @ self.lower.T, 0.5).to_event(1)

    def log_prob(self, x: Tensor) -> Tensor:
        middle = self.upper @ self.upper.T + 0.25 * torch.eye(2)
        covariance = self.lower @ middle @ self.lower.T + 0.25 * torch.eye(4)
        return dist.MultivariateNormal(torch.zeros(4), covariance).log_prob(x)


def test_the_inverse_of_a_chain_and_of_a_fork() -> None:
    assert faithful_inverse(TwoLevels.sites, ["z2", "z1"]) == {"z1": [], "z2": ["z1"]}

    class Fork(TwoLevels):
        @observed
        def x(self, z1: Tensor, z2: Tensor) -> Any:
            return dist.Normal(z1, 1.0).to_event(1)

    assert faithful_inverse(Fork.sites, ["z2", "z1"]) == {"z1": [], "z2": ["z1"]}


@pytest.mark.parametrize(
    "make",
    [lambda m: Structured(m), lambda m: Structured(m, order="model"), lambda m: Flow(m, transforms=2, width=32)],
    ids=["inverse", "model", "flow"],
)
def test_reaches_the_exact_posterior_of_a_chain(make: Any) -> None:
    """Within 1 nat for 64 points of the exact evidence, and never above it."""
    torch.manual_seed(0)
    model = TwoLevels()
    x = model(size=64)["x"]
    guide = make(model)
    check(model, guide, {"x": x})
    optimizer = torch.optim.Adam(guide.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1200)
    for _ in range(1200):
        drawn = elbo_parts(model, guide, {"x": x}, 64)
        optimizer.zero_grad()
        (drawn.distortion + drawn.rate).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        draws = torch.stack([elbo_per_datum(model, guide, {"x": x}).sum() for _ in range(200)])
    exact = model.log_prob(x).sum()
    assert exact - 1.0 < draws.mean() < exact + 3 * draws.std() / 200**0.5


def test_closed_forms_hold_in_the_models_order_only() -> None:
    model = TwoLevels()
    x = model(size=5)["x"]
    for order, valid in (("model", [True, True]), ("inverse", [True, False])):
        latents = elbo_parts(model, Structured(model, order=order), {"x": x}, 5).trace.latents
        assert [latents[name].in_order for name in ("z2", "z1")] == valid


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(SettingError, match="unknown order"):
        Structured(TwoLevels(), order="sideways")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="unknown flow"):
        Flow(TwoLevels(), flow="MOF")
